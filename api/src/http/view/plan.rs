//! What a plan amounts to before anything of it runs: of a preview, and of a batch that waits for approval.

use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::protocol::{
    BatchBefore, BatchPreview, PlanFigures, PlanVerdict, PreviewedJob,
};
use windlass_engine::store::LeftOutCounts;
use windlass_workflows::problem::Problem;

use super::batch::AskReasonReply;
use crate::http::habit::ids::BatchId;
use crate::http::habit::problem::Fault;

/// What a plan would hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewReply {
    /// Name of the configuration.
    configuration: String,
    /// `individual`, `object` or `combined`.
    strategy: &'static str,
    /// `namespace.name`.
    template: String,
    /// Members that pass the filter.
    members: u64,
    /// Jobs that they make.
    jobs: u64,
    /// Whether reading stopped early, so that there may be more. Then `min_members`, `max_change` and `same_as_last` are
    /// not judged.
    at_least: bool,
    /// Figures to judge it by.
    #[serde(flatten)]
    figures: PlanFiguresReply,
}

/// Figures by which people judge a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanFiguresReply {
    /// Rows that it leaves out, by why.
    left_out: LeftOutReply,
    /// Guards that it trips, and `approval` where a person approves every plan.
    reasons: Vec<AskReasonReply>,
    /// `runs`: it starts by itself; `asks`: a person is asked first; `refused`: it fails with `guard_tripped`.
    verdict: PlanVerdictReply,
    /// The configuration's latest batch that came to its end.
    last: Option<BatchBeforeReply>,
    /// Seconds that its jobs take at the pace of that batch; null where that is not known.
    forecast_seconds: Option<f64>,
    /// The first jobs, as the template receives them.
    sample: Vec<PreviewedJobReply>,
}

/// Rows that a plan leaves out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutReply {
    /// Another row has its key.
    duplicate: u64,
    /// It cannot be a member.
    invalid: u64,
}

/// What becomes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanVerdictReply {
    /// It starts by itself.
    Runs,
    /// A person is asked first.
    Asks,
    /// It fails: nobody is to be asked.
    Refused,
}

/// The batch before, beside this plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchBeforeReply {
    /// Its id.
    batch: BatchId,
    /// Items selected.
    members: i64,
    /// Jobs made of them.
    jobs: i64,
    /// Rows left out.
    left_out: i64,
    /// More members now, or fewer, below 0, in per cent of those then.
    change_percent: Option<f64>,
    /// Whether it selected the very same members and documents.
    same_selection: Option<bool>,
    /// Jobs that settled in a second.
    jobs_per_s: Option<f64>,
}

/// One job of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewedJobReply {
    /// Key of its member, where it has one member.
    key: Option<String>,
    /// Its object, or its member's.
    object: Option<String>,
    /// What the template receives.
    input: serde_json::Value,
    /// Why its template's input schema refuses that; pointers are those of `input`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Fault>)]
    problems: Vec<Problem>,
}

impl From<BatchPreview> for PreviewReply {
    fn from(preview: BatchPreview) -> Self {
        Self {
            configuration: preview.configuration,
            strategy: preview.strategy,
            template: preview.template,
            members: preview.members,
            jobs: preview.jobs,
            at_least: preview.at_least,
            figures: preview.figures.into(),
        }
    }
}

impl From<PlanFigures> for PlanFiguresReply {
    fn from(figures: PlanFigures) -> Self {
        let LeftOutCounts { duplicate, invalid } = figures.left_out;
        let jobs = figures.sample.into_iter();
        Self {
            left_out: LeftOutReply { duplicate, invalid },
            reasons: (figures.reasons.into_iter())
                .map(AskReasonReply::from)
                .collect(),
            verdict: match figures.verdict {
                PlanVerdict::Runs => PlanVerdictReply::Runs,
                PlanVerdict::Asks => PlanVerdictReply::Asks,
                PlanVerdict::Refused => PlanVerdictReply::Refused,
            },
            last: figures.last.map(BatchBeforeReply::from),
            forecast_seconds: figures.seconds,
            sample: jobs.map(PreviewedJobReply::from).collect(),
        }
    }
}

impl From<BatchBefore> for BatchBeforeReply {
    fn from(last: BatchBefore) -> Self {
        Self {
            batch: BatchId(last.batch),
            members: last.members,
            jobs: last.jobs,
            left_out: last.left_out,
            change_percent: last.change_percent,
            same_selection: last.same_selection,
            jobs_per_s: last.jobs_per_s,
        }
    }
}

impl From<PreviewedJob> for PreviewedJobReply {
    fn from(job: PreviewedJob) -> Self {
        Self {
            key: job.key,
            object: job.object,
            input: job.input,
            problems: job.problems,
        }
    }
}
