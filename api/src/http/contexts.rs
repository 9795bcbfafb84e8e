//! `/v1/contexts`: JSON documents under a key that jobs and people share.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::store::{ContextChange, ContextView};
use windlass_workflows::configuration::duration;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::habit::extract::{At, Body, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::precondition;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::context::{ContextChangeReply, ContextReply, ContextSummaryReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_contexts))
        .routes(routes!(
            show_context,
            put_context,
            patch_context,
            delete_context
        ))
        .routes(routes!(list_changes))
}

/// A context, whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContextBody {
    /// A JSON object of up to 512 KiB, 32 levels deep.
    #[schema(value_type = serde_json::Value)]
    document: Box<RawValue>,
    /// What it is about.
    subject: Option<String>,
    /// How long it lives, such as `30d`; for ever unless given.
    ttl: Option<String>,
}

/// What is merged into a context (RFC 7396); what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContextEdit {
    /// Members that are null go, objects are merged, all else replaces.
    #[schema(value_type = Option<serde_json::Value>)]
    document: Option<Box<RawValue>>,
    /// What it is about; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    subject: Option<Option<String>>,
    /// How long it lives from now on, such as `30d`; null: for ever.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    ttl: Option<Option<String>>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Which contexts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContextsQuery {
    /// Those about this subject alone.
    subject: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Contexts by key, without their documents.
#[utoipa::path(get, path = "/v1/contexts", tag = "contexts", params(ContextsQuery),
    responses((status = 200, body = PageReply<ContextSummaryReply>)))]
async fn list_contexts(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<ContextsQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (
        page::limit(query.limit)?,
        page::after::<String>(query.cursor.as_deref())?,
    );
    let subject = query.subject.as_deref();
    let found = state
        .store
        .contexts(state.tenant, subject, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, ContextSummaryReply::from))
}

/// A context. Its entity tag is its version.
#[utoipa::path(get, path = "/v1/contexts/{key}", tag = "contexts",
    params(("key" = String, Path, description = "Its key")),
    responses((status = 200, body = ContextReply)))]
async fn show_context(
    State(state): State<ApiState>,
    At(key): At<String>,
) -> Result<Response, Refusal> {
    let found = state.store.context(state.tenant, &key).await?;
    let found = found.ok_or_else(|| Error::not_found("context", key))?;
    Ok(tagged(StatusCode::OK, found))
}

/// Makes a context, or replaces it whole. `If-Match` and `If-None-Match: *` keep what others have done meanwhile.
#[utoipa::path(put, path = "/v1/contexts/{key}", tag = "contexts",
    params(("key" = String, Path, description = "Its key"),
        ("If-Match" = Option<String>, Header, description = "Versions that it must have, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none")),
    request_body = ContextBody,
    responses((status = 200, body = ContextReply), (status = 201, body = ContextReply)))]
async fn put_context(
    State(state): State<ApiState>,
    At(key): At<String>,
    headers: HeaderMap,
    Body(body): Body<ContextBody>,
) -> Result<Response, Refusal> {
    let change = ContextChange {
        expected: precondition::expected(&headers),
        document: document(&body.document)?,
        merges: false,
        subject: Some(body.subject),
        ttl: Some(body.ttl.as_deref().map(ttl).transpose()?),
    };
    changed(&state, &key, change).await
}

/// Merges into a context, or makes it: JSON Merge Patch (RFC 7396).
#[utoipa::path(patch, path = "/v1/contexts/{key}", tag = "contexts",
    params(("key" = String, Path, description = "Its key"),
        ("If-Match" = Option<String>, Header, description = "Versions that it must have, or `*`"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none")),
    request_body(content((ContextEdit = "application/merge-patch+json"), (ContextEdit = "application/json"))),
    responses((status = 200, body = ContextReply), (status = 201, body = ContextReply)))]
async fn patch_context(
    State(state): State<ApiState>,
    At(key): At<String>,
    headers: HeaderMap,
    Body(body): Body<ContextEdit>,
) -> Result<Response, Refusal> {
    let patch = body.document.as_deref().map(document).transpose()?;
    let nothing = Value::map([] as [(&str, Value); 0]);
    let ttl_of = |given: Option<String>| given.as_deref().map(ttl).transpose();
    let change = ContextChange {
        expected: precondition::expected(&headers),
        document: patch.unwrap_or(nothing),
        merges: true,
        subject: body.subject,
        ttl: body.ttl.map(ttl_of).transpose()?,
    };
    changed(&state, &key, change).await
}

/// Deletes a context. What made its versions is shown for a while.
#[utoipa::path(delete, path = "/v1/contexts/{key}", tag = "contexts",
    params(("key" = String, Path, description = "Its key"),
        ("If-Match" = Option<String>, Header, description = "Versions that it must have, or `*`")),
    responses((status = 204)))]
async fn delete_context(
    State(state): State<ApiState>,
    At(key): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let expected = precondition::expected(&headers);
    let who = &state.who;
    state
        .store
        .delete_context(state.tenant, &key, expected, who)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What made the versions of a context, the newest first: who, which job and which of its steps. The last hundred
/// versions are kept, for 90 days.
#[utoipa::path(get, path = "/v1/contexts/{key}/history", tag = "contexts",
    params(("key" = String, Path, description = "Its key"), PageQuery),
    responses((status = 200, body = PageReply<ContextChangeReply>)))]
async fn list_changes(
    State(state): State<ApiState>,
    At(key): At<String>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let found = state
        .store
        .context_history(state.tenant, &key, before, limit)
        .await?;
    Ok(page::reply(&uri, found, ContextChangeReply::from))
}

async fn changed(state: &ApiState, key: &str, change: ContextChange) -> Result<Response, Refusal> {
    let changed = state
        .store
        .change_context(state.tenant, key, change, &state.who)
        .await?;
    let is_new = changed.created_at == changed.updated_at;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(tagged(status, changed))
}

fn tagged(status: StatusCode, context: ContextView) -> Response {
    let tag = precondition::tag(context.version);
    let body = Json(ContextReply::from(context));
    (status, [(header::ETAG, tag)], body).into_response()
}

/// An object, with its numbers as they were written.
fn document(given: &RawValue) -> Result<Value, Error> {
    let value = Value::parse(given.get()).map_err(|error| {
        let problem = Problem::new("wrong_value", "/document", error.to_string());
        Error::invalid(problem)
    })?;
    if value.as_map().is_some() {
        return Ok(value);
    }
    let message = format!("a context is an object, not {}", value.kind());
    Err(Error::invalid(Problem::new(
        "wrong_value",
        "/document",
        message,
    )))
}

fn ttl(text: &str) -> Result<Duration, Error> {
    duration(text).ok_or_else(|| {
        let problem = Problem::new("wrong_value", "/ttl", format!("`{text}` is no length"));
        Error::invalid(problem.hint("write a length such as 90s, 12h or 30d"))
    })
}
