//! What the end of a call means for the machine.

use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::value::Value;

use super::steps::StepEnd;
use crate::perform::{StepFailure, Verdict};

pub(super) fn end_of_step(activity: Activity, answer: Result<Value, StepFailure>) -> StepEnd {
    match answer {
        Ok(output) => StepEnd::Event(EventKind::Succeeded { activity, output }),
        Err(failure) => end_of_failure(failure, |failure| EventKind::Failed {
            activity,
            fault: *failure.fault,
            again_after: failure.again_after,
        }),
    }
}

pub(super) fn end_of_chunk(
    activity: Activity,
    number: u32,
    answer: Result<Value, StepFailure>,
) -> StepEnd {
    match answer {
        Ok(output) => StepEnd::Event(EventKind::Chunk {
            activity,
            number,
            result: Ok(output),
        }),
        Err(failure) => end_of_failure(failure, |failure| EventKind::Chunk {
            activity,
            number,
            result: Err(*failure.fault),
        }),
    }
}

/// Only a failed step is news for the template.
fn end_of_failure(failure: StepFailure, event: impl FnOnce(StepFailure) -> EventKind) -> StepEnd {
    match failure.verdict {
        Verdict::Failed => StepEnd::Event(event(failure)),
        Verdict::Interrupted => StepEnd::Interrupted,
        Verdict::NotMine => StepEnd::NotMine(failure.title().to_owned()),
        Verdict::Parked => StepEnd::Parked(failure.title().to_owned()),
    }
}

impl From<Fault> for StepFailure {
    fn from(fault: Fault) -> Self {
        Self {
            fault: Box::new(fault),
            again_after: None,
            verdict: Verdict::Failed,
        }
    }
}
