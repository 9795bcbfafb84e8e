//! `/v1/jobs/{id}/rewind`, `fork`, `patch`, `migrate`, `skip`: changes of a job in flight, each with a preview
//! whose token the change itself needs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{Flight, FlightPreview};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::JobId;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::job::JobReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(rewind_job))
        .routes(routes!(fork_job))
        .routes(routes!(patch_job))
        .routes(routes!(migrate_job))
        .routes(routes!(skip_job))
}

/// Whether it is only looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewQuery {
    /// Shows what would happen and gives the token; stores nothing.
    #[serde(default)]
    pub(super) preview: bool,
}

/// What a change would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewReply {
    /// The job.
    job: JobId,
    /// To be sent with the change itself.
    token: String,
    /// The entry of the journal that it was made for: a job that has gone on refuses the token.
    seq: i32,
    /// Where the job stands now.
    state: &'static str,
    /// Where it would stand then: `ready`, or as before `parked` or `paused`.
    then: &'static str,
    /// What would happen, in one line.
    what: String,
    /// Tasks at which it would go on, by pointer.
    goes_on_at: Vec<String>,
    /// Tasks that have run since and run again: what they did outside has happened.
    again: Vec<AgainReply>,
    /// Open steps and children that end.
    stops: Vec<String>,
    /// Steps whose undos nobody keeps any more: what they did stays done.
    lost_undos: Vec<String>,
    /// Tasks of the present version that the other one does not have.
    removed: Vec<String>,
    /// What becomes of the context: `- pointer: value` and `+ pointer: value`.
    context: Vec<String>,
}

/// A task that runs again.
#[derive(Debug, Serialize, ToSchema)]
struct AgainReply {
    /// JSON pointer.
    path: String,
    /// `call`, `run`, `emit` …
    kind: &'static str,
    /// How often it was entered since: so many effects may have happened.
    times: u32,
    /// It declares an effect: whoever remembers its key refuses a second one.
    has_effect: bool,
    /// It declares an undo.
    has_undo: bool,
}

impl PreviewReply {
    pub(super) fn of(job: JobId, preview: FlightPreview) -> Self {
        let again = preview.again.into_iter().map(|again| AgainReply {
            path: again.path,
            kind: again.kind,
            times: again.times,
            has_effect: again.has_effect,
            has_undo: again.has_undo,
        });
        Self {
            job,
            token: preview.token,
            seq: preview.seq,
            state: preview.state.as_str(),
            then: preview.then.as_str(),
            what: preview.what,
            goes_on_at: preview.goes_on_at,
            again: again.collect(),
            stops: preview.stops,
            lost_undos: preview.lost_undos,
            removed: preview.removed,
            context: preview.context,
        }
    }
}

/// Back to which step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RewindBody {
    /// A pointer, or the name of a task that no other has; `#2` behind it names a visit, else it is the last.
    to: String,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// In the caller's words; kept in the journal.
    #[serde(default)]
    reason: String,
}

/// A new job from which step.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForkBody {
    /// A pointer, or the name of a task that no other has; `#2` behind it names a visit, else it is the last.
    from: String,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// In the caller's words; kept in the journal.
    #[serde(default)]
    reason: String,
}

/// What the context becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PatchBody {
    /// Merged into it (RFC 7396): null removes a key.
    #[schema(value_type = Object)]
    context: Box<RawValue>,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// In the caller's words; kept in the journal.
    #[serde(default)]
    reason: String,
}

/// Which version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MigrateBody {
    /// A version of the job's template, such as `1.1.0`.
    to: String,
    /// Tasks that go on as others: pointers of the present version and of that one. Others go on as the task
    /// of the same name.
    #[serde(default)]
    steps: BTreeMap<String, String>,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// In the caller's words; kept in the journal.
    #[serde(default)]
    reason: String,
}

/// What a parked step gave.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SkipBody {
    /// Which one, where several are parked.
    step: Option<String>,
    /// As the step would have given it.
    #[schema(value_type = Object)]
    output: Box<RawValue>,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// In the caller's words; kept in the journal.
    #[serde(default)]
    reason: String,
}

/// A change, and what proves that somebody has seen what it does.
struct Asked {
    flight: Flight,
    token: String,
    reason: String,
}

impl RewindBody {
    fn asked(self) -> Result<Asked, Refusal> {
        let flight = Flight::Rewind { to: self.to };
        Ok(Asked::new(flight, self.token, self.reason))
    }
}

