//! `/v1/limits`: how much may run at once or start in a time, and how much does.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::habit::extract::{At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::limit::{LimitKeyReply, LimitReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_limits))
        .routes(routes!(show_limit))
        .routes(routes!(list_limit_keys))
}

/// Limits by name, with what is in use.
#[utoipa::path(get, path = "/v1/limits", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<LimitReply>)))]
async fn list_limits(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .limits(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, LimitReply::from))
}

/// One limit, with what is in use.
#[utoipa::path(get, path = "/v1/limits/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = LimitReply)))]
async fn show_limit(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<LimitReply>, Refusal> {
    Ok(Json(state.store.limit(state.tenant, &name).await?.into()))
}

/// The keys of a limit that had work so far, with what is in use of each.
#[utoipa::path(get, path = "/v1/limits/{name}/keys", tag = "configuration",
    params(("name" = String, Path, description = "The limit's name"), PageQuery),
    responses((status = 200, body = PageReply<LimitKeyReply>)))]
async fn list_limit_keys(
    State(state): State<ApiState>,
    uri: Uri,
    At(name): At<String>,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    state.store.limit(state.tenant, &name).await?;
    let found = state
        .store
        .limit_uses(state.tenant, &name, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, LimitKeyReply::from))
}
