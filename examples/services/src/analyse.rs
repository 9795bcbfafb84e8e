//! The analysis service: `{ profile, rows }` in, a verdict or figures out.
//!
//! A path of its own for each profile lets a connection give them different time limits; `/analyse`
//! chooses by the profile's name.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::incident::Incident;
use crate::problem::Problem;
use crate::{risk, statistics};

type Body = Result<Bytes, BytesRejection>;

#[derive(Deserialize)]
struct Request {
    profile: Option<String>,
    rows: Vec<Incident>,
}

/// `POST /analyse`: the profile chooses.
pub(crate) async fn by_profile(body: Body) -> Result<Response, Problem> {
    let request = read(body)?;
    match request.profile.as_deref() {
        Some("strike-risk") => answer_risk(&request.rows),
        Some("strike-statistics") => answer_statistics(&request.rows),
        Some(other) => Err(Problem::unprocessable(format!(
            "unknown profile {other:?}; there are strike-risk and strike-statistics"
        ))),
        None => Err(Problem::unprocessable(
            "`profile` is missing: strike-risk or strike-statistics",
        )),
    }
}

/// `POST /analyse/risk`: how dangerous the worst of the rows was.
pub(crate) async fn risk(body: Body) -> Result<Response, Problem> {
    answer_risk(&read(body)?.rows)
}

/// `POST /analyse/statistics`: figures over all rows, which may be none.
pub(crate) async fn statistics(body: Body) -> Result<Response, Problem> {
    answer_statistics(&read(body)?.rows)
}

fn read(body: Body) -> Result<Request, Problem> {
    let bytes = body.map_err(|rejection| Problem {
        status: rejection.status(),
        detail: rejection.body_text(),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| Problem {
        status: if error.is_data() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::BAD_REQUEST
        },
        detail: error.to_string(),
    })
}

fn answer_risk(rows: &[Incident]) -> Result<Response, Problem> {
    match risk::worst(rows) {
        Some(verdict) => json(&verdict),
        None => Err(Problem::unprocessable("`rows` is empty: nothing to judge")),
    }
}

fn answer_statistics(rows: &[Incident]) -> Result<Response, Problem> {
    json(&statistics::measure(rows))
}

fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(value).map_err(|error| Problem {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        detail: error.to_string(),
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
