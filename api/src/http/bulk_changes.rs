//! `/v1/bulk`: changes of many jobs, each with a preview whose token the start needs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{
    BulkChange, BulkFilter, BulkPreview, BulkSample, BulkVerb, BulkWords, NewBulk,
};
use windlass_engine::store::{BulkView, RefusedJob};
use windlass_engine::vocabulary::JobState;
use windlass_workflows::problem::Problem;

use super::flights::{PreviewQuery, PreviewReply, value};
use super::habit::extract::{At, Body, Params};
use super::habit::ids::{BatchId, ChangeId, JobId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::failure::NONE;

/// Jobs a second unless the caller says.
const RATE_DEFAULT: i32 = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_bulk, start_bulk))
        .routes(routes!(show_bulk))
        .routes(routes!(list_refused_jobs))
        .routes(routes!(abort_bulk))
        .routes(routes!(pause_bulk))
        .routes(routes!(resume_bulk))
}

/// Which jobs: a template, a batch, or numbers; the others narrow it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkFilterBody {
    /// `namespace.name`, or with `@version`.
    template: Option<String>,
    /// Any of `scheduled`, `ready`, `waiting`, `paused`, `parked`; those that the change is for unless given.
    #[serde(default)]
    states: Vec<String>,
    /// Parked with this error; `none` for what was parked without one.
    fingerprint: Option<String>,
    /// Of this batch.
    batch: Option<BatchId>,
    /// Of this purpose.
    purpose: Option<String>,
    /// Of this lane, as `/v1/lanes` calls it.
    lane: Option<String>,
    /// These, at most 1,000; alone, or with `states`.
    jobs: Option<Vec<JobId>>,
}

/// What is done to each of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkChangeBody {
    /// `rewind`, `skip`, `patch`, `migrate`, `cancel`, `pause` or `resume`.
    #[schema(value_type = String)]
    verb: BulkVerb,
    /// Of `rewind` the step, of `migrate` the version.
    to: Option<String>,
    /// Of `migrate`: tasks that go on as others, by pointers.
    #[serde(default)]
    steps: BTreeMap<String, String>,
    /// Of `skip`: which step, where several are parked.
    step: Option<String>,
    /// Of `skip`: what the step gave.
    #[schema(value_type = Option<Object>)]
    output: Option<Box<RawValue>>,
    /// Of `patch`: what is merged into the context.
    #[schema(value_type = Option<Object>)]
    context: Option<Box<RawValue>>,
}

/// A change of many jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkBody {
    /// Which jobs.
    filter: BulkFilterBody,
    /// What.
    change: BulkChangeBody,
    /// Jobs a second, 1 to 1,000; 100 unless given.
    rate: Option<i32>,
    /// Of the preview.
    #[serde(default)]
    token: String,
    /// Takes the jobs that fit by now, if they are at most a twentieth more or less than shown.
    #[serde(default)]
    accept_drift: bool,
    /// In the caller's words; kept with every job. A start needs it.
    #[serde(default)]
    reason: String,
}

/// What a change of many jobs would do.
#[derive(Debug, Serialize, ToSchema)]
struct BulkPreviewReply {
    /// So many jobs fit.
    count: i64,
    /// To be sent with the start.
    token: String,
    /// Until when it is good.
    expires_at: DateTime<Utc>,
    /// How often each verdict is among the sample: `changes`, or the code of a refusal.
    verdicts: BTreeMap<String, u32>,
    /// What would become of up to ten of them.
    sample: Vec<BulkSampleReply>,
}

/// What would become of one of them.
#[derive(Debug, Serialize, ToSchema)]
struct BulkSampleReply {
    /// Which one.
    job: JobId,
    /// `changes`, or the code of a refusal.
    verdict: String,
    /// In words.
    message: String,
    /// As of the change of just this job; null where it has none, or refuses.
    preview: Option<PreviewReply>,
}

