//! What is parked, letting it go on, and ending a job by force.

use serde_json::{Value, json};

use crate::site::Site;

async fn job(site: &Site) -> String {
    let body = json!({ "template": "examples.hello", "input": { "name": "Ada" } });
    let reply = site.post("/v1/requests", &body).await.ok(201);
    reply["job"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_kill_says_why_and_ends_the_job_at_once() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let kill = format!("/v1/jobs/{id}/kill");

    site.post(&kill, &json!({})).await.problem(422, "invalid");
    let killed = site.post(&kill, &json!({ "reason": "it hangs" })).await;
    let killed = killed.ok(202);
    let again = site.post(&kill, &json!({ "reason": "it hangs" })).await;

    assert_eq!(killed["state"], "cancelled");
    assert_eq!(killed["outcome"]["code"], "killed");
    again.problem(409, "illegal_state");
}

#[tokio::test]
async fn a_redrive_is_begun_shown_listed_and_cancelled() {
    let site = Site::with_fleet().await;
    let id = job(&site).await;
    let body = json!({ "jobs": [id], "rate": 5, "canary": 1, "reason": "mended" });

    let begun = site.post("/v1/redrives", &body).await.ok(202);
    let address = format!("/v1/redrives/{}", begun["id"].as_str().unwrap());
    let listed = site.get("/v1/redrives").await.ok(200);
    let shown = site.get(&address).await.ok(200);
    let cancel = format!("{address}/cancel");
    let cancelled = site.post(&cancel, &json!({})).await.ok(200);

    assert_eq!(
        (&begun["state"], &begun["jobs"]),
        (&json!("running"), &json!([id]))
    );
    assert_eq!(listed["items"][0]["id"], begun["id"]);
    assert_eq!((&shown["rate"], &shown["canary"]), (&json!(5), &json!(1)));
    assert_eq!(cancelled["state"], "cancelled");
    site.get("/v1/redrives/d_99")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_redrive_that_names_nothing_is_refused_with_every_fault() {
    let site = Site::new().await;

    site.post("/v1/redrives", &json!({ "rate": 0 }))
        .await
        .problem(422, "invalid");

    let none = site.get("/v1/redrives").await.ok(200);
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn nothing_parked_is_an_empty_dead_letter() {
    let site = Site::with_fleet().await;
    job(&site).await;

    let errors = site.get("/v1/errors").await.ok(200);
    let jobs = site.get("/v1/errors/none").await.ok(200);

    assert_eq!(
        (&errors["items"], &errors["next_cursor"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(jobs["items"], json!([]));
}
