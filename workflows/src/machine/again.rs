//! Steps that stand in no `try`, and that are made again as the policy says which came with the job.
//!
//! It is as if a `try` stood around the step alone: its task keeps its visit, so its keys, and its deadline counts
//! from each try on. How often it was made again stands at its task, and nowhere before it failed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Execution;
use super::fault::Fault;
use super::journal::FOLD_AGAIN;
use super::state::{Doing, FrameKind, OpenCall};
use super::unwind::exhausted_by;
use crate::policy::step::{Try, may_pass};

/// What becomes of a step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is made again then.
    Again(DateTime<Utc>),
    /// It waits for a person.
    Person,
    /// The error goes up.
    Raise,
}

impl Execution {
    /// What becomes of the step on top, which failed with this error.
    pub(super) fn after_failure(&self, fault: &Fault, again_after: Option<Duration>) -> After {
        let Some(frame) = self.state.branch().top().filter(|_| !self.is_tried()) else {
            return After::Raise;
        };
        let (node, policy) = (self.program.node(frame.node), self.facts.retry.as_deref());
        let asked = Try {
            nonce: self.facts.nonce,
            path: &node.pointer,
            visit: frame.visit,
            number: frame.retries() + 1,
        };
        let policy_for = policy.filter(|_| may_pass(fault));
        let until =
            policy_for.and_then(|policy| policy.begins(asked, self.state.root.at, again_after));
        let parks = node.settings.parks;
        match until {
            Some(until) => After::Again(until),
            None if parks.unwrap_or(policy.is_some_and(|policy| policy.parks)) => After::Person,
            None => After::Raise,
        }
    }

    /// The step on top, at which nothing runs any more, has failed.
    pub(super) fn end_step(&mut self, fault: Fault, limit: Option<usize>) {
        match self.after_failure(&fault, None) {
            After::Again(until) => self.make_again(until),
            After::Person if self.facts.retry.is_some() => self.wait_for_a_person(&fault),
            After::Person | After::Raise => self.raise_past(fault, None, limit),
        }
    }

    /// The step on top is made again then.
    pub(super) fn make_again(&mut self, until: DateTime<Utc>) {
        let retries = self.top().retries() + 1;
        self.stand_again(retries, until);
    }

    /// The step on top has failed for good: whoever lets the job go on gives it all its retries again.
    pub(super) fn fail_for_a_person(&mut self, fault: &Fault) {
        let is_asked_again = |call: &OpenCall| {
            matches!(
                call,
                OpenCall::Http { .. } | OpenCall::Function { .. } | OpenCall::Approval { .. }
            )
        };
        let step = self.state.branch().step();
        match step.is_some_and(|step| is_asked_again(&step.call)) {
            true => {
                if self.top().is_made_again() {
                    self.top_mut().kind = FrameKind::List;
                }
                self.stop_for_a_person(fault);
            }
            // What is a row of its own is written anew.
            false => self.wait_for_a_person(fault),
        }
    }

    fn wait_for_a_person(&mut self, fault: &Fault) {
        self.stand_again(0, self.state.root.at);
        self.park(exhausted_by(fault));
    }

    fn stand_again(&mut self, retries: u32, until: DateTime<Utc>) {
        self.journal.format = self.journal.format.max(FOLD_AGAIN);
        let frame = self.top_mut();
        // Its deadline is one of each try.
        (frame.kind, frame.due) = (FrameKind::Again { retries }, None);
        self.stand(Doing::Backoff { until });
    }

    /// Opens the task on top again: it reads its input anew.
    pub(super) fn open_anew(&mut self) -> Result<(), Fault> {
        let (id, raw) = (self.top().node, self.top().raw.clone());
        self.tell_task(id, "retried", []);
        self.top_mut().input = raw.clone();
        self.state.branch_mut().data = raw;
        self.open(id)
    }

    /// Whether a `try` around the branch at hand decides about what fails in it.
    pub(super) fn is_tried(&self) -> bool {
        let mut frames = self
            .state
            .upwards(self.state.cursor)
            .flat_map(|place| &self.state.branches[place].frames);
        frames.any(|frame| matches!(frame.kind, FrameKind::Try(_)))
    }
}
