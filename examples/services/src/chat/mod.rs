//! The generative service: the chat protocol of OpenAI, with text composed from the figures in the prompt.
//!
//! No model is behind it. It exists so that the examples run offline and their text can be checked;
//! with another address in the connection the same templates talk to a real provider.

mod answer;
mod call;
mod compose;
mod figures;
mod stream;
mod tokens;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use self::answer::{Answer, Finish, Refusal, Usage};
use self::call::Call;

/// Where the service stands, as with every provider of this protocol.
pub(crate) const PATH: &str = "/v1/chat/completions";

/// Numbers the answers of this process; with the second of the answer it makes their id.
static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// `POST /v1/chat/completions`.
pub(crate) async fn complete(body: Result<Bytes, BytesRejection>) -> Result<Response, Refusal> {
    let bytes =
        body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text(), None))?;
    let call = Call::read(&bytes)?;
    let answer = answer(&call);
    Ok(match call.stream {
        true => stream::respond(answer, call.include_usage),
        false => Json(answer.whole()).into_response(),
    })
}

/// The refusal that a test has armed, in the form that clients of this protocol read.
pub(crate) fn armed_fault(status: StatusCode) -> Response {
    Refusal::new(status, "armed at POST /faults", None).into_response()
}

fn answer(call: &Call) -> Answer {
    let full = compose::text(&call.prompt);
    let (text, finish) = match call.tokens_max.and_then(|max| tokens::cut(&full, max)) {
        Some(part) => (part.to_owned(), Finish::Length),
        None => (full, Finish::Stop),
    };
    let created = now_seconds();
    Answer {
        id: format!(
            "chatcmpl-{created:x}-{}",
            SEQUENCE.fetch_add(1, Ordering::Relaxed)
        ),
        created,
        model: call.model.clone(),
        usage: Usage::new(call.prompt_tokens, tokens::count(&text)),
        text,
        finish,
    }
}

fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
