//! What can happen to a job.
//!
//! Time enters the machine only here: `at` is the database's time at the claim plus monotonic time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::flight::Change;
use crate::value::Value;

/// Names an open activity of one job: a step, a timer or a chunked reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Activity(pub u32);

/// One thing that happened, and when.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of event.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The job begins. Always the first event.
    Started {
        /// Tries of an unjournaled job before this one; 0 for the first.
        attempt: u32,
        /// Leases lost before this one.
        losses: u32,
    },
    /// A step ended well.
    Succeeded {
        /// Which one.
        activity: Activity,
        /// Its raw output.
        output: Value,
    },
    /// A step ended badly.
    Failed {
        /// Which one.
        activity: Activity,
        /// Why.
        fault: Fault,
        /// The remote asked to wait at least so long (`Retry-After`).
        again_after: Option<Duration>,
    },
    /// One chunk of a `chunks` activity ended.
    Chunk {
        /// Which activity.
        activity: Activity,
        /// Which chunk, from 1.
        number: u32,
        /// Its raw output, or why there is none.
        result: Result<Value, Fault>,
    },
    /// An event or signal lies in the job's inbox. Taken if a listen wants it, else `Applied::Late`: it
    /// stays where it is, and is offered again when the job's interests have changed.
    Mail {
        /// Its id in the inbox.
        id: i64,
        /// The CloudEvent, whole.
        envelope: Value,
        /// When it came: mail of before a deadline counts, read after it.
        arrived: DateTime<Utc>,
    },
    /// A child or a group ended.
    Settled {
        /// Which activity started it.
        activity: Activity,
        /// Its public id, such as `j_12`.
        by: String,
        /// Its output, or why there is none.
        result: Result<Value, Fault>,
    },
    /// A worker was lost while a step with an effect ran: nobody knows whether it happened.
    Unknown {
        /// Which one.
        activity: Activity,
    },
    /// Another job holds the effect key of a step.
    EffectTaken {
        /// Which one.
        activity: Activity,
        /// The job that holds it.
        holder: String,
    },
    /// A person lets a stopped step be made again.
    Retry {
        /// Which one.
        activity: Activity,
    },
    /// A person says what a stopped step gave.
    Skip {
        /// Which one.
        activity: Activity,
        /// Its output, in their words.
        output: Value,
    },
    /// A person says that a stopped step failed.
    Fail {
        /// Which one.
        activity: Activity,
        /// Why.
        fault: Fault,
    },
    /// A due instant has passed: timers, deadlines, backoffs up to `at` fire.
    Due,
    /// Somebody cancels the job.
    Cancel {
        /// Who asked.
        who: String,
        /// In their words.
        why: String,
    },
    /// A person changes the job in flight: its context, its place, or its version.
    Changed(Box<Change>),
    /// The last slice was spent; go on.
    Continued,
}

impl EventKind {
    /// The word in journals and on timelines.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Chunk { .. } => "chunk",
            Self::Mail { .. } => "mail",
            Self::Settled { .. } => "settled",
            Self::Unknown { .. } => "unknown",
            Self::EffectTaken { .. } => "effect_taken",
            Self::Retry { .. } => "retry",
            Self::Skip { .. } => "skip",
            Self::Fail { .. } => "fail",
            Self::Due => "due",
            Self::Cancel { .. } => "cancel",
            Self::Changed(change) => change.word(),
            Self::Continued => "continued",
        }
    }
}
