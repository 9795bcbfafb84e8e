//! Events before a job (ruling 28): which of them belong together, and when they are enough to start it.
//!
//! What is not enough yet is kept as the events themselves. A wait is a pure function of what it took, so
//! whoever has them has the wait: no state of a machine outlives a release here.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::event::{Event, EventKind};
use super::turn::{End, OutcomeKind};
use super::{Execution, JobFacts};
use crate::program::Program;
use crate::value::Value;

/// Events that belong together and are not enough yet.
pub struct Gathering {
    /// Its keeper's name for it.
    pub id: i64,
    /// What it took, in order.
    pub taken: Vec<Value>,
    execution: Execution,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Gathered {
    /// Nobody wants it.
    Unwanted,
    /// The gathering of this id took it and wants more; a new one bears the id that came with the event.
    Kept(i64),
    /// It was the last that was wanted.
    Started {
        /// The gathering that it filled, which is gone; none where it was enough alone.
        from: Option<i64>,
        /// The job's input.
        input: Value,
    },
    /// What was asked of it fails, in words.
    Failed(String),
}

/// All gatherings of one template version.
pub struct Gatherer {
    program: Arc<Program>,
    facts: JobFacts,
    /// The oldest first.
    gatherings: Vec<Gathering>,
    /// Asks on behalf of those that are not there yet.
    fresh: Option<Gathering>,
}

impl Gatherer {
    /// From [`Program::trigger`]; `facts` are those of no job yet.
    pub fn new(program: Arc<Program>, facts: JobFacts) -> Self {
        Self {
            program,
            facts,
            gatherings: Vec::new(),
            fresh: None,
        }
    }

    /// The gatherings, the oldest first.
    pub fn gatherings(&self) -> &[Gathering] {
        &self.gatherings
    }

    /// Brings back one that was kept; whether it still stands: under another program it may want none of
    /// what it took, or be full.
    pub fn restore(&mut self, id: i64, taken: Vec<Value>, now: DateTime<Utc>) -> bool {
        match self.again(id, taken, now) {
            Some(gathering) => {
                self.gatherings.push(gathering);
                true
            }
            None => false,
        }
    }

    /// Forgets one.
    pub fn forget(&mut self, id: i64) {
        self.gatherings.retain(|one| one.id != id);
    }

    /// Takes an event: the oldest gathering is asked first. One that begins with it is called `id`.
    pub fn receive(&mut self, id: i64, envelope: &Value, now: DateTime<Utc>) -> Gathered {
        for place in 0..self.gatherings.len() {
            if !self.gatherings[place].execution.wants(envelope) {
                continue;
            }
            match self.gatherings[place].take(envelope, now) {
                Ok(None) => return Gathered::Kept(self.gatherings[place].id),
                Ok(Some(input)) => {
                    let from = Some(self.gatherings.remove(place).id);
                    return Gathered::Started { from, input };
                }
                // What fails at a stranger is no reason to lose what was there before.
                Err(_) => {
                    let broken = self.gatherings.remove(place);
                    if let Some(whole) = self.again(broken.id, broken.taken, now) {
                        self.gatherings.insert(place, whole);
                    }
                }
            }
        }
        self.begin(id, envelope, now)
    }

    fn begin(&mut self, id: i64, envelope: &Value, now: DateTime<Utc>) -> Gathered {
        let fresh = match self.fresh.take() {
            Some(fresh) => Ok(fresh),
            None => self.begun(now),
        };
        let mut fresh = match fresh {
            Ok(fresh) => fresh,
            Err(why) => return Gathered::Failed(why),
        };
        if !fresh.execution.wants(envelope) {
            self.fresh = Some(fresh);
            return Gathered::Unwanted;
        }
        match fresh.take(envelope, now) {
            Ok(None) => {
                fresh.id = id;
                self.gatherings.push(fresh);
                Gathered::Kept(id)
            }
            Ok(Some(input)) => Gathered::Started { from: None, input },
            Err(why) => Gathered::Failed(why),
        }
    }

    fn begun(&self, now: DateTime<Utc>) -> Result<Gathering, String> {
        let mut gathering = Gathering {
            id: 0,
            taken: Vec::new(),
            execution: Execution::new(self.program.clone(), self.facts.clone()),
        };
        let started = EventKind::Started {
            attempt: 0,
            losses: 0,
        };
        match gathering.tell(started, now)? {
            None => Ok(gathering),
            Some(end) => Err(format!("nothing is waited for: {end:?}")),
        }
    }

    fn again(&self, id: i64, taken: Vec<Value>, now: DateTime<Utc>) -> Option<Gathering> {
        let mut gathering = self.begun(now).ok()?;
        gathering.id = id;
        for envelope in &taken {
            let stands = gathering.execution.wants(envelope)
                && matches!(gathering.take(envelope, now), Ok(None));
            if !stands {
                return None;
            }
        }
        Some(gathering)
    }
}

impl Gathering {
    /// The input of the job, if this was the last event that was wanted. After an error it is spent.
    fn take(&mut self, envelope: &Value, now: DateTime<Utc>) -> Result<Option<Value>, String> {
        let mail = EventKind::Mail {
            id: i64::try_from(self.taken.len()).unwrap_or(i64::MAX) + 1,
            envelope: envelope.clone(),
            arrived: now,
        };
        let Some(end) = self.tell(mail, now)? else {
            self.taken.push(envelope.clone());
            return Ok(None);
        };
        match end {
            End::Outcome(outcome) if outcome.kind == OutcomeKind::Completed => {
                let text = outcome.result.unwrap_or_default();
                let input = Value::parse(&text).map_err(|error| error.to_string())?;
                Ok(Some(input))
            }
            other => Err(format!("the event was not taken: {other:?}")),
        }
    }

    fn tell(&mut self, kind: EventKind, at: DateTime<Utc>) -> Result<Option<End>, String> {
        let applied = self.execution.apply(Event { at, kind });
        applied.map_err(|error| error.to_string())?;
        let mut end = None;
        while let Some(turn) = self.execution.seal() {
            end = turn.end.clone();
            self.execution.settle(turn);
        }
        Ok(end)
    }
}
