//! Changes of many jobs: looked at, started with the token, shown, paused, aborted, and refused.

use serde_json::{Value, json};

use crate::site::Site;

async fn jobs(site: &Site, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let body = json!({ "template": "examples.hello", "input": { "name": "Ada" } });
        let reply = site.post("/v1/requests", &body).await.ok(201);
        ids.push(reply["job"]["id"].as_str().unwrap().to_owned());
    }
    ids
}

fn cancel() -> Value {
    json!({ "filter": { "template": "examples.hello" }, "change": { "verb": "cancel" } })
}

async fn pass(site: &Site) -> Option<i64> {
    site.store.pace_bulks().await.expect("a pass")
}

#[tokio::test]
async fn a_change_of_many_is_looked_at_and_started_with_its_token() {
    let site = Site::with_fleet().await;
    let ids = jobs(&site, 3).await;
    let mut body = cancel();

    let preview = site.post("/v1/bulk?preview=true", &body).await.ok(200);
    body["reason"] = json!("sent twice");
    site.post("/v1/bulk", &body)
        .await
        .problem(428, "preview_required");
    body["token"] = preview["token"].clone();
    let begun = site.post("/v1/bulk", &body).await;
    let place = begun.header("location").to_owned();
    let begun = begun.ok(202);
    let again = site.post("/v1/bulk", &body).await.ok(202);

    assert_eq!(
        (&preview["count"], &preview["verdicts"]),
        (&json!(3), &json!({ "changes": 3 }))
    );
    assert_eq!(preview["sample"][0]["job"], json!(ids[0]));
    assert_eq!(
        (
            &begun["state"],
            &begun["total"],
            &begun["rate"],
            &begun["why"]
        ),
        (
            &json!("running"),
            &json!(3),
            &json!(100),
            &json!("sent twice")
        )
    );
    assert_eq!(begun["change"], json!({ "verb": "cancel" }));
    assert_eq!(again["id"], begun["id"]);
    let shown = site.get(&place).await.ok(200);
    let listed = site.get("/v1/bulk").await.ok(200);
    assert_eq!(shown["id"], begun["id"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_change_of_many_stands_still_goes_on_and_is_aborted() {
    let site = Site::with_fleet().await;
    jobs(&site, 2).await;
    let mut body = cancel();
    let preview = site.post("/v1/bulk?preview=true", &body).await.ok(200);
    body["reason"] = json!("sent twice");
    body["token"] = preview["token"].clone();
    let begun = site.post("/v1/bulk", &body).await.ok(202);
    let verb = |verb: &str| format!("/v1/bulk/{}/{verb}", begun["id"].as_str().unwrap());

    let paused = site.post(&verb("pause"), &json!({})).await.ok(200);
    assert_eq!(pass(&site).await, None, "nobody passes over what is paused");
    let resumed = site.post(&verb("resume"), &json!({})).await.ok(200);
    let aborted = site.post(&verb("abort"), &json!({})).await.ok(200);
    let refused = site.get(&verb("refused")).await.ok(200);

    assert_eq!(paused["state"], "paused");
    assert_eq!(resumed["state"], "running");
    assert_eq!(
        (&aborted["state"], &aborted["done"]),
        (&json!("cancelled"), &json!(0))
    );
    assert_eq!(refused["items"], json!([]));
    site.post(&verb("resume"), &json!({}))
        .await
        .problem(409, "illegal_state");
    site.get("/v1/bulk/c_99").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_filter_or_change_that_says_too_little_or_too_much_is_refused() {
    let site = Site::with_fleet().await;
    let look = async |body: Value| site.post("/v1/bulk?preview=true", &body).await;
    let hello = json!({ "template": "examples.hello" });

    let all = look(json!({ "filter": {}, "change": { "verb": "cancel" } })).await;
    let all = all.problem(422, "invalid");
    let running = json!({ "template": "examples.hello", "states": ["running"] });
    let running = look(json!({ "filter": running, "change": { "verb": "cancel" } })).await;
    let odd = look(json!({ "filter": hello, "change": { "verb": "cancel", "to": "greet" } })).await;
    let less = look(json!({ "filter": hello, "change": { "verb": "rewind" } })).await;
    let step = json!({ "template": "examples.hello", "step": "greet" });
    let step = look(json!({ "filter": step, "change": { "verb": "cancel" } })).await;

    assert_eq!(all["problems"][0]["pointer"], "/filter");
    running.problem(400, "filter_not_indexed");
    odd.problem(422, "invalid");
    less.problem(422, "invalid");
    step.problem(422, "invalid");
}

#[tokio::test]
async fn a_sample_says_why_a_job_would_be_refused() {
    let site = Site::with_fleet().await;
    let ids = jobs(&site, 1).await;
    let body = json!({
        "filter": { "jobs": ids },
        "change": { "verb": "patch", "context": { "k": 1 } },
    });

    let preview = site.post("/v1/bulk?preview=true", &body).await.ok(200);

    assert_eq!(preview["verdicts"], json!({ "illegal_state": 1 }));
    assert_eq!(preview["sample"][0]["preview"], Value::Null);
}
