//! A context, what made its versions, and who touched it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{
    ContextChangeView, ContextReference, ContextSummary, ContextView, TouchedContext, Toucher,
};

use crate::http::habit::ids::{BatchId, JobId};
use crate::http::habit::raw::Raw;

/// A context.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContextReply {
    /// Its key.
    pub key: String,
    /// Grows with every change, and is its entity tag.
    pub version: i64,
    /// A JSON object.
    pub document: Raw,
    /// What it is about.
    pub subject: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A context in a list, without its document.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContextSummaryReply {
    /// Its key.
    pub key: String,
    /// Grows with every change.
    pub version: i64,
    /// What it is about.
    pub subject: Option<String>,
    /// Bytes of its document.
    pub bytes: i32,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What made a version of a context.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContextChangeReply {
    /// The version that it made.
    pub version: i64,
    /// `put`, `patch`, `change`, `delete` or `expire`.
    pub kind: String,
    /// The whole document of a `put`, what a `patch` merged into it, or the `{ change, input }` that computed it.
    pub change: Option<Raw>,
    /// When.
    pub at: DateTime<Utc>,
    /// A job, or whoever else it was.
    pub who: String,
    /// The job.
    pub job: Option<JobId>,
    /// JSON pointer of its task.
    pub step: Option<String>,
    /// Its batch.
    pub batch: Option<BatchId>,
}

/// A batch or job that touched a context.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContextReferenceReply {
    /// `batch` or `job`.
    pub kind: &'static str,
    /// The batch, `b_7`, or the job, `j_7`.
    pub id: String,
    /// `change` or `read`.
    pub what: String,
    /// When it first did.
    pub at: DateTime<Utc>,
}

/// A context that a batch or job touched.
#[derive(Debug, Serialize, ToSchema)]
pub struct TouchedContextReply {
    /// Its key.
    pub key: String,
    /// `change` or `read`.
    pub what: String,
    /// When it was first.
    pub at: DateTime<Utc>,
}

impl From<ContextView> for ContextReply {
    fn from(context: ContextView) -> Self {
        Self {
            key: context.key,
            version: context.version,
            document: Raw::new(context.document),
            subject: context.subject,
            expires_at: context.expires_at,
            created_at: context.created_at,
            updated_at: context.updated_at,
        }
    }
}

impl From<ContextSummary> for ContextSummaryReply {
    fn from(context: ContextSummary) -> Self {
        Self {
            key: context.key,
            version: context.version,
            subject: context.subject,
            bytes: context.bytes,
            expires_at: context.expires_at,
            created_at: context.created_at,
            updated_at: context.updated_at,
        }
    }
}

impl From<ContextChangeView> for ContextChangeReply {
    fn from(change: ContextChangeView) -> Self {
        Self {
            version: change.version,
            kind: change.kind,
            change: change.data.map(Raw::new),
            at: change.at,
            who: change.who,
            job: change.job.map(JobId),
            step: change.step,
            batch: change.batch.map(BatchId),
        }
    }
}

impl From<ContextReference> for ContextReferenceReply {
    fn from(reference: ContextReference) -> Self {
        Self {
            kind: reference.who.kind(),
            id: match reference.who {
                Toucher::Batch(id) => BatchId(id).to_string(),
                Toucher::Job(id) => JobId(id).to_string(),
            },
            what: reference.what,
            at: reference.at,
        }
    }
}

impl From<TouchedContext> for TouchedContextReply {
    fn from(touched: TouchedContext) -> Self {
        Self {
            key: touched.key,
            what: touched.what,
            at: touched.at,
        }
    }
}
