//! Members of a batch, and why some of them failed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{ErrorGroup, MemberView};

use crate::http::habit::ids::JobId;
use crate::http::habit::raw::Raw;

/// One member of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberReply {
    /// Its place, from 1.
    pub n: i64,
    /// Its key.
    pub key: String,
    /// Its object key.
    pub object: Option<String>,
    /// The chunk of its job that holds it, from 1.
    pub chunk: Option<i32>,
    /// The job that works on it; none for rows that were left out.
    pub job: Option<JobId>,
    /// The job's state, that of its chunk once that ended, or `left_out`.
    pub state: String,
    /// The error's stable name, or why the row was left out.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// Tries, once it has begun; of a chunk that ended, how often it ended in the job.
    pub attempts: i32,
    /// How often a new job was made of one that failed; `job` is the newest.
    pub restarts: i32,
    /// When its job or chunk ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The job's result; in manifests of individual batches only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Raw>,
}

/// Members that failed alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorReply {
    /// `failed`, `expired` or `parked`.
    pub kind: String,
    /// The error's stable name.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// Jobs that ended so.
    pub jobs: i64,
    /// The first of them.
    pub first_at: DateTime<Utc>,
    /// The last of them.
    pub last_at: DateTime<Utc>,
    /// Five jobs to look at.
    pub sample: Vec<JobId>,
}

/// Every group of errors of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorsReply {
    /// The largest first.
    pub items: Vec<ErrorReply>,
}

impl From<MemberView> for MemberReply {
    fn from(member: MemberView) -> Self {
        Self {
            n: member.n,
            key: member.key,
            object: member.object,
            chunk: member.chunk,
            job: member.job.map(JobId),
            state: member.state,
            code: member.code,
            fingerprint: member.fingerprint,
            attempts: member.attempts,
            restarts: member.restarts,
            ended_at: member.ended_at,
            result: member.result.map(Raw::new),
        }
    }
}

impl From<ErrorGroup> for ErrorReply {
    fn from(group: ErrorGroup) -> Self {
        Self {
            kind: group.kind,
            code: group.code,
            fingerprint: group.fingerprint,
            jobs: group.jobs,
            first_at: group.first_at,
            last_at: group.last_at,
            sample: group.sample.into_iter().map(JobId).collect(),
        }
    }
}
