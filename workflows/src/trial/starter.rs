//! Runs that events start (ruling 28): each half-filled correlation is a wait of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::machine::JobFacts;
use crate::machine::gather::{Gathered, Gatherer};
use crate::program::Program;
use crate::value::Value;

/// Half-filled correlations of one trial; more is a mistake of its author.
const WAITS_MAX: usize = 100;

/// What stands before a run.
pub struct Starter {
    program: Arc<Program>,
    facts: JobFacts,
    gatherer: Gatherer,
    letters: i64,
    refolds: bool,
}

impl Starter {
    pub fn new(program: Program, facts: JobFacts, refolds: bool) -> Starter {
        let program = Arc::new(program);
        Starter {
            gatherer: Gatherer::new(program.clone(), facts.clone()),
            program,
            facts,
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
        self.letters += 1;
        match self.gatherer.receive(self.letters, envelope, now) {
            Gathered::Started { input, .. } => return Ok(Some(input)),
            Gathered::Failed(why) => return Err(why),
            Gathered::Unwanted | Gathered::Kept(_) => {}
        }
        if self.gatherer.gatherings().len() > WAITS_MAX {
            return Err(format!(
                "more than {WAITS_MAX} correlations are half-filled"
            ));
        }
        match self.refolds {
            true => self.restart(now).map(|()| None),
            false => Ok(None),
        }
    }

    /// The engine dies and comes back: what waits is what was kept.
    pub fn restart(&mut self, now: DateTime<Utc>) -> Result<(), String> {
        let mut again = Gatherer::new(self.program.clone(), self.facts.clone());
        for one in self.gatherer.gatherings() {
            if !again.restore(one.id, one.taken.clone(), now) {
                return Err("a half-filled correlation was lost".to_owned());
            }
        }
        self.gatherer = again;
        Ok(())
    }
}
