//! What is parked, and redrives of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{DEAD_COUNT_MAX, DeadGroup, RedriveView};

use crate::http::habit::ids::{BatchId, JobId, RedriveId};

/// Parked jobs that were stopped by the same error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorReply {
    /// Identity of the error without its particulars; `none` for what was parked without one.
    pub fingerprint: String,
    /// The error's stable name.
    pub code: Option<String>,
    /// The reason of the first of them.
    pub why: String,
    /// How many, at most 10,000.
    pub jobs: i64,
    /// Whether there are more.
    pub more: bool,
    /// The first five.
    pub sample: Vec<JobId>,
    /// When the first of them was parked.
    pub first_at: DateTime<Utc>,
    /// Templates whose breaker holds them for this error.
    pub breakers: Vec<String>,
}

/// The word for no fingerprint, in addresses and replies.
pub const NONE: &str = "none";

impl From<DeadGroup> for ErrorReply {
    fn from(group: DeadGroup) -> Self {
        let is_none = group.fingerprint.is_empty();
        Self {
            fingerprint: if is_none {
                NONE.to_owned()
            } else {
                group.fingerprint
            },
            code: group.code,
            why: group.why,
            jobs: group.jobs.min(DEAD_COUNT_MAX),
            more: group.jobs > DEAD_COUNT_MAX,
            sample: group.sample.into_iter().map(JobId).collect(),
            first_at: group.first_at,
            breakers: group.breakers,
        }
    }
}

/// Stopped work that somebody wants to run again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RedriveReply {
    /// Its id.
    pub id: RedriveId,
    /// `running`, `stopped`, `completed` or `cancelled`.
    pub state: String,
    /// Why it stopped.
    pub reason: Option<String>,
    /// All with this fingerprint.
    pub fingerprint: Option<String>,
    /// All of this batch.
    pub batch: Option<BatchId>,
    /// These jobs.
    pub jobs: Option<Vec<JobId>>,
    /// Jobs a second.
    pub rate: i32,
    /// So many go first, and must do well.
    pub canary: i32,
    /// Failed jobs too, each as a new job.
    pub failed_too: bool,
    /// The generation of its batch that it begins, where it is a restart: those go at the pace of their batch.
    pub generation: Option<i32>,
    /// Jobs that it let go.
    pub moved: i64,
    /// Those that did well.
    pub good: i64,
    /// Those that came back with the same error.
    pub bad: i64,
    /// Who wanted it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<RedriveView> for RedriveReply {
    fn from(view: RedriveView) -> Self {
        let fingerprint = view
            .fingerprint
            .map(|fingerprint| match fingerprint.is_empty() {
                true => NONE.to_owned(),
                false => fingerprint,
            });
        Self {
            id: RedriveId(view.id),
            state: view.state,
            reason: view.reason,
            fingerprint,
            batch: view.batch.map(BatchId),
            jobs: view.jobs.map(|jobs| jobs.into_iter().map(JobId).collect()),
            rate: view.rate,
            canary: view.canary,
            failed_too: view.failed_too,
            generation: view.generation,
            moved: view.moved,
            good: view.good,
            bad: view.bad,
            who: view.who,
            why: view.why,
            created_at: view.created_at,
            finished_at: view.finished_at,
        }
    }
}
