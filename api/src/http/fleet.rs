//! `/v1/workers` and `/v1/queues`: who works, and how much there is to do.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::PAGE_MAX;

use super::habit::extract::At;
use super::habit::ids::WorkerId;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::fleet::{QueueReply, QueuesReply, WorkerReply, WorkersReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_workers))
        .routes(routes!(show_worker))
        .routes(routes!(list_queues))
}

/// Workers, the living first; at most 1,000.
#[utoipa::path(get, path = "/v1/workers", tag = "engine",
    responses((status = 200, body = WorkersReply)))]
async fn list_workers(State(state): State<ApiState>) -> Result<Json<WorkersReply>, Refusal> {
    let found = state.store.workers(state.worker_ttl, PAGE_MAX).await?;
    Ok(Json(WorkersReply {
        items: found.into_iter().map(WorkerReply::from).collect(),
    }))
}

/// One worker.
#[utoipa::path(get, path = "/v1/workers/{id}", tag = "engine",
    params(("id" = WorkerId, Path, description = "The worker")),
    responses((status = 200, body = WorkerReply)))]
async fn show_worker(
    State(state): State<ApiState>,
    At(id): At<WorkerId>,
) -> Result<Json<WorkerReply>, Refusal> {
    Ok(Json(
        state.store.worker(id.0, state.worker_ttl).await?.into(),
    ))
}

/// Work per queue: scaling signals, always a number.
#[utoipa::path(get, path = "/v1/queues", tag = "engine",
    responses((status = 200, body = QueuesReply)))]
async fn list_queues(State(state): State<ApiState>) -> Result<Json<QueuesReply>, Refusal> {
    let found = state.store.queues(state.tenant).await?;
    Ok(Json(QueuesReply {
        items: found.into_iter().map(QueueReply::from).collect(),
    }))
}
