//! A batch and how far it is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{
    AskReason, AsksView, BatchView, CurrentJobs, LastPlan, PlannedCounts, Progress,
};

use super::forecast::ForecastReply;
use super::plan::PlanFiguresReply;
use super::rules::BatchRulesReply;
use super::webhook::CallbackReply;
use crate::http::habit::ids::{BatchId, JobId};

/// States in which nothing of a batch is to come.
const FINAL: [&str; 4] = ["completed", "completed_with_errors", "failed", "cancelled"];

/// One batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchReply {
    /// Its id.
    pub id: BatchId,
    /// For people.
    pub name: String,
    /// The job configuration that it runs.
    pub configuration: Option<String>,
    /// Revision of that.
    pub revision: Option<i32>,
    /// `planning`, `planned`, `releasing`, `running`, `paused`, `completed`,
    /// `completed_with_errors`, `failed` or `cancelled`.
    pub state: String,
    /// Whether nothing of it is to come.
    pub is_final: bool,
    /// Why it stands or how it ended, where the state alone does not say.
    pub reason: Option<String>,
    /// `individual`, `object` or `combined`.
    pub strategy: String,
    /// `namespace.name@version`, pinned.
    pub template: String,
    /// Why the work is done.
    pub purpose: Option<String>,
    /// The category that it selects from.
    pub category: Option<String>,
    /// Version of the category when planning began.
    pub category_version: Option<i32>,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// The slot that it is.
    pub slot_at: Option<DateTime<Utc>>,
    /// Key of the context that its jobs share, once it is planned.
    pub context: Option<String>,
    /// Raised by every restart, and by a redrive that opens it again after its end.
    pub generation: i32,
    /// What the plan counted.
    pub planned: PlannedReply,
    /// Hash of the selected keys and documents.
    pub selection_hash: Option<String>,
    /// Hash of all that the plan fixed.
    pub plan_hash: Option<String>,
    /// Jobs let go so far.
    pub released: i64,
    /// Jobs that may be under way at once.
    pub window: i64,
    /// What its plan asks a person, or asked before it was approved.
    pub asks: Option<AsksReply>,
    /// What its plan amounts to; of one batch only, while it waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanFiguresReply>,
    /// Who approved the plan.
    pub approved_by: Option<String>,
    /// Approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: ProgressReply,
    /// When it will be done; of one batch only, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastReply>,
    /// What it goes by, and what holds it back; of one batch only, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<BatchRulesReply>,
    /// Its callbacks that came, at most 100; of one batch only, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callbacks: Option<Vec<CallbackReply>>,
    /// The job that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<JobId>,
    /// Who made it.
    pub created_by: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Plan sealed.
    pub planned_at: Option<DateTime<Utc>>,
    /// First job let go.
    pub started_at: Option<DateTime<Utc>>,
    /// Last job let go.
    pub released_at: Option<DateTime<Utc>>,
    /// Whether it takes more members; it does not end while it does.
    pub open: bool,
    /// Somebody closed it: it takes no more members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Jobs that were added after the plan was sealed; `planned` counts them too.
    pub added: i64,
    /// Somebody cancelled it: its jobs are asked to end.
    pub cancelling_at: Option<DateTime<Utc>>,
    /// Over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a plan asks a person before anything of it starts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AsksReply {
    /// Whether it waits for an answer.
    pub is_open: bool,
    /// Until when; then the batch is cancelled.
    pub until: Option<DateTime<Utc>>,
    /// The guards that ask.
    pub reasons: Vec<AskReasonReply>,
    /// The configuration's latest batch that came to its end.
    pub last: Option<LastPlanReply>,
}

/// Why a plan asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskReasonReply {
    /// Key of the guard, or `approval` where every plan is approved.
    pub guard: String,
    /// What was found, and what is allowed.
    pub message: String,
}

/// The plan before, in figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastPlanReply {
    /// Its batch.
    pub batch: BatchId,
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Rows left out.
    pub left_out: i64,
    /// Whether it selected the very same members and documents.
    pub same_selection: bool,
}

impl From<AsksView> for AsksReply {
    fn from(asks: AsksView) -> Self {
        Self {
            is_open: asks.is_open,
            until: asks.until,
            reasons: asks.reasons.into_iter().map(AskReasonReply::from).collect(),
            last: asks.last.map(LastPlanReply::from),
        }
    }
}

impl From<AskReason> for AskReasonReply {
    fn from(reason: AskReason) -> Self {
        Self {
            guard: reason.guard,
            message: reason.message,
        }
    }
}

