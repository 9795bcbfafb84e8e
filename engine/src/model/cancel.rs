//! Cancelling: whoever takes a job's holder has the right to end it.

use super::{Ended, Extent, Model, take};

/// What a cancel answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It has its outcome.
    Ended,
    /// Its worker or its machine will end it.
    Asked,
    /// It was final before.
    Final,
}

impl Model {
    /// Asks a job to end.
    pub fn cancel(&mut self, job: i64) -> CancelAnswer {
        if let Some((extent, reason)) = self.cut(job) {
            return self.cancel_cut(job, extent, reason);
        }
        if let Some(wait) = take(&mut self.waits, |wait| wait.of.has(job)).pop() {
            *self.inbox.entry(job).or_default() += 1;
            self.ready.push(wait.of);
            return CancelAnswer::Asked;
        }
        let Some(lease) = self
            .leases
            .iter_mut()
            .find(|lease| lease.jobs.contains(&job))
        else {
            return CancelAnswer::Final;
        };
        lease.stop.insert(job);
        self.intents.insert(job);
        self.inbox.entry(job).or_insert(1);
        CancelAnswer::Asked
    }

    /// Ends what was to be cancelled when its worker died; how many.
    pub fn end_cancelling(&mut self) -> i64 {
        let due = take(&mut self.held, |(_, reason)| *reason == "cancelling");
        let count = i64::try_from(due.len()).unwrap_or_default();
        for (mut of, _) in due {
            self.intents.remove(&of.first);
            if of.journaled {
                of.run_at = self.now();
                self.inbox.entry(of.first).or_insert(1);
                self.ready.push(of);
            } else {
                self.end_cancelled(&of);
            }
        }
        count
    }

    /// Takes the extent of a job; its rests stay where they were.
    fn cut(&mut self, job: i64) -> Option<(Extent, &'static str)> {
        if let Some(extent) = take(&mut self.ready, |extent| extent.has(job)).pop() {
            self.ready.extend(rests(&extent, job));
            return Some((extent, ""));
        }
        if let Some(extent) = take(&mut self.later, |extent| extent.has(job)).pop() {
            self.later.extend(rests(&extent, job));
            return Some((extent, ""));
        }
        let (extent, reason) = take(&mut self.held, |(extent, _)| extent.has(job)).pop()?;
        self.held
            .extend(rests(&extent, job).map(|rest| (rest, reason)));
        Some((extent, reason))
    }

    fn cancel_cut(&mut self, job: i64, extent: Extent, reason: &str) -> CancelAnswer {
        let mut of = extent.between(job, job);
        if reason == "parked" {
            self.tell(of.lane, "parked", -1);
        }
        if of.journaled {
            of.run_at = self.now();
            *self.inbox.entry(job).or_default() += 1;
            self.ready.push(of);
            return CancelAnswer::Asked;
        }
        self.intents.remove(&job);
        self.end_cancelled(&of);
        CancelAnswer::Ended
    }

    fn end_cancelled(&mut self, of: &Extent) {
        self.inbox.remove(&of.first);
        self.tell(of.lane, "cancelled", 1);
        self.ended.push(Ended {
            first: of.first,
            last: of.last,
            lane: of.lane,
            kind: "cancelled",
            code: Some("cancelled"),
            attempt: of.attempt,
            claim: None,
            has_result: true,
        });
    }
}

/// What lies before and behind a job in its extent.
fn rests(extent: &Extent, job: i64) -> impl Iterator<Item = Extent> + use<> {
    let sides = [(extent.first, job - 1), (job + 1, extent.last)];
    let extent = extent.clone();
    sides
        .into_iter()
        .filter(|(first, last)| first <= last)
        .map(move |(first, last)| extent.between(first, last))
}
