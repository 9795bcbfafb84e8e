//! `/v1/jobs`: many, one, the wish that one ends, and its end by force.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::JobFilter;
use windlass_engine::vocabulary::JobState;
use windlass_workflows::problem::Problem;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::{BatchId, JobId};
use super::habit::page::{self, PageReply};
use super::habit::problem::Refusal;
use super::habit::wait;
use super::state::ApiState;
use super::view::job::JobReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(show_job))
        .routes(routes!(cancel_job))
        .routes(routes!(kill_job))
}

/// Filters and page of a list of jobs, as they stand in the address.
#[derive(Debug, Default)]
struct JobsQuery {
    filter: JobFilter,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Jobs, newest first. Each filter rests on an index or is refused with a cheaper one.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs",
    params(
        ("state" = Option<Vec<String>>, Query, description = "Any of these states; may be repeated"),
        ("template" = Option<String>, Query, description = "`namespace.name`; needs states"),
        ("purpose" = Option<String>, Query, description = "A purpose; needs states"),
        ("batch" = Option<BatchId>, Query, description = "Of this batch"),
        ("limit" = Option<u32>, Query, description = "Items, 1 to 1,000; 100 unless given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = PageReply<JobReply>)))]
async fn list_jobs(
    State(state): State<ApiState>,
    uri: Uri,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, Refusal> {
    let query = read(pairs)?;
    let (limit, after) = (
        page::limit(query.limit)?,
        page::after(query.cursor.as_deref())?,
    );
    let found = state
        .store
        .jobs(state.tenant, &query.filter, after, limit)
        .await?;
    Ok(page::reply(&uri, found, JobReply::from))
}

fn read(pairs: Vec<(String, String)>) -> Result<JobsQuery, Refusal> {
    let mut query = JobsQuery::default();
    let mut problems = Vec::new();
    for (name, value) in pairs {
        if let Err(problem) = set(&mut query, &name, value) {
            problems.push(*problem);
        }
    }
    match problems.is_empty() {
        true => Ok(query),
        false => Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            ..Refusal::invalid(problems)
        }),
    }
}

fn set(query: &mut JobsQuery, name: &str, value: String) -> Result<(), Box<Problem>> {
    let wrong =
        |message: String| Box::new(Problem::new("wrong_value", format!("/{name}"), message));
    match name {
        "state" => {
            let states = JobState::ALL.map(JobState::as_str).join(", ");
            let state = JobState::parse(&value);
            let unknown = || {
                Box::new(wrong(format!("`{value}` is no state")).hint(format!("one of {states}")))
            };
            query.filter.states.push(state.ok_or_else(unknown)?);
        }
        "template" => query.filter.template = Some(value),
        "purpose" => query.filter.purpose = Some(value),
        "batch" => query.filter.batch = Some(value.parse::<BatchId>().map_err(wrong)?.0),
        "limit" => {
            let number = value
                .parse()
                .map_err(|_| wrong(format!("`{value}` is no number")))?;
            query.limit = Some(number);
        }
        "cursor" => query.cursor = Some(value),
        _ => {
            let problem = Problem::new(
                "unknown_field",
                format!("/{name}"),
                format!("unknown field `{name}`"),
            );
            let hint = "expected state, template, purpose, batch, limit or cursor";
            return Err(Box::new(problem.hint(hint)));
        }
    }
    Ok(())
}

/// How long an answer may be held.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// Hold the answer until the job's state changes or so long, at most `60s`.
    wait: Option<String>,
}

/// One job. With `wait` the answer comes when it is final, else when its state changes or time is up.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), WaitQuery),
    responses((status = 200, body = JobReply)))]
async fn show_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<WaitQuery>,
    headers: HeaderMap,
) -> Result<Json<JobReply>, Refusal> {
    let wait = wait::asked(query.wait.as_deref(), &headers)?;
    let first = state.store.job(state.tenant, id.0).await?;
    let seen = match wait.is_zero() || first.state.is_final() {
        true => first,
        false => {
            let look = || state.store.job(state.tenant, id.0);
            wait::until(wait, &state.stop, look, |job| job.state != first.state).await?
        }
    };
    let stages = state.store.stages_of(state.tenant, &seen).await?;
    Ok(Json(JobReply {
        stages,
        ..JobReply::from(seen)
    }))
}

/// Why somebody wants something.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    /// In their words.
    #[serde(default)]
    reason: String,
}

/// Asks a job to end. Repeating it is harmless; a job that has ended stays as it is.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    request_body = Option<CancelBody>,
    responses((status = 202, body = JobReply)))]
async fn cancel_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    body: Option<Body<CancelBody>>,
) -> Result<(StatusCode, Json<JobReply>), Refusal> {
    let reason = body.map(|Body(body)| body.reason).unwrap_or_default();
    state
        .store
        .cancel(state.tenant, id.0, &state.who, &reason)
        .await?;
    state.notifier.tell();
    let job = state.store.job(state.tenant, id.0).await?;
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}

/// Why a job should end at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KillBody {
    /// In their words; kept with the job.
    reason: String,
}

/// Ends a job at once, and the jobs that it started before it: nothing is undone, and what its worker
/// still makes of it is refused.
#[utoipa::path(post, path = "/v1/jobs/{id}/kill", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    request_body = KillBody,
    responses((status = 202, body = JobReply)))]
async fn kill_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Body(body): Body<KillBody>,
) -> Result<(StatusCode, Json<JobReply>), Refusal> {
    state
        .store
        .kill(state.tenant, id.0, &state.who, &body.reason)
        .await?;
    state.notifier.tell();
    let job = state.store.job(state.tenant, id.0).await?;
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}
