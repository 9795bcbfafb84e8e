//! Calls a handler of the catalogue in place and says what its errors mean.
//!
//! apalis' own words are kept: `AbortError` is final (`runtime`), everything else may be tried
//! again (`communication`), at once for `DeferredError`, later for `RetryAfterError`. A panic is
//! a bug that may depend on the moment, so it may be tried again too. `crate::answer` adds a code of
//! the handler's own, parking, and "not mine".

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::error::{AbortError, BoxDynError, DeferredError, RetryAfterError};
use futures::future::BoxFuture;
use serde_json::value::RawValue;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::value::Value;

use super::StepContext;
use super::failure::StepFailure;
use crate::answer::{FailError, NotMineError, ParkError};
use crate::apalis::Lease;
use crate::catalogue::{Catalogue, Panicked, UnknownHandler};
use crate::source::GivenBack;

/// Deepest JSON that is stored (reliability E.3).
const JSON_DEPTH_MAX: u32 = 64;
/// Longest error text that is kept (reliability E.3).
const TITLE_BYTES_MAX: usize = 16 * 1024;

/// A handler's run, on the way to the step's output.
pub(crate) struct Handler(BoxFuture<'static, Result<Box<RawValue>, BoxDynError>>);

/// A run of the handler on `input`, to be polled.
pub(super) fn begin(
    catalogue: &Catalogue,
    function: &FunctionName,
    input: &Value,
    context: &StepContext,
) -> Handler {
    let lease = Lease::in_place(context);
    Handler(catalogue.call(function, input.to_json(), lease))
}

impl Future for Handler {
    type Output = Result<Value, StepFailure>;

    fn poll(mut self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(waker).map(output)
    }
}

fn output(answer: Result<Box<RawValue>, BoxDynError>) -> Result<Value, StepFailure> {
    let answer = answer.map_err(failure)?;
    Value::parse_within(answer.get(), JSON_DEPTH_MAX).map_err(|error| {
        let title = format!("the handler's answer cannot be kept: {error}");
        StepFailure::failed("runtime", 500, title)
    })
}

/// What a handler's error means.
pub(crate) fn failure(error: BoxDynError) -> StepFailure {
    if error.is::<UnknownHandler>() || error.is::<NotMineError>() {
        return StepFailure::not_mine(error.to_string());
    }
    if error.is::<GivenBack>() {
        return StepFailure::interrupted();
    }
    if error.is::<ParkError>() {
        return StepFailure::parked(cut(error.to_string()));
    }
    if let Some(failed) = error.downcast_ref::<FailError>() {
        let mut failure = StepFailure::with_code(failed.code.clone(), cut(error.to_string()));
        let status = failed.status.filter(|status| (400..600).contains(status));
        failure.fault.status = status.unwrap_or(failure.fault.status);
        return failure;
    }
    if error.is::<AbortError>() {
        return StepFailure::failed("runtime", 500, cause(&*error));
    }
    if let Some(later) = error.downcast_ref::<RetryAfterError>() {
        return StepFailure::communication(503, cause(&*error))
            .again_after(Some(later.get_duration()));
    }
    if error.is::<DeferredError>() {
        return StepFailure::communication(503, cause(&*error)).again_after(Some(Duration::ZERO));
    }
    if error.is::<Panicked>() {
        let code = Value::map([("code", Value::from("handler.panicked"))]);
        return StepFailure::communication(500, cut(error.to_string())).with_detail(code);
    }
    StepFailure::communication(500, cut(error.to_string()))
}

/// What stands behind one of apalis' wrappers, whose own text only says its name.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    cut(error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string))
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TITLE_BYTES_MAX));
    text
}
