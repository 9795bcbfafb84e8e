//! What the tests share: one request to a router, and the rows of the data file.
//!
//! Most tests ask the router without a socket; the protocol above HTTP is the same.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Map, Value};
use tower::ServiceExt;

/// Status and text of the answer.
pub async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("the body is in memory");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

/// Status and JSON of the answer to a POST.
#[allow(dead_code, reason = "each test file is a crate of its own")]
pub async fn post(router: &Router, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let (status, text) = send(router, request).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// The data file as the category would hand it out: costs and speed as integers, blank as null.
#[allow(dead_code, reason = "each test file is a crate of its own")]
pub fn incidents() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/birdstrikes.csv");
    let mut reader = csv::Reader::from_path(path).expect("the data file");
    let names = reader.headers().expect("a first line").clone();
    reader
        .records()
        .map(|record| {
            let record = record.expect("a whole row");
            let fields = names.iter().zip(record.iter());
            Value::Object(fields.map(typed).collect::<Map<_, _>>())
        })
        .collect()
}

fn typed((name, text): (&str, &str)) -> (String, Value) {
    let is_number = name.starts_with("Cost") || name.starts_with("Speed");
    let value = match text {
        "" => Value::Null,
        _ if is_number => text.parse::<u64>().expect("an integer").into(),
        _ => text.into(),
    };
    (name.to_owned(), value)
}
