//! Ends before the end: nothing new begins, what was asked for is awaited a while, then the outcome.

use super::Execution;
use super::command::Command;
use super::event::Activity;
use super::limits::GRACE;
use super::state::{Closing, Doing, OpenCall};
use super::timers::timed_out;
use super::transition::job::JobState;
use super::turn::{Outcome, OutcomeKind};
use crate::policy::retry::later;
use crate::value::Value;

impl Execution {
    /// The running step's result is waited for, a while; nothing follows it.
    pub(super) fn cancel(&mut self, who: &str, why: &str) {
        if self.state.root.closing.is_some() {
            return;
        }
        let problem = Value::map([
            ("title", Value::text("cancelled")),
            ("detail", Value::text(why)),
            ("who", Value::text(who)),
        ]);
        self.close(problem, true);
    }

    /// Nothing new begins; a step that was asked for is waited for.
    pub(super) fn close(&mut self, problem: Value, is_cancelled: bool) {
        self.parking = None;
        let problem = self.state.hold(problem);
        let until = later(self.state.root.at, GRACE);
        self.state.root.closing = Some(Closing {
            problem,
            is_cancelled,
            until,
        });
        self.withdraw_unasked();
        match self.state.branch_mut().step_mut() {
            Some(step) => step.is_stopping = true,
            None => {
                self.ends_closing();
            }
        }
    }

    /// What the open turn would ask for is not asked for any more.
    fn withdraw_unasked(&mut self) {
        let Some(activity) = self.state.branch().step().map(|step| step.activity) else {
            return;
        };
        let (mut is_unasked, mut chunks) = (false, Vec::new());
        self.commands.retain(|command| {
            match command {
                Command::Perform(perform) if perform.activity == activity => is_unasked = true,
                Command::PerformChunk {
                    activity: of,
                    number,
                    ..
                } if *of == activity => chunks.push(*number),
                _ => return true,
            }
            false
        });
        if let Some(OpenCall::Chunks(open)) = self
            .state
            .branch_mut()
            .step_mut()
            .map(|step| &mut step.call)
        {
            open.open.retain(|number| !chunks.contains(number));
            is_unasked = open.open.is_empty();
        }
        if is_unasked {
            self.stand(Doing::Nothing);
        }
    }

    /// Ends a closing job; `false` if it is not closing.
    pub(super) fn ends_closing(&mut self) -> bool {
        let Some(closing) = self.state.root.closing.take() else {
            return false;
        };
        if !closing.is_cancelled {
            self.fail(&timed_out(""));
            return true;
        }
        let result = Some(closing.problem.value.to_json());
        self.end(Outcome {
            kind: OutcomeKind::Cancelled,
            code: Some("cancelled".into()),
            fingerprint: None,
            result,
        });
        true
    }

    /// A step whose result is not wanted: one that was not even asked for yet never will be.
    pub(super) fn stop_step(&mut self) {
        let Some(activity) = self.state.branch().step().map(|step| step.activity) else {
            return;
        };
        let asked = self.commands.len();
        self.commands.retain(|command| !is_of(command, activity));
        let was_open = match &self.state.branch().step().map(|step| &step.call) {
            Some(OpenCall::Chunks(_)) => true,
            _ => asked == self.commands.len(),
        };
        if was_open {
            self.commands.push(Command::Stop { activity });
        }
        self.stand(Doing::Nothing);
    }

    /// The job has its outcome.
    pub(super) fn end(&mut self, outcome: Outcome) {
        let branch = self.state.branch_mut();
        branch.frames.clear();
        branch.doing = Doing::Nothing;
        self.state.root.status = JobState::Ended;
        self.state.root.closing = None;
        self.state.root.outcome = Some(outcome);
    }
}

fn is_of(command: &Command, activity: Activity) -> bool {
    match command {
        Command::Perform(perform) => perform.activity == activity,
        Command::PerformChunk { activity: of, .. } | Command::Stop { activity: of } => {
            *of == activity
        }
    }
}
