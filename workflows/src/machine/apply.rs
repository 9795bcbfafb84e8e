//! What each event does. All or nothing: an event that is refused leaves the state untouched.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::again::After;
use super::event::{Activity, Event, EventKind};
use super::fault::Fault;
use super::flight::Change;
use super::held::bytes;
use super::journal::{held, live};
use super::limits::{NODES_MAX, STATE_BYTES_MAX};
use super::state::Doing;
use super::transition::job::{self, JobEvent, JobState};
use super::transition::step::{self, StepEvent, StepState};
use super::transition::{Illegal, Verdict};
use super::{Applied, Execution, Refusal};
use crate::program::NodeId;
use crate::value::Value;

impl Execution {
    /// Applies one event and goes on until the job stands or its slice is spent.
    ///
    /// # Errors
    /// [`Refusal`] holds state and event; the state is as it was.
    pub fn apply(&mut self, event: Event) -> Result<Applied, Refusal> {
        self.receive(event, true)
    }

    /// Makes a change and goes no further: whoever takes the job next goes on from there. Nothing is
    /// evaluated, and nothing begins.
    ///
    /// # Errors
    /// As of [`Execution::apply`].
    pub fn amend(&mut self, at: DateTime<Utc>, change: Change) -> Result<Applied, Refusal> {
        let kind = EventKind::Changed(Box::new(change));
        self.receive(Event { at, kind }, false)
    }

    fn receive(&mut self, event: Event, walks: bool) -> Result<Applied, Refusal> {
        let by = match &event.kind {
            EventKind::Changed(change) => {
                self.is_current(change)?;
                change.by.clone()
            }
            _ => None,
        };
        // All that changes before it is known whether the event counts.
        let before = (self.state.root.status, self.state.root.at);
        let at = event.at.max(self.state.root.at);
        let word = event.kind.word();
        match self.react(event.kind, at) {
            Ok(Verdict::Late) => {
                (self.state.root.status, self.state.root.at) = before;
                Ok(Applied::Late)
            }
            Ok(Verdict::To(())) => {
                self.changed = true;
                let applied = match walks {
                    true => self.advance(),
                    false => self.going(),
                };
                self.note(word, at);
                if by.is_some() {
                    self.note_by(by);
                }
                self.bound_walk(applied)
            }
            Err(illegal) => {
                (self.state.root.status, self.state.root.at) = before;
                Err(Refusal::Illegal(illegal))
            }
        }
    }

    /// A job that walks for ever without an outside event, or holds too much, is ended.
    fn bound_walk(&mut self, applied: Applied) -> Result<Applied, Refusal> {
        if self.is_ended() {
            return Ok(Applied::Done);
        }
        if self.walked > NODES_MAX {
            self.stop_all();
            self.fail(&Fault::standard(
                "runtime",
                500,
                format!("{NODES_MAX} tasks ran without an outside event"),
            ));
            return Ok(Applied::Done);
        }
        if let Some(size) = self.excess() {
            self.stop_all();
            self.fail(&Fault::standard(
                "runtime",
                500,
                format!("the job holds about {size} bytes; {STATE_BYTES_MAX} are allowed"),
            ));
            return Ok(Applied::Done);
        }
        Ok(applied)
    }

    /// How many bytes the job holds, when they are too many. A value that several frames hold counts once;
    /// most jobs are small enough to count it each time.
    fn excess(&self) -> Option<usize> {
        let all = held(&self.state).map(|held| bytes(&held.value));
        if all.sum::<usize>() <= STATE_BYTES_MAX {
            return None;
        }
        let size = live(&self.state).values().map(bytes).sum();
        (size > STATE_BYTES_MAX).then_some(size)
    }

