//! `/v1/errors` and `/v1/redrives`: what is parked, grouped by its error, and letting it go on at a pace.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::NewRedrive;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::{BatchId, JobId, RedriveId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::failure::{ErrorReply, NONE, RedriveReply};
use super::view::job::JobReply;

/// Jobs a second unless the caller says: a service that just came back is not flooded.
const RATE_DEFAULT: i32 = 10;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_dead_letter))
        .routes(routes!(list_dead_jobs))
        .routes(routes!(list_redrives, create_redrive))
        .routes(routes!(show_redrive))
        .routes(routes!(cancel_redrive))
}

/// The dead letter: what is parked, by error.
#[utoipa::path(get, path = "/v1/errors", tag = "jobs", params(PageQuery),
    responses((status = 200, body = PageReply<ErrorReply>)))]
async fn list_dead_letter(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .dead_letter(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, ErrorReply::from))
}

/// What is parked with one error, oldest number first; `none` for what was parked without one.
#[utoipa::path(get, path = "/v1/errors/{fingerprint}", tag = "jobs",
    params(("fingerprint" = String, Path, description = "The error"), PageQuery),
    responses((status = 200, body = PageReply<JobReply>)))]
async fn list_dead_jobs(
    State(state): State<ApiState>,
    uri: Uri,
    At(fingerprint): At<String>,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<i64>()?);
    let found = state
        .store
        .dead_jobs(state.tenant, named(&fingerprint), after, limit)
        .await?;
    Ok(page::reply(&uri, found, JobReply::from))
}

fn named(fingerprint: &str) -> &str {
    if fingerprint == NONE { "" } else { fingerprint }
}

/// Which stopped work should run again, and how fast.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedriveBody {
    /// All with this error; `none` for what was parked without one.
    fingerprint: Option<String>,
    /// All of this batch.
    batch: Option<BatchId>,
    /// These jobs.
    jobs: Option<Vec<JobId>>,
    /// Jobs a second, 1 to 1,000; 10 unless given.
    rate: Option<i32>,
    /// So many go first, and must do well before the others follow.
    #[serde(default)]
    canary: i32,
    /// Failed jobs too: each as a new job that links back.
    #[serde(default)]
    failed_too: bool,
    /// In their words.
    #[serde(default)]
    reason: String,
}

/// Lets stopped work go on at a pace; it stops by itself when the error returns.
#[utoipa::path(post, path = "/v1/redrives", tag = "jobs", request_body = RedriveBody,
    responses((status = 202, body = RedriveReply)))]
async fn create_redrive(
    State(state): State<ApiState>,
    Body(body): Body<RedriveBody>,
) -> Result<(StatusCode, Json<RedriveReply>), Refusal> {
    let new = NewRedrive {
        fingerprint: body.fingerprint.map(|error| named(&error).to_owned()),
        batch: body.batch.map(|batch| batch.0),
        jobs: body
            .jobs
            .map(|jobs| jobs.into_iter().map(|job| job.0).collect()),
        rate: body.rate.unwrap_or(RATE_DEFAULT),
        canary: body.canary,
        failed_too: body.failed_too,
        who: state.who.to_string(),
        why: body.reason,
    };
    let redrive = state.store.redrive(state.tenant, &new).await?;
    Ok((StatusCode::ACCEPTED, Json(redrive.into())))
}

/// Redrives, newest first.
#[utoipa::path(get, path = "/v1/redrives", tag = "jobs", params(PageQuery),
    responses((status = 200, body = PageReply<RedriveReply>)))]
async fn list_redrives(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let found = state.store.redrives(state.tenant, before, limit).await?;
    Ok(page::reply(&uri, found, RedriveReply::from))
}

/// One redrive, and what became of the jobs that it let go.
#[utoipa::path(get, path = "/v1/redrives/{id}", tag = "jobs",
    params(("id" = RedriveId, Path, description = "The redrive")),
    responses((status = 200, body = RedriveReply)))]
async fn show_redrive(
    State(state): State<ApiState>,
    At(id): At<RedriveId>,
) -> Result<Json<RedriveReply>, Refusal> {
    let redrive = state.store.redrive_view(state.tenant, id.0).await?;
    Ok(Json(redrive.into()))
}

/// Lets nothing more go; what went stays gone. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/redrives/{id}/cancel", tag = "jobs",
    params(("id" = RedriveId, Path, description = "The redrive")),
    responses((status = 200, body = RedriveReply)))]
async fn cancel_redrive(
    State(state): State<ApiState>,
    At(id): At<RedriveId>,
) -> Result<Json<RedriveReply>, Refusal> {
    let why = format!("cancelled by {}", state.who);
    let redrive = state.store.cancel_redrive(state.tenant, id.0, &why).await?;
    Ok(Json(redrive.into()))
}
