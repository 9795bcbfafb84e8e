//! A batch between its plan and its end over HTTP: what it goes by is edited, a stage is accepted, calls are repeated.

use std::future::ready;
use std::sync::Arc;

use axum::http::Method;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use windlass_engine::store::hook::{self, Hook, Point};
use windlass_engine::testing::TestDatabase;

use crate::site::{Answer, Site, codes};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn send(site: &Site, method: Method, path: &str, body: &Value) -> Answer {
    site.send(method, path, &[JSON], &body.to_string()).await
}

async fn patch(site: &Site, path: &str, body: &Value) -> Answer {
    send(site, Method::PATCH, path, body).await
}

async fn keyed(site: &Site, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [JSON, ("idempotency-key", key)];
    let (post, body) = (Method::POST, body.to_string());
    site.send(post, path, &headers, &body).await
}

#[tokio::test]
async fn a_batch_is_edited_while_it_runs_and_null_takes_a_rule_away() {
    let site = Site::with_fleet().await;
    let path = format!("/v1/batches/{}", site.batch("k").await);

    let edited = patch(&site, &path, &json!({ "window": 7, "rate": "20/s" })).await;
    let edited = edited.ok(200);
    let bare = patch(&site, &path, &json!({ "rate": null })).await.ok(200);
    let faulty = patch(&site, &path, &json!({ "rate": "fast", "colour": "red" })).await;

    assert_eq!(
        (&edited["window"], &edited["rules"]["rate"]),
        (&json!(7), &json!("20/s"))
    );
    assert_eq!(
        (&bare["window"], bare["rules"].get("rate")),
        (&json!(7), None)
    );
    assert!(!codes(&faulty.problem(422, "invalid")).is_empty());
    let missing = patch(&site, "/v1/batches/b_999", &json!({ "window": 7 })).await;
    missing.problem(404, "not_found");
}

/// Refuses to read the callbacks of a batch.
struct NoCallbacks;

impl Hook for NoCallbacks {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, hook::Answer> {
        let answer = match point.statement {
            "callback/of_batch" => Err(hook::refused("57014")),
            _ => Ok(()),
        };
        Box::pin(ready(answer))
    }
}

#[tokio::test]
async fn an_edit_is_answered_as_made_where_what_stands_beside_the_batch_cannot_be_read() {
    let database = TestDatabase::new().await;
    let site = Site::over(database.store().await).await;
    site.apply_fleet("").await.ok(200);
    let path = format!("/v1/batches/{}", site.batch("k").await);

    let refused = hook::install(database.url(), Arc::new(NoCallbacks));
    let edited = patch(&site, &path, &json!({ "window": 7 })).await.ok(200);
    let unread = site.get(&path).await;
    drop(refused);

    assert_eq!(
        (&edited["window"], edited.get("callbacks")),
        (&json!(7), None)
    );
    assert!(unread.status.is_server_error(), "{}", unread.status);
    let whole = site.get(&path).await.ok(200);
    assert_eq!(whole["window"], 7);
}

#[tokio::test]
async fn a_batch_that_has_ended_is_not_edited() {
    let site = Site::with_fleet().await;
    let path = format!("/v1/batches/{}", site.batch("k").await);

    let cancel = format!("{path}/cancel");
    site.post(&cancel, &json!({})).await.ok(202);

    let late = patch(&site, &path, &json!({ "window": 7 })).await;
    late.problem(409, "illegal_state");
}

#[tokio::test]
async fn a_stage_that_nothing_was_judged_of_is_passed_when_a_person_accepts_it() {
    let site = Site::with_fleet().await;
    let recipe = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "by-hand",
        "template": "examples.hello", "strategy": "individual", "canary": { "items": 1 },
        "selection": { "items": [{ "name": "x" }, { "name": "y" }] } });
    let created = keyed(&site, "/v1/batches", "k", &recipe).await.ok(201);
    let path = format!("/v1/batches/{}", created["id"].as_str().unwrap());
    site.keep().await;
    let jobs = site.get(&format!("{path}/members?limit=1")).await.ok(200);
    let first = jobs["items"][0]["job"].as_str().unwrap().to_owned();
    let kill = format!("/v1/jobs/{first}/kill");
    site.post(&kill, &json!({ "reason": "a trial" })).await;
    site.keep().await;

    let halted = site.get(&path).await.ok(200);
    let resume = format!("{path}/resume");
    let refused = site.post(&resume, &json!({})).await;
    let unknown = site.post(&resume, &json!({ "accepted": true })).await;
    let accepted = site.post(&resume, &json!({ "accept": true })).await;

    assert_eq!(halted["state"], "paused");
    assert_eq!(halted["rules"]["waiting"]["reason"], "canary_inconclusive");
    refused.problem(409, "canary_inconclusive");
    assert!(unknown.status.is_client_error());
    accepted.ok(202);
    site.keep().await;
    assert_eq!(site.get(&path).await.ok(200)["released"], 2);
}

