//! Requests: one, repeated, refused, and by the stream.

use axum::http::Method;
use serde_json::{Value, json};

use crate::site::{Site, codes};

fn hello(name: &str) -> Value {
    json!({ "template": "examples.hello", "input": { "name": name } })
}

#[tokio::test]
async fn a_request_becomes_a_job_with_the_same_number() {
    let site = Site::with_fleet().await;
    let body = r#"{"purpose":"greet","input":{"name":"Ada","size":1.50},"tags":{"team":"ops"},"priority":"high"}"#;

    let answer = site.typed("/v1/requests", "application/json", body).await;

    let reply = answer.ok(201);
    let number = reply["id"]
        .as_str()
        .unwrap()
        .strip_prefix("r_")
        .unwrap()
        .to_owned();
    assert_eq!(reply["job"]["id"], format!("j_{number}"));
    assert_eq!(answer.header("location"), format!("/v1/jobs/j_{number}"));
    assert_eq!(reply["job"]["state"], "ready");
    let shown = site.get(&format!("/v1/requests/r_{number}")).await;
    assert!(
        shown.text.contains(r#""size":1.50"#),
        "number text is kept: {}",
        shown.text
    );
    assert_eq!(shown.ok(200)["job"]["request"]["tags"]["team"], "ops");
}

#[tokio::test]
async fn the_same_key_makes_one_job_and_another_payload_is_refused() {
    let site = Site::with_fleet().await;
    let submit = async |name: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "k1"),
        ];
        site.send(
            Method::POST,
            "/v1/requests",
            &headers,
            &hello(name).to_string(),
        )
        .await
    };

    let first = submit("Ada").await.ok(201);
    let again = submit("Ada").await;
    let other = submit("Bea").await;

    let repeat = again.ok(200);
    assert_eq!(
        (&repeat["deduplicated"], &repeat["id"]),
        (&json!(true), &first["id"])
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    other.problem(422, "key_reused");
    assert_eq!(site.stored().await.0, 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_with_its_place_and_nothing_is_stored() {
    let site = Site::with_fleet().await;
    let post = async |body: Value| site.post("/v1/requests", &body).await;

    let schema = post(json!({ "template": "examples.hello", "input": {} }))
        .await
        .problem(422, "invalid");
    let unknown = post(json!({ "template": "examples.hello", "inptu": {}, "x": 1 }))
        .await
        .problem(422, "invalid");
    let neither = post(json!({ "input": {}, "priority": "asap" }))
        .await
        .problem(422, "invalid");
    let template = post(json!({ "template": "examples.nobody" })).await;
    let broken = site
        .typed("/v1/requests", "application/json", "{\"template\":")
        .await;

    assert!(
        schema["problems"][0]["pointer"]
            .as_str()
            .unwrap()
            .starts_with("/input"),
        "{schema}"
    );
    assert_eq!(codes(&unknown), ["unknown_field", "unknown_field"]);
    assert_eq!(codes(&neither), ["one_of_two", "wrong_value"]);
    assert!(
        template.text.contains("examples.nobody"),
        "{}",
        template.text
    );
    assert!(template.status.is_client_error());
    assert_eq!(broken.problem(400, "malformed")["problems"][0]["line"], 1);
    assert_eq!(site.stored().await.0, 0);
}

#[tokio::test]
async fn a_wait_ends_when_time_is_up() {
    let site = Site::with_fleet().await;

    let reply = site
        .post("/v1/requests?wait=50ms", &hello("Ada"))
        .await
        .ok(201);

    assert_eq!(reply["job"]["is_final"], false);
    site.post("/v1/requests?wait=soon", &hello("Ada"))
        .await
        .problem(400, "malformed");
    assert_eq!(
        site.stored().await.0,
        1,
        "a malformed wait is found before anything is stored"
    );
}

#[tokio::test]
async fn rows_of_a_stream_are_answered_line_by_line_in_order() {
    let site = Site::with_fleet().await;
    let rows = [
        r#"{"template":"examples.hello","input":{"name":"a"},"idempotency_key":"a"}"#,
        "",
        r#"{"template":"examples.hello","input":{"name":"a"},"idempotency_key":"a"}"#,
        r#"{"template":"examples.hello","input":{}}"#,
        "{",
        r#"{"template":"examples.hello","input":{"name":"b"},"idempotency_key":"a"}"#,
    ];

    let answer = site
        .typed("/v1/requests", "application/x-ndjson", &rows.join("\n"))
        .await;

    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["row"].as_u64().unwrap(),
                line["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "created"),
            (3, "duplicate"),
            (4, "invalid"),
            (5, "invalid"),
            (6, "key_reused")
        ]
    );
    assert_eq!(lines[0]["job"], lines[1]["job"]);
    assert_eq!(lines[3]["problems"][0]["code"], "json_malformed");
    assert_eq!(site.stored().await.0, 1);
}

#[tokio::test]
async fn more_than_a_statement_of_rows_goes_through_in_one_body() {
    let site = Site::with_fleet().await;
    let row = r#"{"template":"examples.hello","input":{"name":"a"}}"#;

    let answer = site
        .typed(
            "/v1/requests",
            "application/x-ndjson",
            &vec![row; 2_001].join("\n"),
        )
        .await;

    assert_eq!(
        answer
            .text
            .lines()
            .filter(|line| line.contains(r#""status":"created""#))
            .count(),
        2_001
    );
}

#[tokio::test]
async fn a_character_that_cannot_be_stored_is_the_callers_mistake() {
    let site = Site::with_fleet().await;
    let body = json!({ "template": "examples.hello", "input": { "name": "Bo" }, "tags": { "a": "\u{0}" } });

    site.post("/v1/requests", &body)
        .await
        .problem(422, "invalid_text");

    assert_eq!(site.stored().await.0, 0);
}