impl From<LastPlan> for LastPlanReply {
    fn from(last: LastPlan) -> Self {
        Self {
            batch: BatchId(last.batch),
            members: last.members,
            jobs: last.jobs,
            left_out: last.left_out,
            same_selection: last.same_selection,
        }
    }
}

/// What a plan counted.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlannedReply {
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Chunks of the jobs.
    pub chunks: i32,
    /// Rows left out.
    pub left_out: i64,
}

/// How far a batch is, from its tallies.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProgressReply {
    /// Jobs that must settle, restarts included.
    pub expected: i64,
    /// Jobs that have settled.
    pub settled: i64,
    /// Jobs that have not.
    pub open: i64,
    /// To one decimal, rounded down: 100 only at the end.
    pub percent: f64,
    /// Endings that stand now, by kind.
    pub now: BTreeMap<String, i64>,
    /// Endings that a restart took back.
    pub restarted: i64,
}

/// How far a batch is, and where its open jobs stand: the reply and the event of `progress`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BatchProgressReply {
    /// The batch.
    pub batch: BatchId,
    /// Its name.
    pub name: String,
    /// Its strategy.
    pub strategy: String,
    /// Its state.
    pub state: String,
    /// Whether nothing of it is to come.
    pub is_final: bool,
    /// Why it stands, where the state alone does not say.
    pub reason: Option<String>,
    /// Members, as planned.
    pub members: i64,
    /// Jobs, as planned.
    pub jobs: i64,
    /// Counts.
    pub progress: ProgressReply,
    /// Jobs that wait for a worker.
    pub ready: i64,
    /// Jobs under lease.
    pub running: i64,
    /// Jobs that wait for a person.
    pub parked: i64,
    /// First job let go.
    pub started_at: Option<DateTime<Utc>>,
    /// Over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A new batch, or the one that the same key made before.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedBatchReply {
    /// Its id.
    pub id: BatchId,
    /// Whether the key had made it before.
    pub deduplicated: bool,
    /// The batch.
    pub batch: BatchReply,
}

pub(crate) fn is_final(state: &str) -> bool {
    FINAL.contains(&state)
}

impl BatchProgressReply {
    /// The progress of a batch whose open jobs were just looked at.
    pub fn new(batch: BatchView, current: CurrentJobs) -> Self {
        Self {
            is_final: is_final(&batch.state),
            batch: BatchId(batch.id),
            name: batch.name,
            strategy: batch.strategy,
            state: batch.state,
            reason: batch.reason,
            members: batch.planned.members,
            jobs: batch.planned.jobs,
            progress: batch.progress.into(),
            ready: current.ready,
            running: current.running,
            parked: current.parked,
            started_at: batch.started_at,
            finished_at: batch.finished_at,
        }
    }
}

impl From<BatchView> for BatchReply {
    fn from(batch: BatchView) -> Self {
        Self {
            is_final: is_final(&batch.state),
            id: BatchId(batch.id),
            name: batch.name,
            configuration: batch.configuration,
            revision: batch.revision,
            state: batch.state,
            reason: batch.reason,
            strategy: batch.strategy,
            template: batch.template,
            purpose: Some(batch.purpose).filter(|purpose| !purpose.is_empty()),
            category: batch.category,
            category_version: batch.category_version,
            schedule: batch.schedule,
            slot_at: batch.slot_at,
            context: batch.context,
            generation: batch.generation,
            planned: batch.planned.into(),
            selection_hash: batch.selection_hash,
            plan_hash: batch.plan_hash,
            released: batch.released,
            window: batch.release_window,
            progress: batch.progress.into(),
            forecast: None,
            rules: None,
            callbacks: None,
            parent: batch.parent.map(JobId),
            created_by: batch.created_by,
            created_at: batch.created_at,
            planned_at: batch.planned_at,
            started_at: batch.started_at,
            released_at: batch.released_at,
            asks: batch.asks.map(AsksReply::from),
            plan: None,
            approved_by: batch.approved_by,
            approved_at: batch.approved_at,
            open: batch.open,
            closed_at: batch.closed_at,
            added: batch.added,
            cancelling_at: batch.cancelling_at,
            finished_at: batch.finished_at,
        }
    }
}

impl From<PlannedCounts> for PlannedReply {
    fn from(planned: PlannedCounts) -> Self {
        Self {
            members: planned.members,
            jobs: planned.jobs,
            chunks: planned.chunks,
            left_out: planned.left_out,
        }
    }
}

impl From<Progress> for ProgressReply {
    fn from(progress: Progress) -> Self {
        Self {
            expected: progress.expected,
            settled: progress.settled,
            open: progress.open,
            percent: progress.percent,
            now: progress.now,
            restarted: progress.restarted,
        }
    }
}
