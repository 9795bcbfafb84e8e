//! What a handler may answer beside a result, as errors that it returns.
//!
//! apalis' own words are kept: `RetryAfterError` and `DeferredError` ask to be tried again, `AbortError`
//! fails for good, and any other error may be tried again as the template says. These add what they
//! have no word for.

/// Failed for good, with a code of the handler's own, and perhaps a status:
/// `catch: { errors: { with: { type: <code>, status: 402 } } }`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FailError {
    /// Stable, such as `card.declined`.
    pub code: String,
    /// From 400 to 599, as HTTP has them; 500 without one. From 400 to 499, but for 408, it says that nothing was
    /// done: the key of the step's effect is free again.
    pub status: Option<u16>,
    /// For people.
    pub message: String,
}

/// The job needs a person: it is parked with this reason, and its memory stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParkError(pub String);

/// This worker cannot do it, another may: the job is put off, no attempt is spent, and this is shown as
/// what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotMineError(pub String);
