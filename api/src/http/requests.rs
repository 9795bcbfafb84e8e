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
use windlass_engine::protocol::{self, Answer, Scope, Work};
use windlass_engine::store::{Hold, JobView, OnDuplicate, Submitted};
use windlass_workflows::configuration::Priority;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::bulk;
use super::habit::extract::{self, At, Params};
use super::habit::ids::{BatchId, JobId, RequestId};
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
    /// `namespace.name`, the newest version, `namespace.name@1.2.3`, or `namespace.name@alias`; or else `purpose`.
    template: Option<String>,
    /// A purpose by name; or else `template`.
    purpose: Option<String>,
    /// What the job is given; `{}` unless given.
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Box<RawValue>>,
    /// At most one job per key; as the header `Idempotency-Key`.
    idempotency_key: Option<String>,
    /// Where the key counts, and how long.
    idempotency: Option<IdempotencyBody>,
    /// What happens when the key is taken: `return` (the default) the first job; `reject` the request;
    /// `replace_queued` or `replace_keep_time`: a job that nobody has started ends, and the new one
    /// runs at its own time, or at the old one's; `extend`: such a job starts at the new time.
    on_duplicate: Option<String>,
    /// Not before this instant.
    start_at: Option<DateTime<Utc>>,
    /// Not started by this instant, it ends `expired`; as long after it is due as its purpose has it, unless given.
    expires_at: Option<DateTime<Utc>>,
    /// `urgent`, `high`, `normal`, `low` or `bulk`; the purpose's unless given.
    priority: Option<String>,
    /// For people and filters.
    tags: Option<BTreeMap<String, String>>,
    /// The lane beside whose work it goes, 1 to 100 bytes; the one that its purpose or its template reads from the input,
    /// or that of its purpose or template, unless given.
    lane: Option<String>,
}

/// Where an idempotency key counts, and how long.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IdempotencyBody {
    /// `tenant`, `template`: among the requests for one template, or `batch`: among those that name one batch. As its
    /// purpose has it, or `tenant`, unless given.
    scope: Option<String>,
    /// The batch of scope `batch`, which it is when a batch is named alone.
    batch: Option<BatchId>,
    /// `ttl:24h` (or another length), `active`: until the job ends, or `forever`. As its purpose has it, or
    /// `ttl:24h`, unless given.
    hold: Option<String>,
}

