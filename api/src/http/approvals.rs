//! `/v1/approvals`: what jobs ask people, and what people answer.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::{ApprovalFilter, ApprovalView, NewDecision};
use windlass_workflows::problem::Problem;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::{ApprovalId, JobId};
use super::habit::page::{self, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(show_approval))
        .routes(routes!(decide_approval))
}

/// What a job asks people.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalReply {
    /// Its id.
    id: ApprovalId,
    /// The job that asks.
    job: JobId,
    /// `open`; `decided`; `closed`: nobody wants an answer any more; `missed`: it was decided in the moment in
    /// which its step was over, and the job does not know of it.
    state: &'static str,
    /// What is asked.
    subject: String,
    /// Who should answer.
    assignees: Vec<String>,
    /// What may be answered.
    options: Vec<String>,
    /// Which reminder this is, from 0.
    round: i32,
    /// Asked again under this key by the same job, it is the same request.
    key: String,
    /// When it was asked first.
    opened_at: DateTime<Utc>,
    /// When it was asked last.
    asked_at: DateTime<Utc>,
    /// When it was decided or closed.
    ended_at: Option<DateTime<Utc>>,
    /// One of the options.
    decision: Option<String>,
    /// Who decided.
    by: Option<String>,
    /// In their words.
    comment: Option<String>,
    /// When it was decided.
    decided_at: Option<DateTime<Utc>>,
}

impl From<ApprovalView> for ApprovalReply {
    fn from(approval: ApprovalView) -> Self {
        Self {
            id: ApprovalId(approval.id),
            job: JobId(approval.job),
            state: approval.state(),
            subject: approval.subject,
            assignees: approval.assignees,
            options: approval.options,
            round: approval.round,
            key: approval.key,
            opened_at: approval.opened_at,
            asked_at: approval.asked_at,
            ended_at: approval.ended_at,
            decision: approval.decision,
            by: approval.decided_by,
            comment: approval.comment,
            decided_at: approval.decided_at,
        }
    }
}

/// Which approvals.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApprovalsQuery {
    /// `open` (unless given), or `ended`: those that were decided or closed.
    state: Option<String>,
    /// Those that wait for this one; for open ones only.
    assignee: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What jobs ask people, the newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "jobs", params(ApprovalsQuery),
    responses((status = 200, body = PageReply<ApprovalReply>)))]
async fn list_approvals(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<ApprovalsQuery>,
) -> Result<Response, Refusal> {
    let limit = page::limit(query.limit)?;
    let before = page::after::<i64>(query.cursor.as_deref())?;
    let filter = ApprovalFilter {
        ended: match query.state.as_deref() {
            None | Some("open") => false,
            Some("ended") => true,
            Some(other) => {
                let message = format!("`{other}` is no state to list by");
                let problem = Problem::new("wrong_value", "/state", message);
                return Err(Refusal::malformed(problem.hint("open or ended")));
            }
        },
        assignee: query.assignee,
    };
    let found = state.store.approvals(state.tenant, &filter, before, limit);
    Ok(page::reply(&uri, found.await?, ApprovalReply::from))
}

/// One approval.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "jobs",
    params(("id" = ApprovalId, Path, description = "The approval")),
    responses((status = 200, body = ApprovalReply)))]
async fn show_approval(
    State(state): State<ApiState>,
    At(id): At<ApprovalId>,
) -> Result<Json<ApprovalReply>, Refusal> {
    let found = state.store.approval(state.tenant, id.0).await?;
    Ok(Json(found.into()))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// One of the options.
    decision: String,
    /// Who decides; the caller unless given.
    by: Option<String>,
    /// In their words.
    comment: Option<String>,
}

/// Decides what a job asks: the job goes on. The first decision stands; a second is refused with 409 and says it.
#[utoipa::path(post, path = "/v1/approvals/{id}/decision", tag = "jobs", request_body = DecisionBody,
    params(("id" = ApprovalId, Path, description = "The approval")),
    responses((status = 200, body = ApprovalReply)))]
async fn decide_approval(
    State(state): State<ApiState>,
    At(id): At<ApprovalId>,
    Body(body): Body<DecisionBody>,
) -> Result<Json<ApprovalReply>, Refusal> {
    let new = NewDecision {
        decision: body.decision,
        by: body.by.unwrap_or_else(|| state.who.to_string()),
        comment: body.comment,
    };
    let decided = state.store.decide(state.tenant, id.0, new).await?;
    Ok(Json(decided.into()))
}
