//! The members of a batch, a page at a time; with a state, those among the next few thousand.

use serde::Deserialize;
use windlass_engine::store::{BatchView, MemberCursor, MemberView, PAGE_MAX};

use super::Dashboard;
use super::batches::Filter;
use super::page::{Now, Trouble};
use super::words::When;

/// Rows of a page.
const ROWS: usize = 50;
/// Pages read to fill one that is filtered: no index carries a member's state.
const LOOKS_MAX: usize = 5;
/// States that can be asked for.
const STATES: [&str; 8] = [
    "failed",
    "parked",
    "running",
    "ready",
    "waiting",
    "completed",
    "cancelled",
    "left_out",
];

/// Which members.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    state: Option<String>,
    after: Option<i64>,
    n: Option<i64>,
    left_out: Option<bool>,
}

/// A page of members.
pub(super) struct Members {
    pub rows: Vec<MemberRow>,
    pub filters: Vec<Filter>,
    /// The next page.
    pub more: Option<String>,
    /// Whether this page begins behind the first member.
    pub is_later: bool,
}

/// A member.
pub(super) struct MemberRow {
    pub n: i64,
    pub key: String,
    pub object: String,
    pub job: Option<String>,
    pub state: String,
    pub code: String,
    pub tries: i32,
    pub ended: Option<When>,
}

impl Which {
    fn state(&self) -> Option<&str> {
        let state = self.state.as_deref()?;
        STATES.contains(&state).then_some(state)
    }

    fn cursor(&self) -> MemberCursor {
        MemberCursor {
            left_out: self.left_out.unwrap_or(false),
            after: self.after.unwrap_or(0),
            n: self.n.unwrap_or(0),
        }
    }
}

impl Dashboard {
    /// The members that were asked for.
    pub(super) async fn members(
        &self,
        batch: &BatchView,
        which: &Which,
        now: Now,
    ) -> Result<Members, Trouble> {
        let (found, next) = match which.state() {
            None => self.next_members(batch, which.cursor()).await?,
            Some(state) => self.members_in(batch, which.cursor(), state).await?,
        };
        let state = which.state().unwrap_or("all");
        let more = next.map(|next| {
            format!(
                "/batches/b_{}?state={state}&after={}&n={}&left_out={}#members",
                batch.id, next.after, next.n, next.left_out
            )
        });
        Ok(Members {
            rows: found
                .into_iter()
                .map(|member| MemberRow::new(member, now))
                .collect(),
            filters: filters(batch.id, state),
            more,
            is_later: which.cursor() != MemberCursor::START,
        })
    }

    async fn next_members(
        &self,
        batch: &BatchView,
        cursor: MemberCursor,
    ) -> Result<(Vec<MemberView>, Option<MemberCursor>), Trouble> {
        let rows = u32::try_from(ROWS).unwrap_or(PAGE_MAX);
        let store = &self.store;
        let page = store
            .members(self.tenant, batch.id, Some(cursor), rows)
            .await?;
        Ok((page.items, page.next))
    }

    /// Looks through a bounded number of members; what is not looked at is the next page's.
    async fn members_in(
        &self,
        batch: &BatchView,
        start: MemberCursor,
        state: &str,
    ) -> Result<(Vec<MemberView>, Option<MemberCursor>), Trouble> {
        let (mut found, mut cursor) = (Vec::new(), Some(start));
        for _ in 0..LOOKS_MAX {
            let Some(from) = cursor.filter(|_| found.len() < ROWS) else {
                break;
            };
            let store = &self.store;
            let page = store
                .members(self.tenant, batch.id, Some(from), PAGE_MAX)
                .await?;
            cursor = page.next;
            found.extend(
                page.items
                    .into_iter()
                    .filter(|member| member.state == state),
            );
        }
        if found.len() > ROWS {
            found.truncate(ROWS);
            cursor = found.last().map(|last| behind(batch, last));
        }
        Ok((found, cursor))
    }
}

/// Where the members behind this one begin.
fn behind(batch: &BatchView, member: &MemberView) -> MemberCursor {
    let by_job = batch.strategy == "individual";
    MemberCursor {
        left_out: member.job.is_none(),
        after: member.planned_job.filter(|_| by_job).unwrap_or(member.n),
        n: member.n,
    }
}

fn filters(batch: i64, chosen: &str) -> Vec<Filter> {
    let names = std::iter::once("all").chain(STATES);
    let shown = names.map(|name| Filter {
        name,
        href: format!("/batches/b_{batch}?state={name}#members"),
        is_chosen: name == chosen,
    });
    shown.collect()
}

impl MemberRow {
    fn new(member: MemberView, now: Now) -> Self {
        Self {
            n: member.n,
            key: member.key,
            object: member.object.unwrap_or_default(),
            job: member.job.map(|job| format!("j_{job}")),
            state: member.state,
            code: member.code.unwrap_or_default(),
            tries: member.attempts,
            ended: member.ended_at.map(|at| When::new(at, now.real)),
        }
    }
}
