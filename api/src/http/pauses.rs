//! `/v1/pauses`: who stopped what, and letting it go on; also below what is paused.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::{NewPause, PauseView};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_workflows::calendar::CatchUp;
use windlass_workflows::problem::Problem;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::{BatchId, JobId, PauseId};
use super::habit::page::{self, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::order::PauseReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_pauses, create_pause))
        .routes(routes!(show_pause, end_pause))
        .routes(routes!(pause_job))
        .routes(routes!(resume_job))
        .routes(routes!(pause_batch))
        .routes(routes!(resume_batch))
        .routes(routes!(pause_queue))
        .routes(routes!(resume_queue))
        .routes(routes!(pause_schedule))
        .routes(routes!(resume_schedule))
}

/// What to pause.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PauseBody {
    /// `queue`, `template`, `purpose`, `tenant`, `batch`, `configuration` or `job`.
    scope: String,
    /// Which one: a name, or an id; left out for the tenant.
    #[serde(default)]
    subject: String,
    /// `hold` (unless given): new work waits. `reject`: new work is refused with `paused`.
    #[serde(default)]
    mode: String,
    /// Why, for everybody whom it stops.
    #[serde(default)]
    reason: String,
    /// When it ends by itself.
    until: Option<DateTime<Utc>>,
}

/// How to pause what the path names.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HowBody {
    /// `hold` (unless given): new work waits. `reject`: new work is refused with `paused`.
    #[serde(default)]
    mode: String,
    /// Why, for everybody whom it stops.
    #[serde(default)]
    reason: String,
    /// When it ends by itself.
    until: Option<DateTime<Utc>>,
}

impl HowBody {
    fn of(self, scope: PauseScope, subject: impl ToString) -> PauseBody {
        PauseBody {
            scope: scope.as_str().into(),
            subject: subject.to_string(),
            mode: self.mode,
            reason: self.reason,
            until: self.until,
        }
    }
}

impl PauseBody {
    fn into_pause(self, who: &str) -> Result<NewPause, Refusal> {
        let mut problems = Vec::new();
        let scope = scope(&self.scope)
            .map_err(|problem| problems.push(*problem))
            .ok();
        let mode = mode(&self.mode)
            .map_err(|problem| problems.push(*problem))
            .ok();
        if scope.is_some_and(|scope| (scope == PauseScope::Tenant) != self.subject.is_empty()) {
            let problem = Problem::new("wrong_value", "/subject", "name what is to be paused");
            problems.push(problem.hint("a tenant has no subject; everything else has one"));
        }
        match (scope, mode) {
            (Some(scope), Some(mode)) if problems.is_empty() => Ok(NewPause {
                scope,
                mode,
                subject: self.subject,
                who: who.to_owned(),
                why: self.reason,
                until: self.until,
            }),
            _ => Err(Refusal::invalid(problems)),
        }
    }
}

fn scope(word: &str) -> Result<PauseScope, Box<Problem>> {
    PauseScope::parse(word).ok_or_else(|| {
        let words = PauseScope::ALL.map(PauseScope::as_str).join(", ");
        let problem = Problem::new("wrong_value", "/scope", format!("`{word}` is no scope"));
        Box::new(problem.hint(format!("one of {words}")))
    })
}

fn mode(word: &str) -> Result<PauseMode, Box<Problem>> {
    match word {
        "" | "hold" => Ok(PauseMode::Hold),
        "reject" => Ok(PauseMode::Reject),
        _ => {
            let problem = Problem::new("wrong_value", "/mode", format!("`{word}` is no mode"));
            Err(Box::new(problem.hint("hold or reject")))
        }
    }
}

/// Which pauses.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PausesQuery {
    /// The pause of one thing: its kind.
    scope: Option<String>,
    /// The pause of one thing: which one.
    subject: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The pauses that last, or the one of `scope` and `subject`.
#[utoipa::path(get, path = "/v1/pauses", tag = "engine", params(PausesQuery),
    responses((status = 200, body = PageReply<PauseReply>)))]
