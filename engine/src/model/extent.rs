//! Extents: jobs that lie together and are alike.

use super::Moment;

/// Ids in a block; an extent never leaves its block.
const BLOCK: i64 = 1_000;

/// A range of jobs of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its first job.
    pub first: i64,
    /// Its last job.
    pub last: i64,
    /// Whose turn comes with it.
    pub lane: i32,
    /// When it is due, minus the priority.
    pub eff: Moment,
    /// When it is due.
    pub run_at: Moment,
    /// Seconds by which it overtakes.
    pub priority: i32,
    /// Unjournaled tries before.
    pub attempt: i16,
    /// Leases lost before.
    pub losses: i16,
    /// Whether its jobs have journals.
    pub journaled: bool,
}

impl Extent {
    /// The same kind over other jobs.
    pub(crate) fn between(&self, first: i64, last: i64) -> Self {
        Self {
            first,
            last,
            ..self.clone()
        }
    }

    /// The same kind over as many extents as these ascending jobs need.
    pub(crate) fn over(&self, jobs: impl IntoIterator<Item = i64>) -> Vec<Self> {
        runs(jobs)
            .into_iter()
            .map(|(first, last)| self.between(first, last))
            .collect()
    }

    pub(crate) fn has(&self, job: i64) -> bool {
        (self.first..=self.last).contains(&job)
    }

    pub(crate) fn jobs(&self) -> i64 {
        self.last - self.first + 1
    }

    /// What makes jobs of one claim one lease.
    pub(crate) fn kind(&self) -> (i32, i32, i16, i16, bool) {
        (
            self.lane,
            self.priority,
            self.attempt,
            self.losses,
            self.journaled,
        )
    }
}

/// Ascending jobs as ranges without gaps, each in its block.
pub(crate) fn runs(jobs: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for job in jobs {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == job && *last / BLOCK == job / BLOCK => *last = job,
            _ => runs.push((job, job)),
        }
    }
    runs
}
