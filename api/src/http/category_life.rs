//! `/v1/categories`, beside what is in them: their loads, every row as a file, and their deletion.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::store::CategoryView;

use super::habit::extract::{At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::catalogue::{CategoryReply, CategoryVersionReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_category_versions))
        .routes(routes!(read_rows))
        .routes(routes!(delete_category))
        .routes(routes!(undelete_category))
}

/// The loads of a category, the latest first: who brought what, and what that changed.
#[utoipa::path(get, path = "/v1/categories/{name}/versions", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, body = PageReply<CategoryVersionReply>)))]
async fn list_category_versions(
    State(state): State<ApiState>,
    At(name): At<String>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i32>()?);
    let found = state
        .store
        .category_versions(state.tenant, &name, before, limit)
        .await?;
    Ok(page::reply(&uri, found, CategoryVersionReply::from))
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// A version that is kept; the current one unless given.
    version: Option<i32>,
}

/// Every item's document in the order of rows, a line each, as a stream that can be loaded again.
#[utoipa::path(get, path = "/v1/categories/{name}/rows", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), VersionQuery),
    responses((status = 200, content((String = "application/x-ndjson")))))]
async fn read_rows(
    State(state): State<ApiState>,
    At(name): At<String>,
    Params(query): Params<VersionQuery>,
) -> Result<Response, Refusal> {
    let category = state.store.category(state.tenant, &name).await?;
    // The version stays the same for all pages, whatever is loaded meanwhile.
    let version = query.version.unwrap_or(category.version);
    let is_loaded = query.version.is_some() || category.checksum.is_some();
    if is_loaded {
        state.store.item_texts(&category, Some(version), 0).await?;
    }
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.ndjson\""),
        ),
    ];
    let rows = is_loaded.then(|| lines(state, category, version));
    let body = Body::from_stream(stream::iter(rows).flatten());
    Ok((headers, body).into_response())
}

/// Pages of lines. An error ends the stream without its end, so that readers notice.
fn lines(
    state: ApiState,
    category: CategoryView,
    version: i32,
) -> impl Stream<Item = Result<Bytes, Arc<Error>>> + Send {
    stream::try_unfold(0, move |after| {
        let (store, category) = (state.store.clone(), category.clone());
        async move {
            let rows = store.item_texts(&category, Some(version), after).await;
            let rows = rows.map_err(Arc::new)?;
            let Some((last, _)) = rows.last() else {
                return Ok(None);
            };
            let last = *last;
            let text: String = rows.into_iter().map(|(_, text)| text + "\n").collect();
            Ok(Some((Bytes::from(text), last)))
        }
    })
}

/// Deletes a category that no job configuration selects from. Plans under way go on; its items stay for its retention,
/// and until then it can be brought back.
#[utoipa::path(delete, path = "/v1/categories/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = CategoryReply)))]
async fn delete_category(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<CategoryReply>, Refusal> {
    state
        .store
        .delete_category(state.tenant, &name, &state.who)
        .await?;
    let category = state.store.category(state.tenant, &name).await?;
    Ok(Json(category.into()))
}

/// Brings a deleted category back. One that is not deleted stays as it is.
#[utoipa::path(post, path = "/v1/categories/{name}/undelete", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = CategoryReply)))]
async fn undelete_category(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<CategoryReply>, Refusal> {
    state.store.undelete_category(state.tenant, &name).await?;
    let category = state.store.category(state.tenant, &name).await?;
    if category.deleted_at.is_some() {
        return Err(Refusal::from(Error::Conflict {
            code: "category_deleted",
            message: format!("the items of the category `{name}` have gone"),
            hint: Some("apply its document and load it anew".to_owned()),
        }));
    }
    Ok(Json(category.into()))
}
