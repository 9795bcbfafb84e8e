//! The checks, and how far one look of each reaches.

use std::time::Duration;

use super::look::Row;
use crate::Error;
use crate::store::limit::LimitDrift;
use crate::store::{Session, Store};

/// How often a keeper makes the small checks.
const SMALL_EVERY: Duration = Duration::from_secs(30);
/// How often a keeper begins a round of a large check.
const LARGE_EVERY: Duration = Duration::from_mins(10);
/// Ids of jobs in one look.
const PAGE_JOBS: i64 = 50_000;
/// Jobs of batches in one look, after which no further batch joins it.
const PAGE_BATCH_JOBS: i64 = 200_000;

/// One thing that the doctor looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Each job stands in exactly one place.
    Places,
    /// In its own lane, of its own tenant and batch.
    Lanes,
    /// Outcomes are of their jobs.
    Outcomes,
    /// Who has a journal does not begin anew.
    Memories,
    /// Journals and heads are whole.
    Journals,
    /// What is said of jobs is said of real ones.
    Orphans,
    /// Tallies equal what became of the jobs.
    Tallies,
    /// Batches end when they should.
    Batches,
    /// Plans are whole, and released.
    Plans,
    /// Leases have jobs and living workers.
    Leases,
    /// Who rests will wake.
    Waits,
    /// What has a time happens at it.
    Timers,
    /// Who is to be cancelled ends.
    Cancels,
    /// Keys are of jobs, and run out.
    Keys,
    /// Slots are decided, and schedules planned.
    Slots,
    /// What was told arrives.
    Mail,
    /// Who is paused can go on.
    Pauses,
    /// Counters of limits equal the leases.
    Limits,
    /// Lanes have their counters.
    LaneLimits,
    /// Categories have their items.
    Categories,
    /// Ids are new, and have room.
    Ids,
    /// Nobody keeps Postgres from cleaning up.
    Sessions,
}

/// What one look covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Everything.
    All,
    /// Jobs with ids from and up to.
    Jobs(i64, i64),
    /// These batches.
    Batches(Vec<i64>),
}

impl Page {
    /// Where the next look begins.
    pub(super) fn cursor(&self) -> i64 {
        match self {
            Self::All => i64::MAX,
            Self::Jobs(_, upto) => upto + 1,
            Self::Batches(ids) => ids.last().copied().unwrap_or(i64::MAX),
        }
    }

    /// For the log.
    pub(super) fn place(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Jobs(from, upto) => format!("j_{from} to j_{upto}"),
            Self::Batches(ids) => match (ids.first(), ids.last()) {
                (Some(first), Some(last)) => format!("b_{first} to b_{last}"),
                _ => String::new(),
            },
        }
    }
}

impl Check {
    /// All of them, in the order in which repairs build upon each other.
    pub const ALL: [Self; 22] = [
        Self::Sessions,
        Self::Ids,
        Self::Leases,
        Self::Limits,
        Self::LaneLimits,
        Self::Waits,
        Self::Timers,
        Self::Cancels,
        Self::Pauses,
        Self::Mail,
        Self::Slots,
        Self::Places,
        Self::Lanes,
        Self::Outcomes,
        Self::Memories,
        Self::Journals,
        Self::Orphans,
        Self::Tallies,
        Self::Batches,
        Self::Plans,
        Self::Keys,
        Self::Categories,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::Lanes => "lanes",
            Self::Outcomes => "outcomes",
            Self::Memories => "memories",
            Self::Journals => "journals",
            Self::Orphans => "orphans",
            Self::Tallies => "tallies",
            Self::Batches => "batches",
            Self::Plans => "plans",
            Self::Leases => "leases",
            Self::Waits => "waits",
            Self::Timers => "timers",
            Self::Cancels => "cancels",
            Self::Keys => "keys",
            Self::Slots => "slots",
            Self::Pauses => "pauses",
            Self::Mail => "mail",
            Self::Limits => "limits",
            Self::LaneLimits => "lane_limits",
            Self::Categories => "categories",
            Self::Ids => "ids",
            Self::Sessions => "sessions",
        }
    }

    /// The check of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }

    /// Whether it reads what grows with the number of jobs ever made.
    fn is_large(self) -> bool {
        self.is_of_jobs() || self.is_of_batches() || matches!(self, Self::Keys | Self::Categories)
    }

    /// How often a keeper makes it.
    pub(super) fn every(self) -> Duration {
        if self.is_large() {
            LARGE_EVERY
        } else {
            SMALL_EVERY
        }
    }

    fn is_of_jobs(self) -> bool {
        matches!(
            self,
            Self::Places
                | Self::Lanes
                | Self::Outcomes
                | Self::Memories
                | Self::Journals
                | Self::Orphans
        )
    }

    fn is_of_batches(self) -> bool {
        matches!(self, Self::Tallies | Self::Batches | Self::Plans)
    }

    /// What to look at next; `None` after the last.
    pub(super) async fn next(self, store: &Store, cursor: i64) -> Result<Option<Page>, Error> {
        if self.is_of_jobs() {
            let row = sqlx::query_file!("queries/doctor/next_job.sql", cursor)
                .fetch_one(store.pool())
                .await?;
            let page = |id: i64| {
                let from = id.div_euclid(1_000) * 1_000;
                Page::Jobs(from, from + PAGE_JOBS - 1)
            };
            Ok(row.id.map(page))
        } else if self.is_of_batches() {
            next_batches(store, cursor).await
        } else {
            Ok((cursor == 0).then_some(Page::All))
        }
    }
}

async fn next_batches(store: &Store, after: i64) -> Result<Option<Page>, Error> {
    let rows = sqlx::query_file!("queries/doctor/next_batches.sql", after)
        .fetch_all(store.pool())
        .await?;
    let (mut jobs, mut ids) = (0, Vec::new());
    for row in rows {
        ids.push(row.id);
        jobs += row.jobs;
        if jobs >= PAGE_BATCH_JOBS {
            break;
        }
    }
    Ok((!ids.is_empty()).then_some(Page::Batches(ids)))
}

/// A batch whose tallies of a kind are wrong.
#[derive(Clone, Debug)]
pub(super) struct TallyGap {
    pub batch: i64,
    pub kind: String,
    pub told: i64,
    pub became: i64,
}

/// What differs in the tallies of batches, as rows of a finding.
pub(super) async fn tally_gaps(
    session: &mut Session,
    batches: &[i64],
) -> Result<Vec<TallyGap>, Error> {
    let gaps = sqlx::query_file_as!(TallyGap, "queries/doctor/tallies.sql", batches)
        .fetch_all(session)
        .await?;
    Ok(gaps)
}

/// Tallies as a finding.
pub(super) fn of_gaps(gaps: &[TallyGap], examples: i32) -> Vec<Row> {
    let said = gaps.iter().map(|gap| {
        let detail = format!("{}: {} told, {} there", gap.kind, gap.told, gap.became);
        (format!("b_{}", gap.batch), detail)
    });
    Row::of("tally_differs", said.collect(), examples)
}

/// Counters as a finding.
pub(super) fn of_drift(drift: &[LimitDrift], examples: i32) -> Vec<Row> {
    let said = drift.iter().map(|one| {
        let subject = match one.value.as_str() {
            "" => one.name.clone(),
            value => format!("{}:{value}", one.name),
        };
        (
            subject,
            format!("{} counted, {} leased", one.used, one.leased),
        )
    });
    Row::of("limit_drift", said.collect(), examples)
}
