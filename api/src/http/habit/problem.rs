//! Refusals: every error leaves as `application/problem+json` (RFC 9457) with a stable code.
//!
//! A handler answers with a [`Refusal`]; `envelope` adds what only the request knows, the instance and
//! the request's id. Causes inside the house are logged here, once, and never sent.

use std::borrow::Cow;
use std::error::Error as _;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::Error;
use windlass_workflows::problem::Problem;

/// Seconds after which a call that failed for lack of a database is worth repeating.
const DATABASE_AGAIN_AFTER: u32 = 2;

/// Why a call was not done.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// Stable, the same in logs, metrics and on the command line.
    pub code: Cow<'static, str>,
    /// One sentence about this occurrence.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// Every fault of what was sent.
    pub problems: Vec<Problem>,
    /// Seconds after which a repeat may succeed.
    pub retry_after: Option<u32>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// A name of the kind of error, `urn:windlass:error:<code>`.
    pub r#type: String,
    /// The kind of error in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence about this occurrence.
    pub detail: String,
    /// The path that was called.
    pub instance: String,
    /// Stable name of the kind of error.
    pub code: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every fault of what was sent, with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Fault>)]
    pub problems: Vec<Problem>,
    /// For a question to the operator.
    pub request_id: String,
    /// Seconds after which a repeat may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// One fault of what was sent, as the description of the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fault {
    /// The file, where documents come from files.
    pub file: Option<String>,
    /// JSON pointer of the place.
    pub pointer: String,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
    /// The row of what was read, from 1, where there are rows.
    pub row: Option<u32>,
    /// Stable name of the kind of fault.
    pub code: String,
    /// One sentence that carries the values at hand.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without faults to list.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            detail: detail.into(),
            hint: None,
            problems: Vec::new(),
            retry_after: None,
        }
    }

    /// The same with advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was sent cannot be read: 400.
    pub fn malformed(problem: Problem) -> Self {
        let detail = problem.message.clone();
        Self {
            problems: vec![problem],
            ..Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
        }
    }

    /// What was sent can be read and is wrong: 422, with every fault.
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let detail = match problems.as_slice() {
            [one] => one.message.clone(),
            many => format!("{} problems; nothing was stored", many.len()),
        };
        Self {
            problems,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
        }
    }

    /// A bug or a broken row: 500, its cause only in the log.
    pub fn internal(code: &'static str) -> Self {
        let detail = "the call failed inside the server; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail)
    }

    /// The body, for this request.
    pub fn details(self, instance: &str, request_id: &str) -> ProblemDetails {
        ProblemDetails {
            r#type: format!("urn:windlass:error:{}", self.code),
            title: title(&self.code),
            status: self.status.as_u16(),
            detail: self.detail,
            instance: instance.to_owned(),
            code: self.code.into_owned(),
            hint: self.hint,
            problems: self.problems,
            request_id: request_id.to_owned(),
            retry_after: self.retry_after,
        }
    }
}

/// `key_reused` → `Key reused`.
fn title(code: &str) -> String {
    let words = code.replace(['_', '.'], " ");
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

impl IntoResponse for Refusal {
    /// Leaves the body to `envelope`.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = error.code();
        match error {
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, code, error.to_string()),
            Error::Conflict {
                code,
                message,
                hint,
            } => Self {
                hint,
                ..Self::new(status_of(code), code, message)
            },
            Error::Invalid { problems } => Self::invalid(problems),
            error if error.is_transient() || error.is_busy() => unavailable(&error),
            error if error.is_bad_text() => Self {
                hint: Some("leave out the character U+0000".into()),
                ..Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    code,
                    "a text holds a character that cannot be stored",
                )
            },
            error => {
                tracing::error!(code, error = %chain(&error), "the call failed");
                Self::internal(code)
            }
        }
    }
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "key_reused" => StatusCode::UNPROCESSABLE_ENTITY,
        "filter_not_indexed" => StatusCode::BAD_REQUEST,
        "four_eyes" => StatusCode::FORBIDDEN,
        "precondition_failed" => StatusCode::PRECONDITION_FAILED,
        "preview_required" => StatusCode::PRECONDITION_REQUIRED,
        _ => StatusCode::CONFLICT,
    }
}

fn unavailable(error: &Error) -> Refusal {
    tracing::warn!(code = error.code(), error = %chain(error), "the database is away");
    let detail = "the database cannot be reached; nothing was changed that you were not told of";
    Refusal {
        retry_after: Some(DATABASE_AGAIN_AFTER),
        ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), detail)
    }
}

/// An error with its causes, for the log.
fn chain(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_as_a_title() {
        assert_eq!(title("key_reused"), "Key reused");
    }

    #[test]
    fn inner_causes_stay_inside() {
        let message = "row 7 of a secret table".to_owned();
        let error = Error::Unreadable {
            noun: "state",
            name: "j_1".into(),
            message,
        };

        let refusal = Refusal::from(error);

        assert_eq!(refusal.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(refusal.code, "unreadable");
        assert!(!refusal.detail.contains("secret table"));
    }
}
