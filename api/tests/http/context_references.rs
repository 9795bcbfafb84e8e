//! From a context to those who touched it, and back, over HTTP.

use serde_json::json;

use crate::site::Site;

#[tokio::test]
async fn a_context_leads_to_its_jobs_and_batches_and_they_lead_back() {
    let site = Site::with_fleet().await;
    let batch = site.batch("monday").await;
    site.keep().await;
    let body = r#"{"document":{}}"#;
    let json = [("content-type", "application/json")];
    let put = site.send(axum::http::Method::PUT, "/v1/contexts/k", &json, body);
    put.await.ok(201);
    let path = "/v1/contexts/k/references";
    assert_eq!(site.get(path).await.ok(200)["items"], json!([]));
    let members = site.get(&format!("/v1/batches/{batch}/members")).await;
    let job = members.ok(200)["items"][0]["job"].clone();
    let number: i64 = job.as_str().unwrap()[2..].parse().unwrap();

    let read = site.store.read_context(1, "k", number).await;
    assert!(read.unwrap().is_some());

    let found = site.get(path).await.ok(200);
    let first = &found["items"][0];
    assert_eq!(first["kind"], "batch");
    assert_eq!(
        (&first["id"], &first["what"]),
        (&json!(batch), &json!("read"))
    );
    let of_jobs = site.get(&format!("{path}?kind=job")).await.ok(200);
    assert_eq!(of_jobs["items"], json!([]));
    let back = site.get(&format!("/v1/batches/{batch}/contexts")).await;
    assert_eq!(back.ok(200)["items"][0]["key"], "k");
    let back = format!("/v1/jobs/{}/contexts", job.as_str().unwrap());
    assert_eq!(site.get(&back).await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn what_nobody_knows_leads_nowhere() {
    let site = Site::new().await;

    let missing = [
        "contexts/k/references",
        "batches/b_9/contexts",
        "jobs/j_9/contexts",
    ];
    for path in missing {
        let answer = site.get(&format!("/v1/{path}")).await;
        answer.problem(404, "not_found");
    }
    let wrong = ["kind=worker", "cursor=x", "limit=0", "who=mia"];
    for query in wrong {
        let path = format!("/v1/contexts/k/references?{query}");
        assert_eq!(site.get(&path).await.status, 400, "{query}");
    }
}
