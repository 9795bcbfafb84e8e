//! `/v1/lanes`: how much of the workers each group and queue gets, changed while they work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::store::{NewShare, ShareView, share_of_key};

use super::habit::extract::{At, Body};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::order::{LaneReply, LanesReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_lanes))
        .routes(routes!(show_lane, put_lane, edit_lane, reset_lane))
}

/// What a group or queue is to get; what is left out has its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LaneBody {
    /// 1 to 1,000; 1 unless given.
    weight: Option<i32>,
    /// Jobs in flight below which it goes first; 0 unless given.
    minimum: Option<i32>,
    /// Jobs in flight from which on it gets no more; none unless given.
    maximum: Option<i32>,
}

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LaneEdit {
    /// 1 to 1,000.
    weight: Option<i32>,
    /// Jobs in flight below which it goes first.
    minimum: Option<i32>,
    /// Jobs in flight from which on it gets no more; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>)]
    maximum: Option<Option<i32>>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Every group and queue that has work, runs some or has a share.
#[utoipa::path(get, path = "/v1/lanes", tag = "engine",
    responses((status = 200, body = LanesReply)))]
async fn list_lanes(State(state): State<ApiState>) -> Result<Json<LanesReply>, Refusal> {
    let found = state.store.shares(state.tenant).await?;
    Ok(Json(LanesReply {
        items: found.into_iter().map(LaneReply::from).collect(),
    }))
}

/// One group, or one queue as `queue:NAME`.
#[utoipa::path(get, path = "/v1/lanes/{key}", tag = "engine",
    params(("key" = String, Path, description = "A purpose or template, or `queue:NAME`")),
    responses((status = 200, body = LaneReply)))]
async fn show_lane(
    State(state): State<ApiState>,
    At(key): At<String>,
) -> Result<Json<LaneReply>, Refusal> {
    let found = find(&state, &key).await?;
    let missing = || Error::not_found("lane", key.as_str());
    Ok(Json(found.ok_or_else(missing)?.into()))
}

/// Says how much a group or queue gets. Workers heed it within a second, for queued work too.
#[utoipa::path(put, path = "/v1/lanes/{key}", tag = "engine",
    params(("key" = String, Path, description = "A purpose or template, or `queue:NAME`")),
    request_body = LaneBody,
    responses((status = 200, body = LaneReply)))]
async fn put_lane(
    State(state): State<ApiState>,
    At(key): At<String>,
    Body(body): Body<LaneBody>,
) -> Result<Json<LaneReply>, Refusal> {
    let (kind, name) = share_of_key(state.tenant, &key);
    let new = NewShare {
        kind,
        name,
        weight: body.weight.unwrap_or(1),
        minimum: body.minimum.unwrap_or(0),
        maximum: body.maximum,
        who: state.who.to_string(),
    };
    stored(&state, &key, &new).await
}

/// Changes a part of what a group or queue gets.
#[utoipa::path(patch, path = "/v1/lanes/{key}", tag = "engine",
    params(("key" = String, Path, description = "A purpose or template, or `queue:NAME`")),
    request_body = LaneEdit,
    responses((status = 200, body = LaneReply)))]
async fn edit_lane(
    State(state): State<ApiState>,
    At(key): At<String>,
    Body(edit): Body<LaneEdit>,
) -> Result<Json<LaneReply>, Refusal> {
    let (kind, name) = share_of_key(state.tenant, &key);
    let now = find(&state, &key).await?;
    let now = now.as_ref();
    let new = NewShare {
        kind,
        name,
        weight: edit.weight.or(now.map(|now| now.weight)).unwrap_or(1),
        minimum: edit.minimum.or(now.map(|now| now.minimum)).unwrap_or(0),
        maximum: edit
            .maximum
            .unwrap_or_else(|| now.and_then(|now| now.maximum)),
        who: state.who.to_string(),
    };
    stored(&state, &key, &new).await
}

/// Gives a group or queue back to weight 1 without bounds. Repeating it is harmless.
#[utoipa::path(delete, path = "/v1/lanes/{key}", tag = "engine",
    params(("key" = String, Path, description = "A purpose or template, or `queue:NAME`")),
    responses((status = 204)))]
async fn reset_lane(
    State(state): State<ApiState>,
    At(key): At<String>,
) -> Result<StatusCode, Refusal> {
    let (kind, name) = share_of_key(state.tenant, &key);
    state.store.delete_share(state.tenant, kind, &name).await?;
    state.notifier.tell();
    Ok(StatusCode::NO_CONTENT)
}

async fn find(state: &ApiState, key: &str) -> Result<Option<ShareView>, Error> {
    let (kind, name) = share_of_key(state.tenant, key);
    let found = state.store.shares(state.tenant).await?.into_iter();
    let is_it = |share: &ShareView| share.kind == kind.as_str() && share.name == name;
    Ok(found.into_iter().find(is_it))
}

async fn stored(state: &ApiState, key: &str, new: &NewShare) -> Result<Json<LaneReply>, Refusal> {
    state.store.put_share(state.tenant, new).await?;
    state.notifier.tell();
    let missing = || Error::not_found("lane", key);
    Ok(Json(find(state, key).await?.ok_or_else(missing)?.into()))
}
