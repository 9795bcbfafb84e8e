//! What each event does. All or nothing: an event that is refused leaves the state untouched.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::event::{Activity, Event, EventKind};
use super::fault::Fault;
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
                self.note(word, at);
                let applied = self.advance();
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
            self.stop_step();
            self.fail(&Fault::standard(
                "runtime",
                500,
                format!("{NODES_MAX} tasks ran without an outside event"),
            ));
            return Ok(Applied::Done);
        }
        if let Some(size) = self.excess() {
            self.stop_step();
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
            EventKind::Mail { .. } => Ok(Verdict::Late),
            EventKind::Settled {
                activity, result, ..
            } => match result {
                Ok(output) => self.succeeded(activity, output),
                Err(fault) => self.failed(activity, fault, None),
            },
            EventKind::Due => Ok(self.fire(at)),
            EventKind::Cancel { who, why } => {
                self.cancel(&who, &why);
                Ok(Verdict::To(()))
            }
            EventKind::Continued => Ok(Verdict::To(())),
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

    /// The state of the step that an activity names.
    pub(super) fn step_state(&self, activity: Activity) -> StepState {
        match self.state.branch().step() {
            Some(step) if step.activity == activity && step.is_stopping => StepState::Stopping,
            Some(step) if step.activity == activity => StepState::Open,
            _ => StepState::Gone,
        }
    }

    fn succeeded(&mut self, activity: Activity, output: Value) -> Result<Verdict<()>, Illegal> {
        let Verdict::To(_) = step::next(self.step_state(activity), StepEvent::Succeeded)? else {
            return Ok(Verdict::Late);
        };
        if self.ends_closing() {
            return Ok(Verdict::To(()));
        }
        let inputs: Vec<Value> = self
            .state
            .branch()
            .step()
            .map(|step| step.layers.iter().map(|held| held.value.clone()).collect())
            .unwrap_or_default();
        self.stand(Doing::Nothing);
        let left = self.through_layers(output, &inputs).and_then(|output| {
            self.give(output);
            self.leave(None)
        });
        if let Err(fault) = left {
            self.raise(fault, None);
        }
        Ok(Verdict::To(()))
    }

    fn failed(
        &mut self,
        activity: Activity,
        fault: Fault,
        again_after: Option<Duration>,
    ) -> Result<Verdict<()>, Illegal> {
        let Verdict::To(_) = step::next(
            self.step_state(activity),
            StepEvent::Failed { again: false },
        )?
        else {
            return Ok(Verdict::Late);
        };
        if !self.ends_closing() {
            self.raise(fault, again_after);
        }
        Ok(Verdict::To(()))
    }
}

fn word_of(kind: &EventKind) -> JobEvent {
    match kind {
        EventKind::Started { .. } => JobEvent::Started,
        EventKind::Succeeded { .. }
        | EventKind::Failed { .. }
        | EventKind::Chunk { .. }
        | EventKind::Mail { .. }
        | EventKind::Settled { .. } => JobEvent::Result,
        EventKind::Due => JobEvent::Due,
        EventKind::Cancel { .. } => JobEvent::Cancel,
        EventKind::Continued => JobEvent::Continued,
    }
}

/// The workflow's node is the first.
const _: () = assert!(NodeId::WORKFLOW.0 == 0);
