//! `/v1/signals`, `/v1/jobs/{id}/signals` and `/v1/events`: what jobs are told from outside.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::protocol::{Occurrence, SIGNAL_TTL, Signal, To};
use windlass_engine::store::Signalled;
use windlass_workflows::configuration::duration;
use windlass_workflows::problem::Problem;

use super::habit::extract::{At, Body};
use super::habit::idempotency;
use super::habit::ids::JobId;
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(signal_job))
        .routes(routes!(signal_key))
        .routes(routes!(publish_event))
}

/// A named message to one job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct JobSignalBody {
    /// Its name: a `listen` to `io.windlass.signal.NAME.v1` takes it.
    name: String,
    /// A second signal of this id is the first one; as the header `Idempotency-Key`.
    id: Option<String>,
    /// Any JSON.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    /// How long it is kept until somebody takes it; `7d` unless given.
    ttl: Option<String>,
}

/// A named message to whoever waits under a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignalBody {
    /// Whom it is for: the subject that a `listen` correlates.
    key: String,
    /// Its name: a `listen` to `io.windlass.signal.NAME.v1` takes it.
    name: String,
    /// A second signal of this id is the first one; as the header `Idempotency-Key`.
    id: Option<String>,
    /// Any JSON.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    /// How long it is kept until somebody takes it; `7d` unless given.
    ttl: Option<String>,
}

/// What became of a signal.
#[derive(Debug, Serialize, ToSchema)]
struct SignalReply {
    /// Its id.
    id: String,
    /// `taken`: a job has it; `kept` until one waits for it.
    state: &'static str,
    /// The job that has it.
    job: Option<JobId>,
    /// This id was sent before.
    deduplicated: bool,
}

/// An event for every job that waits for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventBody {
    /// Its type, such as `order.paid`.
    #[serde(rename = "type")]
    kind: String,
    /// What it is about.
    subject: Option<String>,
    /// A second event of this id is dropped; as the header `Idempotency-Key`.
    id: Option<String>,
    /// Who says so; the caller unless given.
    source: Option<String>,
    /// When it happened; now unless given.
    time: Option<DateTime<Utc>>,
    /// Any JSON.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
}

/// A published event.
#[derive(Debug, Serialize, ToSchema)]
struct EventReply {
    /// Its id.
    id: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// What it is about.
    subject: Option<String>,
}

/// Sends a signal to a job. It is kept until the job waits for it.
#[utoipa::path(post, path = "/v1/jobs/{id}/signals", tag = "jobs", request_body = JobSignalBody,
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 202, body = SignalReply)))]
async fn signal_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    headers: HeaderMap,
    Body(body): Body<JobSignalBody>,
) -> Result<(StatusCode, Json<SignalReply>), Refusal> {
    let signal = Signal {
        to: To::Job(id.0),
        name: body.name,
        id: id_of(&headers, body.id)?,
        data: body.data,
        ttl: ttl(body.ttl.as_deref())?,
        at: Utc::now(),
    };
    send(&state, signal).await
}

/// Sends a signal to whoever waits under a key, now or later. One job takes it.
#[utoipa::path(post, path = "/v1/signals", tag = "jobs", request_body = SignalBody,
    responses((status = 202, body = SignalReply)))]
async fn signal_key(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(body): Body<SignalBody>,
) -> Result<(StatusCode, Json<SignalReply>), Refusal> {
    let signal = Signal {
        to: body
            .key
            .parse::<JobId>()
            .map_or(To::Key(body.key), |job| To::Job(job.0)),
        name: body.name,
        id: id_of(&headers, body.id)?,
        data: body.data,
        ttl: ttl(body.ttl.as_deref())?,
        at: Utc::now(),
    };
    send(&state, signal).await
}

/// Publishes an event: every job that waits for its type and subject is given it, and those that wait later, if
/// they are older than the event.
#[utoipa::path(post, path = "/v1/events", tag = "jobs", request_body = EventBody,
    responses((status = 202, body = EventReply)))]
async fn publish_event(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(body): Body<EventBody>,
) -> Result<(StatusCode, Json<EventReply>), Refusal> {
    let reply = EventReply {
        id: id_of(&headers, body.id)?,
        kind: body.kind,
        subject: body.subject,
    };
    let event = Occurrence {
        kind: reply.kind.clone(),
        id: reply.id.clone(),
        source: body.source.unwrap_or_else(|| state.who.to_string()),
        subject: reply.subject.clone(),
        data: body.data,
        at: body.time.unwrap_or_else(Utc::now),
    };
    state.store.tell(state.tenant, vec![event]).await?;
    state.notifier.tell();
    Ok((StatusCode::ACCEPTED, Json(reply)))
}

async fn send(
    state: &ApiState,
    signal: Signal,
) -> Result<(StatusCode, Json<SignalReply>), Refusal> {
    let id = signal.id.clone();
    let (job, deduplicated) = match state.store.signal(state.tenant, signal).await? {
        Signalled::Taken { job } => {
            state.notifier.tell();
            (Some(job), false)
        }
        Signalled::Kept => (None, false),
        Signalled::Duplicate { job } => (job, true),
    };
    let reply = SignalReply {
        id,
        state: if job.is_some() { "taken" } else { "kept" },
        job: job.map(JobId),
        deduplicated,
    };
    Ok((StatusCode::ACCEPTED, Json(reply)))
}

/// The id that a message is known by: its sender's, or a new one.
fn id_of(headers: &HeaderMap, given: Option<String>) -> Result<String, Refusal> {
    let id = idempotency::key(headers, given)?;
    Ok(id.unwrap_or_else(|| Uuid::new_v4().to_string()))
}

fn ttl(given: Option<&str>) -> Result<Duration, Error> {
    let Some(text) = given else {
        return Ok(SIGNAL_TTL);
    };
    duration(text).ok_or_else(|| {
        let problem = Problem::new("wrong_value", "/ttl", format!("`{text}` is no length"));
        Error::invalid(problem.hint("write a length such as 90s, 12h or 7d"))
    })
}