impl IdempotencyBody {
    fn scope(&self) -> Result<Option<Scope>, Box<Problem>> {
        match (self.scope.as_deref(), self.batch) {
            (None, None) => Ok(None),
            (Some("tenant"), None) => Ok(Some(Scope::Tenant)),
            (Some("template"), None) => Ok(Some(Scope::Template)),
            (None | Some("batch"), Some(BatchId(batch))) => Ok(Some(Scope::Batch(batch))),
            (Some("batch"), None) => {
                let message = "a key of scope `batch` names its batch";
                let problem = Problem::new("missing_field", "/idempotency/batch", message);
                Err(Box::new(
                    problem.hint(r#"{"scope": "batch", "batch": "b_7"}"#),
                ))
            }
            (_, Some(_)) => {
                let message = "a batch goes with the scope `batch` only";
                Err(Box::new(Problem::new(
                    "wrong_value",
                    "/idempotency/batch",
                    message,
                )))
            }
            (Some(word), None) => Err(wrong(
                "/idempotency/scope",
                word,
                "tenant, template or batch",
            )),
        }
    }

    fn hold(&self) -> Result<Option<Hold>, Box<Problem>> {
        let hint = "ttl:24h or another length, active, or forever";
        let read = |word| Hold::parse(word).ok_or_else(|| wrong("/idempotency/hold", word, hint));
        self.hold.as_deref().map(read).transpose()
    }
}

impl RequestBody {
    /// What the engine is asked, or every fault of it.
    pub(super) fn into_request(self) -> Result<protocol::Request, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut keep = |problem: Box<Problem>| problems.push(*problem);
        let work = work(self.template, self.purpose).map_err(&mut keep).ok();
        let input = input(self.input.as_deref()).map_err(&mut keep).ok();
        let asked = self.idempotency.unwrap_or_default();
        let scope = asked.scope().map_err(&mut keep).ok();
        let hold = asked.hold().map_err(&mut keep).ok();
        let on_duplicate = self.on_duplicate.as_deref().map(on_duplicate).transpose();
        let on_duplicate = on_duplicate.map_err(&mut keep).ok();
        let priority = self.priority.map(|word| priority(&word)).transpose();
        let priority = priority.map_err(&mut keep).ok();
        let (Some(work), Some(input)) = (work, input) else {
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(protocol::Request {
            idempotency_key: self.idempotency_key,
            scope: scope.flatten(),
            hold: hold.flatten(),
            on_duplicate: on_duplicate.flatten().unwrap_or_default(),
            start_at: self.start_at,
            expires_at: self.expires_at,
            priority: priority.flatten(),
            tags: self.tags.map(|tags| serde_json::json!(tags)),
            lane: self.lane,
            ..protocol::Request::new(work, input)
        })
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
    let hint = "urgent, high, normal, low or bulk";
    found
        .map(|(_, priority)| priority)
        .ok_or_else(|| wrong("/priority", word, hint))
}

fn on_duplicate(word: &str) -> Result<OnDuplicate, Box<Problem>> {
    let hint = "return, reject, replace_queued, replace_keep_time or extend";
    OnDuplicate::parse(word).ok_or_else(|| wrong("/on_duplicate", word, hint))
}

fn wrong(pointer: &str, word: &str, hint: &str) -> Box<Problem> {
    let problem = Problem::new(
        "wrong_value",
        pointer,
        format!("`{word}` is not known here"),
    );
    Box::new(problem.hint(format!("expected {hint}")))
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
    /// Whether the same key had made the job before.
    deduplicated: bool,
    /// The job that ended because this one replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<JobId>,
    /// The job that had started when this one came to replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor_of: Option<JobId>,
    /// The job.
    job: JobReply,
}

/// Submits a request. A body of `application/x-ndjson` holds one request a line, of any number, and
/// is answered by one line each, a block at a time; a line that was answered is durable, and a stream
/// that breaks off may have stored the block behind the last answer. Read while you send.
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
    let made = submit(&state, asked).await?;
    let seen = match made.fresh {
        Some(job) if wait.is_zero() => job,
        _ => {
            let look = || state.store.job(state.tenant, made.job);
            wait::until(wait, &state.stop, look, |job| job.state.is_final()).await?
        }
    };
    let status = if made.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = [(header::LOCATION, format!("/v1/jobs/{}", JobId(made.job)))];
    let reply = SubmittedReply {
        id: RequestId(made.job),
        deduplicated: !made.is_new,
        replaced: made.replaced.map(JobId),
        successor_of: made.successor_of.map(JobId),
        job: seen.into(),
    };
    Ok((
        status,
        location,
        idempotency::replayed(!made.is_new),
        Json(reply),
    )
        .into_response())
}

/// The job of a request.
struct Made {
    job: i64,
    is_new: bool,
    replaced: Option<i64>,
    successor_of: Option<i64>,
    fresh: Option<JobView>,
}

async fn submit(state: &ApiState, request: protocol::Request) -> Result<Made, Refusal> {
    let receipt = state
        .store
        .submit_request(state.tenant, &state.who, &request)
        .await?;
    let (job, is_new, replaced, successor_of) = match receipt.answer {
        Answer::Submitted(Submitted::Created { job }) => (job, true, None, None),
        Answer::Submitted(Submitted::Replaced { job, old }) => (job, true, Some(old), None),
        Answer::Submitted(Submitted::Succeeds { job, first }) => (job, true, None, Some(first)),
        Answer::Submitted(Submitted::Duplicate { job })
        | Answer::Submitted(Submitted::Extended { job }) => (job, false, None, None),
        Answer::Submitted(Submitted::KeyReused { job }) => return Err(key_reused(job)),
        Answer::Submitted(Submitted::Rejected { job }) => return Err(rejected(job)),
        Answer::Invalid(problems) => return Err(Refusal::invalid(problems)),
        Answer::Submitted(Submitted::InFlight) => return Err(in_flight()),
        Answer::LimitFull { message } => return Err(limit_full(message)),
        Answer::Paused { message } => return Err(paused(message)),
        Answer::Failed { .. } => return Err(Refusal::internal("internal")),
    };
    Ok(Made {
        job,
        is_new,
        replaced,
        successor_of,
        fresh: receipt.job,
    })
}

fn rejected(job: i64) -> Refusal {
    let detail = format!("the idempotency key belongs to job {}", JobId(job));
    Refusal::new(StatusCode::CONFLICT, "duplicate", detail)
        .hint("`on_duplicate: return` gives that job instead")
}

fn paused(message: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "paused", message)
        .hint("send it again later; `windlass pause` shows who paused what")
}

fn key_reused(job: i64) -> Refusal {
    let detail = format!(
        "the idempotency key was used for another payload, by job {}",
        JobId(job)
    );
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", detail)
        .hint("send a new key for a new request")
}

fn limit_full(detail: String) -> Refusal {
    Refusal {
        retry_after: Some(AGAIN_AFTER),
        ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "limit_full", detail)
            .hint("submit it again when others have ended")
    }
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