/// A change of many jobs and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
struct BulkReply {
    /// Its id.
    id: ChangeId,
    /// `running`, `paused`, `done` or `cancelled`.
    state: String,
    /// What is done.
    #[schema(value_type = Object)]
    change: Box<RawValue>,
    /// Of which jobs.
    #[schema(value_type = Object)]
    filter: Box<RawValue>,
    /// Jobs a second.
    rate: i32,
    /// So many jobs it began with.
    total: i64,
    /// Those that were changed.
    done: i64,
    /// Those that could not be.
    refused: i64,
    /// Those that were on their way when their turn came, and are asked again.
    put_off: i64,
    /// Who wanted it.
    who: String,
    /// In their words.
    why: String,
    /// When.
    created_at: DateTime<Utc>,
    /// When a keeper last looked after it.
    passed_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

/// A job that could not be changed.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedJobReply {
    /// Which one.
    job: JobId,
    /// What a change of just this job would have answered.
    code: String,
    /// Why not.
    message: String,
    /// When.
    at: DateTime<Utc>,
}

impl BulkFilterBody {
    fn filter(self) -> Result<BulkFilter, Refusal> {
        let state = |(place, word): (usize, &String)| {
            JobState::parse(word).ok_or_else(|| {
                let message = format!("`{word}` is no state of a job");
                let pointer = format!("/filter/states/{place}");
                Refusal::invalid(vec![Problem::new("wrong_value", pointer, message)])
            })
        };
        let states = self.states.iter().enumerate().map(state);
        let jobs = |jobs: Vec<JobId>| jobs.into_iter().map(|job| job.0).collect();
        Ok(BulkFilter {
            states: states.collect::<Result<_, _>>()?,
            template: self.template,
            fingerprint: self
                .fingerprint
                .map(|error| if error == NONE { String::new() } else { error }),
            batch: self.batch.map(|batch| batch.0),
            purpose: self.purpose,
            lane: self.lane,
            jobs: self.jobs.map(jobs),
        })
    }
}

impl BulkChangeBody {
    fn change(self) -> Result<BulkChange, Refusal> {
        let read =
            |place: &str, raw: Option<Box<RawValue>>| raw.map(|raw| value(place, &raw)).transpose();
        let words = BulkWords {
            verb: self.verb,
            to: self.to,
            steps: self.steps,
            step: self.step,
            output: read("/change/output", self.output)?,
            context: read("/change/context", self.context)?,
        };
        Ok(words.change()?)
    }
}

impl From<BulkSample> for BulkSampleReply {
    fn from(sample: BulkSample) -> Self {
        let job = JobId(sample.job);
        Self {
            job,
            verdict: sample.verdict,
            message: sample.message,
            preview: sample.preview.map(|one| PreviewReply::of(job, one)),
        }
    }
}

impl From<BulkPreview> for BulkPreviewReply {
    fn from(preview: BulkPreview) -> Self {
        Self {
            count: preview.count,
            token: preview.token,
            expires_at: preview.expires_at,
            verdicts: preview.verdicts,
            sample: preview.sample.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<BulkView> for BulkReply {
    fn from(view: BulkView) -> Self {
        Self {
            id: ChangeId(view.id),
            state: view.state,
            change: json(view.change),
            filter: json(view.filter),
            rate: view.rate,
            total: view.total,
            done: view.done,
            refused: view.refused,
            put_off: view.put_off,
            who: view.who,
            why: view.why,
            created_at: view.created_at,
            passed_at: view.passed_at,
            finished_at: view.finished_at,
        }
    }
}

impl From<RefusedJob> for RefusedJobReply {
    fn from(refused: RefusedJob) -> Self {
        Self {
            job: JobId(refused.job),
            code: refused.code,
            message: refused.message,
            at: refused.at,
        }
    }
}

/// As it was stored.
fn json(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Changes all jobs of a filter at a pace: rewind, skip, patch, migrate, cancel, pause or resume. With `preview` it
/// only counts them, shows what would become of some, and gives the token that the start needs. The jobs are those
/// of the start: what fits later is not changed. Repeated with its token it answers with the first.
#[utoipa::path(post, path = "/v1/bulk", tag = "jobs", params(PreviewQuery), request_body = BulkBody,
    responses((status = 202, body = BulkReply), (status = 200, body = BulkPreviewReply)))]
async fn start_bulk(
    State(state): State<ApiState>,
    Params(query): Params<PreviewQuery>,
    Body(body): Body<BulkBody>,
) -> Result<Response, Refusal> {
    let (filter, change) = (body.filter.filter()?, body.change.change()?);
    let (store, tenant) = (&state.store, state.tenant);
    if query.preview {
        let preview = store.preview_bulk(tenant, &filter, &change).await?;
        return Ok(Json(BulkPreviewReply::from(preview)).into_response());
    }
    let new = NewBulk {
        filter,
        change,
        rate: body.rate.unwrap_or(RATE_DEFAULT),
        token: body.token,
        accept_drift: body.accept_drift,
        who: state.who.to_string(),
        why: body.reason,
    };
    let begun = BulkReply::from(store.start_bulk(tenant, new).await?);
    let place = format!("/v1/bulk/{}", begun.id);
    let answer = (
        StatusCode::ACCEPTED,
        [(header::LOCATION, place)],
        Json(begun),
    );
    Ok(answer.into_response())
}

/// Changes of many jobs, newest first.
#[utoipa::path(get, path = "/v1/bulk", tag = "jobs", params(PageQuery),
    responses((status = 200, body = PageReply<BulkReply>)))]
