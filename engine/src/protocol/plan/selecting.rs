//! A selection on its way into blocks: read, judged, hashed and shaped, a page at a time.

use windlass_workflows::plan::{Member, Rendering, SelectionHash};

use super::judge::{Verdict, judge};
use super::members::Members;
use super::shape::{Block, Shaper};
use super::{PlanRow, Stop};
use crate::Store;
use crate::store::source::LeftOut;

/// What a page of rows came to.
pub(super) struct Page {
    /// Rows that are no members.
    pub(super) left_out: Vec<LeftOut>,
    /// What is whole by now; at the end, everything.
    pub(super) blocks: Vec<Block>,
}

/// A selection while it is read, from its beginning.
pub(super) struct Selecting<'a> {
    plan: &'a PlanRow,
    rendering: &'a Rendering,
    members: Members,
    has_ended: bool,
    pub(super) shaper: Shaper<'a>,
    pub(super) hash: SelectionHash,
}

impl<'a> Selecting<'a> {
    pub(super) fn of(store: &Store, plan: &'a PlanRow, rendering: &'a Rendering) -> Self {
        let members = Members::of(
            store.clone(),
            &plan.configuration,
            plan.category.zip(plan.category_version),
            Some(plan.id),
        );
        Self {
            plan,
            rendering,
            members,
            has_ended: false,
            shaper: Shaper::new(&plan.configuration, rendering),
            hash: SelectionHash::new(),
        }
    }

    /// The next page; `None` behind the last one.
    pub(super) async fn page(&mut self) -> Result<Option<Page>, Stop> {
        if self.has_ended {
            return Ok(None);
        }
        let mut left_out = self.members.left_out();
        let rows = self.members.page().await?;
        self.has_ended = rows.is_none();
        for row in rows.into_iter().flatten() {
            left_out.extend(self.take(row)?);
            self.has_ended = self.members.is_beyond_limit(self.hash.members());
            if self.has_ended {
                break;
            }
        }
        if self.has_ended {
            self.shaper.finish().map_err(Stop::Refused)?;
        }
        let blocks = std::iter::from_fn(|| self.shaper.take_block(self.has_ended)).collect();
        Ok(Some(Page { left_out, blocks }))
    }

    /// Takes a row; gives it back when it is left out.
    fn take(&mut self, mut row: Member) -> Result<Option<LeftOut>, Stop> {
        let verdict = judge(&self.plan.configuration, self.rendering, &row);
        match verdict.map_err(Stop::Refused)? {
            Verdict::Member => {}
            Verdict::Dropped => return Ok(None),
            Verdict::LeftOut(left_out) => return Ok(Some(left_out)),
        }
        row.n = self.hash.members() + 1;
        self.hash.add(&row);
        let is_new = i64::try_from(row.n).unwrap_or(i64::MAX) > self.plan.cursor;
        self.shaper.add(row, is_new).map_err(Stop::Refused)?;
        Ok(None)
    }
}
