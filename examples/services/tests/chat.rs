//! The chat protocol: shape of answers, of pieces, and of refusals.
//!
//! The wording of an answer is fixed here too, because the briefs of the examples are made of it.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use windlass_sample_services::router;

use crate::common::{post, send};

const PATH: &str = "/v1/chat/completions";
const PROMPT: &str = r#"A brief for Texas, from these figures only: {"incidents":1495,"cost_total":1234567,"by_phase":{"Approach":700,"Climb":300}}"#;

fn call(prompt: &str) -> Value {
    json!({
        "model": "sample", "temperature": 0, "max_tokens": 600,
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": prompt }],
    })
}

async fn text(prompt: &str) -> String {
    let (status, answer) = post(&router(), PATH, &call(prompt)).await;
    assert_eq!(status, StatusCode::OK);
    let content = &answer["choices"][0]["message"]["content"];
    content.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn an_answer_has_the_shape_of_the_protocol() {
    let (status, answer) = post(&router(), PATH, &call(PROMPT)).await;

    assert_eq!(status, StatusCode::OK);
    assert!(
        answer["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("chatcmpl-"))
    );
    assert_eq!(answer["object"], "chat.completion");
    assert!(answer["created"].is_u64());
    assert_eq!(answer["model"], "sample");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let tokens = |key: &str| answer["usage"][key].as_u64().expect("a count");
    assert!(tokens("completion_tokens") > 0);
    assert_eq!(
        tokens("total_tokens"),
        tokens("prompt_tokens") + tokens("completion_tokens")
    );
}

#[tokio::test]
async fn the_text_says_the_figures_of_the_prompt_and_nothing_else() {
    assert_eq!(
        text(PROMPT).await,
        "A brief for Texas. 1,495 incidents were reported. The cost was $1,234,567. \
         The most frequent phase of flight was Approach (700)."
    );
}

#[tokio::test]
async fn a_period_in_the_subject_is_no_figure() {
    let figures = r#"{"incidents":10000,"cost":40545276}"#;
    let ending = "10,000 incidents were reported. The cost was $40,545,276.";
    for (period, words) in [
        (r#"{"from":null,"to":null}"#, "all time"),
        (
            r#"{"from":"2026-11-02","to":"2026-12-01"}"#,
            "2026-11-02 to 2026-12-01",
        ),
    ] {
        let prompt =
            format!("The national report for {period}, from these figures only: {figures}");
        assert_eq!(
            text(&prompt).await,
            format!("The national report for {words}. {ending}")
        );
    }
}

#[tokio::test]
async fn a_prompt_without_figures_gets_no_invented_ones() {
    assert_eq!(
        text("Tell me a story {please").await,
        "Tell me a story {please. The prompt holds no figures, so there is nothing to say."
    );
}

#[tokio::test]
async fn max_tokens_cuts_the_text() {
    let mut call = call(PROMPT);
    call["max_tokens"] = json!(3);

    let (_, answer) = post(&router(), PATH, &call).await;

    assert_eq!(answer["choices"][0]["message"]["content"], "A brief for");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn the_pieces_of_a_stream_are_the_text() {
    let mut call = call(PROMPT);
    call["stream"] = json!(true);
    call["stream_options"] = json!({ "include_usage": true });
    let request = Request::post(PATH)
        .body(Body::from(call.to_string()))
        .expect("a request");

    let (status, body) = send(&router(), request).await;

    assert_eq!(status, StatusCode::OK);
    let lines: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (end, chunks) = lines.split_last().expect("events");
    assert_eq!(*end, "[DONE]");
    let chunks: Vec<Value> = chunks
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let piece = |chunk: &Value| {
        chunk["choices"][0]["delta"]["content"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(
        chunks.iter().filter_map(piece).collect::<String>(),
        text(PROMPT).await
    );
    assert!(chunks.iter().filter_map(piece).count() > 3);
    assert_eq!(
        chunks[chunks.len() - 2]["choices"][0]["finish_reason"],
        "stop"
    );
    assert!(chunks[chunks.len() - 1]["usage"]["total_tokens"].is_u64());
}

#[tokio::test]
async fn a_bad_call_is_refused_in_the_form_of_the_protocol() {
    let user = json!([{ "role": "user", "content": "x" }]);
    let cases = [
        (json!({ "messages": user }), json!("model")),
        (json!({ "model": "sample" }), json!("messages")),
        (
            json!({ "model": "sample", "messages": [{ "role": "pirate", "content": "x" }] }),
            json!("messages"),
        ),
        (
            json!({ "model": "sample", "messages": user, "temperature": 3 }),
            json!("temperature"),
        ),
        (
            json!({ "model": "sample", "messages": user, "max_tokens": 0 }),
            json!("max_tokens"),
        ),
        (json!({ "model": 7 }), Value::Null),
    ];
    for (call, parameter) in cases {
        let (status, answer) = post(&router(), PATH, &call).await;

        assert_eq!(status, StatusCode::BAD_REQUEST, "{call}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
        assert_eq!(answer["error"]["param"], parameter, "{call}");
        assert!(answer["error"]["message"].is_string());
    }
}
