//! What can happen to a step.
//!
//! ```text
//! step      | succeeded  | failed                   | chunk                       | unknown                        | due    | stop           | retry | skip | fail
//! Open      | Done       | Backoff, Stopped, Failed | Open, Done, Backoff, Failed | Open, Done, Verifying, Stopped | Failed | Stopping, Gone | X     | X    | X
//! Verifying | Done, Open | Stopped                  | X                           | Verifying                      | Failed | Stopping, Gone | X     | X    | X
//! Backoff   | late       | late                     | late                        | X                              | Open   | Gone           | X     | X    | X
//! Stopping  | Done       | Gone                     | Stopping, Gone              | Gone                           | Gone   | Stopping       | X     | X    | X
//! Stopped   | late       | late                     | late                        | late                           | Open   | Gone           | Open  | Done | Failed
//! Done      | late       | late                     | late                        | late                           | X      | Done           | late  | late | late
//! Failed    | late       | late                     | late                        | late                           | X      | Failed         | late  | late | late
//! Gone      | late       | late                     | late                        | late                           | X      | Gone           | late  | late | late
//! ```
//!
//! A stopped step falls due when its parked job is let go on. A decision that finds nothing to decide
//! comes late: two people may decide at once.

use super::{Illegal, Verdict};

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Asked for; its result is awaited.
    Open,
    /// Nobody knows whether it happened; somebody is asked.
    Verifying,
    /// Failed; a `try` will make it again.
    Backoff,
    /// Asked to stop; a result that is on its way still counts.
    Stopping,
    /// A person decides about it.
    Stopped,
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
    /// It ended well; or, of one that is verified: it is known whether it did.
    Succeeded,
    /// The verification says that it did not happen.
    NotDone,
    /// It ended badly; a policy may grant another try.
    Failed {
        /// A `try` makes it again.
        again: bool,
    },
    /// The same, and it says that a person decides then.
    FailedForGood,
    /// Its worker was lost and nobody knows whether it happened.
    Unknown,
    /// The same, and it counts as done.
    UnknownDone,
    /// The same, and somebody is asked.
    UnknownVerify,
    /// The same, and a person decides.
    UnknownPark,
    /// One chunk of it ended.
    Chunk(Rest),
    /// Its timer fired: the deadline of an open step, the end of a backoff, the end of the grace.
    Due,
    /// Its result is not wanted any more.
    Stop {
        /// A closing job waits for the result; a deadline above does not.
        waits: bool,
    },
    /// A person lets it be made again.
    Retry,
    /// A person says what it gave.
    Skip,
    /// A person says that it failed.
    Fail,
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
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Verifying,
        Self::Backoff,
        Self::Stopping,
        Self::Stopped,
        Self::Done,
        Self::Failed,
        Self::Gone,
    ];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Verifying => "Verifying",
            Self::Backoff => "Backoff",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::Gone => "Gone",
        }
    }
}

impl StepEvent {
    /// All of them, each with every detail that it can have.
    pub const ALL: [Self; 19] = [
        Self::Succeeded,
        Self::NotDone,
        Self::Failed { again: true },
        Self::Failed { again: false },
        Self::FailedForGood,
        Self::Unknown,
        Self::UnknownDone,
        Self::UnknownVerify,
        Self::UnknownPark,
        Self::Chunk(Rest::Some),
        Self::Chunk(Rest::None),
        Self::Chunk(Rest::TooManyFailed { again: true }),
        Self::Chunk(Rest::TooManyFailed { again: false }),
        Self::Due,
        Self::Stop { waits: true },
        Self::Stop { waits: false },
        Self::Retry,
        Self::Skip,
        Self::Fail,
    ];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded | Self::NotDone => "succeeded",
            Self::Failed { .. } | Self::FailedForGood => "failed",
            Self::Unknown | Self::UnknownDone | Self::UnknownVerify | Self::UnknownPark => {
                "unknown"
            }
            Self::Chunk(_) => "chunk",
            Self::Due => "due",
            Self::Stop { .. } => "stop",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Fail => "fail",
        }
    }
}

/// The one match over steps.
///
/// # Errors
/// `Illegal` where the table has an X.
pub const fn next(state: StepState, event: StepEvent) -> Result<Verdict<StepState>, Illegal> {
    use StepEvent::{
        Chunk, Due, Fail, Failed, FailedForGood, NotDone, Retry, Skip, Stop, Succeeded, Unknown,
        UnknownDone, UnknownPark, UnknownVerify,
    };
    use StepState::{Backoff, Done, Gone, Open, Stopped, Stopping, Verifying};
    let to = match (state, event) {
        (Open | Verifying | Stopping, Succeeded)
        | (Open | Stopping, NotDone)
        | (Open, Chunk(Rest::None) | UnknownDone)
        | (Stopped, Skip) => Done,
        (Open, Failed { again: true } | Chunk(Rest::TooManyFailed { again: true })) => Backoff,
        (Open, Failed { again: false } | Chunk(Rest::TooManyFailed { again: false }))
        | (Open | Verifying, Due)
        | (Stopped, Fail) => StepState::Failed,
        (Open, FailedForGood | UnknownPark) | (Verifying, Failed { .. } | FailedForGood) => Stopped,
        (Open, Chunk(Rest::Some) | Unknown)
        | (Backoff | Stopped, Due)
        | (Verifying, NotDone)
        | (Stopped, Retry) => Open,
        (Open, UnknownVerify)
        | (Verifying, Unknown | UnknownDone | UnknownVerify | UnknownPark) => Verifying,
        (Open | Verifying, Stop { waits: true }) | (Stopping, Chunk(Rest::Some) | Stop { .. }) => {
            Stopping
        }
        (Open | Verifying, Stop { waits: false })
        | (Backoff | Stopped, Stop { .. })
        | (Stopping, Failed { .. } | FailedForGood | Chunk(_) | Due)
        | (Stopping, Unknown | UnknownDone | UnknownVerify | UnknownPark) => Gone,
        (Done | StepState::Failed | Gone, Stop { .. }) => state,
        (
            Backoff | Stopped | Done | StepState::Failed | Gone,
            Succeeded | NotDone | Failed { .. } | FailedForGood | Chunk(_),
        )
        | (
            Stopped | Done | StepState::Failed | Gone,
            Unknown | UnknownDone | UnknownVerify | UnknownPark,
        )
        | (Done | StepState::Failed | Gone, Retry | Skip | Fail) => return Ok(Verdict::Late),
        (Done | StepState::Failed | Gone, Due)
        | (Verifying, Chunk(_))
        | (Backoff, Unknown | UnknownDone | UnknownVerify | UnknownPark)
        | (Open | Verifying | Backoff | Stopping, Retry | Skip | Fail) => {
            return Err(Illegal {
                thing: "step",
                state: state.word(),
                event: event.word(),
            });
        }
    };
    Ok(Verdict::To(to))
}
