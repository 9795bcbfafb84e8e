//! `/v1/batches`: making one, previewing one, many.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{Given, NewBatch, Source, Upload};
use windlass_engine::store::BatchFilter;
use windlass_workflows::document::tree::{self, Format};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::habit::extract::{self, Params};
use super::habit::ids::BatchId;
use super::habit::page::{self, PageReply};
use super::habit::problem::Refusal;
use super::habit::{idempotency, spool};
use super::state::ApiState;
use super::view::batch::{BatchReply, CreatedBatchReply};
use super::view::plan::PreviewReply;

/// The calls that a file may be sent with, however long that takes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_batches, create_batch))
        .routes(routes!(preview_batch))
}

/// Which batches.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BatchesQuery {
    /// `open` for those that are not final.
    #[param(inline)]
    state: Option<OpenState>,
    /// Of this job configuration; not together with `state`.
    configuration: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The one state of batches that an index carries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OpenState {
    /// Not final.
    Open,
}

/// Batches, newest first.
#[utoipa::path(get, path = "/v1/batches", tag = "batches", params(BatchesQuery),
    responses((status = 200, body = PageReply<BatchReply>)))]
async fn list_batches(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<BatchesQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (
        page::limit(query.limit)?,
        page::after(query.cursor.as_deref())?,
    );
    let open_states = query.state.map(|OpenState::Open| Vec::new());
    let filter = BatchFilter {
        open_states,
        configuration: query.configuration,
    };
    let found = state
        .store
        .batches(state.tenant, &filter, before, limit)
        .await?;
    Ok(page::reply(&uri, found, BatchReply::from))
}

/// A batch of a stored job configuration; instead of it a whole JobConfiguration document may be sent,
/// as JSON or YAML.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    /// The job configuration's name.
    configuration: String,
    /// For people; the configuration's name unless given.
    name: Option<String>,
    /// As the header `Idempotency-Key`.
    idempotency_key: Option<String>,
    /// Whether it takes more members until it is closed.
    #[serde(default)]
    open: bool,
}

/// A recipe, and the file that its selection reads.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "read part by part; this is for the description")]
struct BatchForm {
    /// A whole JobConfiguration document, as JSON or YAML, or the JSON that names a stored one.
    recipe: String,
    /// CSV, NDJSON, JSON or Parquet, as the ending of `selection.file` says.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `true` for a batch that takes more members until it is closed.
    open: Option<bool>,
}

/// Makes a batch; its planning begins at once. The same key makes it once. A form brings the file that
/// `selection.file` names along; one that ends too early leaves nothing, and its key may try again.
#[utoipa::path(post, path = "/v1/batches", tag = "batches",
    params(("idempotency-key" = String, Header, description = "At most one batch per key")),
    request_body(content((BatchBody = "application/json"), (String = "application/yaml"),
        (BatchForm = "multipart/form-data"))),
    responses((status = 201, body = CreatedBatchReply), (status = 200, body = CreatedBatchReply)))]
async fn create_batch(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let (asked, file) = recipe_and_file(&state, &headers, request).await?;
    let key = idempotency::required(&headers, asked.idempotency_key)?;
    let new = NewBatch {
        source: asked.source,
        name: asked.name,
        who: state.who.to_string(),
        idempotency_key: Some(key),
    };
    let (store, tenant) = (&state.store, state.tenant);
    let created = match asked.open {
        true => store.create_open_batch(tenant, new, file).await?,
        false => store.create_batch_of(tenant, new, file).await?,
    };
    state.notifier.tell();
    let batch = state.store.batch(state.tenant, created.id).await?.into();
    let id = BatchId(created.id);
    let status = if created.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = [(header::LOCATION, format!("/v1/batches/{id}"))];
    let reply = CreatedBatchReply {
        id,
        deduplicated: !created.is_new,
        batch,
    };
    Ok((
        status,
        location,
        idempotency::replayed(!created.is_new),
        Json(reply),
    )
        .into_response())
}

/// What a batch would hold; stores nothing. A form brings the file that `selection.file` names along; of a file or a
/// source outside, the beginning is read.
#[utoipa::path(post, path = "/v1/batches/preview", tag = "batches",
    request_body(content((BatchBody = "application/json"), (String = "application/yaml"),
        (BatchForm = "multipart/form-data"))),
    responses((status = 200, body = PreviewReply)))]
async fn preview_batch(
    State(state): State<ApiState>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<PreviewReply>, Refusal> {
    let (asked, file) = recipe_and_file(&state, &headers, request).await?;
    let (store, tenant, source) = (&state.store, state.tenant, &asked.source);
    let preview = match &state.sources {
        Some(sources) => sources.preview(store, tenant, source, file).await?,
        None => {
            let given = file.map_or(Given::Nothing, Given::File);
            store.preview_batch_of(tenant, source, given).await?
        }
    };
    Ok(Json(preview.into()))
}

/// What is asked for, and the file that came with it.
async fn recipe_and_file(
    state: &ApiState,
    headers: &HeaderMap,
    request: Request,
) -> Result<(Asked, Option<Upload>), Refusal> {
    match extract::media_type(headers).as_str() {
        "multipart/form-data" => form(request).await,
        _ => Ok((read(state, request).await?, None)),
    }
}

/// A batch that somebody asks for.
struct Asked {
    source: Source,
    name: Option<String>,
    idempotency_key: Option<String>,
    open: bool,
}

/// A body that names a configuration, or is one.
async fn read(state: &ApiState, request: Request) -> Result<Asked, Refusal> {
    let is_yaml = extract::is_yaml(request.headers());
    if !extract::is_document(request.headers()) {
        return Err(extract::unsupported("application/json or application/yaml"));
    }
    let body = extract::bytes(request, state).await?;
    let text = extract::text(&body)?;
    asked(text, if is_yaml { Format::Yaml } else { Format::Json })
}

/// The parts of a form: `recipe` and `file`.
async fn form(request: Request) -> Result<(Asked, Option<Upload>), Refusal> {
    let parts = spool::form(request).await?;
    let recipe = parts.text.ok_or_else(|| {
        let problem = Problem::new("missing_field", "/recipe", "the form has no part `recipe`");
        Refusal::malformed(problem)
    })?;
    // YAML reads JSON too.
    let mut asked = asked(&recipe, Format::Yaml)?;
    asked.open |= parts.open;
    let file = parts.file.map(|(name, file)| Upload {
        name,
        reader: Box::new(file),
    });
    Ok((asked, file))
}

/// A recipe that is written out, or the name of one.
fn asked(text: &str, format: Format) -> Result<Asked, Refusal> {
    let document = tree::read_one(text, format).map_err(unreadable)?.to_value();
    if document.get("windlass").is_some() {
        return Ok(Asked {
            source: Source::Document(document),
            name: None,
            idempotency_key: None,
            open: false,
        });
    }
    named(&document)
}

fn named(document: &Value) -> Result<Asked, Refusal> {
    let body: BatchBody = extract::json(document.to_json().as_bytes())?;
    Ok(Asked {
        source: Source::Named(body.configuration),
        name: body.name,
        idempotency_key: body.idempotency_key,
        open: body.open,
    })
}

fn unreadable(problems: Vec<Problem>) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        ..Refusal::invalid(problems)
    }
}
