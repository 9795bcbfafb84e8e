//! A call on the work runtime: under a permit of the worker's slots, and only while leases are believed.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use super::lookup::Lookup;
use crate::perform::{StepContext, StepFailure};
use crate::shared::Shared;

/// Performs a call.
pub(super) async fn run(
    shared: Arc<Shared>,
    limited: Option<i32>,
    call: Call,
    context: StepContext,
) -> Result<Value, StepFailure> {
    let here = shared.clone();
    let step = async move {
        context.begins();
        match Lookup::of(&call) {
            Some(lookup) => lookup.perform(&here, &context).await,
            None => here.performer.perform(&call, &context).await,
        }
    };
    let answer = on_work(&shared, None, step).await;
    rested(shared, limited, answer).await
}

/// A remote that asks for a rest gives it to all jobs under the same limits.
pub(super) async fn rested(
    shared: Arc<Shared>,
    limited: Option<i32>,
    answer: Result<Value, StepFailure>,
) -> Result<Value, StepFailure> {
    let rest = answer
        .as_ref()
        .err()
        .and_then(|failure| failure.again_after);
    if let (Some(lane), Some(rest)) = (limited, rest)
        && let Err(error) = shared.store.hold_limits(lane, rest).await
    {
        warn!(lane, error = %error, "could not hold the limits of a job whose remote asked for a rest");
    }
    answer
}

/// Runs a step on the work runtime under a permit; no effect starts once the leases may not be
/// believed any more.
pub(super) async fn on_work(
    shared: &Shared,
    permit: Option<OwnedSemaphorePermit>,
    step: impl Future<Output = Result<Value, StepFailure>> + Send + 'static,
) -> Result<Value, StepFailure> {
    let permit = match permit {
        Some(permit) => permit,
        None => {
            let permit = shared.slots.clone().acquire_owned().await;
            permit.expect("the semaphore is never closed")
        }
    };
    if !shared.may_begin() {
        return Err(StepFailure::interrupted());
    }
    let step = async move {
        let _permit = permit;
        step.await
    };
    match AbortOnDropHandle::new(shared.work.spawn(step)).await {
        Ok(answer) => answer,
        Err(ended) if ended.is_panic() => {
            Err(StepFailure::failed("runtime", 500, "the step panicked"))
        }
        Err(_) => Err(StepFailure::interrupted()),
    }
}
