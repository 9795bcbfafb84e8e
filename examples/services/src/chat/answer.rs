//! An answer and a refusal, in the shapes that clients of the protocol read.
//!
//! The same answer is written whole here, or in pieces by `stream`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// Why an answer ends.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finish {
    Stop,
    Length,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Usage {
    prompt_tokens: usize,
    completion_tokens: usize,
    total_tokens: usize,
}

impl Usage {
    pub(super) fn new(prompt_tokens: usize, completion_tokens: usize) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

/// An answer before it is written whole or in pieces.
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) text: String,
    pub(super) finish: Finish,
    pub(super) usage: Usage,
}

impl Answer {
    pub(super) fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": self.text },
                "finish_reason": self.finish,
            }],
            "usage": self.usage,
        })
    }
}

/// An error in the protocol's own form.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    parameter: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        message: impl Into<String>,
        parameter: Option<&'static str>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            parameter,
        }
    }

    pub(super) fn invalid(message: impl Into<String>, parameter: Option<&'static str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message, parameter)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let error = json!({
            "message": self.message,
            "type": kind,
            "param": self.parameter,
            "code": null,
        });
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}