async fn list_pauses(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PausesQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (
        page::limit(query.limit)?,
        page::after(query.cursor.as_deref())?,
    );
    let found = match query.scope.as_deref() {
        None => state.store.pauses(state.tenant, after, limit).await?,
        Some(word) => {
            let scope = scope(word).map_err(|problem| Refusal::malformed(*problem))?;
            let subject = query.subject.unwrap_or_default();
            let subject = plain(scope, &subject);
            let found = state.store.pause_of(state.tenant, scope, subject).await;
            windlass_engine::store::Page {
                items: match found {
                    Err(windlass_engine::Error::NotFound { .. }) => Vec::new(),
                    found => vec![found?],
                },
                next: None,
            }
        }
    };
    Ok(page::reply(&uri, found, PauseReply::from))
}

/// The subject without the prefix of its id.
fn plain(scope: PauseScope, subject: &str) -> &str {
    let prefix = match scope {
        PauseScope::Batch => "b_",
        PauseScope::Job => "j_",
        _ => return subject,
    };
    subject.strip_prefix(prefix).unwrap_or(subject)
}

/// Pauses something: nothing of it starts from a second later on; what runs goes on to its next end.
/// Repeated for the same thing, it changes the pause.
#[utoipa::path(post, path = "/v1/pauses", tag = "engine", request_body = PauseBody,
    responses((status = 201, body = PauseReply)))]
async fn create_pause(
    State(state): State<ApiState>,
    Body(body): Body<PauseBody>,
) -> Result<(StatusCode, Json<PauseReply>), Refusal> {
    Ok((
        StatusCode::CREATED,
        Json(paused(&state, body).await?.into()),
    ))
}

/// One pause that lasts.
#[utoipa::path(get, path = "/v1/pauses/{id}", tag = "engine",
    params(("id" = PauseId, Path, description = "The pause")),
    responses((status = 200, body = PauseReply)))]
async fn show_pause(
    State(state): State<ApiState>,
    At(id): At<PauseId>,
) -> Result<Json<PauseReply>, Refusal> {
    Ok(Json(
        state.store.pause_by_id(state.tenant, id.0).await?.into(),
    ))
}

/// Ends a pause: what it held goes on. Answers with the pause as it was.
#[utoipa::path(delete, path = "/v1/pauses/{id}", tag = "engine",
    params(("id" = PauseId, Path, description = "The pause")),
    responses((status = 200, body = PauseReply)))]
async fn end_pause(
    State(state): State<ApiState>,
    At(id): At<PauseId>,
) -> Result<Json<PauseReply>, Refusal> {
    let ended = state.store.resume(state.tenant, id.0).await?;
    state.notifier.tell();
    Ok(Json(ended.into()))
}

async fn paused(state: &ApiState, body: PauseBody) -> Result<PauseView, Refusal> {
    let new = body.into_pause(&state.who)?;
    let paused = state.store.pause(state.tenant, new).await?;
    state.notifier.tell();
    Ok(paused)
}

/// An action is accepted with the pause that it made or ended.
type Accepted = (StatusCode, Json<PauseReply>);

async fn pause(
    state: &ApiState,
    scope: PauseScope,
    subject: impl ToString,
    body: Option<Body<HowBody>>,
) -> Result<Accepted, Refusal> {
    let how = body.map(|Body(body)| body).unwrap_or_default();
    let pause = paused(state, how.of(scope, subject)).await?;
    Ok((StatusCode::ACCEPTED, Json(pause.into())))
}

async fn resume(state: &ApiState, scope: PauseScope, subject: &str) -> Result<Accepted, Refusal> {
    let store = &state.store;
    let pause = store.pause_of(state.tenant, scope, subject).await?;
    let ended = store.resume(state.tenant, pause.id).await?;
    state.notifier.tell();
    Ok((StatusCode::ACCEPTED, Json(ended.into())))
}

/// Lets a job stand still: at once, or at its next end while it runs.
#[utoipa::path(post, path = "/v1/jobs/{id}/pause", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    request_body = Option<HowBody>,
    responses((status = 202, body = PauseReply)))]
async fn pause_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    body: Option<Body<HowBody>>,
) -> Result<Accepted, Refusal> {
    pause(&state, PauseScope::Job, id, body).await
}

