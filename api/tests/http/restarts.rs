//! Restarts of batches over HTTP: what is refused, and what a batch says of its time.

use serde_json::json;

use crate::site::{Site, codes};

#[tokio::test]
async fn a_restart_that_finds_nobody_is_refused() {
    let site = Site::with_fleet().await;
    let batch = site.batch("k").await;
    let path = format!("/v1/batches/{batch}/restart");

    site.post(&path, &json!({}))
        .await
        .problem(409, "nothing_to_restart");
    site.post("/v1/batches/b_999/restart", &json!({}))
        .await
        .problem(404, "not_found");
    let empty = site.post(&path, &json!({ "members": [] })).await;
    assert_eq!(codes(&empty.problem(422, "invalid")), ["wrong_value"]);
    let other = site
        .post(&path, &json!({ "template": "examples.nobody" }))
        .await;
    assert_eq!(
        codes(&other.problem(422, "invalid")),
        ["template_not_published"]
    );
}

#[tokio::test]
async fn a_batch_says_when_it_will_be_done() {
    let site = Site::with_fleet().await;
    let batch = site.batch("k").await;
    let path = format!("/v1/batches/{batch}");

    let before = site.get(&path).await.ok(200);
    site.store.forecast_batches().await.expect("looked");
    let after = site.get(&path).await.ok(200);

    assert_eq!(before.get("forecast"), None);
    assert_eq!(after["forecast"]["light"], "unknown");
    assert_eq!(after["forecast"]["lift"], 1);
}
