//! `/v1/requests`: one request, or a stream of them; what was asked.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{self, Answer, Work};
use windlass_workflows::configuration::Priority;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::bulk;
use super::habit::extract::{self, At, Params};
use super::habit::ids::{JobId, RequestId};
use super::habit::problem::Refusal;
use super::habit::raw::Raw;
use super::habit::{idempotency, wait};
use super::state::ApiState;
use super::view::job::{JobReply, RequestReply};

/// Seconds after which a request whose key is being stored is worth repeating.
const AGAIN_AFTER: u32 = 1;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(submit_request))
        .routes(routes!(show_request))
}

/// One request: a template or a purpose, and an input.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestBody {
    /// `namespace.name`, the newest version, or `namespace.name@1.2.3`; or else `purpose`.
    template: Option<String>,
    /// A purpose by name; or else `template`.
    purpose: Option<String>,
    /// What the job is given; `{}` unless given.
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Box<RawValue>>,
    /// At most one job per key; as the header `Idempotency-Key`.
    idempotency_key: Option<String>,
    /// Not before this instant.
    start_at: Option<DateTime<Utc>>,
    /// `urgent`, `high`, `normal`, `low` or `bulk`; the purpose's unless given.
    priority: Option<String>,
    /// For people and filters.
    tags: Option<BTreeMap<String, String>>,
}

impl RequestBody {
    /// What the engine is asked, or every fault of it.
    pub(super) fn into_request(self) -> Result<protocol::Request, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut keep = |problem: Box<Problem>| problems.push(*problem);
        let work = work(self.template, self.purpose).map_err(&mut keep).ok();
        let input = input(self.input.as_deref()).map_err(&mut keep).ok();
        let priority = self.priority.map(|word| priority(&word)).transpose();
        let priority = priority.map_err(&mut keep).ok();
        let tags = self.tags.map(|tags| serde_json::json!(tags));
        match (work, input, priority) {
            (Some(work), Some(input), Some(priority)) => Ok(protocol::Request {
                work,
                input,
                idempotency_key: self.idempotency_key,
                start_at: self.start_at,
                priority,
                tags,
            }),
            _ => Err(problems),
        }
    }
}

fn work(template: Option<String>, purpose: Option<String>) -> Result<Work, Box<Problem>> {
    match (template, purpose) {
        (Some(template), None) => Ok(Work::Template(template)),
        (None, Some(purpose)) => Ok(Work::Purpose(purpose)),
        _ => {
            let problem = Problem::new("one_of_two", "", "give either `template` or `purpose`");
            Err(Box::new(problem.hint(
                r#"write {"template": "namespace.name", "input": {…}}"#,
            )))
        }
    }
}

fn input(text: Option<&RawValue>) -> Result<Value, Box<Problem>> {
    let text = text.map_or("{}", RawValue::get);
    let wrong = |message: String| Box::new(Problem::new("json_malformed", "/input", message));
    Value::parse(text).map_err(|error| wrong(error.to_string()))
}

fn priority(word: &str) -> Result<Priority, Box<Problem>> {
    let found = Priority::ALL.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, priority)| priority).ok_or_else(|| {
        let problem = Problem::new(
            "wrong_value",
            "/priority",
            format!("`{word}` is no priority"),
        );
        Box::new(problem.hint("urgent, high, normal, low or bulk"))
    })
}

/// How long the answer may be held.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SubmitQuery {
    /// Hold the answer until the job is final or so long, at most `60s`.
    wait: Option<String>,
}

/// What a request became.
#[derive(Debug, Serialize, ToSchema)]
struct SubmittedReply {
    /// Its id.
    id: RequestId,
    /// Whether the same key and payload had made the job before.
    deduplicated: bool,
    /// The job.
    job: JobReply,
}

/// Submits a request. A body of `application/x-ndjson` holds one request a line, of any number, and
/// is answered by one line each: `created`, `duplicate`, `key_reused`, `in_flight` or `invalid`.
#[utoipa::path(post, path = "/v1/requests", tag = "requests",
    params(SubmitQuery, ("idempotency-key" = Option<String>, Header, description = "At most one job per key")),
    request_body(content((RequestBody = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 201, body = SubmittedReply, description = "A new job; `Location` is its address"),
        (status = 200, content(
            (SubmittedReply = "application/json"), (bulk::RowReply = "application/x-ndjson")),
            description = "The job that the same key made before; or a line a row")))]
async fn submit_request(
    State(state): State<ApiState>,
    Params(query): Params<SubmitQuery>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    match extract::media_type(&headers).as_str() {
        "application/x-ndjson" | "application/ndjson" => {
            return bulk::submit(state, request.into_body());
        }
        "application/json" => {}
        _ => {
            return Err(extract::unsupported(
                "application/json or application/x-ndjson",
            ));
        }
    }
    let wait = wait::asked(query.wait.as_deref(), &headers)?;
    let body: RequestBody = extract::json(&extract::bytes(request, &state).await?)?;
    let mut asked = body.into_request().map_err(Refusal::invalid)?;
    asked.idempotency_key = idempotency::key(&headers, asked.idempotency_key)?;
    let (job, is_new) = submit(&state, asked).await?;
    let look = || state.store.job(state.tenant, job);
    let seen = wait::until(wait, &state.stop, look, |job| job.state.is_final()).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = [(header::LOCATION, format!("/v1/jobs/{}", JobId(job)))];
    let reply = SubmittedReply {
        id: RequestId(job),
        deduplicated: !is_new,
        job: seen.into(),
    };
    Ok((
        status,
        location,
        idempotency::replayed(!is_new),
        Json(reply),
    )
        .into_response())
}

/// The job of a request, and whether it is new.
async fn submit(state: &ApiState, request: protocol::Request) -> Result<(i64, bool), Refusal> {
    let answers = state
        .store
        .submit_requests(state.tenant, &state.who, vec![request])
        .await?;
    match answers.into_iter().next() {
        Some(Answer::Created { job }) => {
            state.notifier.tell();
            Ok((job, true))
        }
        Some(Answer::Duplicate { job }) => Ok((job, false)),
        Some(Answer::KeyReused { job }) => Err(key_reused(job)),
        Some(Answer::Invalid(problems)) => Err(Refusal::invalid(problems)),
        Some(Answer::InFlight) => Err(in_flight()),
        None => Err(Refusal::internal("internal")),
    }
}

fn key_reused(job: i64) -> Refusal {
    let detail = format!(
        "the idempotency key was used for another payload, by job {}",
        JobId(job)
    );
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", detail)
        .hint("send a new key for a new request")
}

fn in_flight() -> Refusal {
    let detail = "the first request with this idempotency key is being stored at this moment";
    Refusal {
        retry_after: Some(AGAIN_AFTER),
        ..Refusal::new(StatusCode::CONFLICT, "in_flight", detail).hint("repeat it in a second")
    }
}

/// What was asked, and what it became.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests",
    params(("id" = RequestId, Path, description = "The request")),
    responses((status = 200, body = RequestReply)))]
async fn show_request(
    State(state): State<ApiState>,
    At(id): At<RequestId>,
) -> Result<Json<RequestReply>, Refusal> {
    let job = state.store.job(state.tenant, id.0).await?;
    let input = Raw::new(state.store.job_input(state.tenant, id.0).await?);
    Ok(Json(RequestReply {
        id,
        job: job.into(),
        input,
    }))
}
