//! `POST /v1/apply`: a set of documents with the data of its categories, in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use axum::Json;
use axum::extract::{Request, State};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::load::{LeftOut, ReadSeek};
use windlass_engine::protocol::{Action, Change};
use windlass_workflows::check;
use windlass_workflows::configuration::{self, Content, Document, Kind, SourceFile};
use windlass_workflows::problem::Problem;

use super::elsewhere;
use super::habit::extract::{self, Params};
use super::habit::problem::{Fault, Refusal};
use super::loads::ReasonReply;
use super::state::ApiState;

/// The name of the one document file that a YAML body is.
const BODY_FILE: &str = "body.yaml";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(apply_documents))
}

/// Whether to store.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApplyQuery {
    /// Say what would happen and store nothing.
    #[serde(default)]
    dry_run: bool,
}

/// A set of files, and the data that its categories load.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApplyBody {
    /// YAML or JSON files, each with one document or more, `---` between.
    files: Vec<FileBody>,
    /// The files that `data.file` of categories and `ical` of calendars name: the caller reads them beside the documents.
    #[serde(default)]
    data: Vec<DataBody>,
}

/// One file of documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileBody {
    /// Its name, for problems; `.json` is read as JSON, anything else as YAML.
    name: String,
    /// Its text.
    text: String,
}

/// The data of one category, or the days of one calendar.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DataBody {
    /// The category, by name; its document is among the files and says the format.
    category: Option<String>,
    /// Instead of it a calendar, by name: the text is the iCalendar file that its document names.
    calendar: Option<String>,
    /// The text of its file. Larger sets go to `POST /v1/categories/{name}/items`.
    text: String,
    /// Whether the text is Base64: a Parquet file has no other.
    #[serde(default)]
    base64: bool,
}

/// What an apply did, or would do.
#[derive(Debug, Serialize, ToSchema)]
struct ApplyReply {
    /// Whether nothing was stored.
    dry_run: bool,
    /// One for every document, in the order of the set.
    changes: Vec<ChangeReply>,
    /// What its templates say that is probably not meant, with file, line and column.
    #[schema(value_type = Vec<Fault>)]
    warnings: Vec<Problem>,
}

/// What happens to one document.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeReply {
    /// `template`, `purpose`, `category`, `job_configuration`, `connection`, `limit`, `calendar` or `webhook`.
    kind: &'static str,
    /// Its name; of a template `namespace.name@version`.
    name: String,
    /// The file that it stands in.
    file: String,
    /// `created`, `changed` or `unchanged`.
    action: &'static str,
    /// The revision in force afterwards; templates have versions instead.
    revision: Option<i32>,
    /// `+ pointer: value` and `- pointer: value`.
    diff: Vec<String>,
    /// Items of a category afterwards.
    items: Option<i64>,
    /// Rows of its data.
    read: Option<i64>,
    /// Those that are no items, where its document says `invalid: leave_out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOutReply>,
}

/// Rows that a category goes on without.
#[derive(Debug, Serialize, ToSchema)]
struct LeftOutReply {
    /// How many.
    rows: i64,
    /// Why, up to twenty reasons; each row counts for the first thing that is wrong with it.
    reasons: Vec<ReasonReply>,
    /// What is wrong with them, the first 1,000.
    #[schema(value_type = Vec<Fault>)]
    refused: Vec<Problem>,
}

impl LeftOutReply {
    fn of(left: LeftOut) -> Option<Self> {
        let more = left.more();
        (left.rows > 0).then(|| Self {
            rows: left.rows,
            reasons: left.reasons.into_iter().map(ReasonReply::from).collect(),
            refused: left.refused.into_iter().chain(more).collect(),
        })
    }
}

/// Applies a set of documents: checked whole, stored in one transaction, or not at all. Send JSON with
/// the files and the data of categories, or one YAML file as it is.
#[utoipa::path(post, path = "/v1/apply", tag = "configuration", params(ApplyQuery),
    request_body(content((ApplyBody = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = ApplyReply)))]
async fn apply_documents(
    State(state): State<ApiState>,
    Params(query): Params<ApplyQuery>,
    request: Request,
) -> Result<Json<ApplyReply>, Refusal> {
    let body = read(&state, request).await?;
    let now = state.store.clock().await?.now;
    let files: Vec<SourceFile<'_>> = body
        .files
        .iter()
        .map(|file| SourceFile {
            name: &file.name,
            text: &file.text,
        })
        .collect();
    let mut documents = configuration::read(&files, now).map_err(Refusal::invalid)?;
    let data = data(body.data, &mut documents).map_err(Refusal::invalid)?;
    let mut resources = BTreeMap::new();
    let mut warnings = Vec::new();
    for document in &documents {
        if let Content::Template(tree) = &document.content {
            resources.insert(document.name(), elsewhere::resources(&state, tree).await?);
            let found = check::warnings(tree).into_iter();
            warnings.extend(found.map(|warning| warning.in_file(&document.file)));
        }
    }
    let application = Application {
        tenant: state.tenant,
        who: state.who.to_string(),
        documents,
        texts: body
            .files
            .into_iter()
            .map(|file| (file.name, file.text))
            .collect(),
        files: data,
        resources,
        dry_run: query.dry_run,
    };
    let report = state.store.apply(application).await?;
    Ok(Json(ApplyReply {
        dry_run: report.dry_run,
        changes: report.changes.into_iter().map(ChangeReply::from).collect(),
        warnings,
    }))
}

