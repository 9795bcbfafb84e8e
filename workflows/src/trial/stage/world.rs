//! What the jobs of one trial share: their answers, the world outside, and what was asked of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::contexts::Contexts;
use crate::catalogue::CONTEXT_LOAD;
use crate::machine::command::Perform;
use crate::machine::secret::Marks;
use crate::program::Bundle;
use crate::trial::asked::Asked;
use crate::trial::members::Members;
use crate::trial::script::Scripts;
use crate::trial::{Answer, Outside, Secrets, Setting};

/// A world in the hands of several jobs.
pub type Shared<'o> = Rc<RefCell<World<'o>>>;

/// What is around the jobs of one trial.
pub struct World<'o> {
    pub outside: &'o mut dyn Outside,
    pub scripts: Rc<RefCell<Scripts>>,
    /// The template, whose parts items run.
    pub bundle: Bundle,
    pub members: Option<Members>,
    pub contexts: Contexts,
    pub secrets: Secrets,
    /// In the order in which it was asked for.
    pub asked: Vec<Asked>,
    /// The last id that a job was given.
    pub jobs: i64,
}

impl World<'_> {
    /// What a test prepared for something that is asked now, if it did; nothing in it is silence.
    pub fn prepared(
        &mut self,
        asked: Asked,
        now: DateTime<Utc>,
    ) -> Result<Option<Option<Answer>>, String> {
        let said = self.scripts.borrow_mut().answer(&asked, now)?;
        self.asked.push(asked);
        Ok(said.map(Result::ok))
    }

    /// The same, or what a context has, or the world outside gives.
    pub fn answered(
        &mut self,
        asked: Asked,
        now: DateTime<Utc>,
        perform: Option<(&Perform, Option<Marks>)>,
    ) -> Result<Option<Answer>, String> {
        let told = asked.told();
        let loaded = self.loaded(&asked, now);
        if let Some(answer) = self.prepared(asked, now)? {
            return Ok(answer);
        }
        let performed = || {
            let (perform, marks) = perform?;
            let secrets = &self.secrets;
            let setting = Setting {
                now,
                marks,
                secrets,
            };
            self.outside.perform(perform, &setting)
        };
        let answer = loaded.or_else(performed);
        let others = || self.scripts.borrow().told();
        answer
            .map(Some)
            .ok_or_else(|| format!("no answer is prepared for {told}; {}", others()))
    }

    /// What a load gives for which nothing is prepared.
    fn loaded(&self, asked: &Asked, now: DateTime<Utc>) -> Option<Answer> {
        let found = asked.calls(CONTEXT_LOAD).then_some(&asked.given)?;
        Some(Answer {
            result: self.contexts.load(found, now)?,
            after: Duration::ZERO,
            again_after: None,
        })
    }

    /// The id of another job.
    pub fn job(&mut self) -> i64 {
        self.jobs += 1;
        self.jobs
    }
}
