//! `/v1/batches/{id}/members` and `/close`: more members for a batch that was made with `open`.

use std::fs::File;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{AddedMembers, NewMembers, Upload};
use windlass_workflows::configuration::Format;

use super::batch_life::{Accepted, accepted};
use super::habit::extract::{self, At};
use super::habit::ids::BatchId;
use super::habit::problem::Refusal;
use super::habit::{idempotency, spool};
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(add_members))
}

/// Calls that read no long body.
pub(super) fn short_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(close_batch))
}

/// What was added to a batch.
#[derive(Debug, Serialize, ToSchema)]
struct AddedReply {
    /// The batch.
    batch: BatchId,
    /// Members that it has more.
    members: i64,
    /// Jobs made of them.
    jobs: i64,
    /// Chunks of those.
    chunks: i32,
    /// Rows that are no members, as the configuration's `rows` says.
    left_out: i64,
    /// The batch's `plan_hash` after it.
    plan_hash: String,
    /// Whether the key had added them before.
    deduplicated: bool,
}

impl AddedReply {
    fn of(batch: BatchId, added: AddedMembers) -> Self {
        Self {
            batch,
            members: added.members,
            jobs: added.jobs,
            chunks: added.chunks,
            left_out: added.left_out,
            plan_hash: added.plan_hash,
            deduplicated: !added.is_new,
        }
    }
}

/// Adds members to a batch that is open, all or none of them; up to 100,000 at once, in documents of together 64 MiB. The
/// same key adds them once. What the batch has already is refused or left out, as its configuration's `rows` says.
#[utoipa::path(post, path = "/v1/batches/{id}/members", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"),
        ("idempotency-key" = String, Header, description = "They are added once per key")),
    request_body(content(
        (String = "text/csv"), (String = "application/x-ndjson"), (Object = "application/json"),
        (String = "application/vnd.apache.parquet"))),
    responses((status = 201, body = AddedReply), (status = 200, body = AddedReply)))]
async fn add_members(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, HeaderMap, Json<AddedReply>), Refusal> {
    let (key, format) = (
        idempotency::required(&headers, None)?,
        extract::rows(&headers)?,
    );
    let file = spool::body(request.into_body()).await?;
    let new = members(file, format, state.who.to_string(), key);
    let added = state.store.add_members(state.tenant, id.0, new).await?;
    state.notifier.tell();
    let status = match added.is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let replayed = idempotency::replayed(!added.is_new);
    Ok((status, replayed, Json(AddedReply::of(id, added))))
}

fn members(file: File, format: Format, who: String, idempotency_key: String) -> NewMembers {
    let file = Upload {
        name: "body".to_owned(),
        reader: Box::new(file),
    };
    NewMembers {
        file,
        format,
        who,
        idempotency_key,
    }
}

/// Closes a batch that is open: it takes no more members, and ends as others do. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/batches/{id}/close", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    responses((status = 202, body = super::view::batch::BatchReply)))]
async fn close_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
) -> Result<Accepted, Refusal> {
    let (tenant, who) = (state.tenant, &state.who);
    state.store.close_batch(tenant, id.0, who).await?;
    accepted(&state, id).await
}
