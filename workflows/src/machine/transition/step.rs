//! What can happen to a step.
//!
//! ```text
//! step     | succeeded | failed          | chunk                  | due    | stop
//! Open     | Done      | Backoff, Failed | Open, Done, Backoff, Failed | Failed | Stopping, Gone
//! Backoff  | late      | late            | late                   | Open   | Gone
//! Stopping | Done      | Gone            | Stopping, Gone         | Gone   | Stopping
//! Done     | late      | late            | late                   | X      | Done
//! Failed   | late      | late            | late                   | X      | Failed
//! Gone     | late      | late            | late                   | X      | Gone
//! ```
//!
//! `Verifying` and `Stopped`, with `unknown`, `retry`, `skip` and `fail`, come with effects and parking.

use super::{Illegal, Verdict};

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Asked for; its result is awaited.
    Open,
    /// Failed; a `try` will make it again.
    Backoff,
    /// Asked to stop; a result that is on its way still counts.
    Stopping,
    /// It has a result.
    Done,
    /// It ended without one.
    Failed,
    /// Nobody waits for it any more.
    Gone,
}

/// An event of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEvent {
    /// It ended well.
    Succeeded,
    /// It ended badly; a policy may grant another try.
    Failed {
        /// A `try` makes it again.
        again: bool,
    },
    /// One chunk of it ended.
    Chunk(Rest),
    /// Its timer fired: the deadline of an open step, the end of a backoff, the end of the grace.
    Due,
    /// Its result is not wanted any more.
    Stop {
        /// A closing job waits for the result; a deadline above does not.
        waits: bool,
    },
}

/// What a chunk leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// More chunks.
    Some,
    /// None.
    None,
    /// More failures than tolerated; a policy may grant another try.
    TooManyFailed {
        /// A `try` makes it again.
        again: bool,
    },
}

impl StepState {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::Backoff,
        Self::Stopping,
        Self::Done,
        Self::Failed,
        Self::Gone,
    ];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Backoff => "Backoff",
            Self::Stopping => "Stopping",
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::Gone => "Gone",
        }
    }
}

impl StepEvent {
    /// All of them, each with every detail that it can have.
    pub const ALL: [Self; 10] = [
        Self::Succeeded,
        Self::Failed { again: true },
        Self::Failed { again: false },
        Self::Chunk(Rest::Some),
        Self::Chunk(Rest::None),
        Self::Chunk(Rest::TooManyFailed { again: true }),
        Self::Chunk(Rest::TooManyFailed { again: false }),
        Self::Due,
        Self::Stop { waits: true },
        Self::Stop { waits: false },
    ];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Chunk(_) => "chunk",
            Self::Due => "due",
            Self::Stop { .. } => "stop",
        }
    }
}

/// The one match over steps.
///
/// # Errors
/// `Illegal` where the table has an X.
pub const fn next(state: StepState, event: StepEvent) -> Result<Verdict<StepState>, Illegal> {
    use StepEvent::{Chunk, Due, Failed, Stop, Succeeded};
    use StepState::{Backoff, Done, Gone, Open, Stopping};
    let to = match (state, event) {
        (Open | Stopping, Succeeded) | (Open, Chunk(Rest::None)) => Done,
        (Open, Failed { again: true } | Chunk(Rest::TooManyFailed { again: true })) => Backoff,
        (Open, Failed { again: false } | Chunk(Rest::TooManyFailed { again: false }) | Due) => {
            StepState::Failed
        }
        (Open, Chunk(Rest::Some)) | (Backoff, Due) => Open,
        (Open, Stop { waits: true }) | (Stopping, Chunk(Rest::Some) | Stop { .. }) => Stopping,
        (Open, Stop { waits: false })
        | (Backoff, Stop { .. })
        | (Stopping, Failed { .. } | Chunk(_) | Due) => Gone,
        (Done | StepState::Failed | Gone, Stop { .. }) => state,
        (Backoff | Done | StepState::Failed | Gone, Succeeded | Failed { .. } | Chunk(_)) => {
            return Ok(Verdict::Late);
        }
        (Done | StepState::Failed | Gone, Due) => {
            return Err(Illegal {
                thing: "step",
                state: state.word(),
                event: event.word(),
            });
        }
    };
    Ok(Verdict::To(to))
}
