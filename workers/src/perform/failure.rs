//! Why a step has no result: the error of the language, and what the driver should make of it.
//!
//! What may be tried again is `communication` (or `timeout`); `configuration`, `validation`,
//! `authorization` and `runtime` mean that the same call would fail again. A template's `catch`
//! reads only these words.

use std::time::Duration;

use windlass_workflows::machine::fault::Fault;
use windlass_workflows::value::Value;

/// A step that gave no result.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFailure {
    /// The error as the template sees it.
    pub fault: Box<Fault>,
    /// The other side asked to wait at least so long.
    pub again_after: Option<Duration>,
    /// What the driver should make of it.
    pub verdict: Verdict,
}

/// What the driver should make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The step failed: the template's `catch` decides.
    Failed,
    /// This worker does not have the handler: deferred, no attempt spent.
    NotMine,
    /// It needs a person, whatever the template says: parked with the error's title as the reason.
    Parked,
    /// Stopped from outside (drain, lost lease, cancel): no attempt spent.
    Interrupted,
}

impl StepFailure {
    /// A failed step with an error of one of the standard's eight names.
    pub fn failed(name: &str, status: u16, title: impl Into<String>) -> Self {
        let fault = Box::new(Fault::standard(name, status, title));
        Self {
            fault,
            again_after: None,
            verdict: Verdict::Failed,
        }
    }

    /// The other side, or the way to it, failed: may be tried again.
    pub fn communication(status: u16, title: impl Into<String>) -> Self {
        Self::failed("communication", status, title)
    }

    /// A deadline passed.
    pub fn timeout(title: impl Into<String>) -> Self {
        Self::failed("timeout", 408, title)
    }

    /// The call itself cannot be made.
    pub fn configuration(title: impl Into<String>) -> Self {
        Self::failed("configuration", 400, title)
    }

    /// What the call was given does not fit.
    pub fn validation(title: impl Into<String>) -> Self {
        Self::failed("validation", 400, title)
    }

    /// The function is not one of this worker's.
    pub fn not_mine(title: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NotMine,
            ..Self::configuration(title)
        }
    }

    /// The step cannot go on without a person.
    pub fn parked(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Parked,
            ..Self::failed("runtime", 500, reason)
        }
    }

    /// Failed for good, with a code of the handler's own, which a `catch` can name as the error's type.
    pub fn with_code(code: impl Into<String>, title: impl Into<String>) -> Self {
        let mut failure = Self::failed("runtime", 500, title);
        failure.fault.kind = code.into();
        failure
    }

    /// Stopped from outside.
    pub fn interrupted() -> Self {
        Self {
            verdict: Verdict::Interrupted,
            ..Self::failed("runtime", 500, "interrupted")
        }
    }

    /// The same failure with its `detail`.
    pub fn with_detail(mut self, detail: Value) -> Self {
        self.fault.detail = Some(detail);
        self
    }

    /// The same failure, not to be tried again before `wait` has passed.
    pub fn again_after(mut self, wait: Option<Duration>) -> Self {
        self.again_after = wait;
        self
    }

    /// The title, for reports.
    pub fn title(&self) -> &str {
        self.fault.title.as_deref().unwrap_or_default()
    }
}
