//! A feed of incident reports, page by page: what a selection reads that comes from a service.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::Query;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// Where the feed is.
pub(crate) const PATH: &str = "/incidents";
/// The last 25 reports of the file of strikes, each with an id.
static REPORTS: LazyLock<Vec<Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("incidents.json")).unwrap_or_default());

/// Reports of one page: few, so that there is more than one.
const PAGE: usize = 10;

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// The id of the last report of the page before.
    after: Option<String>,
}

/// One page.
#[derive(Serialize)]
pub(crate) struct Page {
    data: &'static [Value],
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    /// `after` of the next page; null on the last one.
    next: Option<&'static str>,
}

/// `GET /incidents?after=ID`: the reports behind one, in the order of their ids. It forgets nothing and learns nothing, so
/// `since` and whatever else is asked change nothing.
pub(crate) async fn incidents(Query(asked): Query<Asked>) -> Result<Json<Page>, Problem> {
    let begin = match &asked.after {
        None => 0,
        Some(after) => {
            1 + place_of(after).ok_or_else(|| {
                Problem::unprocessable(format!("`after`: there is no report {after:?}"))
            })?
        }
    };
    let behind = &REPORTS[begin..];
    let data = &behind[..behind.len().min(PAGE)];
    let last = data.last().filter(|_| behind.len() > PAGE);
    let next = last.and_then(id);
    Ok(Json(Page {
        data,
        meta: Meta { next },
    }))
}

fn place_of(wanted: &str) -> Option<usize> {
    REPORTS.iter().position(|report| id(report) == Some(wanted))
}

fn id(report: &Value) -> Option<&str> {
    report.get("incident_id").and_then(Value::as_str)
}