    fn react(&mut self, kind: EventKind, at: DateTime<Utc>) -> Result<Verdict<()>, Illegal> {
        match job::next(self.status_for(&kind), word_of(&kind))? {
            Verdict::Late => return Ok(Verdict::Late),
            Verdict::To(next) => self.state.root.status = next,
        }
        if self.is_outside(&kind) {
            self.walked = 0;
        }
        self.state.root.at = at;
        match kind {
            EventKind::Started { attempt, .. } => {
                (self.state.root.attempt, self.state.root.started) = (attempt, at);
                self.begin();
                Ok(Verdict::To(()))
            }
            EventKind::Succeeded { activity, output } => self.succeeded(activity, output),
            EventKind::Failed {
                activity,
                fault,
                again_after,
            } => self.failed(activity, fault, again_after),
            EventKind::Chunk {
                activity,
                number,
                result,
            } => self.chunk(activity, number, result),
            EventKind::Mail {
                id,
                envelope,
                arrived,
            } => {
                // What fell due before the mail came has happened before it.
                let fired = self.fire_before(arrived);
                let taken = self.mail(id, &envelope, arrived);
                Ok(if fired { Verdict::To(()) } else { taken })
            }
            EventKind::Settled {
                activity,
                by,
                result,
            } => match result {
                Ok(output) => self.succeeded(activity, output),
                // The job of a step makes the step's own call: its error is the step's.
                Err(fault) if self.is_elsewhere(activity) => self.failed(activity, fault, None),
                Err(fault) => self.failed(activity, with_child(fault, &by), None),
            },
            EventKind::Due => Ok(self.fire(at)),
            EventKind::Cancel { who, why } => {
                self.cancel(&who, &why);
                Ok(Verdict::To(()))
            }
            EventKind::Changed(change) => Ok(self.change(*change)),
            EventKind::Continued => Ok(Verdict::To(())),
            decision => self.decide(decision),
        }
    }

    /// What becomes known about a step after the fact, or what a person says about it.
    fn decide(&mut self, kind: EventKind) -> Result<Verdict<()>, Illegal> {
        match kind {
            EventKind::Unknown { activity } => self.unknown(activity),
            EventKind::EffectTaken { activity, holder } => self.effect_taken(activity, holder),
            EventKind::Retry { activity } => {
                self.decided(activity, StepEvent::Retry, Ok(Value::Null))
            }
            EventKind::Skip { activity, output } => {
                self.decided(activity, StepEvent::Skip, Ok(output))
            }
            EventKind::Fail { activity, fault } => {
                self.decided(activity, StepEvent::Fail, Err(fault))
            }
            _ => Ok(Verdict::Late),
        }
    }

    /// An ending that was not written yet can still become a cancelled one: whoever cancels is told
    /// that the job was open, so that is how it must end.
    fn status_for(&self, kind: &EventKind) -> JobState {
        match (self.state.root.status, kind) {
            (JobState::Ended, EventKind::Cancel { .. }) if self.changed => JobState::Closing,
            (status, _) => status,
        }
    }

    /// Whether the world outside took part: a timer of no length is the job's own doing.
    fn is_outside(&self, kind: &EventKind) -> bool {
        match kind {
            EventKind::Continued => false,
            EventKind::Due => self.next_due().is_none_or(|due| due > self.state.root.at),
            _ => true,
        }
    }

    /// The state of the step that an activity names; its branch is at hand from here on.
    pub(super) fn step_state(&mut self, activity: Activity) -> StepState {
        let Some(place) = self.state.at_activity(activity) else {
            self.state.cursor = 0;
            return StepState::Gone;
        };
        self.state.cursor = place;
        match self.state.branch().step() {
            None => StepState::Stopped,
            Some(step) if step.is_stopping => StepState::Stopping,
            Some(step) if step.verify.is_some() => StepState::Verifying,
            Some(_) => StepState::Open,
        }
    }

    pub(super) fn succeeded(
        &mut self,
        activity: Activity,
        output: Value,
    ) -> Result<Verdict<()>, Illegal> {
        let state = self.step_state(activity);
        let Verdict::To(_) = step::next(state, StepEvent::Succeeded)? else {
            return Ok(Verdict::Late);
        };
        if state == StepState::Verifying {
            return self.verified(&output);
        }
        self.completed(output);
        Ok(Verdict::To(()))
    }

