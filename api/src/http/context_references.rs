//! Which batches and jobs touched a context, and which contexts a batch or job touched.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::{ReferenceCursor, Toucher};

use super::habit::extract::{At, Params};
use super::habit::ids::{BatchId, JobId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::context::{ContextReferenceReply, TouchedContextReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_references))
        .routes(routes!(list_contexts_of_batch))
        .routes(routes!(list_contexts_of_job))
}

/// Which references.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReferencesQuery {
    /// Those of batches alone, or of jobs.
    #[param(inline)]
    kind: Option<ReferenceKind>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Who touches contexts.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReferenceKind {
    Batch,
    Job,
}

impl ReferenceKind {
    const fn word(self) -> &'static str {
        Toucher::KINDS[self as usize]
    }
}

/// The batches and jobs that changed or read a context, those that came last first, each with the time at which it first
/// did. What the jobs of a batch read is noted for the batch alone. Kept for 90 days.
#[utoipa::path(get, path = "/v1/contexts/{key}/references", tag = "contexts",
    params(("key" = String, Path, description = "Its key"), ReferencesQuery),
    responses((status = 200, body = PageReply<ContextReferenceReply>)))]
async fn list_references(
    State(state): State<ApiState>,
    At(key): At<String>,
    uri: Uri,
    Params(query): Params<ReferencesQuery>,
) -> Result<Response, Refusal> {
    let limit = page::limit(query.limit)?;
    let before = page::after::<ReferenceCursor>(query.cursor.as_deref())?;
    let kind = query.kind.map(ReferenceKind::word);
    let found = state
        .store
        .context_references((state.tenant, &key), kind, before, limit)
        .await?;
    Ok(page::reply(&uri, found, ContextReferenceReply::from))
}

/// The contexts that jobs of a batch changed or read, by key.
#[utoipa::path(get, path = "/v1/batches/{id}/contexts", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"), PageQuery),
    responses((status = 200, body = PageReply<TouchedContextReply>)))]
async fn list_contexts_of_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    state.store.batch(state.tenant, id.0).await?;
    touched(&state, Toucher::Batch(id.0), &uri, &query).await
}

/// The contexts that a job changed, and where it has no batch those that it read, by key.
#[utoipa::path(get, path = "/v1/jobs/{id}/contexts", tag = "jobs",
    params(("id" = JobId, Path, description = "The job"), PageQuery),
    responses((status = 200, body = PageReply<TouchedContextReply>)))]
async fn list_contexts_of_job(
    State(state): State<ApiState>,
    At(id): At<JobId>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    state.store.job(state.tenant, id.0).await?;
    touched(&state, Toucher::Job(id.0), &uri, &query).await
}

async fn touched(
    state: &ApiState,
    by: Toucher,
    uri: &Uri,
    query: &PageQuery,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<(String, String)>()?);
    let found = state
        .store
        .touched_contexts(state.tenant, by, after, limit)
        .await?;
    Ok(page::reply(uri, found, TouchedContextReply::from))
}
