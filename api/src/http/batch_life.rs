//! `/v1/batches/{id}/…`: what a person decides between a batch's plan and its end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::PlanApproval;

use super::habit::extract::{At, Body};
use super::habit::ids::BatchId;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::batch::BatchReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(cancel_batch))
        .routes(routes!(approve_batch))
}

/// An action is accepted with the batch as it is then.
pub(super) type Accepted = (StatusCode, Json<BatchReply>);

pub(super) async fn accepted(state: &ApiState, id: BatchId) -> Result<Accepted, Refusal> {
    state.notifier.tell();
    let batch = state.store.batch(state.tenant, id.0).await?;
    Ok((StatusCode::ACCEPTED, Json(batch.into())))
}

/// Why a batch should end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBatchBody {
    /// In their words; kept with the batch and its jobs.
    #[serde(default)]
    reason: String,
}

/// Ends a batch: jobs that nobody has begun end at once, the others are asked, and it is `cancelled` when
/// the last has settled. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/batches/{id}/cancel", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = Option<CancelBatchBody>,
    responses((status = 202, body = BatchReply)))]
async fn cancel_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    body: Option<Body<CancelBatchBody>>,
) -> Result<Accepted, Refusal> {
    let why = body.map(|Body(body)| body.reason).unwrap_or_default();
    let (tenant, who) = (state.tenant, &state.who);
    state.store.cancel_batch(tenant, id.0, who, &why).await?;
    accepted(&state, id).await
}

/// Which plan is approved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApproveBatchBody {
    /// The batch's `plan_hash`, as its approver saw it.
    plan: String,
}

/// An approved batch.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovedBatchReply {
    /// Whether the configuration was changed since the plan was made; the plan stays what it was.
    configuration_changed: bool,
    /// The batch.
    batch: BatchReply,
}

/// Lets a plan go that asks, by the hash that its approver saw. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/batches/{id}/approve", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = ApproveBatchBody,
    responses((status = 200, body = ApprovedBatchReply)))]
async fn approve_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    Body(body): Body<ApproveBatchBody>,
) -> Result<Json<ApprovedBatchReply>, Refusal> {
    let approval = PlanApproval {
        plan_hash: body.plan,
        who: state.who.to_string(),
    };
    let store = &state.store;
    let approved = store.approve_batch(state.tenant, id.0, approval).await?;
    state.notifier.tell();
    Ok(Json(ApprovedBatchReply {
        configuration_changed: approved.configuration_changed,
        batch: store.batch(state.tenant, id.0).await?.into(),
    }))
}
