//! `/v1/categories`: what is in them, and loading one from a body of any length.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::load::Source;
use windlass_engine::vocabulary::ConfigurationKind;
use windlass_workflows::configuration::Format;

use super::habit::extract::{self, At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::habit::raw::Raw;
use super::habit::spool;
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
        Ok(category) => CategoryReply::from(category),
        Err(windlass_engine::Error::NotFound { .. }) => CategoryReply::never_loaded(name),
        Err(error) => return Err(error.into()),
    };
    Ok(Json(CategoryReply {
        document: Some(Raw::new(revision.document)),
        ..category
    }))
}

/// Items of a category's current version, by row.
#[utoipa::path(get, path = "/v1/categories/{name}/items", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, body = PageReply<ItemReply>)))]
async fn list_items(
    State(state): State<ApiState>,
    At(name): At<String>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<i64>()?.unwrap_or(0));
    let found = state.store.items(state.tenant, &name, after, limit).await?;
    Ok(page::reply(&uri, found, ItemReply::from))
}

/// What a load did.
#[derive(Debug, Serialize, ToSchema)]
struct LoadReply {
    /// The category.
    category: String,
    /// Its version after the load.
    version: i32,
    /// Items of that version.
    items: i64,
    /// Whether there was anything new.
    loaded: bool,
}

/// Replaces the items of a category that was applied before. One refused row refuses the load, and
/// nothing is stored; what was loaded before is not loaded again.
#[utoipa::path(post, path = "/v1/categories/{name}/items", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    request_body(content(
        (String = "text/csv"), (String = "application/x-ndjson"), (Object = "application/json"),
        (String = "application/vnd.apache.parquet"))),
    responses((status = 200, body = LoadReply)))]
async fn load_items(
    State(state): State<ApiState>,
    At(name): At<String>,
    request: Request,
) -> Result<Json<LoadReply>, Refusal> {
    let format = match extract::media_type(request.headers()).as_str() {
        "text/csv" => Format::Csv,
        "application/x-ndjson" | "application/ndjson" => Format::Ndjson,
        "application/json" => Format::Json,
        "application/vnd.apache.parquet" => Format::Parquet,
        _ => {
            return Err(extract::unsupported(
                "text/csv, application/x-ndjson, application/json or application/vnd.apache.parquet",
            ));
        }
    };
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
    let load = state.store.load_items(state.tenant, &name, source).await?;
    let (version, items, loaded) = (load.version, load.rows, load.loaded);
    Ok(Json(LoadReply {
        category: name,
        version,
        items,
        loaded,
    }))
}
