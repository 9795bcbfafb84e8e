//! An answer in pieces: server-sent events, ended by `[DONE]`.
//!
//! The text is known before the first piece goes out; clients still read it piece by piece.

use std::convert::Infallible;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tokens;

/// Tokens in one piece: small enough that a short brief comes in several.
const PIECE_TOKENS: usize = 8;

/// The events of the answer: the role, the text, the reason of its end, the usage if it was asked for.
pub(super) fn respond(answer: Answer, include_usage: bool) -> Response {
    let mut events = vec![delta(
        &answer,
        json!({ "role": "assistant", "content": "" }),
    )];
    events.extend(pieces(&answer.text).map(|piece| delta(&answer, json!({ "content": piece }))));
    let mut last = delta(&answer, json!({}));
    last["choices"][0]["finish_reason"] = json!(answer.finish);
    events.push(last);
    if include_usage {
        let mut usage = chunk(&answer, json!([]));
        usage["usage"] = json!(answer.usage);
        events.push(usage);
    }
    let lines = events.into_iter().map(|event| event.to_string());
    let lines = lines.chain(["[DONE]".to_owned()]);
    let events = lines.map(|line| Ok::<_, Infallible>(Event::default().data(line)));
    Sse::new(stream::iter(events.collect::<Vec<_>>())).into_response()
}

fn delta(answer: &Answer, delta: Value) -> Value {
    chunk(
        answer,
        json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
    )
}

fn chunk(answer: &Answer, choices: Value) -> Value {
    json!({
        "id": answer.id,
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.model,
        "choices": choices,
    })
}

/// The text cut after every eighth token; together the pieces are the text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut cuts: Vec<usize> = tokens::ends(text)
        .skip(PIECE_TOKENS - 1)
        .step_by(PIECE_TOKENS)
        .collect();
    cuts.push(text.len());
    let mut start = 0;
    cuts.into_iter().filter_map(move |end| {
        let piece = &text[start..end];
        start = end;
        (!piece.is_empty()).then_some(piece)
    })
}
