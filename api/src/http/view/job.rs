//! A job, its request, its journal and its timeline.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::explain::Reason;
use windlass_engine::store::{
    HeldView, JobView, JournalEntry, LeaseView, OutcomeView, RequestView, WaitCause,
};

use crate::http::habit::ids::{BatchId, JobId, RequestId, WorkerId};
use crate::http::habit::raw::Raw;

/// One job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobReply {
    /// Its id.
    pub id: JobId,
    /// `scheduled`, `ready`, `running`, `waiting`, `paused`, `parked`, `completed`, `failed`,
    /// `cancelled`, `expired` or `suppressed`.
    pub state: &'static str,
    /// Whether it has its outcome.
    pub is_final: bool,
    /// `namespace.name@version`.
    pub template: String,
    /// Why the work is done.
    pub purpose: Option<String>,
    /// The stream that it is claimed from.
    pub queue: String,
    /// Its batch.
    pub batch: Option<BatchId>,
    /// Key of its member, in individual batches.
    pub member_key: Option<String>,
    /// Object key of its members.
    pub object: Option<String>,
    /// The job that started it.
    pub parent: Option<JobId>,
    /// The ended job that it repeats.
    pub redrive_of: Option<JobId>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Unjournaled tries so far.
    pub attempt: i16,
    /// Leases lost so far.
    pub losses: i16,
    /// Whether it keeps a journal.
    pub journaled: bool,
    /// When something happens next by itself.
    pub due: Option<DateTime<Utc>>,
    /// Since when it has been due, while it is ready.
    pub ready_since: Option<DateTime<Utc>>,
    /// Who has it, while it runs.
    pub lease: Option<LeaseReply>,
    /// Why it stands still.
    pub held: Option<HeldReply>,
    /// What it waits for.
    pub waits: Vec<WaitReply>,
    /// The stages in which it stands, as its template names them; left out of lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// How it ended.
    pub outcome: Option<OutcomeReply>,
    /// What its caller said beside the input; jobs of batches have none.
    pub request: Option<AskedReply>,
}

/// A worker's right to a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseReply {
    /// The worker.
    pub worker: WorkerId,
    /// When it was claimed.
    pub claimed_at: DateTime<Utc>,
    /// Whether somebody asked the job to stop.
    pub stopping: bool,
}

/// Why a job stands still.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldReply {
    /// `planned`, `paused`, `parked` or `cancelling`.
    pub reason: String,
    /// Who stopped it.
    pub who: String,
    /// In their words, or the error's.
    pub why: String,
}

/// One thing that a job waits for.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitReply {
    /// `signal`, `event`, `child`, `group`, `batch` or `approval`.
    pub kind: Option<String>,
    /// A signal's name, or an event's type; empty: any type, or it has none.
    pub name: Option<String>,
    /// Whom a signal is for; an event's subject, empty for any; the child or batch.
    pub key: Option<String>,
}

/// A job's one final result.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeReply {
    /// `completed`, `failed`, `cancelled`, `expired` or `suppressed`.
    pub kind: String,
    /// The error's stable name.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Output, or the error as a problem document; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Raw>,
}

/// What a caller said beside the input.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskedReply {
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Who asked.
    pub who: String,
    /// Not before.
    pub start_at: Option<DateTime<Utc>>,
    /// Not started by then, it ends `expired`.
    pub expires_at: Option<DateTime<Utc>>,
    /// The job that had started when this request came to replace it.
    pub successor_of: Option<JobId>,
    /// For people and filters.
    pub tags: BTreeMap<String, String>,
}

/// A request: what was asked, and the job that it became.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestReply {
    /// Its id; its job has the same number.
    pub id: RequestId,
    /// What it became.
    pub job: JobReply,
    /// What it was given.
    pub input: Raw,
}

/// One entry of a job's journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryReply {
    /// From 1, without gaps.
    pub seq: i32,
    /// What stands in it.
    pub kind: String,
    /// When the turn was taken.
    pub at: DateTime<Utc>,
    /// The turn: events since the last one, and the state they led to.
    pub data: Raw,
}

/// Why a job is not running.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainReply {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: &'static str,
    /// Every unmet condition; empty while it runs.
    pub reasons: Vec<ReasonReply>,
}

/// One thing that keeps a job from running.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonReply {
    /// Stable, such as `no_worker`.
    pub code: &'static str,
    /// One sentence for people.
    pub text: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// The output of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputReply {
    /// The job.
    pub job: JobId,
    /// How it ended.
    pub kind: String,
    /// Output, or the error as a problem document.
    pub result: Option<Raw>,
}

impl From<JobView> for JobReply {
    fn from(job: JobView) -> Self {
        Self {
            id: JobId(job.id),
            state: job.state.as_str(),
            is_final: job.state.is_final(),
            template: job.template,
            purpose: Some(job.purpose).filter(|purpose| !purpose.is_empty()),
            queue: job.queue,
            batch: job.batch.map(BatchId),
            member_key: job.member_key,
            object: job.object,
            parent: job.parent.map(JobId),
            redrive_of: job.redrive_of.map(JobId),
            created_at: job.created_at,
            attempt: job.attempt,
            losses: job.losses,
            journaled: job.journaled,
            due: job.due,
            ready_since: job.ready_since,
            lease: job.lease.map(LeaseReply::from),
            held: job.held.map(HeldReply::from),
            waits: job.waits.into_iter().map(WaitReply::from).collect(),
            stages: Vec::new(),
            outcome: job.outcome.map(OutcomeReply::from),
            request: job.request.map(AskedReply::from),
        }
    }
}

impl From<LeaseView> for LeaseReply {
    fn from(lease: LeaseView) -> Self {
        Self {
            worker: WorkerId(lease.worker),
            claimed_at: lease.claimed_at,
            stopping: lease.stopping,
        }
    }
}

impl From<HeldView> for HeldReply {
    fn from(held: HeldView) -> Self {
        Self {
            reason: held.reason,
            who: held.who,
            why: held.why,
        }
    }
}

impl From<WaitCause> for WaitReply {
    fn from(wait: WaitCause) -> Self {
        Self {
            kind: wait.kind,
            name: wait.name,
            key: wait.key,
        }
    }
}

impl From<OutcomeView> for OutcomeReply {
    fn from(outcome: OutcomeView) -> Self {
        Self {
            kind: outcome.kind,
            code: outcome.code,
            fingerprint: outcome.fingerprint,
            at: outcome.at,
            result: outcome.result.map(Raw::new),
        }
    }
}

impl From<RequestView> for AskedReply {
    fn from(request: RequestView) -> Self {
        Self {
            idempotency_key: request.idempotency_key,
            who: request.who,
            start_at: request.start_at,
            expires_at: request.expires_at,
            successor_of: request.successor_of.map(JobId),
            tags: request.tags,
        }
    }
}

impl From<JournalEntry> for EntryReply {
    fn from(entry: JournalEntry) -> Self {
        Self {
            seq: entry.seq,
            kind: entry.kind,
            at: entry.at,
            data: Raw::new(entry.data),
        }
    }
}

impl From<Reason> for ReasonReply {
    fn from(reason: Reason) -> Self {
        Self {
            code: reason.code,
            text: reason.text,
            until: reason.until,
        }
    }
}