    /// The step at hand has a result.
    pub(super) fn completed(&mut self, output: Value) {
        if matches!(self.state.branch().doing, Doing::Undo(_)) {
            return self.undo_done();
        }
        let layers = self.state.branch().step().map(|step| &step.layers);
        let inputs: Vec<Value> = layers
            .map(|layers| layers.iter().map(|held| held.value.clone()).collect())
            .unwrap_or_default();
        self.stand(Doing::Nothing);
        let output = self.through_layers(output, &inputs);
        if self.state.root.closing.is_some() {
            self.keep_late_undo(output);
            self.ends_closing();
            return;
        }
        let left = output.and_then(|output| {
            self.give(output);
            self.leave(None)
        });
        if let Err(fault) = left {
            self.raise(fault, None);
        }
    }

    /// A step that completed while its job closes is undone with the others.
    fn keep_late_undo(&mut self, output: Result<Value, Fault>) {
        let program = self.program.clone();
        let outlet = &program.node(self.top().node).output;
        // Without an output there is no telling what to undo, and nobody is left to hear of it.
        let _ = output
            .and_then(|output| self.give_out(outlet, &output, None))
            .and_then(|output| self.keep_undo(&output));
    }

    pub(super) fn failed(
        &mut self,
        activity: Activity,
        fault: Fault,
        again_after: Option<Duration>,
    ) -> Result<Verdict<()>, Illegal> {
        let state = self.step_state(activity);
        // An undo has its own way to a person.
        let is_step = matches!(self.state.branch().doing, Doing::Step(_));
        let after = match is_step && state == StepState::Open {
            true => self.after_failure(&fault, again_after),
            false => After::Raise,
        };
        let event = match after {
            After::Again(_) => StepEvent::Failed { again: true },
            After::Person => StepEvent::FailedForGood,
            After::Raise => StepEvent::Failed { again: false },
        };
        let Verdict::To(next) = step::next(state, event)? else {
            return Ok(Verdict::Late);
        };
        if matches!(self.state.branch().doing, Doing::Undo(_)) {
            self.undo_failed();
        } else if self.state.root.closing.is_some() {
            self.stand(Doing::Nothing);
            self.ends_closing();
        } else if let After::Again(until) = after {
            self.make_again(until);
        } else if after == After::Person {
            self.fail_for_a_person(&fault);
        } else if next == StepState::Stopped {
            self.stop_for_a_person(&fault);
        } else {
            self.raise(fault, again_after);
        }
        Ok(Verdict::To(()))
    }
}

/// A child's error with the child's id (ruling 29); it is raised where the child was started.
fn with_child(fault: Fault, by: &str) -> Fault {
    let detail = Value::map([
        ("child", Value::text(by)),
        ("detail", fault.detail.unwrap_or(Value::Null)),
    ]);
    Fault {
        detail: Some(detail),
        instance: None,
        ..fault
    }
}

fn word_of(kind: &EventKind) -> JobEvent {
    match kind {
        EventKind::Started { .. } => JobEvent::Started,
        EventKind::Succeeded { .. }
        | EventKind::Failed { .. }
        | EventKind::Chunk { .. }
        | EventKind::Mail { .. }
        | EventKind::Settled { .. }
        | EventKind::Unknown { .. }
        | EventKind::EffectTaken { .. }
        | EventKind::Retry { .. }
        | EventKind::Skip { .. }
        | EventKind::Fail { .. } => JobEvent::Result,
        EventKind::Due => JobEvent::Due,
        EventKind::Cancel { .. } => JobEvent::Cancel,
        EventKind::Changed(change) if change.is_result() => JobEvent::Result,
        EventKind::Changed(_) => JobEvent::Changed,
        EventKind::Continued => JobEvent::Continued,
    }
}

/// The workflow's node is the first.
const _: () = assert!(NodeId::WORKFLOW.0 == 0);