/// Lets a paused job go on, at the head of its lane.
#[utoipa::path(post, path = "/v1/jobs/{id}/resume", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 202, body = PauseReply)))]
async fn resume_job(State(state): State<ApiState>, At(id): At<JobId>) -> Result<Accepted, Refusal> {
    resume(&state, PauseScope::Job, &id.0.to_string()).await
}

/// Starts nothing more of a batch.
#[utoipa::path(post, path = "/v1/batches/{id}/pause", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = Option<HowBody>,
    responses((status = 202, body = PauseReply)))]
async fn pause_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    body: Option<Body<HowBody>>,
) -> Result<Accepted, Refusal> {
    pause(&state, PauseScope::Batch, id, body).await
}

/// What a person takes as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResumeBatchBody {
    /// What failed so far counts no more, and a stage that was not good is passed.
    #[serde(default)]
    accept: bool,
}

/// Lets a paused batch go on. One that its own rules stopped goes on when they are kept again, or with `accept`.
#[utoipa::path(post, path = "/v1/batches/{id}/resume", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    request_body = Option<ResumeBatchBody>,
    responses((status = 202, body = PauseReply)))]
async fn resume_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    body: Option<Body<ResumeBatchBody>>,
) -> Result<Accepted, Refusal> {
    let accept = body.is_some_and(|Body(body)| body.accept);
    let resumed = state.store.resume_batch(state.tenant, id.0, accept).await?;
    state.notifier.tell();
    Ok((StatusCode::ACCEPTED, Json(resumed.into())))
}

/// Starts nothing more of a queue.
#[utoipa::path(post, path = "/v1/queues/{name}/pause", tag = "engine",
    params(("name" = String, Path, description = "The queue")),
    request_body = Option<HowBody>,
    responses((status = 202, body = PauseReply)))]
async fn pause_queue(
    State(state): State<ApiState>,
    At(name): At<String>,
    body: Option<Body<HowBody>>,
) -> Result<Accepted, Refusal> {
    pause(&state, PauseScope::Queue, name, body).await
}

/// Lets a paused queue go on.
#[utoipa::path(post, path = "/v1/queues/{name}/resume", tag = "engine",
    params(("name" = String, Path, description = "The queue")),
    responses((status = 202, body = PauseReply)))]
async fn resume_queue(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Accepted, Refusal> {
    resume(&state, PauseScope::Queue, &name).await
}

/// Pauses a job configuration: its slots are skipped, and its batches stand still.
#[utoipa::path(post, path = "/v1/schedules/{name}/pause", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name")),
    request_body = Option<HowBody>,
    responses((status = 202, body = PauseReply)))]
async fn pause_schedule(
    State(state): State<ApiState>,
    At(name): At<String>,
    body: Option<Body<HowBody>>,
) -> Result<Accepted, Refusal> {
    pause(&state, PauseScope::Configuration, name, body).await
}

/// Lets a paused job configuration go on.
#[utoipa::path(post, path = "/v1/schedules/{name}/resume", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name")),
    request_body = Option<ResumeBody>,
    responses((status = 202, body = PauseReply)))]
async fn resume_schedule(
    State(state): State<ApiState>,
    At(name): At<String>,
    body: Option<Body<ResumeBody>>,
) -> Result<Accepted, Refusal> {
    let Some(word) = body.and_then(|Body(body)| body.catch_up) else {
        return resume(&state, PauseScope::Configuration, &name).await;
    };
    let catch_up = match word.as_str() {
        "none" => CatchUp::None,
        "latest" => CatchUp::Latest,
        "all" => CatchUp::ALL,
        _ => {
            let message = format!("`{word}` is no catch-up");
            let problem = Problem::new("wrong_value", "/catch_up", message);
            return Err(Refusal::invalid(vec![problem.hint("none, latest or all")]));
        }
    };
    let resumed = state
        .store
        .resume_schedule(state.tenant, &name, Some(catch_up));
    let (ended, _) = resumed.await?;
    state.notifier.tell();
    Ok((StatusCode::ACCEPTED, Json(ended.into())))
}

/// What becomes of the slots that a pause skipped.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResumeBody {
    /// `latest`: the newest of them runs late. `all`: a hundred at most of the last seven days. They stay skipped unless
    /// given.
    catch_up: Option<String>,
}
