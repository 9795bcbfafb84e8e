//! The checker: joins what the driver wrote down, what handlers did and what the database says.
//!
//! Pure: values in, violations out, so that a planted fault can be shown to it. The numbers of the
//! invariants are those of the plan of tests.

mod executions;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use windlass_engine::chaos::{Entry, Evidence, JobFact};

use super::journal::{Story, What, hash};
use super::receipts::Receipt;

/// Violations of one kind that are told; more are counted.
const TOLD_MAX: usize = 8;
/// Losses that a job may suffer before it is parked.
const LOSSES_MIN: usize = 3;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which invariant.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// What a round came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// Everything that must not be.
    pub violations: Vec<Violation>,
    /// Jobs that are final.
    pub finished: usize,
    /// Accepted requests that are gone.
    pub lost: usize,
    /// Outcomes, jobs or ids that are there twice.
    pub doubled: usize,
    /// Records under a claim that had lost its job.
    pub stale_accepted: usize,
    /// Executions beyond the first of the same try.
    pub surplus: usize,
    /// Times that a job was taken from its worker before it had ended.
    pub leases_lost: usize,
    /// Executions that began after their lease was given to others.
    pub late_starts: usize,
}

/// The records of one round.
pub struct Records<'a> {
    /// What the driver wrote down.
    pub story: &'a Story,
    /// What handlers did.
    pub receipts: &'a [Receipt],
    /// What the database says.
    pub evidence: &'a Evidence,
    /// Ids that stood in the database for keys without an answer, before they were asked for again.
    pub stood: &'a BTreeMap<String, Vec<i64>>,
}

impl Verdict {
    /// Notes something that must not be.
    pub fn add(&mut self, invariant: &'static str, what: impl Into<String>) {
        let told = self
            .violations
            .iter()
            .filter(|known| known.invariant == invariant);
        if told.count() < TOLD_MAX {
            self.violations.push(Violation {
                invariant,
                what: what.into(),
            });
        }
    }

    fn lost(&mut self, invariant: &'static str, what: String) {
        self.lost += 1;
        self.add(invariant, what);
    }

    fn doubled(&mut self, invariant: &'static str, what: String) {
        self.doubled += 1;
        self.add(invariant, what);
    }

    fn stale(&mut self, what: String) {
        self.stale_accepted += 1;
        self.add("I4", what);
    }
}

/// Judges a round.
pub fn check(records: &Records<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut history: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
    for entry in &records.evidence.history {
        history.entry(entry.job).or_default().push(entry);
    }
    requests(records, &mut verdict);
    for job in &records.evidence.jobs {
        let entries = history.get(&job.id).map_or(&[][..], Vec::as_slice);
        ending(records, job, entries, &mut verdict);
        leases(job, entries, &mut verdict);
    }
    turns(records, &history, &mut verdict);
    executions::judge(records, &history, &mut verdict);
    batches(records, &mut verdict);
    verdict
}

/// I1 and I2: what was accepted is stored as it was sent, once.
fn requests(records: &Records<'_>, verdict: &mut Verdict) {
    let story = records.story;
    let mut by_key: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for job in &records.evidence.jobs {
        if let Some(key) = &job.key {
            by_key.entry(key).or_default().push(job.id);
        }
        if job.batch.is_none()
            && job
                .key
                .as_ref()
                .is_none_or(|key| !story.intents.contains_key(key))
        {
            verdict.doubled(
                "I2",
                format!("nobody asked for job {} with key {:?}", job.id, job.key),
            );
        }
    }
    for batch in &records.evidence.batches {
        by_key.entry(&batch.name).or_default().push(batch.id);
    }
    for (key, ids) in by_key.iter().filter(|(_, ids)| ids.len() > 1) {
        verdict.doubled("I2", format!("the key {key} made {ids:?}"));
    }
    for (key, intent) in &story.intents {
        let Some(ids) = story.accepted.get(key) else {
            let why = story.refused.get(key).map_or("no answer", String::as_str);
            verdict.add("I14", format!("{key} was never accepted: {why}"));
            continue;
        };
        let stood = records.stood.get(key).into_iter().flatten();
        let told: BTreeSet<i64> = ids.iter().chain(stood).copied().collect();
        if told.len() > 1 {
            verdict.doubled("I2", format!("the key {key} was answered with {told:?}"));
        }
        match intent.what {
            What::Job => stored(records, key, ids[0], &intent.hash, verdict),
            What::Batch if !by_key.contains_key(key.as_str()) => {
                verdict.lost("I1", format!("the batch {key} was accepted and is gone"));
            }
            What::Batch => {}
        }
    }
}

fn stored(records: &Records<'_>, key: &str, id: i64, wanted: &str, verdict: &mut Verdict) {
    let place = records
        .evidence
        .jobs
        .binary_search_by_key(&id, |job| job.id);
    match place.map(|place| &records.evidence.jobs[place]) {
        Err(_) => verdict.lost("I1", format!("job {id} ({key}) was accepted and is gone")),
        Ok(job) if hash(&job.input) != wanted => {
            verdict.lost(
                "I1",
                format!("the input of job {id} ({key}) changed: {}", job.input),
            );
        }
        Ok(_) => {}
    }
}

