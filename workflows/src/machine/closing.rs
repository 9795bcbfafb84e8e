//! Ends before the end: nothing new begins, what was asked for is awaited a while, then the outcome.

use super::Execution;
use super::command::Command;
use super::event::Activity;
use super::limits::GRACE;
use super::row::Fate;
use super::state::{Closing, Doing, FrameKind, OpenCall, Unwinding};
use super::timers::timed_out;
use super::transition::job::JobState;
use super::turn::{Outcome, OutcomeKind};
use crate::policy::retry::{TIME_MAX, later};
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

    /// Whether a cancel may have something to undo.
    pub fn undoes_on_cancel(&self) -> bool {
        let scopes = self.program.nodes.iter();
        let mut scopes = scopes.filter_map(|node| node.settings.compensate);
        scopes.any(|scope| scope.on_cancel)
    }

    /// Nothing new begins; steps that were asked for are waited for.
    pub(super) fn close(&mut self, problem: Value, is_cancelled: bool) {
        self.state.root.parked.clear();
        let problem = self.state.hold(problem);
        let mut until = later(self.state.root.at, GRACE);
        for place in 0..self.state.branches.len() {
            self.state.cursor = place;
            self.withdraw_unasked();
            if let Some(open) = self.state.branch_mut().step_mut() {
                let step = open.clone();
                open.is_stopping = true;
                match step.call {
                    OpenCall::Child {
                        fate: Fate::Wait, ..
                    } => until = TIME_MAX,
                    OpenCall::Child {
                        fate: Fate::Abandon,
                        ..
                    } => self.stand(Doing::Nothing),
                    // Nobody outside works at it.
                    OpenCall::Approval { .. } => {
                        self.close_beside(&step);
                        self.stand(Doing::Nothing);
                    }
                    _ if self.close_beside(&step) => self.stand(Doing::Nothing),
                    _ => {}
                }
            }
        }
        self.state.root.closing = Some(Closing {
            problem,
            is_cancelled,
            until,
            undoing: None,
        });
        self.ends_closing();
    }

    /// What has not been asked for yet never is.
    fn withdraw_unasked(&mut self) {
        let Some(activity) = self.state.branch().step().map(|step| step.activity) else {
            return;
        };
        let (mut is_unasked, mut chunks) = (false, Vec::new());
        for commands in self.unasked() {
            commands.retain(|command| {
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
        }
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
            // An undo that was not asked for is still to be done.
            self.stand(Doing::Nothing);
        }
    }

    /// Goes on with a closing job once nothing runs; `false` if it is not closing.
    pub(super) fn ends_closing(&mut self) -> bool {
        let Some(closing) = &self.state.root.closing else {
            return false;
        };
        let is_undoing = closing.undoing.is_some();
        let runs = self
            .state
            .branches
            .iter()
            .any(|branch| branch.step().is_some());
        if !runs && !is_undoing {
            self.gather_undos();
            self.next_undo();
        }
        true
    }

    /// All that ends with the job is let go; what it leaves to be undone, innermost last to first.
    fn gather_undos(&mut self) {
        let is_cancelled = self
            .state
            .root
            .closing
            .as_ref()
            .is_some_and(|closing| closing.is_cancelled);
        let mut undos = Vec::new();
        for branch in &mut self.state.branches {
            for frame in &mut branch.frames {
                let scope = self.program.node(frame.node).settings.compensate;
                match &mut frame.kind {
                    // Undos that had begun are brought to their end, whyever the job closes.
                    FrameKind::Undoing { unwinding, .. } => undos.append(&mut unwinding.undos),
                    _ if scope.is_some_and(|scope| match is_cancelled {
                        true => scope.on_cancel,
                        false => scope.on_failure,
                    }) =>
                    {
                        undos.append(&mut frame.undos);
                    }
                    _ => frame.undos.clear(),
                }
            }
        }
        self.drop_below(0);
        self.state.cursor = 0;
        self.stand(Doing::Nothing);
        self.tell_dropped();
        while !self.state.branch().frames.is_empty() {
            self.pop_frame();
        }
        if let Some(closing) = &mut self.state.root.closing {
            closing.undoing = Some(Unwinding { undos, attempt: 0 });
        }
    }

    /// Everything is undone: the outcome.
    pub(super) fn finish_closing(&mut self) {
        let Some(closing) = self.state.root.closing.take() else {
            return;
        };
        if !closing.is_cancelled {
            self.fail(&timed_out(""));
            return;
        }
        let result = Some(closing.problem.value.to_json());
        self.end(Outcome {
            kind: OutcomeKind::Cancelled,
            code: Some("cancelled".into()),
            fingerprint: None,
            result,
        });
    }

    /// A step whose result is not wanted: one that was not even asked for yet never will be.
    pub(super) fn stop_step(&mut self) {
        let Some(step) = self.state.branch().step().cloned() else {
            return;
        };
        let activity = step.activity;
        let is_withdrawn = self.withdraw(activity);
        let was_open = match &step.call {
            OpenCall::Chunks(_) => true,
            OpenCall::Child { .. }
            | OpenCall::Group { .. }
            | OpenCall::Context { .. }
            | OpenCall::Approval { .. } => {
                self.close_beside(&step);
                false
            }
            _ if step.is_elsewhere() => {
                self.close_beside(&step);
                false
            }
            _ => !is_withdrawn,
        };
        if was_open {
            self.commands.push(Command::Stop { activity });
        }
        self.stand(Doing::Nothing);
    }

    /// Commands that have not left: those of the open turn, and of one whose fate is not known.
    fn unasked(&mut self) -> impl Iterator<Item = &mut Vec<Command>> {
        let in_flight = self.in_flight.as_mut();
        let in_flight = in_flight.map(|in_flight| &mut in_flight.commands);
        in_flight.into_iter().chain([&mut self.commands])
    }

    /// What an activity asks for does not leave any more; whether there was such.
    pub(super) fn withdraw(&mut self, activity: Activity) -> bool {
        let mut is_withdrawn = false;
        for commands in self.unasked() {
            let before = commands.len();
            commands.retain(|command| !is_of(command, activity));
            is_withdrawn |= commands.len() < before;
        }
        is_withdrawn
    }

    /// Nothing of the job runs any more, in whatever branch.
    pub(super) fn stop_all(&mut self) {
        self.drop_below(0);
        self.state.cursor = 0;
        self.stop_step();
    }

    /// Whatever the branch at hand stands at is over.
    pub(super) fn stop_standing(&mut self) {
        self.stop_step();
        self.stand(Doing::Nothing);
    }

    /// The job has its outcome.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.state.cursor = 0;
        self.drop_below(0);
        self.tell_dropped();
        self.tell_end(&outcome);
        let branch = self.state.branch_mut();
        branch.frames.clear();
        branch.doing = Doing::Nothing;
        self.close_loose();
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
