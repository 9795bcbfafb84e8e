//! Contexts: made, merged into, read under their versions, deleted, refused.

use axum::http::Method;
use serde_json::json;

use crate::site::{Answer, Site};

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

/// A whole document under a condition.
async fn put(site: &Site, condition: (&str, &str), body: &str) -> Answer {
    let headers = [JSON, condition];
    site.send(Method::PUT, "/v1/contexts/k", &headers, body)
        .await
}

async fn delete(site: &Site, tag: &str) -> Answer {
    let headers = [("if-match", tag)];
    site.send(Method::DELETE, "/v1/contexts/k", &headers, "")
        .await
}

#[tokio::test]
async fn a_context_is_made_merged_into_and_its_history_names_who() {
    let site = Site::new().await;
    let path = "/v1/contexts/customer%2F17";
    let body = r#"{"document":{"stage":"new","price":1.50},"subject":"mia","ttl":"30d"}"#;

    let headers = [JSON, ("if-none-match", "*")];
    let made = site.send(Method::PUT, path, &headers, body).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.ok(201);
    assert_eq!(made["key"], "customer/17");
    assert!(made["expires_at"].is_string());

    let patch = r#"{"document":{"stage":null,"calls":[1]},"ttl":null}"#;
    let headers = [MERGE, ("if-match", "\"1\"")];
    let merged = site.send(Method::PATCH, path, &headers, patch).await;
    assert_eq!(merged.header("etag"), "\"2\"");
    assert!(
        merged.text.contains(r#"{"price":1.50,"calls":[1]}"#),
        "numbers keep their text"
    );
    let merged = merged.ok(200);
    assert_eq!(merged["subject"], "mia");
    assert!(merged["expires_at"].is_null());

    let read = site.get(path).await;
    assert_eq!(read.header("etag"), "\"2\"");
    let headers = [("if-none-match", "\"2\"")];
    let same = site.send(Method::GET, path, &headers, "").await;
    assert_eq!(same.status, 304);
    let listed = site.get("/v1/contexts?subject=mia").await.ok(200);
    assert_eq!(listed["items"][0]["key"], "customer/17");
    assert!(listed["items"][0].get("document").is_none());
    let history = site.get(&format!("{path}/history")).await.ok(200);
    let changes = history["items"].as_array().unwrap().iter();
    let said = changes.map(|one| (&one["version"], &one["kind"], &one["who"]));
    let kinds: Vec<_> = said.collect();
    assert_eq!(
        kinds,
        [
            (&json!(2), &json!("patch"), &json!("api")),
            (&json!(1), &json!("put"), &json!("api"))
        ]
    );
}

#[tokio::test]
async fn a_version_that_has_passed_is_refused_with_412() {
    let site = Site::new().await;
    let path = "/v1/contexts/k";
    site.get(path).await.problem(404, "not_found");
    site.get(&format!("{path}/history"))
        .await
        .problem(404, "not_found");
    let body = r#"{"document":{}}"#;
    put(&site, ("if-match", "\"1\""), body)
        .await
        .problem(412, "precondition_failed");
    put(&site, ("if-match", "*"), body)
        .await
        .problem(412, "precondition_failed");
    put(&site, ("if-none-match", "*"), body).await.ok(201);

    put(&site, ("if-none-match", "*"), body)
        .await
        .problem(412, "precondition_failed");
    put(&site, ("if-match", "W/\"1\""), body)
        .await
        .problem(412, "precondition_failed");
    put(&site, ("if-match", "\"7\", \"1\""), body).await.ok(200);
    delete(&site, "\"1\"")
        .await
        .problem(412, "precondition_failed");
    assert_eq!(delete(&site, "\"2\"").await.status, 204);
    site.get(path).await.problem(404, "not_found");
    let history = site.get(&format!("{path}/history")).await.ok(200);
    assert_eq!(history["items"][0]["kind"], "delete");
    put(&site, ("if-match", "\"2\""), body)
        .await
        .problem(412, "precondition_failed");
}

#[tokio::test]
async fn what_cannot_be_a_context_is_refused() {
    let site = Site::new().await;
    let large = json!({ "document": { "a": "x".repeat(600_000) } }).to_string();
    let open = r#"{"a":"#.repeat(40);
    let deep = format!(r#"{{"document":{open}1{}}}"#, "}".repeat(40));
    let whole = [
        large.as_str(),
        &deep,
        r#"{"document":[1]}"#,
        r#"{"document":{},"ttl":"soon"}"#,
        r#"{"document":{},"subject":""}"#,
        r#"{"document":{},"version":1}"#,
        "{}",
    ];
    for body in whole {
        let answer = put(&site, ("accept", "*/*"), body).await;
        answer.problem(422, "invalid");
    }
    let path = "/v1/contexts/a%0Ab";
    let named = site.send(Method::PUT, path, &[JSON], r#"{"document":{}}"#);
    named.await.problem(422, "invalid");
    site.get("/v1/contexts/k").await.problem(404, "not_found");
}
