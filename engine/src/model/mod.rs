//! The dispatch core in memory: the same verbs as the store's, one at a time, without a database.
//!
//! It is what the statements are compared with, row by row, after each of many generated moves
//! (`tests/conformance.rs`). It knows nothing of SQL: where both say the same, two readings of the
//! durability protocol agree. [`Planted`] takes one of its checks away, to show that the comparison
//! would see it.

mod batch;
mod cancel;
mod claim;
mod expire;
mod extent;
mod rows;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

pub use self::cancel::CancelAnswer;
pub use self::claim::Taken;
pub use self::extent::Extent;
pub use self::settle::{End, Settle};

/// Milliseconds since the base of a comparison.
pub type Moment = i64;

/// A day in milliseconds.
pub const DAY: Moment = 86_400_000;

/// What the database's time is when a comparison begins; its base lies ten days before.
pub const NOW: Moment = 10 * DAY;

/// A check that the model leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A settlement needs no lease.
    LateSettle,
    /// A settlement does not ask for a stop.
    DeafToStop,
    /// A dead worker claims.
    DeadClaims,
    /// A journal that was begun under a lost lease is forgotten.
    ForgottenJournal,
    /// A lost lease comes back with the jobs that are missing in its middle.
    FilledGaps,
    /// Releases forget what they released before.
    WideWindow,
    /// A batch ends before everything has settled.
    EarlyFinish,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::LateSettle,
        Self::DeafToStop,
        Self::DeadClaims,
        Self::ForgottenJournal,
        Self::FilledGaps,
        Self::WideWindow,
        Self::EarlyFinish,
    ];
}

/// A lease of one kind of job.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) claim: Uuid,
    pub(crate) worker: Uuid,
    pub(crate) kind: Extent,
    pub(crate) jobs: BTreeSet<i64>,
    pub(crate) stop: BTreeSet<i64>,
}

/// A resting job.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) of: Extent,
    pub(crate) due: Option<Moment>,
}

/// Outcomes alike, in a row.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) lane: i32,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) attempt: i16,
    pub(crate) claim: Option<Uuid>,
    pub(crate) has_result: bool,
}

/// A batch that is sealed.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: i64,
    pub(crate) lane: i32,
    pub(crate) state: &'static str,
    pub(crate) window: i64,
    pub(crate) released: i64,
    pub(crate) expected: i64,
}

/// Everything that the store would remember.
#[derive(Clone, Debug, Default)]
pub struct Model {
    planted: Option<Planted>,
    tick: Moment,
    ready: Vec<Extent>,
    later: Vec<Extent>,
    held: Vec<(Extent, &'static str)>,
    leases: Vec<Lease>,
    waits: Vec<Wait>,
    ended: Vec<Ended>,
    batches: Vec<Batch>,
    tallies: BTreeMap<(i64, &'static str), i64>,
    journals: BTreeMap<i64, i32>,
    inbox: BTreeMap<i64, i32>,
    intents: BTreeSet<i64>,
    workers: BTreeMap<Uuid, bool>,
}

/// A request as the model needs it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Its lane.
    pub lane: i32,
    /// Not before; now where there is none.
    pub start_at: Option<Moment>,
    /// Seconds by which it overtakes.
    pub priority: i32,
}

impl Model {
    /// An empty one, with a check left out or none.
    pub fn new(planted: Option<Planted>) -> Self {
        Self {
            planted,
            tick: NOW,
            ..Self::default()
        }
    }

    /// A worker begins.
    pub fn enter(&mut self, worker: Uuid) {
        self.workers.insert(worker, true);
    }

    /// A worker was marked dead.
    pub fn die(&mut self, worker: Uuid) {
        self.workers.insert(worker, false);
    }

    /// Whether a worker beats, and which of its jobs should stop.
    pub fn beat(&self, worker: Uuid) -> Option<Vec<i64>> {
        if !self.lives(worker) {
            return None;
        }
        let own = self.leases.iter().filter(|lease| lease.worker == worker);
        let mut stops: Vec<i64> = own.flat_map(|lease| lease.stop.iter().copied()).collect();
        stops.sort_unstable();
        Some(stops)
    }

    /// Stores requests under the ids that the store gave them.
    pub fn submit(&mut self, ids: &[i64], asked: Asked) {
        let now = self.now();
        let run_at = asked.start_at.unwrap_or(now);
        let like = Extent {
            first: 0,
            last: 0,
            lane: asked.lane,
            eff: run_at - Moment::from(asked.priority) * 1_000,
            run_at,
            priority: asked.priority,
            attempt: 0,
            losses: 0,
            journaled: false,
        };
        let extents = like.over(ids.iter().copied());
        if run_at <= now {
            self.ready.extend(extents);
        } else {
            self.later.extend(extents);
        }
    }

    /// Makes future work and resting jobs ready that are due at `now`; how many rows.
    pub fn wake(&mut self, now: Moment) -> usize {
        let due = take(&mut self.later, |extent| extent.run_at <= now);
        let woken = take(&mut self.waits, |wait| {
            wait.due.is_some_and(|due| due <= now)
        });
        let moved = due.len() + woken.len();
        self.ready.extend(due);
        self.ready.extend(woken.into_iter().map(|wait| wait.of));
        moved
    }

    /// Turns in a job's journal.
    pub fn turns(&self, job: i64) -> i32 {
        self.journals.get(&job).copied().unwrap_or_default()
    }

    /// Whether somebody wants a leased job to stop.
    pub fn is_stopped(&self, job: i64) -> bool {
        self.leases.iter().any(|lease| lease.stop.contains(&job))
    }

    pub(crate) fn lives(&self, worker: Uuid) -> bool {
        self.workers.get(&worker).copied().unwrap_or_default()
    }

    pub(crate) fn has(&self, planted: Planted) -> bool {
        self.planted == Some(planted)
    }

    /// Time goes on with each statement.
    pub(crate) fn now(&mut self) -> Moment {
        self.tick += 1;
        self.tick
    }

    /// The batch that a lane belongs to.
    pub(crate) fn batch_of(&self, lane: i32) -> Option<i64> {
        let batch = self.batches.iter().find(|batch| batch.lane == lane);
        batch.map(|batch| batch.id)
    }

    pub(crate) fn tell(&mut self, lane: i32, kind: &'static str, count: i64) {
        if let Some(batch) = self.batch_of(lane) {
            *self.tallies.entry((batch, kind)).or_default() += count;
        }
    }
}

/// Takes out what is wanted, in its order.
pub(crate) fn take<T>(from: &mut Vec<T>, wanted: impl Fn(&T) -> bool) -> Vec<T> {
    let (taken, left) = std::mem::take(from)
        .into_iter()
        .partition(|one| wanted(one));
    *from = left;
    taken
}
