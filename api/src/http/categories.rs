//! `/v1/categories`: what is in them, and loading one from a body of any length.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::protocol::Wanted;
use windlass_engine::protocol::load::{LISTED_MAX, Load, REPORTED_MAX, Source, Terms};
use windlass_engine::vocabulary::ConfigurationKind;
use windlass_workflows::configuration::Mode;

use super::habit::extract::{self, At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::{ProblemDetails, Refusal};
use super::habit::raw::Raw;
use super::habit::spool;
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

/// How a category is loaded.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LoadQuery {
    /// What becomes of items that the load does not name; as the document of the category says unless given.
    #[param(inline)]
    mode: Option<LoadMode>,
}

/// What becomes of items that a load does not name.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LoadMode {
    /// They end.
    Replace,
    /// They stay: items with the keys of the load are changed where they differ, others are added.
    Merge,
}

impl From<LoadMode> for Mode {
    fn from(mode: LoadMode) -> Self {
        match mode {
            LoadMode::Replace => Self::Replace,
            LoadMode::Merge => Self::Merge,
        }
    }
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
    /// Items that were new.
    added: i64,
    /// Items that say something else.
    changed: i64,
    /// Items that were gone.
    removed: i64,
    /// Rows of the load whose items were there and said the same.
    unchanged: i64,
}

impl LoadReply {
    fn of(category: String, load: &Load) -> Self {
        Self {
            category,
            version: load.version,
            items: load.rows,
            loaded: load.loaded,
            added: load.added,
            changed: load.changed,
            removed: load.removed,
            unchanged: load.unchanged,
        }
    }
}

/// Replaces the items of a category that was applied before, or merges others into them. One refused row refuses the load,
/// and nothing is stored; what was loaded before is not loaded again. Who accepts `text/csv` or `application/x-ndjson` is
/// sent the refused rows as a file.
#[utoipa::path(post, path = "/v1/categories/{name}/items", tag = "configuration",
    params(("name" = String, Path, description = "Its name"), LoadQuery),
    request_body(content(
        (String = "text/csv"), (String = "application/x-ndjson"), (Object = "application/json"),
        (String = "application/vnd.apache.parquet"))),
    responses((status = 200, body = LoadReply), (status = 422, content(
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
        mode: query.mode.map(Mode::from),
        listed_max: report.map_or(LISTED_MAX, |_| REPORTED_MAX),
    };
    let load = match (state.store.load_on(terms, &name, source).await, report) {
        (Ok(load), _) => load,
        (Err(Error::Invalid { problems }), Some(format)) => {
            return Ok(refused::report(&name, &problems, format));
        }
        (Err(error), _) => return Err(error.into()),
    };
    Ok(Json(LoadReply::of(name, &load)).into_response())
}
