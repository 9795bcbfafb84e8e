//! What the model remembers as lines of text, one a row, to be compared with those of the tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::extent::runs;
use super::{DAY, Ended, Extent, Model, Moment};

impl Model {
    /// Every row, sorted.
    pub fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.holders();
        rows.extend(self.ended.iter().flat_map(|row| {
            let told = self.told(row);
            (row.first..=row.last).map(move |job| format!("outcome {job} {told}"))
        }));
        rows.extend(
            self.batches
                .iter()
                .map(|batch| format!("batch {} {} {}", batch.id, batch.state, batch.released)),
        );
        let told = self.tallies.iter().filter(|(_, count)| **count != 0);
        rows.extend(told.map(|((batch, kind), count)| format!("tally {batch} {kind} {count}")));
        rows.extend(
            self.journals
                .iter()
                .map(|(job, turns)| format!("journal {job} {turns}")),
        );
        rows.extend(
            self.inbox
                .iter()
                .map(|(job, orders)| format!("inbox {job} {orders}")),
        );
        rows.extend(self.intents.iter().map(|job| format!("intent {job}")));
        rows.extend(
            self.workers
                .iter()
                .map(|(id, lives)| format!("worker {id} {}", bool(*lives))),
        );
        rows.sort_unstable();
        rows
    }

    /// How jobs ended. Which of them share a row is the statement's own affair.
    fn told(&self, row: &Ended) -> String {
        let claim = row.claim.map(|claim| claim.to_string()).unwrap_or_default();
        let batch = self
            .batch_of(row.lane)
            .map(|id| id.to_string())
            .unwrap_or_default();
        let (code, result) = (row.code.unwrap_or_default(), bool(row.has_result));
        format!(
            "{} {batch} {} {code} {} {claim} {result}",
            row.lane, row.kind, row.attempt
        )
    }

    fn holders(&self) -> Vec<String> {
        let mut rows: Vec<String> = self
            .ready
            .iter()
            .map(|extent| format!("ready {}", kind(extent, true)))
            .collect();
        rows.extend(
            self.later
                .iter()
                .map(|extent| format!("later {} {}", kind(extent, true), moment(extent.run_at))),
        );
        rows.extend(
            self.held
                .iter()
                .map(|(extent, reason)| format!("held {} {reason}", kind(extent, true))),
        );
        rows.extend(self.leases.iter().map(|lease| {
            let (jobs, stop) = (ranges(&lease.jobs), ranges(&lease.stop));
            format!(
                "lease {} {} {} {jobs} {stop}",
                lease.claim,
                lease.worker,
                kind(&lease.kind, false)
            )
        }));
        rows.extend(self.waits.iter().map(|wait| {
            let due = wait.due.map(moment).unwrap_or_default();
            let of = &wait.of;
            format!(
                "wait {} {} {} {} {} {} {due}",
                of.first,
                of.lane,
                eff(of),
                of.priority,
                of.attempt,
                of.losses
            )
        }));
        rows
    }
}

fn kind(of: &Extent, with_ids: bool) -> String {
    let mut text = String::new();
    if with_ids {
        let _ = write!(text, "{}-{} ", of.first, of.last);
    }
    let _ = write!(
        text,
        "{} {} {} {} {} {}",
        of.lane,
        eff(of),
        of.priority,
        of.attempt,
        of.losses,
        bool(of.journaled)
    );
    text
}

/// An instant of the comparison's own stands between those that moves name.
fn eff(of: &Extent) -> String {
    let shift = Moment::from(of.priority) * 1_000;
    match moment(of.eff + shift).as_str() {
        "now" => "now".to_owned(),
        _ => of.eff.to_string(),
    }
}

fn moment(at: Moment) -> String {
    if (5 * DAY..15 * DAY).contains(&at) {
        "now".to_owned()
    } else {
        at.to_string()
    }
}

fn bool(fact: bool) -> &'static str {
    if fact { "t" } else { "f" }
}

/// As Postgres writes a multirange.
fn ranges(jobs: &BTreeSet<i64>) -> String {
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in runs(jobs.iter().copied()) {
        match joined.last_mut() {
            Some((_, end)) if *end + 1 == first => *end = last,
            _ => joined.push((first, last)),
        }
    }
    let texts: Vec<String> = joined
        .into_iter()
        .map(|(first, last)| format!("[{first},{})", last + 1))
        .collect();
    format!("{{{}}}", texts.join(","))
}
