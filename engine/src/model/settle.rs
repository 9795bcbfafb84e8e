//! Settling: an entry lands whole or not at all, and only under its lease.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::extent::runs;
use super::{Ended, Extent, Model, Moment, Planted, Wait};

/// How a job leaves its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its outcome.
    Outcome {
        /// `completed` and the like.
        kind: &'static str,
        /// Of an error.
        code: Option<&'static str>,
        /// Whether it has a result.
        has_result: bool,
    },
    /// Tried again at a moment.
    Retry(Moment),
    /// Stopped until a person looks.
    Park,
    /// Nothing runs until then.
    Rest(Option<Moment>),
    /// Given back.
    Back,
}

/// What one job wants to record.
#[derive(Clone, Copy, Debug)]
pub struct Settle {
    /// The job.
    pub job: i64,
    /// Under which claim.
    pub claim: Uuid,
    /// It knows of the stop.
    pub obeys: bool,
    /// Whether its journal grows by a turn.
    pub turn: bool,
    /// It has a journal by now.
    pub remembers: bool,
    /// How it leaves, if it does.
    pub end: Option<End>,
}

/// Ends without a result, alike, share a row: lane, word, attempt and claim.
type Alike = (i32, &'static str, i16, Uuid);
/// Jobs given back, alike, share an extent: their turn and their kind.
type Returned = (Moment, (i32, i32, i16, i16, bool));

/// What the jobs of one flush leave together.
#[derive(Default)]
struct Together {
    plain: BTreeMap<Alike, BTreeSet<i64>>,
    back: BTreeMap<Returned, (Extent, BTreeSet<i64>)>,
}

impl Model {
    /// Records a flush; the jobs whose entries did not land, ascending.
    pub fn settle(&mut self, entries: &[Settle]) -> Vec<i64> {
        let now = self.now();
        let mut together = Together::default();
        let mut refused = Vec::new();
        for entry in entries {
            match self.land(entry) {
                Some(kind) => self.record(&mut together, entry, kind, now),
                None if self.has(Planted::LateSettle) => {}
                None => refused.push(entry.job),
            }
        }
        self.gather(together);
        refused.sort_unstable();
        refused
    }

    /// What an entry that landed leaves: alone, or together with those that are alike.
    fn record(&mut self, together: &mut Together, entry: &Settle, mut kind: Extent, now: Moment) {
        match entry.end {
            Some(End::Outcome {
                kind: word,
                code: None,
                has_result: false,
            }) => {
                self.tell(kind.lane, word, 1);
                let alike = (kind.lane, word, kind.attempt, entry.claim);
                together.plain.entry(alike).or_default().insert(entry.job);
            }
            Some(End::Back) => {
                kind.journaled = entry.remembers;
                kind.run_at = now;
                let alike = (kind.eff, kind.kind());
                let fresh = (kind, BTreeSet::new());
                let (_, jobs) = together.back.entry(alike).or_insert(fresh);
                jobs.insert(entry.job);
            }
            Some(end) => self.leave(entry, kind.between(entry.job, entry.job), end),
            None => {}
        }
    }

    fn gather(&mut self, together: Together) {
        for (kind, jobs) in together.back.into_values() {
            self.ready.extend(kind.over(jobs));
        }
        for ((lane, kind, attempt, claim), jobs) in together.plain {
            let rows = runs(jobs).into_iter().map(|(first, last)| Ended {
                first,
                last,
                lane,
                kind,
                code: None,
                attempt,
                claim: Some(claim),
                has_result: false,
            });
            self.ended.extend(rows);
        }
    }

    /// Cuts the job out of its lease if its entry lands; the kind of that lease.
    fn land(&mut self, entry: &Settle) -> Option<Extent> {
        let deaf = self.has(Planted::DeafToStop);
        let place = self
            .leases
            .iter()
            .position(|lease| lease.claim == entry.claim && lease.jobs.contains(&entry.job))?;
        let lease = &mut self.leases[place];
        if lease.stop.contains(&entry.job) && !entry.obeys && !deaf {
            return None;
        }
        let kind = lease.kind.clone();
        if entry.turn {
            *self.journals.entry(entry.job).or_default() += 1;
        }
        if entry.obeys {
            self.inbox.remove(&entry.job);
        }
        if entry.end.is_some() {
            lease.jobs.remove(&entry.job);
            lease.stop.remove(&entry.job);
            if lease.jobs.is_empty() {
                self.leases.remove(place);
            }
            if entry.obeys {
                self.intents.remove(&entry.job);
            }
        }
        Some(kind)
    }

    /// Gives a job alone its next holder, or its outcome.
    fn leave(&mut self, entry: &Settle, mut of: Extent, end: End) {
        match end {
            End::Outcome {
                kind,
                code,
                has_result,
            } => {
                self.tell(of.lane, kind, 1);
                self.ended.push(Ended {
                    first: of.first,
                    last: of.last,
                    lane: of.lane,
                    kind,
                    code,
                    attempt: of.attempt,
                    claim: Some(entry.claim),
                    has_result,
                });
            }
            End::Retry(at) => {
                (of.run_at, of.attempt, of.journaled) = (at, of.attempt + 1, false);
                of.eff = at - Moment::from(of.priority) * 1_000;
                self.later.push(of);
            }
            End::Park => {
                self.tell(of.lane, "parked", 1);
                of.journaled = entry.remembers;
                self.held.push((of, "parked"));
            }
            End::Rest(due) => {
                of.journaled = true;
                self.waits.push(Wait { of, due });
            }
            End::Back => self.ready.push(of),
        }
    }
}
