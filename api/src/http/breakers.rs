//! `/v1/breakers`: templates that one error stopped, letting them go on, and what stops them.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::BreakerRule;

use super::habit::extract::{At, Body, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::breaker::{BreakerReply, BreakerRuleReply};

/// In place of a template's name: all that have no rule of their own.
const ALL: &str = "all";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_breakers))
        .routes(routes!(show_breaker))
        .routes(routes!(open_breaker))
        .routes(routes!(close_breaker))
        .routes(routes!(show_breaker_rule, edit_breaker_rule))
}

/// Breakers that ever opened, in the order of their templates.
#[utoipa::path(get, path = "/v1/breakers", tag = "engine", params(PageQuery),
    responses((status = 200, body = PageReply<BreakerReply>)))]
async fn list_breakers(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .breakers(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, BreakerReply::from))
}

/// Where the breaker of a template stands.
#[utoipa::path(get, path = "/v1/breakers/{template}", tag = "engine",
    params(("template" = String, Path, description = "namespace.name")),
    responses((status = 200, body = BreakerReply)))]
async fn show_breaker(
    State(state): State<ApiState>,
    At(template): At<String>,
) -> Result<Json<BreakerReply>, Refusal> {
    let found = state.store.breaker(state.tenant, &template).await?;
    Ok(Json(found.into()))
}

/// Why it is moved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakerWhy {
    /// In words, for everybody whom it stops.
    #[serde(default)]
    reason: String,
}

/// Opens a breaker: nothing more of the template starts, until a job that goes to see does well.
#[utoipa::path(post, path = "/v1/breakers/{template}/open", tag = "engine",
    params(("template" = String, Path, description = "namespace.name")), request_body = BreakerWhy,
    responses((status = 200, body = BreakerReply)))]
async fn open_breaker(
    State(state): State<ApiState>,
    At(template): At<String>,
    Body(body): Body<BreakerWhy>,
) -> Result<Json<BreakerReply>, Refusal> {
    let opened = state
        .store
        .open_breaker(state.tenant, &template, &state.who, &body.reason);
    Ok(Json(opened.await?.into()))
}

/// Closes a breaker: everything goes on at once, and what failed before counts no more.
#[utoipa::path(post, path = "/v1/breakers/{template}/close", tag = "engine",
    params(("template" = String, Path, description = "namespace.name")), request_body = BreakerWhy,
    responses((status = 200, body = BreakerReply)))]
async fn close_breaker(
    State(state): State<ApiState>,
    At(template): At<String>,
    Body(body): Body<BreakerWhy>,
) -> Result<Json<BreakerReply>, Refusal> {
    let closed = state
        .store
        .close_breaker(state.tenant, &template, &state.who, &body.reason)
        .await?;
    state.notifier.tell();
    Ok(Json(closed.into()))
}

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakerRuleEdit {
    /// Whether it may open by itself.
    is_on: Option<bool>,
    /// So many jobs stopped by one error within the window, 1 to 10,000.
    failures: Option<i32>,
    /// Which part of what ended beside them that must be, 0 to 1.
    share: Option<f64>,
    /// 1 to 3,600.
    window_seconds: Option<i32>,
    /// Before the first probe, 1 to 3,600; twice as long after each one that failed.
    rest_seconds: Option<i32>,
}

/// What opens the breaker of a template; `all`: of those that have no rule of their own.
#[utoipa::path(get, path = "/v1/breakers/{template}/rule", tag = "engine",
    params(("template" = String, Path, description = "namespace.name, or `all`")),
    responses((status = 200, body = BreakerRuleReply)))]
async fn show_breaker_rule(
    State(state): State<ApiState>,
    At(template): At<String>,
) -> Result<Json<BreakerRuleReply>, Refusal> {
    let rule = state
        .store
        .breaker_rule(state.tenant, named(&template))
        .await?;
    Ok(Json(BreakerRuleReply::new(&template, rule)))
}

/// Changes what opens a breaker; heeded within a second or two.
#[utoipa::path(patch, path = "/v1/breakers/{template}/rule", tag = "engine",
    params(("template" = String, Path, description = "namespace.name, or `all`")),
    request_body = BreakerRuleEdit,
    responses((status = 200, body = BreakerRuleReply)))]
async fn edit_breaker_rule(
    State(state): State<ApiState>,
    At(template): At<String>,
    Body(edit): Body<BreakerRuleEdit>,
) -> Result<Json<BreakerRuleReply>, Refusal> {
    let name = named(&template);
    let now = state.store.breaker_rule(state.tenant, name).await?;
    let rule = BreakerRule {
        is_on: edit.is_on.unwrap_or(now.is_on),
        failures: edit.failures.unwrap_or(now.failures),
        share: edit.share.unwrap_or(now.share),
        window_seconds: edit.window_seconds.unwrap_or(now.window_seconds),
        rest_seconds: edit.rest_seconds.unwrap_or(now.rest_seconds),
    };
    state
        .store
        .put_breaker_rule(state.tenant, name, &rule, &state.who)
        .await?;
    Ok(Json(BreakerRuleReply::new(&template, rule)))
}

fn named(template: &str) -> &str {
    if template == ALL { "" } else { template }
}
