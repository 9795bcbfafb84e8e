//! `/v1/categories`: what is in them, and loading one from a body of any length.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::protocol::Wanted;
use windlass_engine::protocol::load::{LISTED_MAX, REPORTED_MAX, Source, Terms};
use windlass_engine::vocabulary::ConfigurationKind;

use super::habit::envelope::SaysWhy;
use super::habit::extract::{self, At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::{ProblemDetails, Refusal};
use super::habit::raw::Raw;
use super::habit::spool;
use super::loads::{LoadQuery, LoadReply, reported};
use super::refused::{self, RefusedRow};
use super::state::ApiState;
use super::view::catalogue::{CategoryReply, ItemReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_categories))
        .routes(routes!(show_category))
        .routes(routes!(list_items, load_items))
}

/// Categories by name.
#[utoipa::path(get, path = "/v1/categories", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<CategoryReply>)))]
async fn list_categories(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .categories(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, CategoryReply::from))
}

/// One category with its document.
#[utoipa::path(get, path = "/v1/categories/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = CategoryReply)))]
async fn show_category(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<CategoryReply>, Refusal> {
    let kind = ConfigurationKind::Category;
    let revision = state.store.configuration(state.tenant, kind, &name).await?;
    let category = match state.store.category(state.tenant, &name).await {
        Ok(category) => {
            let indexes = state.store.category_indexes(category.id).await?;
            CategoryReply {
                indexes: indexes.into_iter().map(Into::into).collect(),
                ..category.into()
            }
        }
        Err(windlass_engine::Error::NotFound { .. }) => CategoryReply::never_loaded(name),
        Err(error) => return Err(error.into()),
    };
    Ok(Json(CategoryReply {
        document: Some(Raw::new(revision.document)),
        ..category
    }))
}

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ItemsQuery {
    /// A version that is kept; the current one unless given.
    version: Option<i32>,
    /// jq over each item, as in a selection: `.cost > 0 and $object == "Ohio"`.
    filter: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Items of a category's current version, or of one that is kept, by row: all, or those that a filter keeps. A page that
/// has looked at enough rows is short, or empty, and has a `next_cursor` all the same.
#[utoipa::path(get, path = "/v1/categories/{name}/items", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), ItemsQuery),
    responses((status = 200, body = PageReply<ItemReply>)))]
async fn list_items(
    State(state): State<ApiState>,
    At(name): At<String>,
    uri: Uri,
    Params(query): Params<ItemsQuery>,
) -> Result<Response, Refusal> {
    let limit = page::limit(query.limit)?;
    let after = page::after::<i64>(query.cursor.as_deref())?.unwrap_or(0);
    let (store, version) = (&state.store, query.version);
    let found = match query.filter.as_deref() {
        None => {
            let page = store.items_of(state.tenant, &name, version, after, limit);
            page.await?
        }
        Some(filter) => {
            let wanted = Wanted {
                category: &name,
                version,
                filter,
            };
            store.items_kept(state.tenant, wanted, after, limit).await?
        }
    };
    Ok(page::reply(&uri, found, ItemReply::from))
}

/// Replaces the items of a category that was applied before, or merges others into them. One refused row refuses the load,
/// and nothing is stored, unless it is to go on without such rows; what was loaded before is not loaded again. Who accepts
/// `text/csv` or `application/x-ndjson` is sent the rows that were refused as a file; those that were left out too, and then
/// the header `windlass-load` has the counts of the load as JSON.
#[utoipa::path(post, path = "/v1/categories/{name}/items", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), LoadQuery),
    request_body(content(
        (String = "text/csv"), (String = "application/x-ndjson"), (Object = "application/json"),
        (String = "application/vnd.apache.parquet"))),
    responses(
        (status = 200, content((LoadReply = "application/json"), (RefusedRow = "application/x-ndjson"), (String = "text/csv"))),
        (status = 422, content(
            (ProblemDetails = "application/problem+json"), (RefusedRow = "application/x-ndjson"), (String = "text/csv")))))]
async fn load_items(
    State(state): State<ApiState>,
    At(name): At<String>,
    Params(query): Params<LoadQuery>,
    request: Request,
) -> Result<Response, Refusal> {
    let report = refused::wanted(request.headers());
    let format = extract::rows(request.headers())?;
    state
        .store
        .configuration(state.tenant, ConfigurationKind::Category, &name)
        .await?;
    let reader = Box::new(spool::body(request.into_body()).await?);
    let source = Source::File {
        name: "body".to_owned(),
        format,
        reader,
    };
    let terms = Terms {
        tenant: state.tenant,
        who: &state.who,
        mode: query.mode(),
        invalid: query.invalid(),
        listed_max: report.map_or(LISTED_MAX, |_| REPORTED_MAX),
    };
    match (state.store.load_on(terms, &name, source).await, report) {
        (Ok(load), Some(format)) if load.left_out.rows > 0 => Ok(reported(&name, &load, format)),
        (Ok(load), _) => Ok(Json(LoadReply::of(&name, load)).into_response()),
        (Err(Error::Invalid { problems }), Some(format)) => {
            let report = refused::report(&name, &problems, format);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok((status, Extension(SaysWhy), report).into_response())
        }
        (Err(error), _) => Err(error.into()),
    }
}
