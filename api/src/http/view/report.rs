//! The report of a batch, with the one before it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{BatchFigures, BatchReport, Phase};

use super::member::ErrorReply;
use crate::http::habit::ids::BatchId;

/// The report of a batch, final or so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportReply {
    /// The figures of this batch.
    #[serde(flatten)]
    pub figures: FiguresReply,
    /// Why members failed, the largest group first.
    pub errors: Vec<ErrorReply>,
    /// The batch of the same configuration that ended before.
    pub last: Option<FiguresReply>,
}

/// A batch in figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresReply {
    /// The batch.
    pub batch: BatchId,
    /// For people.
    pub name: String,
    /// Its job configuration.
    pub configuration: Option<String>,
    /// Revision of that.
    pub revision: Option<i32>,
    /// The slot that it is.
    pub slot: Option<DateTime<Utc>>,
    /// `individual`, `object` or `combined`.
    pub strategy: String,
    /// `namespace.name@version`.
    pub template: String,
    /// Hash of all that the plan fixed.
    pub plan_hash: Option<String>,
    /// Its state.
    pub state: String,
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Chunks of the jobs.
    pub chunks: i32,
    /// Rows left out.
    pub left_out: i64,
    /// Endings that stand now, by kind.
    pub outcomes: BTreeMap<String, i64>,
    /// Endings that a restart took back.
    pub restarted: i64,
    /// Jobs added after the plan was sealed.
    pub added: i64,
    /// When each phase began, and how long it took.
    pub phases: PhasesReply,
    /// Settled jobs a second since the first was let go.
    pub jobs_per_s: Option<f64>,
}

/// The phases of a batch; `running` overlaps `releasing`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhasesReply {
    /// From creation to the sealed plan.
    pub planning: PhaseReply,
    /// From the sealed plan to the first job.
    pub waiting: PhaseReply,
    /// From the first job to the last one let go.
    pub releasing: PhaseReply,
    /// From the first job to the end.
    pub running: PhaseReply,
}

/// One phase.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhaseReply {
    /// Its beginning.
    pub from: Option<DateTime<Utc>>,
    /// Its end.
    pub until: Option<DateTime<Utc>>,
    /// Its length; none while it lasts.
    pub seconds: Option<f64>,
}

impl From<BatchReport> for ReportReply {
    fn from(report: BatchReport) -> Self {
        Self {
            figures: report.figures.into(),
            errors: report.errors.into_iter().map(ErrorReply::from).collect(),
            last: report.last.map(FiguresReply::from),
        }
    }
}

impl From<BatchFigures> for FiguresReply {
    fn from(figures: BatchFigures) -> Self {
        Self {
            batch: BatchId(figures.batch),
            name: figures.name,
            configuration: figures.configuration,
            revision: figures.revision,
            slot: figures.slot,
            strategy: figures.strategy,
            template: figures.template,
            plan_hash: figures.plan_hash,
            state: figures.state,
            members: figures.members,
            jobs: figures.jobs,
            chunks: figures.chunks,
            left_out: figures.left_out,
            outcomes: figures.outcomes,
            restarted: figures.restarted,
            added: figures.added,
            phases: PhasesReply {
                planning: figures.phases.planning.into(),
                waiting: figures.phases.waiting.into(),
                releasing: figures.phases.releasing.into(),
                running: figures.phases.running.into(),
            },
            jobs_per_s: figures.jobs_per_s,
        }
    }
}

impl From<Phase> for PhaseReply {
    fn from(phase: Phase) -> Self {
        Self {
            from: phase.from,
            until: phase.until,
            seconds: phase.seconds,
        }
    }
}
