//! `GET /v1/export`: what was applied, as the documents that apply takes.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::export::{ExportKind, Exported, Place};
use windlass_workflows::problem::Problem;

use super::habit::extract::Params;
use super::habit::page::{self, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(export_documents))
}

/// What to export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Kinds, with commas between; all unless given.
    kind: Option<String>,
    /// Whether documents of categories name the files of their rows, which `/v1/categories/{name}/rows` gives.
    #[serde(default)]
    rows: bool,
    /// Documents, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One document.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedReply {
    /// `template`, `connection`, `limit`, `calendar`, `webhook`, `category`, `purpose` or `job_configuration`.
    kind: &'static str,
    /// Its name; of a template `namespace.name@version`.
    name: String,
    /// YAML, as apply takes it: keys in their order, defaults left out, secrets by name.
    text: String,
    /// The file that its `data` name, to be filled with the rows of the category.
    rows: Option<String>,
    /// Of a version of a template: the aliases that mean it. Set them elsewhere before documents that name one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

/// What was applied, a document each: templates in every version that is not retired, and of all else the newest revision.
#[utoipa::path(get, path = "/v1/export", tag = "configuration", params(ExportQuery),
    responses((status = 200, body = PageReply<ExportedReply>)))]
async fn export_documents(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<ExportQuery>,
) -> Result<Response, Refusal> {
    let kinds = kinds(query.kind.as_deref())?;
    let limit = page::limit(query.limit)?;
    let after = page::after::<Place>(query.cursor.as_deref())?;
    let found = state
        .store
        .export(state.tenant, &kinds, query.rows, after.as_ref(), limit)
        .await?;
    Ok(page::reply(&uri, found, ExportedReply::from))
}

fn kinds(asked: Option<&str>) -> Result<Vec<ExportKind>, Refusal> {
    let Some(asked) = asked else {
        return Ok(ExportKind::all().collect());
    };
    let read = |word: &str| word.trim().parse().map_err(|()| unknown(word));
    asked.split(',').map(read).collect()
}

fn unknown(word: &str) -> Refusal {
    let words: Vec<&str> = ExportKind::all().map(ExportKind::as_str).collect();
    let message = format!("`{word}` is no kind of document");
    let problem = Problem::new("wrong_value", "/kind", message);
    Refusal::malformed(problem.hint(words.join(", ")))
}

impl From<Exported> for ExportedReply {
    fn from(one: Exported) -> Self {
        Self {
            kind: one.kind.as_str(),
            name: one.name,
            text: one.text,
            rows: one.rows,
            aliases: one.aliases,
        }
    }
}