#[tokio::test]
async fn a_schedule_that_is_started_again_under_one_key_starts_once() {
    let site = Site::with_fleet().await;
    let path = "/v1/schedules/greet-ships/trigger";
    let extra = json!({ "extra": true });

    let first = keyed(&site, path, "k", &extra).await;
    let again = keyed(&site, path, "k", &extra).await;
    let other = keyed(&site, path, "k", &json!({ "slot": "2026-11-23T05:00:00Z" })).await;
    let without = site.post(path, &extra).await;

    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.ok(201)["id"], again.ok(200)["id"]);
    other.problem(422, "key_reused");
    assert_ne!(without.ok(201)["id"], first.json()["id"]);
}

#[tokio::test]
async fn one_batch_says_what_its_callbacks_came_to() {
    let site = Site::with_fleet().await;
    let recipe = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "by-hand",
        "template": "examples.hello", "strategy": "individual",
        "callbacks": [{ "when": "finished", "purpose": "greet", "input": { "name": "Ada" } }],
        "selection": { "items": [{ "name": "x" }] } });
    let created = keyed(&site, "/v1/batches", "k", &recipe).await.ok(201);
    let path = format!("/v1/batches/{}", created["id"].as_str().unwrap());
    site.keep().await;
    let before = site.get(&path).await.ok(200);
    site.post(&format!("{path}/cancel"), &json!({})).await;
    site.keep().await;
    while site.store.tell_notices().await.unwrap().0 {}

    let after = site.get(&path).await.ok(200);
    let alone = site.get(&format!("{path}/callbacks")).await.ok(200);
    let listed = site.get("/v1/batches").await.ok(200);

    assert_eq!(before["callbacks"], json!([]));
    assert_eq!(after["callbacks"][0]["kind"], "finished");
    assert!(after["callbacks"][0]["job"].is_string(), "{after}");
    assert_eq!(after["callbacks"], alone["items"]);
    assert_eq!(listed["items"][0].get("callbacks"), None);
}

/// A configuration whose plans a person approves, within some time.
fn asking(within: &str) -> Value {
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: asking\npurpose: greet\n\
         selection: {{ category: ships }}\nstrategy: individual\n\
         approval: {{ when: always, within: {within} }}\n"
    );
    json!({ "files": [{ "name": "asking.yaml", "text": text }] })
}

#[tokio::test]
async fn an_approved_plan_goes_and_says_whether_its_configuration_was_changed() {
    let site = Site::with_fleet().await;
    site.post("/v1/apply", &asking("1h")).await.ok(200);
    let mut approved = Vec::new();
    for key in ["first", "second"] {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let body = r#"{"configuration":"asking"}"#;
        let made = site
            .send(Method::POST, "/v1/batches", &headers, body)
            .await
            .ok(201);
        site.keep().await;
        let address = format!("/v1/batches/{}", made["id"].as_str().unwrap());
        let asks = site.get(&address).await.ok(200);
        assert_eq!(asks["state"], "planned");
        if key == "second" {
            site.post("/v1/apply", &asking("2h")).await.ok(200);
        }

        let plan = json!({ "plan": asks["plan_hash"] });
        let answer = site
            .post(&format!("{address}/approve"), &plan)
            .await
            .ok(200);
        let again = site
            .post(&format!("{address}/approve"), &plan)
            .await
            .ok(200);

        let (first, repeated) = (&answer["batch"], &again["batch"]);
        assert_eq!(first["approved_at"], repeated["approved_at"], "once");
        assert_eq!(first["approved_by"], "api");
        site.keep().await;
        let goes = site.get(&address).await.ok(200);
        assert_eq!(goes["state"], "running");
        approved.push(answer["configuration_changed"].clone());
    }

    assert_eq!(approved, [json!(false), json!(true)]);
}
