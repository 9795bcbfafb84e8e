//! `/v1/purposes`, `/v1/job-configurations` and `/v1/connections`: what was applied, as it stands.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::vocabulary::ConfigurationKind;

use super::habit::extract::{At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::catalogue::DocumentReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_purposes))
        .routes(routes!(show_purpose))
        .routes(routes!(list_purpose_revisions))
        .routes(routes!(list_job_configurations))
        .routes(routes!(show_job_configuration))
        .routes(routes!(list_connections))
        .routes(routes!(show_connection))
        .routes(routes!(list_calendars))
        .routes(routes!(show_calendar))
}

/// Purposes by name.
#[utoipa::path(get, path = "/v1/purposes", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<DocumentReply>)))]
async fn list_purposes(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    list(&state, ConfigurationKind::Purpose, &uri, &query).await
}

/// One purpose, in its newest revision or another.
#[utoipa::path(get, path = "/v1/purposes/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), RevisionQuery),
    responses((status = 200, body = DocumentReply)))]
async fn show_purpose(
    State(state): State<ApiState>,
    At(name): At<String>,
    Params(query): Params<RevisionQuery>,
) -> Result<Json<DocumentReply>, Refusal> {
    let kind = ConfigurationKind::Purpose;
    let Some(revision) = query.revision else {
        return show(&state, kind, &name).await;
    };
    let found = state
        .store
        .configuration_revision(state.tenant, kind, &name, revision);
    Ok(Json(found.await?.into()))
}

/// Which revision.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RevisionQuery {
    /// The newest unless given.
    revision: Option<i32>,
}

/// The revisions of a purpose, the latest first.
#[utoipa::path(get, path = "/v1/purposes/{name}/revisions", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, body = PageReply<DocumentReply>)))]
async fn list_purpose_revisions(
    State(state): State<ApiState>,
    At(name): At<String>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i32>()?);
    let whose = (ConfigurationKind::Purpose, name.as_str());
    let found = state
        .store
        .configuration_revisions(state.tenant, whose, before, limit)
        .await?;
    Ok(page::reply(&uri, found, DocumentReply::from))
}

/// Job configurations by name.
#[utoipa::path(get, path = "/v1/job-configurations", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<DocumentReply>)))]
async fn list_job_configurations(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    list(&state, ConfigurationKind::JobConfiguration, &uri, &query).await
}

/// One job configuration in its newest revision.
#[utoipa::path(get, path = "/v1/job-configurations/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = DocumentReply)))]
async fn show_job_configuration(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<DocumentReply>, Refusal> {
    show(&state, ConfigurationKind::JobConfiguration, &name).await
}

/// Connections by name; secrets are references.
#[utoipa::path(get, path = "/v1/connections", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<DocumentReply>)))]
async fn list_connections(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    list(&state, ConfigurationKind::Connection, &uri, &query).await
}

/// One connection in its newest revision; secrets are references.
#[utoipa::path(get, path = "/v1/connections/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = DocumentReply)))]
async fn show_connection(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<DocumentReply>, Refusal> {
    show(&state, ConfigurationKind::Connection, &name).await
}

/// Calendars by name.
#[utoipa::path(get, path = "/v1/calendars", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<DocumentReply>)))]
async fn list_calendars(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    list(&state, ConfigurationKind::Calendar, &uri, &query).await
}

/// One calendar in its newest revision.
#[utoipa::path(get, path = "/v1/calendars/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = DocumentReply)))]
async fn show_calendar(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<DocumentReply>, Refusal> {
    show(&state, ConfigurationKind::Calendar, &name).await
}

async fn list(
    state: &ApiState,
    kind: ConfigurationKind,
    uri: &Uri,
    query: &PageQuery,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .configurations(state.tenant, kind, after.as_deref(), limit)
        .await?;
    Ok(page::reply(uri, found, DocumentReply::from))
}

async fn show(
    state: &ApiState,
    kind: ConfigurationKind,
    name: &str,
) -> Result<Json<DocumentReply>, Refusal> {
    let found = state.store.configuration(state.tenant, kind, name).await?;
    Ok(Json(found.into()))
}