/// I3 and I10: one outcome, or a reason to be parked, and nothing open.
fn ending(records: &Records<'_>, job: &JobFact, entries: &[&Entry], verdict: &mut Verdict) {
    let id = job.id;
    match (job.outcomes, job.holders) {
        (1, 0) => verdict.finished += 1,
        (0, 1)
            if job
                .held
                .as_ref()
                .is_some_and(|held| held.starts_with("parked")) =>
        {
            let losses = entries.iter().filter(|entry| entry.what == "lost").count();
            let held = job.held.clone().unwrap_or_default();
            if losses < LOSSES_MIN {
                verdict.add("I3", format!("job {id} is {held}, after {losses} losses"));
            }
            return;
        }
        (0, 0) => return verdict.lost("I10", format!("job {id} has neither holder nor outcome")),
        (0, 1) => {
            return verdict.add(
                "I14",
                format!("job {id} is still open; held: {:?}", job.held),
            );
        }
        (outcomes, holders) => {
            return verdict.doubled(
                "I3",
                format!("job {id} has {outcomes} outcomes and {holders} holders"),
            );
        }
    }
    let is_cancelled = records.story.cancels.contains(&id);
    match job.kind.as_deref() {
        Some("completed") => {}
        Some("cancelled") if is_cancelled => {}
        kind => verdict.add(
            "I3",
            format!(
                "job {id} of {} ended as {kind:?}: {:?}",
                job.template, job.fault
            ),
        ),
    }
}

/// I3, I4 and I5: one lease at a time, one outcome, recorded under the lease of that moment.
fn leases(job: &JobFact, entries: &[&Entry], verdict: &mut Verdict) {
    let (id, mut current, mut outcomes, mut ended_by) = (job.id, None, 0, None);
    for entry in entries {
        match entry.what.as_str() {
            "claimed" => {
                if current.is_some() || outcomes > 0 {
                    verdict.doubled("I5", format!("job {id} was claimed by {:?} while {current:?} had it, or after its end", entry.claim));
                }
                current = entry.claim;
            }
            "outcome" => outcomes += 1,
            "changed" => {
                verdict.doubled("I3", format!("the outcome of job {id} was written again"))
            }
            what => {
                if current != entry.claim {
                    verdict.stale(format!(
                        "job {id} left the lease of {:?} while {current:?} had it",
                        entry.claim
                    ));
                }
                current = None;
                match what {
                    "nowhere" => {
                        verdict.lost("I10", format!("job {id} left its lease and stood nowhere"))
                    }
                    "ended" => ended_by = entry.claim,
                    "lost" | "back" => verdict.leases_lost += 1,
                    _ => {}
                }
            }
        }
    }
    if outcomes > 1 {
        verdict.doubled("I3", format!("job {id} got {outcomes} outcomes"));
    }
    let is_worked = matches!(job.kind.as_deref(), Some("completed" | "failed"));
    if is_worked && (job.claim.is_none() || job.claim != ended_by) {
        verdict.stale(format!(
            "job {id} ended under {:?}, its last lease was of {ended_by:?}",
            job.claim
        ));
    }
}

/// I4: journals are written by the holder of the moment, one after the other.
fn turns(records: &Records<'_>, history: &BTreeMap<i64, Vec<&Entry>>, verdict: &mut Verdict) {
    let mut before: (i64, usize) = (0, 0);
    for turn in &records.evidence.turns {
        let Some(claim) = turn.claim else { continue };
        let entries = history.get(&turn.job).map_or(&[][..], Vec::as_slice);
        let rank = entries
            .iter()
            .position(|entry| entry.what == "claimed" && entry.claim == Some(claim));
        let least = if before.0 == turn.job { before.1 } else { 0 };
        match rank {
            Some(rank) if rank >= least => before = (turn.job, rank),
            rank => verdict.stale(format!(
                "turn {} of job {} was written by {claim}, which had it {} others",
                turn.seq,
                turn.job,
                if rank.is_some() {
                    "before"
                } else {
                    "never, unlike"
                }
            )),
        }
    }
}

/// I9: a batch's totals are what became of its jobs.
fn batches(records: &Records<'_>, verdict: &mut Verdict) {
    let mut parked: BTreeMap<i64, i64> = BTreeMap::new();
    for job in records.evidence.jobs.iter().filter(|job| job.outcomes == 0) {
        if let Some(batch) = job.batch {
            *parked.entry(batch).or_default() += 1;
        }
    }
    for batch in &records.evidence.batches {
        let Some(intent) = records.story.intents.get(&batch.name) else {
            continue; // Of an earlier round.
        };
        let parked = parked.get(&batch.id).copied().unwrap_or_default();
        let is_right = batch.jobs == intent.jobs
            && batch.expected == Some(intent.jobs)
            && batch.settled == batch.outcomes + parked
            && batch.settled == intent.jobs
            && batch.completed_told == batch.completed
            && batch.state.starts_with("completed");
        if !is_right {
            verdict.add(
                "I9",
                format!(
                    "{batch:?}, of which {parked} parked, should have {} jobs",
                    intent.jobs
                ),
            );
        }
    }
}
