//! What can happen to a job.
//!
//! ```text
//! job     | started | cancel  | error | deadline | last_done | result  | due     | continued | changed
//! New     | Running | X       | X     | X        | X         | X       | X       | X         | X
//! Running | X       | Closing | Ended | Closing  | Ended     | Running | Running | Running   | Running
//! Closing | X       | Closing | X     | Closing  | Ended     | Closing | Closing | Closing   | X
//! Ended   | X       | X       | X     | X        | X         | late    | late    | late      | X
//! ```
//!
//! The deadline waits for an open step as a cancel does. An ending that is not durable counts as
//! `Closing` for a cancel, so that a job whose last turn was refused can still end as it was told.
//!
//! Pausing and parking come with orders. A change is a patch, a rewind or a move to another version
//! (`flight`): what ends or has ended takes none. An error cannot leave a closing job in this
//! release: what closes runs no undo, it only awaits the open step.

use super::{Illegal, Verdict};

/// The state of a job, as the machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nothing happened to it.
    New,
    /// It goes on by itself, by its step or by its timer.
    Running,
    /// It ends; a running step is waited for.
    Closing,
    /// It has its outcome.
    Ended,
}

/// An event of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEvent {
    /// It begins.
    Started,
    /// Somebody ends it.
    Cancel,
    /// An error went uncaught.
    Error,
    /// Its own deadline passed.
    Deadline,
    /// Nothing is left to do.
    LastDone,
    /// A step or chunk ended.
    Result,
    /// Timers fire.
    Due,
    /// The last slice was spent.
    Continued,
    /// A person changes it in flight.
    Changed,
}

impl JobState {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::New, Self::Running, Self::Closing, Self::Ended];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Running => "Running",
            Self::Closing => "Closing",
            Self::Ended => "Ended",
        }
    }

    /// The state of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl JobEvent {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Started,
        Self::Cancel,
        Self::Error,
        Self::Deadline,
        Self::LastDone,
        Self::Result,
        Self::Due,
        Self::Continued,
        Self::Changed,
    ];

    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Cancel => "cancel",
            Self::Error => "error",
            Self::Deadline => "deadline",
            Self::LastDone => "last_done",
            Self::Result => "result",
            Self::Due => "due",
            Self::Continued => "continued",
            Self::Changed => "changed",
        }
    }
}

/// The one match over jobs.
///
/// # Errors
/// `Illegal` where the table has an X.
pub const fn next(state: JobState, event: JobEvent) -> Result<Verdict<JobState>, Illegal> {
    use JobEvent::{Cancel, Changed, Continued, Deadline, Due, Error, LastDone, Result, Started};
    use JobState::{Closing, Ended, New, Running};
    let to = match (state, event) {
        (New, Started) | (Running, Result | Due | Continued | Changed) => Running,
        (Running, Cancel | Deadline) | (Closing, Cancel | Deadline | Result | Due | Continued) => {
            Closing
        }
        (Running, Error) | (Running | Closing, LastDone) => Ended,
        (Ended, Result | Due | Continued) => return Ok(Verdict::Late),
        (New, Cancel | Error | Deadline | LastDone | Result | Due | Continued | Changed)
        | (Running, Started)
        | (Closing, Started | Error | Changed)
        | (Ended, Started | Cancel | Error | Deadline | LastDone | Changed) => {
            return Err(Illegal {
                thing: "job",
                state: state.word(),
                event: event.word(),
            });
        }
    };
    Ok(Verdict::To(to))
}
