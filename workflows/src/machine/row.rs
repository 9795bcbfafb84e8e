//! What rides in a turn's own flush: rows that are there if, and only if, the turn is.
//!
//! A command leaves after its turn is durable and may be asked for again; a row is written with it,
//! exactly once. So nothing here is ever pending.

use chrono::{DateTime, Utc};

use super::event::Activity;
pub use crate::document::settings::Fate;
use crate::document::step::FunctionName;
use crate::value::Value;

/// One row that a turn brings along.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A job of its own. Its end comes back as `EventKind::Settled`, if it is awaited.
    StartChild(StartChild),
    /// The child of that activity is cancelled: its parent does not want it any more.
    CloseChild {
        /// Which one.
        activity: Activity,
    },
    /// A group of jobs: the members of a `map`, or a batch. Its end comes back as `EventKind::Settled`.
    OpenGroup {
        /// Which activity answers to it.
        activity: Activity,
        /// `map` or `batch`, with its version.
        function: FunctionName,
        /// The evaluated `with`.
        input: Value,
        /// Stable idempotency key: a group of this key exists once.
        key: String,
        /// Where and how urgently its jobs run: queue, priority, limits, `startBy`, evaluated.
        placement: Option<Value>,
    },
    /// The group of that activity is cancelled.
    CloseGroup {
        /// Which one.
        activity: Activity,
    },
    /// A request to people. Their decision comes back as `EventKind::Settled`.
    OpenApproval {
        /// Which activity answers to it.
        activity: Activity,
        /// The evaluated `with`: what is asked, and whom.
        input: Value,
        /// Stable idempotency key; the request goes by it unless `input` has a key of its own.
        key: String,
    },
    /// The step of that activity does not want an answer any more.
    CloseApproval {
        /// Which one.
        activity: Activity,
    },
    /// An event for everybody who listens.
    Publish {
        /// Its id, which is also in the envelope: the same in every try to publish it.
        id: String,
        /// The CloudEvent, whole.
        envelope: Value,
    },
    /// A listen has taken that mail: it leaves the inbox.
    TakeMail {
        /// Its id in the inbox.
        id: i64,
    },
    /// A listen that had taken that mail ended before it was done: the mail may be taken again.
    ReturnMail {
        /// Its id in the inbox, as it was.
        id: i64,
        /// The CloudEvent, whole.
        envelope: Value,
        /// When it first came.
        arrived: DateTime<Utc>,
    },
    /// A merge patch of a shared context. Its answer comes back as `EventKind::Succeeded` or
    /// `EventKind::Failed` with status 409.
    SaveContext {
        /// Which activity answers to it.
        activity: Activity,
        /// The evaluated `with`: key, patch and, to be safe from others, the version that was read.
        input: Value,
        /// Stable idempotency key.
        key: String,
    },
    /// The job's chunks are begun once more: those that failed are under way, until they end anew.
    BeginChunksAgain,
    /// How a chunk of the job's members ended.
    EndChunk {
        /// Which one, from 1.
        number: u32,
        /// What it failed of.
        error: Option<ChunkError>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What a chunk failed of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkError {
    /// The error's stable name.
    pub code: String,
    /// Normalised identity of the error.
    pub fingerprint: String,
}

/// A child to start.
#[derive(Clone, Debug, PartialEq)]
pub struct StartChild {
    /// Which activity answers to it.
    pub activity: Activity,
    /// What it runs.
    pub template: ChildTemplate,
    /// Its raw input.
    pub input: Value,
    /// Stable idempotency key: job, nonce, path and visit.
    pub key: String,
    /// Its end is waited for.
    pub is_awaited: bool,
    /// What becomes of it when its parent ends first.
    pub fate: Fate,
    /// Where and how urgently it runs: queue, priority, limits, `startBy`, evaluated.
    pub placement: Option<Value>,
    /// The input of the task whose call it makes, if it is the job of a step: keys of limits are read from that,
    /// as its own input is the call.
    pub step_input: Option<Value>,
}

/// The template of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildTemplate {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// A version, or `latest`, which is resolved when the child starts and stands in its row.
    pub version: String,
}

/// What a job that rests waits for, besides its clock. Derived from its state.
#[derive(Clone, Debug, PartialEq)]
pub enum Interest {
    /// Mail that a `listen` may take: an event with these attributes. `Execution::wants` says whether one
    /// fits in full; who looks for candidates may go by these alone.
    Mail {
        /// The listen.
        activity: Activity,
        /// Since when it listens.
        since: DateTime<Utc>,
        /// `type`, unless the filter computes it.
        kind: Option<String>,
        /// `subject`, if the filter or a correlation fixes it.
        subject: Option<String>,
    },
    /// The end of a child.
    Child {
        /// The activity that started it.
        activity: Activity,
    },
    /// The end of a group.
    Group {
        /// The activity that opened it.
        activity: Activity,
    },
    /// The end of a batch.
    Batch {
        /// The activity that opened it.
        activity: Activity,
    },
    /// A decision of people.
    Approval {
        /// The activity that asked.
        activity: Activity,
        /// What it asked.
        input: Value,
    },
    /// The answer to a saved context.
    Context {
        /// The activity that saved it.
        activity: Activity,
    },
}
