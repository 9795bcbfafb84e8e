//! Jobs: lists, one, its parts, and the wish that it ends.

use serde_json::{Value, json};

use crate::site::{Site, codes};

async fn job(site: &Site) -> String {
    let body = json!({ "template": "examples.hello", "input": { "name": "Ada" } });
    let reply = site.post("/v1/requests", &body).await.ok(201);
    reply["job"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_is_filtered_by_state_and_paged_by_cursor() {
    let site = Site::with_fleet().await;
    let first = job(&site).await;
    let second = job(&site).await;
    site.post(
        &format!("/v1/jobs/{first}/cancel"),
        &json!({ "reason": "test" }),
    )
    .await
    .ok(202);

    let both = site
        .get("/v1/jobs?state=ready&state=cancelled")
        .await
        .ok(200);
    let ready = site
        .get("/v1/jobs?state=ready&template=examples.hello")
        .await
        .ok(200);
    let page = site.get("/v1/jobs?limit=1").await.ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = site
        .get(&format!("/v1/jobs?limit=1&cursor={cursor}"))
        .await
        .ok(200);

    assert_eq!(both["items"].as_array().unwrap().len(), 2);
    assert_eq!(ready["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["items"][0]["id"], second);
    assert_eq!(rest["items"][0]["id"], first);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn filters_that_no_index_carries_are_refused_with_a_cheaper_one() {
    let site = Site::new().await;

    let slow = site
        .get("/v1/jobs?template=examples.hello")
        .await
        .problem(400, "filter_not_indexed");
    let wrong = site
        .get("/v1/jobs?state=sleeping&colour=red&limit=1001")
        .await
        .problem(400, "invalid");
    let limit = site
        .get("/v1/jobs?limit=1001")
        .await
        .problem(400, "malformed");
    let cursor = site
        .get("/v1/jobs?cursor=xyz")
        .await
        .problem(400, "malformed");

    assert!(slow["hint"].as_str().unwrap().contains("state"));
    assert_eq!(codes(&wrong), ["wrong_value", "unknown_field"]);
    assert_eq!(codes(&limit), ["limit_out_of_range"]);
    assert_eq!(codes(&cursor), ["cursor_malformed"]);
}

#[tokio::test]
async fn a_cancelled_job_has_its_outcome_and_stays_as_it_is() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let cancel = format!("/v1/jobs/{id}/cancel");

    let cancelled = site.typed(&cancel, "application/json", "").await.ok(202);
    let again = site.post(&cancel, &json!({})).await;

    assert_eq!(
        (&cancelled["state"], &cancelled["is_final"]),
        (&json!("cancelled"), &json!(true))
    );
    again.problem(409, "illegal_state");
    let waited = site.get(&format!("/v1/jobs/{id}?wait=30s")).await.ok(200);
    assert_eq!(
        waited["state"], "cancelled",
        "a final job is answered at once"
    );
    let output = site.get(&format!("/v1/jobs/{id}/output")).await.ok(200);
    assert_eq!(output["kind"], "cancelled");
}

#[tokio::test]
async fn a_wait_ends_when_the_state_changes() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let (shown, cancel) = (
        format!("/v1/jobs/{id}?wait=60s"),
        format!("/v1/jobs/{id}/cancel"),
    );

    let body = json!({});
    let (waited, _) = tokio::join!(site.get(&shown), site.post(&cancel, &body));

    assert_eq!(waited.ok(200)["state"], "cancelled");
}

#[tokio::test]
async fn the_parts_of_a_job_tell_where_it_stands() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;

    let explain = site.get(&format!("/v1/jobs/{id}/explain")).await.ok(200);
    let timeline = site.get(&format!("/v1/jobs/{id}/timeline")).await.ok(200);
    let journal = site.get(&format!("/v1/jobs/{id}/journal")).await.ok(200);
    let output = site
        .get(&format!("/v1/jobs/{id}/output"))
        .await
        .problem(404, "not_final");

    assert_eq!(explain["reasons"][0]["code"], "no_worker");
    assert_eq!(timeline["items"][0]["what"], "created");
    assert_eq!(journal, json!({ "items": [], "next_cursor": null }));
    assert!(output["hint"].as_str().unwrap().contains("wait"));
}

#[tokio::test]
async fn a_followed_journal_ends_with_the_job() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let (path, cancel) = (
        format!("/v1/jobs/{id}/journal"),
        format!("/v1/jobs/{id}/cancel"),
    );

    let follow = site.send(
        axum::http::Method::GET,
        &path,
        &[("accept", "text/event-stream")],
        "",
    );
    let body = json!({});
    let (events, _) = tokio::join!(follow, site.post(&cancel, &body));

    assert_eq!(events.header("content-type"), "text/event-stream");
    assert!(events.text.contains("event: ended"), "{}", events.text);
    assert!(events.text.contains(r#""state":"cancelled""#));
}

#[tokio::test]
async fn ids_of_other_nouns_and_of_nothing_are_told_apart() {
    let site = Site::new().await;

    let malformed = site.get("/v1/jobs/b_1").await.problem(400, "malformed");
    let missing = site.get("/v1/jobs/j_1").await.problem(404, "not_found");
    site.post("/v1/jobs/j_1/cancel", &json!({}))
        .await
        .problem(404, "not_found");
    site.get("/v1/jobs/j_1/journal")
        .await
        .problem(404, "not_found");

    assert!(malformed["detail"].as_str().unwrap().contains("j_1024"));
    assert_eq!(missing["instance"], "/v1/jobs/j_1");
}

#[tokio::test]
async fn a_change_in_flight_says_why_a_job_cannot_be_changed() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let preview = |verb: &str| format!("/v1/jobs/{id}/{verb}?preview=true");

    let fresh = site
        .post(&preview("rewind"), &json!({ "to": "greet" }))
        .await;
    let nobody = site
        .post("/v1/jobs/j_1/patch?preview=true", &json!({ "context": {} }))
        .await;
    let wrong = site
        .post(&preview("migrate"), &json!({ "to": "1.1.0", "map": {} }))
        .await;

    fresh.problem(409, "illegal_state");
    nobody.problem(404, "not_found");
    let wrong = wrong.problem(422, "invalid");
    assert_eq!(codes(&wrong), ["unknown_field"]);
}