async fn read(state: &ApiState, request: Request) -> Result<ApplyBody, Refusal> {
    let is_yaml = extract::is_yaml(request.headers());
    if !extract::is_document(request.headers()) {
        return Err(extract::unsupported("application/json or application/yaml"));
    }
    let bytes = extract::bytes(request, state).await?;
    match is_yaml {
        false => extract::json(&bytes),
        true => {
            let text = extract::text(&bytes)?.to_owned();
            let files = vec![FileBody {
                name: BODY_FILE.to_owned(),
                text,
            }];
            Ok(ApplyBody {
                files,
                data: Vec::new(),
            })
        }
    }
}

/// Applies the one document that a body is, as YAML or JSON: of this kind, under the name that its address says.
pub(super) async fn put(
    state: &ApiState,
    (kind, name): (Kind, &str),
    request: Request,
) -> Result<Action, Refusal> {
    if !extract::is_document(request.headers()) {
        return Err(extract::unsupported("application/json or application/yaml"));
    }
    let file = match extract::is_yaml(request.headers()) {
        true => BODY_FILE,
        false => "body.json",
    };
    let bytes = extract::bytes(request, state).await?;
    let text = extract::text(&bytes)?;
    let now = state.store.clock().await?.now;
    let source = SourceFile { name: file, text };
    let documents = configuration::read(&[source], now).map_err(Refusal::invalid)?;
    if !matches!(documents.as_slice(), [one] if one.kind() == kind && one.name() == name) {
        let message = format!("the body is one document, of the name `{name}` in its address");
        let problem = Problem::new("wrong_value", "/name", message);
        return Err(Refusal::invalid(vec![
            problem.hint("send others to `/v1/apply`"),
        ]));
    }
    let application = Application {
        tenant: state.tenant,
        who: state.who.to_string(),
        documents,
        texts: BTreeMap::from([(file.to_owned(), text.to_owned())]),
        files: BTreeMap::new(),
        resources: BTreeMap::new(),
        dry_run: false,
    };
    let report = state.store.apply(application).await?;
    let change = report.changes.into_iter().next();
    Ok(change.map_or(Action::Unchanged, |change| change.action))
}

/// The data by category; data of a category that is not in the set would be ignored, so it is refused.
fn data(
    sent: Vec<DataBody>,
    documents: &mut [Document],
) -> Result<BTreeMap<String, Box<dyn ReadSeek>>, Vec<Problem>> {
    let categories = documents
        .iter()
        .filter(|document| document.kind() == Kind::Category);
    let categories: BTreeSet<String> = categories.map(Document::name).collect();
    let mut problems = Vec::new();
    let mut data: BTreeMap<String, Box<dyn ReadSeek>> = BTreeMap::new();
    for (place, one) in sent.into_iter().enumerate() {
        let DataBody {
            category,
            calendar,
            text,
            base64,
        } = one;
        let category = match (category, calendar) {
            (Some(category), None) => category,
            (None, Some(calendar)) => {
                problems.extend(import(documents, &calendar, &text, place));
                continue;
            }
            _ => {
                let message = "data belong to a `category` or to a `calendar`, one of them";
                problems.push(Problem::new(
                    "one_of_two",
                    format!("/data/{place}"),
                    message,
                ));
                continue;
            }
        };
        let pointer = format!("/data/{place}/category");
        if !categories.contains(&category) {
            let message = format!("no document of the set is the category `{category}`");
            let hint = "send its document beside its data";
            problems.push(Problem::new("unknown_category", pointer, message).hint(hint));
            continue;
        }
        let bytes = match base64 {
            true => BASE64_STANDARD.decode(text).map_err(|error| {
                let pointer = format!("/data/{place}/text");
                vec![Problem::new("invalid_text", pointer, error.to_string())]
            })?,
            false => text.into_bytes(),
        };
        let reader = Box::new(Cursor::new(bytes));
        let message = format!("the data of `{category}` are sent twice");
        if data.insert(category, reader).is_some() {
            problems.push(Problem::new("repeated", pointer, message));
        }
    }
    if problems.is_empty() {
        Ok(data)
    } else {
        Err(problems)
    }
}

/// Puts the days of an iCalendar file into the calendar of the set that names it.
fn import(documents: &mut [Document], calendar: &str, text: &str, place: usize) -> Option<Problem> {
    let mut all = documents.iter_mut();
    let found = all.find(|one| one.kind() == Kind::Calendar && one.name() == calendar);
    let Some(document) = found else {
        let message = format!("no document of the set is the calendar `{calendar}`");
        let pointer = format!("/data/{place}/calendar");
        let problem = Problem::new("unknown_calendar", pointer, message);
        return Some(problem.hint("send its document beside its file"));
    };
    document.import(text).err()
}

impl From<Change> for ChangeReply {
    fn from(change: Change) -> Self {
        Self {
            kind: change.kind,
            name: change.name,
            file: change.file,
            action: match change.action {
                Action::Created => "created",
                Action::Changed => "changed",
                Action::Unchanged => "unchanged",
            },
            revision: change.revision,
            diff: change.diff,
            items: change.items,
            read: change.read,
            left_out: LeftOutReply::of(change.left_out),
        }
    }
}
