//! Runs that events start (ruling 28): each half-filled correlation is a wait of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::machine::event::{Event, EventKind};
use crate::machine::turn::{End, Entry};
use crate::machine::{Execution, JobFacts};
use crate::program::Program;
use crate::value::Value;

/// Half-filled correlations of one trial; more is a mistake of its author.
const WAITS_MAX: usize = 100;

/// What stands before a run.
pub struct Starter {
    program: Arc<Program>,
    facts: JobFacts,
    waits: Vec<Wait>,
    letters: i64,
    refolds: bool,
}

/// Events that belong together and are not enough yet.
struct Wait {
    execution: Execution,
    entries: Vec<Entry>,
}

impl Starter {
    pub fn new(program: Program, facts: JobFacts, refolds: bool) -> Starter {
        Starter {
            program: Arc::new(program),
            facts,
            waits: Vec::new(),
            letters: 0,
            refolds,
        }
    }

    /// Takes an event; the input of the run that it starts, if it was the last that was wanted.
    pub fn receive(
        &mut self,
        envelope: &Value,
        now: DateTime<Utc>,
    ) -> Result<Option<Value>, String> {
        let known = (self.waits.iter()).position(|wait| wait.execution.wants(envelope));
        let mut wait = match known {
            Some(place) => self.waits.remove(place),
            None => self.begun(now)?,
        };
        if !wait.execution.wants(envelope) {
            return Ok(None);
        }
        self.letters += 1;
        let mail = EventKind::Mail {
            id: self.letters,
            envelope: envelope.clone(),
            arrived: now,
        };
        if let Some(end) = wait.tell(mail, now)? {
            return input(end).map(Some);
        }
        if self.waits.len() == WAITS_MAX {
            return Err(format!(
                "more than {WAITS_MAX} correlations are half-filled"
            ));
        }
        // The oldest wait is asked first.
        self.waits.insert(known.unwrap_or(self.waits.len()), wait);
        match self.refolds {
            true => self.restart().map(|()| None),
            false => Ok(None),
        }
    }

    fn begun(&self, now: DateTime<Utc>) -> Result<Wait, String> {
        let mut wait = Wait {
            execution: Execution::new(self.program.clone(), self.facts.clone()),
            entries: Vec::new(),
        };
        let started = EventKind::Started {
            attempt: 0,
            losses: 0,
        };
        wait.tell(started, now)?;
        Ok(wait)
    }

    /// The engine dies and comes back: what waits is what its journal says.
    pub fn restart(&mut self) -> Result<(), String> {
        for wait in &mut self.waits {
            let (program, facts) = (self.program.clone(), self.facts.clone());
            let loaded = Execution::load(program, facts, None, wait.entries.clone());
            wait.execution = loaded.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Wait {
    /// Tells it an event and makes its turns durable; how it ended, if it did.
    fn tell(&mut self, kind: EventKind, at: DateTime<Utc>) -> Result<Option<End>, String> {
        let applied = self.execution.apply(Event { at, kind });
        applied.map_err(|error| error.to_string())?;
        let mut end = None;
        while let Some(turn) = self.execution.seal() {
            self.entries.extend(turn.entry.clone());
            end = turn.end.clone();
            self.execution.settle(turn);
        }
        Ok(end)
    }
}

/// What the wait gave.
fn input(end: End) -> Result<Value, String> {
    match end {
        End::Outcome(outcome) => {
            let text = outcome.result.unwrap_or_default();
            Value::parse(&text).map_err(|error| error.to_string())
        }
        other => Err(format!("the events were not taken: {other:?}")),
    }
}
