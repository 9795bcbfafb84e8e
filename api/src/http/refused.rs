//! Rows that a load refused or left out, as a file to work through: NDJSON, or CSV that no spreadsheet takes for formulas.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_workflows::problem::Problem;

use super::batch_parts::{ManifestFormat, accepted, cell, line};

/// The columns of the report as CSV.
const COLUMNS: [&str; 7] = ["file", "line", "row", "pointer", "code", "message", "hint"];

/// What is wrong with a row.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedRow<'a> {
    /// The file, where it has a name.
    file: Option<&'a str>,
    /// Its line, from 1.
    line: Option<u32>,
    /// The row, from 1; a header is none.
    row: Option<u32>,
    /// The place inside the row.
    pointer: &'a str,
    /// Stable.
    code: &'a str,
    /// For people.
    message: &'a str,
    /// What to do.
    hint: Option<&'a str>,
}

/// The form that a caller asks for; none for the problem document that everybody else is answered with.
pub(super) fn wanted(headers: &HeaderMap) -> Option<ManifestFormat> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    let is_file = accept.contains("text/csv") || accept.contains("ndjson");
    is_file.then(|| accepted(headers))
}

/// The report, as the answer of a load.
pub(super) fn report<'a>(
    name: &str,
    problems: impl IntoIterator<Item = &'a Problem>,
    format: ManifestFormat,
) -> Response {
    let rows = problems.into_iter().map(RefusedRow::from);
    let (kind, ending, text) = match format {
        ManifestFormat::Ndjson => ("application/x-ndjson", "ndjson", rows.map(json).collect()),
        ManifestFormat::Csv => {
            let head = std::iter::once(line(COLUMNS));
            let text: String = head.chain(rows.map(csv)).collect();
            ("text/csv; charset=utf-8", "csv", text)
        }
    };
    let file = format!("attachment; filename=\"{name}-refused.{ending}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    let text: String = text;
    (headers, text).into_response()
}

fn json(row: RefusedRow<'_>) -> String {
    serde_json::to_string(&row).expect("rows have texts as keys") + "\n"
}

fn csv(row: RefusedRow<'_>) -> String {
    let text = |text: &str| cell(text.to_owned());
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    line([
        text(row.file.unwrap_or_default()),
        number(row.line),
        number(row.row),
        text(row.pointer),
        text(row.code),
        text(row.message),
        text(row.hint.unwrap_or_default()),
    ])
}

impl<'a> From<&'a Problem> for RefusedRow<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            file: problem.file.as_deref(),
            line: problem.line,
            row: problem.row,
            pointer: &problem.pointer,
            code: &problem.code,
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}
