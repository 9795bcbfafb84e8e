//! Effects: what is done about a step that may or may not have happened, and steps that a person decides.

use super::Execution;
use super::call::OpenedCall;
use super::event::Activity;
use super::fault::Fault;
use super::limits::EFFECT_KEY_MAX;
use super::state::{Doing, Parked};
use super::transition::step::{self, StepEvent, StepState};
use super::transition::{Illegal, Verdict};
use super::turn::End;
use super::unwind::exhausted_by;
use crate::document::settings::OnUnknown;
use crate::program::node::Target;
use crate::value::Value;

/// A key that names nothing would be one for all.
pub(super) fn names_an_effect(key: &Value) -> Result<(), Fault> {
    let length = match key.as_str() {
        Some(text) if text.contains('\0') => 0,
        Some(text) => text.len(),
        None if key.as_f64().is_some() => key.to_json().len(),
        None => 0,
    };
    if (1..=EFFECT_KEY_MAX).contains(&length) {
        return Ok(());
    }
    let mut fault = Fault::standard(
        "configuration",
        400,
        "the key of an effect is a number or a text of 1 to 255 bytes",
    );
    fault.detail = (length <= EFFECT_KEY_MAX).then(|| key.clone());
    Err(fault)
}

impl Execution {
    /// The turn that asks for a step was refused because its effect is somebody else's: the step must not be
    /// made.
    pub(super) fn effect_taken(
        &mut self,
        activity: Activity,
        holder: String,
    ) -> Result<Verdict<()>, Illegal> {
        self.withdraw(activity);
        let title = match holder == self.facts.name() {
            true => "the effect belongs to another step of this job",
            false => "the effect belongs to another job",
        };
        let mut fault = Fault::standard("runtime", 409, title);
        let key = self.state.at_activity(activity);
        let key = key.and_then(|place| self.state.branches[place].step()?.effect.as_ref());
        let key = key.map_or(Value::Null, |key| key.value.clone());
        fault.detail = Some(Value::map([("holder", Value::from(holder)), ("key", key)]));
        self.failed(activity, fault, None)
    }

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

    /// What a verification is given: the effect's key, and the input of its task.
    fn question(&self) -> Value {
        let step = self.state.branch().step();
        let key = step.and_then(|step| step.effect.as_ref());
        let key = key.map_or(Value::Null, |key| key.value.clone());
        Value::map([("key", key), ("input", self.asked_about())])
    }

    /// Asks the outside whether the step happened: `{ done, output }`.
    fn verify(&mut self, target: &Target) {
        let asked = self.question();
        match self.opened(target, asked.clone(), Some(asked)) {
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

    /// A verification's answer on its way back through the functions around it.
    fn found(&mut self, raw: &Value) -> Result<Value, Fault> {
        let program = self.program.clone();
        let effect = program.node(self.top().node).settings.effect.as_ref();
        let Some(target) = effect.and_then(|effect| effect.verify.as_ref()) else {
            return Ok(raw.clone());
        };
        let asked = self.question();
        let (inputs, _) = self.render(target, asked.clone(), Some(asked))?;
        self.out_of(&target.layers, raw.clone(), &inputs)
    }

    /// What was found out.
    pub(super) fn verified(&mut self, raw: &Value) -> Result<Verdict<()>, Illegal> {
        let answer = match self.found(raw) {
            Ok(answer) => answer,
            Err(fault) => {
                self.stop_for_a_person(&fault);
                return Ok(Verdict::To(()));
            }
        };
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
            step.is_placed &= self.places(&step.call);
            self.stand(Doing::Step(step));
        }
        self.start_step();
        self.ask_people_again();
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

    /// Goes on with what a person said of the branch at hand.
    pub(super) fn go_on_given(&mut self) -> Result<(), Fault> {
        let Doing::Given { step, output } = self.stood_at() else {
            return Ok(());
        };
        match step {
            Some(step) => {
                self.stand(Doing::Step(step));
                self.completed(output.value);
                Ok(())
            }
            None => {
                self.state.branch_mut().data = output;
                self.leave(None)
            }
        }
    }

    /// What the branch at hand stood at; it stands at nothing now.
    pub(super) fn stood_at(&mut self) -> Doing {
        std::mem::replace(&mut self.state.branch_mut().doing, Doing::Nothing)
    }

    /// The branch at hand leaves for a person; the job does, once nothing else of it runs.
    pub(super) fn park(&mut self, end: End) {
        let branch = self.state.branch().id;
        self.unpark(branch);
        self.state.root.parked.push(Parked { branch, end });
        self.tell_standing("suspended");
    }

    /// A person lets the branch at hand go on, if it was left for one.
    pub(super) fn resume(&mut self) {
        let parked = self.state.root.parked.len();
        self.unpark(self.state.branch().id);
        if self.state.root.parked.len() < parked {
            self.tell_standing("resumed");
        }
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
        self.resume();
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
