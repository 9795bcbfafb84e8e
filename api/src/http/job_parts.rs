//! `/v1/jobs/{id}/…`: a job's journal, what came of it, and why it is not moving.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::response::sse::Event;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::time::sleep;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::store::PAGE_MAX;

use super::habit::extract::{At, Params};
use super::habit::ids::JobId;
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::habit::stream as events;
use super::state::ApiState;
use super::view::job::{EntryReply, ExplainReply, JobReply, OutputReply, ReasonReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_journal))
        .routes(routes!(show_output))
        .routes(routes!(explain_job))
}

/// A job's journal, oldest first: a page, or events that go on until the job is final.
#[utoipa::path(get, path = "/v1/jobs/{id}/journal", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PageQuery,
        ("last-event-id" = Option<String>, Header, description = "Events after this number only")),
    responses((status = 200, content(
        (PageReply<EntryReply> = "application/json"), (String = "text/event-stream")))))]
async fn list_journal(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    uri: Uri,
    Params(query): Params<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let job = state.store.job(state.tenant, id.0).await?;
    let (limit, after) = (query.limit()?, query.after::<i32>()?.unwrap_or(0));
    if events::is_asked(&headers) {
        let place = events::admit(&state.streams)?;
        let after = events::last_event(&headers).unwrap_or(after);
        return Ok(events::reply(place, follow(state, job.id, after)));
    }
    let found = state
        .store
        .journal(state.tenant, id.0, after, limit)
        .await?;
    Ok(page::reply(&uri, found, EntryReply::from))
}

/// Where a followed journal is.
struct Follow {
    state: ApiState,
    job: i64,
    after: i32,
    is_over: bool,
}

/// Entries as they are written, then the job as `ended`.
fn follow(state: ApiState, job: i64, after: i32) -> impl Stream<Item = Event> + Send {
    let start = Follow {
        state,
        job,
        after,
        is_over: false,
    };
    stream::unfold(start, |mut follow| async move {
        let events = follow.next().await?;
        Some((stream::iter(events), follow))
    })
    .flatten()
}

impl Follow {
    /// The next events; none when the stream is over.
    async fn next(&mut self) -> Option<Vec<Event>> {
        while !self.is_over {
            let events = match self.look().await {
                Ok(events) => events,
                Err(error) => {
                    tracing::debug!(error = %error, "a followed journal could not be read; its reader resumes");
                    return None;
                }
            };
            if !events.is_empty() {
                return Some(events);
            }
            tokio::select! {
                () = sleep(events::PAUSE) => {}
                () = self.state.stop.cancelled() => return None,
            }
        }
        None
    }

    async fn look(&mut self) -> Result<Vec<Event>, Error> {
        let store = &self.state.store;
        // The job first: an entry that follows the outcome does not exist.
        let job = store.job(self.state.tenant, self.job).await?;
        let page = store
            .journal(self.state.tenant, self.job, self.after, PAGE_MAX)
            .await?;
        let is_whole = page.next.is_none();
        self.after = page.items.last().map_or(self.after, |entry| entry.seq);
        let mut events: Vec<Event> = page
            .items
            .into_iter()
            .map(|entry| {
                let event = Event::default().event("entry").id(entry.seq.to_string());
                data(event, &EntryReply::from(entry))
            })
            .collect();
        if is_whole && job.state.is_final() {
            self.is_over = true;
            events.push(data(Event::default().event("ended"), &JobReply::from(job)));
        }
        Ok(events)
    }
}

fn data(event: Event, value: &impl Serialize) -> Event {
    event.json_data(value).expect("replies have texts as keys")
}

/// The output of a job, or its error; 404 until it is final.
#[utoipa::path(get, path = "/v1/jobs/{id}/output", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 200, body = OutputReply)))]
async fn show_output(
    State(state): State<ApiState>,
    At(id): At<JobId>,
) -> Result<Json<OutputReply>, Refusal> {
    let reply = JobReply::from(state.store.job(state.tenant, id.0).await?);
    let Some(outcome) = reply.outcome else {
        let detail = format!("job {id} is {} and has no output yet", reply.state);
        let refusal = Refusal::new(axum::http::StatusCode::NOT_FOUND, "not_final", detail);
        return Err(refusal.hint(format!("wait for it: GET /v1/jobs/{id}?wait=30s")));
    };
    Ok(Json(OutputReply {
        job: id,
        kind: outcome.kind,
        result: outcome.result,
    }))
}

/// Every condition that keeps a job from running.
#[utoipa::path(get, path = "/v1/jobs/{id}/explain", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 200, body = ExplainReply)))]
async fn explain_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
) -> Result<Json<ExplainReply>, Refusal> {
    let job = state.store.job(state.tenant, id.0).await?;
    let reasons = state
        .store
        .explain(state.tenant, id.0, state.worker_ttl)
        .await?;
    Ok(Json(ExplainReply {
        job: id,
        state: job.state.as_str(),
        reasons: reasons.into_iter().map(ReasonReply::from).collect(),
    }))
}
