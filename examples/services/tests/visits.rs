//! Counts and armed faults, and the server on a real socket.
//!
//! Tests of other crates trust these counts when they say that a call was made once.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use windlass_sample_services::{router, serve};

use crate::common::{post, send};

const RISK: &str = "/analyse/risk";

async fn counts(router: &Router) -> Value {
    let request = Request::get("/counts")
        .body(Body::empty())
        .expect("a request");
    serde_json::from_str(&send(router, request).await.1).expect("JSON")
}

fn with_key(key: &str) -> Request<Body> {
    Request::post(RISK)
        .header("Idempotency-Key", key)
        .body(Body::from(r#"{"rows":[{}]}"#))
        .expect("a request")
}

#[tokio::test]
async fn requests_and_different_keys_are_counted_per_path() {
    let router = router();

    for key in ["a", "b", "a"] {
        assert_eq!(send(&router, with_key(key)).await.0, StatusCode::OK);
    }
    post(&router, RISK, &json!({ "rows": [{}] })).await;

    let counts = counts(&router).await;
    assert_eq!(
        counts[RISK],
        json!({ "requests": 4, "faults": 0, "keys": 2 })
    );
    assert_eq!(counts["/analyse"]["requests"], 0);
}

#[tokio::test]
async fn an_armed_fault_answers_as_often_as_told_and_only_there() {
    let router = router();
    let fault = json!({ "path": RISK, "status": 503, "times": 2 });
    assert_eq!(post(&router, "/faults", &fault).await.0, StatusCode::OK);
    let rows = json!({ "rows": [{}] });

    assert_eq!(
        post(&router, "/analyse/statistics", &rows).await.0,
        StatusCode::OK
    );
    for expected in [503, 503, 200] {
        assert_eq!(post(&router, RISK, &rows).await.0, expected);
    }

    assert_eq!(
        counts(&router).await[RISK],
        json!({ "requests": 3, "faults": 2, "keys": 0 })
    );
}

#[tokio::test]
async fn zero_times_disarms() {
    let router = router();

    for times in [5, 0] {
        let fault = json!({ "path": RISK, "status": 500, "times": times });
        post(&router, "/faults", &fault).await;
    }

    assert_eq!(send(&router, with_key("a")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_fault_of_the_chat_has_the_form_of_the_protocol() {
    let router = router();
    let fault = json!({ "path": "/v1/chat/completions", "status": 429, "times": 1 });
    post(&router, "/faults", &fault).await;

    let (status, answer) = post(&router, "/v1/chat/completions", &json!({})).await;

    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer["error"]["type"], "rate_limit_error");
}

#[tokio::test]
async fn a_fault_that_cannot_happen_is_refused() {
    let router = router();
    let faults = [
        json!({ "path": "/nowhere", "status": 503, "times": 1 }),
        json!({ "path": RISK, "status": 200, "times": 1 }),
        json!({ "path": RISK, "status": 503 }),
        json!({ "path": RISK, "status": 503, "times": 1, "after": 3 }),
    ];
    for fault in faults {
        let (status, _) = post(&router, "/faults", &fault).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{fault}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let body = Body::from(vec![b' '; 16 * 1024 * 1024 + 1]);
    let request = Request::post(RISK).body(body).expect("a request");

    assert_eq!(
        send(&router(), request).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn the_server_answers_on_its_socket_and_stops_when_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, async {
        stopped.await.unwrap_or_default();
    }));

    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /healthz HTTP/1.1\r\nHost: sample\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");

    stop.send(()).expect("the server still runs");
    server.await.expect("no panic").expect("a clean stop");
}