async fn list_bulk(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let found = state.store.bulks(state.tenant, before, limit).await?;
    Ok(page::reply(&uri, found, BulkReply::from))
}

/// One change of many jobs, and how far it has come.
#[utoipa::path(get, path = "/v1/bulk/{id}", tag = "jobs",
    params(("id" = ChangeId, Path, description = "The change")),
    responses((status = 200, body = BulkReply)))]
async fn show_bulk(
    State(state): State<ApiState>,
    At(id): At<ChangeId>,
) -> Result<Json<BulkReply>, Refusal> {
    let view = state.store.bulk(state.tenant, id.0).await?;
    Ok(Json(view.into()))
}

/// The jobs that it could not change, and why.
#[utoipa::path(get, path = "/v1/bulk/{id}/refused", tag = "jobs",
    params(("id" = ChangeId, Path, description = "The change"), PageQuery),
    responses((status = 200, body = PageReply<RefusedJobReply>)))]
async fn list_refused_jobs(
    State(state): State<ApiState>,
    uri: Uri,
    At(id): At<ChangeId>,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<i64>()?);
    let found = state.store.bulk_refused(state.tenant, id.0, after, limit);
    Ok(page::reply(&uri, found.await?, RefusedJobReply::from))
}

/// Changes none of those that are left; what was changed stays so. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/bulk/{id}/abort", tag = "jobs",
    params(("id" = ChangeId, Path, description = "The change")),
    responses((status = 200, body = BulkReply)))]
async fn abort_bulk(
    State(state): State<ApiState>,
    At(id): At<ChangeId>,
) -> Result<Json<BulkReply>, Refusal> {
    let view = state.store.cancel_bulk(state.tenant, id.0).await?;
    Ok(Json(view.into()))
}

/// Changes nothing more for now. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/bulk/{id}/pause", tag = "jobs",
    params(("id" = ChangeId, Path, description = "The change")),
    responses((status = 200, body = BulkReply)))]
async fn pause_bulk(
    State(state): State<ApiState>,
    At(id): At<ChangeId>,
) -> Result<Json<BulkReply>, Refusal> {
    let view = state.store.pause_bulk(state.tenant, id.0, true).await?;
    Ok(Json(view.into()))
}

/// Goes on with a change that was paused. Repeating it is harmless.
#[utoipa::path(post, path = "/v1/bulk/{id}/resume", tag = "jobs",
    params(("id" = ChangeId, Path, description = "The change")),
    responses((status = 200, body = BulkReply)))]
async fn resume_bulk(
    State(state): State<ApiState>,
    At(id): At<ChangeId>,
) -> Result<Json<BulkReply>, Refusal> {
    let view = state.store.pause_bulk(state.tenant, id.0, false).await?;
    Ok(Json(view.into()))
}
