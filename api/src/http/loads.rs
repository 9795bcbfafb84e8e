//! What a load of a category is asked with and answered.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use windlass_engine::protocol::load::{LeftOut, Load, Reason};
use windlass_workflows::configuration::{Invalid, Mode};
use windlass_workflows::problem::Problem;

use super::batch_parts::ManifestFormat;
use super::habit::problem::Fault;
use super::refused;

/// How a category is loaded.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LoadQuery {
    /// What becomes of items that the load does not name; as the document of the category says unless given.
    #[param(inline)]
    mode: Option<LoadMode>,
    /// What a row does that is no item; as the document of the category says unless given.
    #[param(inline)]
    invalid: Option<InvalidRow>,
}

impl LoadQuery {
    pub(super) fn mode(&self) -> Option<Mode> {
        self.mode.map(|mode| match mode {
            LoadMode::Replace => Mode::Replace,
            LoadMode::Merge => Mode::Merge,
        })
    }

    pub(super) fn invalid(&self) -> Option<Invalid> {
        self.invalid.map(|invalid| match invalid {
            InvalidRow::Refuse => Invalid::Refuse,
            InvalidRow::LeaveOut => Invalid::LeaveOut,
        })
    }
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

/// What a row does that is no item.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum InvalidRow {
    /// It refuses the load.
    Refuse,
    /// It is left out. A load of which nothing would be left is refused all the same.
    LeaveOut,
}

/// What a load did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoadReply {
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
    /// Rows that were read.
    read: i64,
    /// Those that are no items, where the load goes on without them.
    left_out: i64,
    /// Why, up to twenty reasons; each row counts for the first thing that is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<ReasonReply>,
}

/// Why rows were left out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReasonReply {
    /// Stable.
    code: String,
    /// The field, as a JSON pointer; empty for the row as a whole.
    pointer: String,
    /// How many rows.
    rows: i64,
    /// What was said of the first of them.
    #[schema(value_type = Fault)]
    example: Problem,
}

impl LoadReply {
    pub(super) fn of(category: &str, load: Load) -> Self {
        let reasons = load.left_out.reasons.into_iter();
        Self {
            category: category.to_owned(),
            version: load.version,
            items: load.rows,
            loaded: load.loaded,
            added: load.added,
            changed: load.changed,
            removed: load.removed,
            unchanged: load.unchanged,
            read: load.read,
            left_out: load.left_out.rows,
            reasons: reasons.map(ReasonReply::from).collect(),
        }
    }
}

impl From<Reason> for ReasonReply {
    fn from(reason: Reason) -> Self {
        Self {
            code: reason.code,
            pointer: reason.pointer,
            rows: reason.rows,
            example: reason.example,
        }
    }
}

/// Where the counts of a load stand whose answer is the report of its rows.
const COUNTS: HeaderName = HeaderName::from_static("windlass-load");

/// The rows that a load left out as a file, with its counts in a header.
pub(super) fn reported(name: &str, load: &Load, format: ManifestFormat) -> Response {
    let left = &load.left_out;
    let more = left.more();
    let mut answer = refused::report(name, left.refused.iter().chain(&more), format);
    let counts = Load {
        left_out: LeftOut {
            rows: left.rows,
            ..LeftOut::default()
        },
        ..load.clone()
    };
    let counts = serde_json::to_string(&LoadReply::of(name, counts)).ok();
    // The names of categories are ASCII, all else is numbers.
    if let Some(line) = counts.and_then(|counts| HeaderValue::try_from(counts).ok()) {
        answer.headers_mut().insert(COUNTS, line);
    }
    answer
}
