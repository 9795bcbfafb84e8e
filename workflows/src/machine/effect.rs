//! Effects: what is done about a step that may or may not have happened, and steps that a person decides.

use super::Execution;
use super::call::OpenedCall;
use super::event::Activity;
use super::fault::Fault;
use super::state::{Doing, Parked};
use super::transition::step::{self, StepEvent, StepState};
use super::transition::{Illegal, Verdict};
use super::turn::End;
use super::unwind::exhausted_by;
use crate::document::settings::OnUnknown;
use crate::program::node::Target;
use crate::value::Value;

impl Execution {
    /// A worker was lost while the step ran; nobody knows whether it happened.
    pub(super) fn unknown(&mut self, activity: Activity) -> Result<Verdict<()>, Illegal> {
        let state = self.step_state(activity);
        let program = self.program.clone();
        let effect = match self.state.branch().top() {
            Some(frame) => program.node(frame.node).settings.effect.as_ref(),
            None => None,
        };
        let verify = effect.and_then(|effect| effect.verify.as_ref());
        let event = match effect.map(|effect| effect.on_unknown) {
            None | Some(OnUnknown::Redo) => StepEvent::Unknown,
            Some(OnUnknown::AssumeDone) => StepEvent::UnknownDone,
            Some(OnUnknown::Verify) => StepEvent::UnknownVerify,
            Some(OnUnknown::Park) => StepEvent::UnknownPark,
        };
        let Verdict::To(next) = step::next(state, event)? else {
            return Ok(Verdict::Late);
        };
        match (next, verify) {
            (StepState::Gone, _) => {
                self.stand(Doing::Nothing);
                self.ends_closing();
            }
            (StepState::Done, _) => self.completed(Value::Null),
            (StepState::Stopped, _) => {
                let title = "it is not known whether the step happened";
                self.stop_for_a_person(&Fault::standard("runtime", 500, title));
            }
            (StepState::Verifying, Some(target)) if state == StepState::Open => self.verify(target),
            _ => {}
        }
        Ok(Verdict::To(()))
    }

    /// Asks the outside whether the step happened: `{ done, output }`.
    fn verify(&mut self, target: &Target) {
        let key = self
            .state
            .branch()
            .step()
            .and_then(|step| step.effect.as_ref());
        let key = key.map_or(Value::Null, |key| key.value.clone());
        let input = self.top().input.value.clone();
        let asked = Value::map([("key", key), ("input", input)]);
        match self.open_target(target, asked, None) {
            Ok(OpenedCall { call, .. }) => {
                let activity = self.next_activity();
                if let Some(step) = self.state.branch_mut().step_mut() {
                    step.activity = activity;
                    step.verify = Some(call);
                }
                let asked = self.perform_of(self.state.cursor);
                self.commands.extend(asked);
            }
            Err(fault) => self.stop_for_a_person(&fault),
        }
    }

    /// What was found out.
    pub(super) fn verified(&mut self, answer: &Value) -> Result<Verdict<()>, Illegal> {
        match answer.get("done").and_then(Value::as_bool) {
            Some(true) => {
                let output = answer.get("output").cloned().unwrap_or(Value::Null);
                self.completed(output);
            }
            Some(false) => self.open_again(),
            None => {
                let title = "the verification answered neither done nor not done";
                self.stop_for_a_person(&Fault::standard("runtime", 500, title));
            }
        }
        Ok(Verdict::To(()))
    }

    /// The step at hand is asked for again, as a new activity under its old key.
    pub(super) fn open_again(&mut self) {
        let activity = self.next_activity();
        if let Doing::Step(mut step) | Doing::Stopped(mut step) = self.stood_at() {
            step.activity = activity;
            step.verify = None;
            self.stand(Doing::Step(step));
        }
        let asked = self.perform_of(self.state.cursor);
        self.commands.extend(asked);
    }

    /// The step at hand waits for a person.
    pub(super) fn stop_for_a_person(&mut self, fault: &Fault) {
        if let Doing::Step(step) = self.stood_at() {
            self.stand(Doing::Stopped(step));
        }
        self.park(exhausted_by(fault));
    }

    /// What the branch at hand stood at; it stands at nothing now.
    fn stood_at(&mut self) -> Doing {
        std::mem::replace(&mut self.state.branch_mut().doing, Doing::Nothing)
    }

    /// A failed step that says so waits for a person, unless a `try` around it decides.
    pub(super) fn parks_here(&self) -> bool {
        let branch = self.state.branch();
        // An undo has its own way to a person.
        let is_undo = matches!(branch.doing, Doing::Undo(_));
        let Some(frame) = branch.top().filter(|_| !is_undo) else {
            return false;
        };
        let parks = self.program.node(frame.node).settings.parks;
        let mut frames = self
            .state
            .upwards(self.state.cursor)
            .flat_map(|place| &self.state.branches[place].frames);
        parks && !frames.any(|frame| matches!(frame.kind, super::state::FrameKind::Try(_)))
    }

    /// The branch at hand leaves for a person; the job does, once nothing else of it runs.
    pub(super) fn park(&mut self, end: End) {
        let branch = self.state.branch().id;
        self.unpark(branch);
        self.state.root.parked.push(Parked { branch, end });
    }

    /// The branch goes on.
    pub(super) fn unpark(&mut self, branch: u32) {
        let parked = &mut self.state.root.parked;
        parked.retain(|parked| parked.branch != branch);
    }

    /// A person decides about a stopped step.
    pub(super) fn decided(
        &mut self,
        activity: Activity,
        decision: StepEvent,
        result: Result<Value, Fault>,
    ) -> Result<Verdict<()>, Illegal> {
        let Verdict::To(_) = step::next(self.step_state(activity), decision)? else {
            return Ok(Verdict::Late);
        };
        let branch = self.state.branch().id;
        self.unpark(branch);
        match (decision, result) {
            (StepEvent::Retry, _) => self.open_again(),
            (_, Ok(output)) => {
                if let Doing::Stopped(step) = self.stood_at() {
                    self.stand(Doing::Step(step));
                }
                self.completed(output);
            }
            (_, Err(fault)) => {
                self.stand(Doing::Nothing);
                self.raise(fault, None);
            }
        }
        Ok(Verdict::To(()))
    }
}
