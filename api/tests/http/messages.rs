//! Signals and events: accepted, repeated, refused.

use serde_json::json;

use crate::site::Site;

#[tokio::test]
async fn a_signal_is_kept_for_its_job_and_known_by_its_id() {
    let site = Site::with_fleet().await;
    let body = json!({ "template": "examples.hello", "input": { "name": "Ada" } });
    let reply = site.post("/v1/requests", &body).await.ok(201);
    let job = reply["job"]["id"].as_str().unwrap();
    let signals = format!("/v1/jobs/{job}/signals");
    let signal = json!({ "name": "approved", "id": "a-1", "data": { "by": "mia" } });

    let first = site.post(&signals, &signal).await.ok(202);
    let again = site.post(&signals, &signal).await.ok(202);
    let by_key = json!({ "key": job, "name": "approved", "id": "a-1" });
    let same = site.post("/v1/signals", &by_key).await.ok(202);

    assert_eq!(
        (&first["state"], &first["deduplicated"]),
        (&json!("kept"), &json!(false))
    );
    assert_eq!(again["deduplicated"], true);
    assert_eq!(same["deduplicated"], true);

    site.post(&format!("/v1/jobs/{job}/cancel"), &json!({}))
        .await
        .ok(202);
    site.post(&signals, &json!({ "name": "approved" }))
        .await
        .problem(409, "illegal_state");
    site.post("/v1/jobs/j_1/signals", &json!({ "name": "approved" }))
        .await
        .problem(404, "not_found");
    let wrong = json!({ "key": "order-17", "name": "a b", "ttl": "soon" });
    site.post("/v1/signals", &wrong)
        .await
        .problem(422, "invalid");
}

#[tokio::test]
async fn an_event_is_published_once_an_id() {
    let site = Site::new().await;
    let event = json!({ "type": "order.paid", "subject": "order-17", "id": "e-1", "data": 1.50 });

    let first = site.post("/v1/events", &event).await.ok(202);
    let again = site.post("/v1/events", &event).await.ok(202);

    assert_eq!(first["id"], "e-1");
    assert_eq!(first, again);
    let ours = json!({ "type": "io.windlass.signal.approved.v1" });
    site.post("/v1/events", &ours).await.problem(422, "invalid");
    let unknown = json!({ "type": "order.paid", "kind": "x" });
    site.post("/v1/events", &unknown)
        .await
        .problem(422, "invalid");
}
