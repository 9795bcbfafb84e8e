//! A selection on its way into blocks: read, judged, hashed and shaped, a page at a time.

use tokio::task::yield_now;
use windlass_workflows::plan::{Member, Rendering, SelectionHash};

use super::judge::{Verdict, judge};
use super::members::Members;
use super::shape::{Block, Shaper};
use super::{PlanRow, Stop};
use crate::Store;
use crate::store::source::LeftOut;

/// Rows that are shaped before others of the process have their turn: a filter may take milliseconds for each.
const ROWS_AT_ONCE: usize = 100;

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
    /// Read, and not taken yet.
    rows: std::vec::IntoIter<Member>,
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
            rows: Vec::new().into_iter(),
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
        if self.rows.len() == 0 {
            let rows = self.members.page().await?;
            self.has_ended = rows.is_none();
            self.rows = rows.unwrap_or_default().into_iter();
        }
        while let Some(row) = self.next() {
            left_out.extend(self.take(row)?);
            self.has_ended = self.members.is_beyond_limit(self.hash.members());
            if self.rows.len().is_multiple_of(ROWS_AT_ONCE) {
                yield_now().await;
            }
        }
        if self.has_ended {
            self.shaper.finish().map_err(Stop::Refused)?;
        }
        let blocks = std::iter::from_fn(|| self.shaper.take_block(self.has_ended)).collect();
        Ok(Some(Page { left_out, blocks }))
    }

    /// The next row of the page, unless what is shaped is much already.
    fn next(&mut self) -> Option<Member> {
        let is_enough = self.has_ended || self.shaper.is_full();
        (!is_enough).then(|| self.rows.next()).flatten()
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