impl ForkBody {
    fn asked(self) -> Result<Asked, Refusal> {
        let flight = Flight::Fork { from: self.from };
        Ok(Asked::new(flight, self.token, self.reason))
    }
}

impl PatchBody {
    fn asked(self) -> Result<Asked, Refusal> {
        let with = value("/context", &self.context)?;
        let flight = Flight::Patch { with };
        Ok(Asked::new(flight, self.token, self.reason))
    }
}

impl MigrateBody {
    fn asked(self) -> Result<Asked, Refusal> {
        let (to, steps) = (self.to, self.steps);
        let flight = Flight::Migrate { to, steps };
        Ok(Asked::new(flight, self.token, self.reason))
    }
}

impl SkipBody {
    fn asked(self) -> Result<Asked, Refusal> {
        let (step, output) = (self.step, value("/output", &self.output)?);
        let flight = Flight::Skip { step, output };
        Ok(Asked::new(flight, self.token, self.reason))
    }
}

impl Asked {
    const fn new(flight: Flight, token: String, reason: String) -> Self {
        Self {
            flight,
            token,
            reason,
        }
    }
}

/// Takes a job back to a step: what ran since runs again, under new keys. With `preview` it only says what
/// would happen, which steps have happened outside already, and gives the token.
#[utoipa::path(post, path = "/v1/jobs/{id}/rewind", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PreviewQuery),
    request_body = RewindBody,
    responses((status = 202, body = JobReply), (status = 200, body = PreviewReply)))]
async fn rewind_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<RewindBody>,
) -> Result<Response, Refusal> {
    answer(&state, id, &query, body.asked()?).await
}

/// Makes a new job that begins where this one was at a step; this one goes on as it is.
#[utoipa::path(post, path = "/v1/jobs/{id}/fork", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PreviewQuery),
    request_body = ForkBody,
    responses((status = 201, body = JobReply), (status = 200, body = PreviewReply)))]
async fn fork_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<ForkBody>,
) -> Result<Response, Refusal> {
    answer(&state, id, &query, body.asked()?).await
}

/// Changes the context of a job, for all tasks that it comes to from now on.
#[utoipa::path(post, path = "/v1/jobs/{id}/patch", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PreviewQuery),
    request_body = PatchBody,
    responses((status = 202, body = JobReply), (status = 200, body = PreviewReply)))]
async fn patch_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<PatchBody>,
) -> Result<Response, Refusal> {
    answer(&state, id, &query, body.asked()?).await
}

/// Moves a job to another version of its template.
#[utoipa::path(post, path = "/v1/jobs/{id}/migrate", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PreviewQuery),
    request_body = MigrateBody,
    responses((status = 202, body = JobReply), (status = 200, body = PreviewReply)))]
async fn migrate_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<MigrateBody>,
) -> Result<Response, Refusal> {
    answer(&state, id, &query, body.asked()?).await
}

/// Lets a parked step count as done, with an output in the caller's words.
#[utoipa::path(post, path = "/v1/jobs/{id}/skip", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PreviewQuery),
    request_body = SkipBody,
    responses((status = 202, body = JobReply), (status = 200, body = PreviewReply)))]
async fn skip_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<SkipBody>,
) -> Result<Response, Refusal> {
    answer(&state, id, &query, body.asked()?).await
}

pub(super) fn value(place: &str, raw: &RawValue) -> Result<Value, Refusal> {
    Value::parse(raw.get()).map_err(|error| {
        let problem = Problem::new("wrong_value", place, error.to_string());
        Refusal::invalid(vec![problem])
    })
}

async fn answer(
    state: &ApiState,
    id: JobId,
    query: &PreviewQuery,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (store, tenant) = (&state.store, state.tenant);
    if query.preview {
        let preview = store.preview_flight(tenant, id.0, &asked.flight).await?;
        return Ok(Json(PreviewReply::of(id, preview)).into_response());
    }
    let by = (&*state.who, asked.reason.as_str());
    let flown = store
        .fly(tenant, id.0, &asked.flight, &asked.token, by)
        .await?;
    state.notifier.tell();
    let job = Json(JobReply::from(store.job(tenant, flown.job).await?));
    if flown.job == id.0 {
        return Ok((StatusCode::ACCEPTED, job).into_response());
    }
    let place = format!("/v1/jobs/{}", JobId(flown.job));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], job).into_response())
}
