//! What one flush of a job has to write.
//!
//! A turn holds a job's events since its last flush and the state they led to, so loading a job
//! evaluates nothing. A turn of unknown fate must be sent again with the same bytes: it is immutable.

use chrono::{DateTime, Utc};

use super::event::Activity;
use super::row::Row;

/// A sealed turn: what to write. Give it back to `settle` once durable, or to `reopen` if refused.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The journal entry, if the job keeps a journal.
    pub entry: Option<Entry>,
    /// A head to write beside the entry.
    pub head: Option<Head>,
    /// What is written in the same flush, in this order.
    pub rows: Vec<Row>,
    /// The effects that its steps are about to have. Their keys are taken in the same flush; where another
    /// holds one, the turn is refused for that, and `EventKind::EffectTaken` says so.
    pub effects: Box<[Effect]>,
    /// How the job ended, or that it stopped, if this turn is its last under this lease.
    pub end: Option<End>,
}

/// An effect outside that a step is about to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The step's activity.
    pub activity: Activity,
    /// What the effect is called in its tenant: one step has it at most.
    pub key: String,
    /// The step's idempotency key: the same in each of its tries.
    pub step: String,
}

/// A row of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: i32,
    /// The last event's kind, for people and indexes: `started`, `succeeded`, `failed`, …
    pub kind: String,
    /// When the last event of the turn happened.
    pub at: DateTime<Utc>,
    /// JSON text.
    pub data: String,
}

/// A whole state, so that loading need not fold from the first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry that it includes.
    pub seq: i32,
    /// Its format number.
    pub fold: i32,
    /// JSON bytes.
    pub state: Vec<u8>,
}

/// How a job leaves its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// For good.
    Outcome(Outcome),
    /// An unjournaled try failed and may be made again after the instant.
    Retry {
        /// When.
        at: DateTime<Utc>,
    },
    /// It needs a person.
    Park {
        /// Why.
        reason: String,
    },
    /// Its retries ran out, and it waits for a person instead of failing: the dead letter.
    Exhausted {
        /// The error's title.
        reason: String,
        /// The error's code.
        code: String,
        /// Normalised identity of the error.
        fingerprint: String,
    },
}

/// A job's one final result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which of the five.
    pub kind: OutcomeKind,
    /// Error code of a bad end.
    pub code: Option<String>,
    /// Normalised identity of the error.
    pub fingerprint: Option<String>,
    /// Output, or the error as a problem document: JSON text.
    pub result: Option<String>,
}

/// The five outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OutcomeKind {
    /// It reached its end.
    Completed,
    /// An error went uncaught.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// Its `expires_at` passed before it began.
    Expired,
    /// The rules of its subject forbade it.
    Suppressed,
}

impl OutcomeKind {
    /// The word in SQL, JSON and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
        }
    }
}
