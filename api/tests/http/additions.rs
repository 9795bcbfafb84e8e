//! Members that are added to an open batch over HTTP.

use axum::http::Method;
use serde_json::json;

use crate::site::{Answer, Site, codes};

/// Creates a batch of the fleet that is open, and plans it.
async fn open(site: &Site) -> String {
    let body = r#"{"configuration":"greet-ships","open":true}"#;
    let made = post(site, "/v1/batches", "application/json", "k", body).await;
    let made = made.ok(201);
    assert_eq!(made["batch"]["open"], true);
    site.keep().await;
    made["id"].as_str().unwrap().to_owned()
}

async fn post(site: &Site, path: &str, kind: &str, key: &str, body: &str) -> Answer {
    let headers = [("content-type", kind), ("idempotency-key", key)];
    site.send(Method::POST, path, &headers, body).await
}

#[tokio::test]
async fn members_are_added_once_per_key_until_the_batch_is_closed() {
    let site = Site::with_fleet().await;
    let batch = open(&site).await;
    let (path, rows) = (
        format!("/v1/batches/{batch}/members"),
        "name,port\nemma,oslo\n",
    );

    let first = post(&site, &path, "text/csv", "a", rows).await;
    let again = post(&site, &path, "text/csv", "a", rows).await;
    let as_json = post(
        &site,
        &path,
        "application/json",
        "b",
        r#"[{"name":"fram","port":"oslo"}]"#,
    )
    .await;

    let added = first.ok(201);
    assert_eq!(
        (&added["members"], &added["jobs"], &added["batch"]),
        (&json!(1), &json!(1), &json!(batch))
    );
    assert_eq!(again.ok(200)["deduplicated"], true);
    assert_eq!(again.header("idempotency-replayed"), "true");
    as_json.ok(201);
    let members = site.get(&path).await.ok(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 6);
    let closed = site
        .post(&format!("/v1/batches/{batch}/close"), &json!({}))
        .await
        .ok(202);
    assert_eq!(
        (&closed["open"], &closed["added"]),
        (&json!(false), &json!(2))
    );
    let late = post(&site, &path, "text/csv", "c", "name\ngudrun\n").await;
    late.problem(409, "batch_closed");
    let report = site
        .get(&format!("/v1/batches/{batch}/report"))
        .await
        .ok(200);
    assert_eq!(
        (&report["added"], &report["members"]),
        (&json!(2), &json!(6))
    );
}

#[tokio::test]
async fn what_cannot_be_added_is_refused() {
    let site = Site::with_fleet().await;
    let batch = open(&site).await;
    let path = format!("/v1/batches/{batch}/members");

    let no_key = site.typed(&path, "text/csv", "name\nemma\n").await;
    let there = post(
        &site,
        &path,
        "text/csv",
        "a",
        "name,port\nemma,oslo\nada,kiel\n",
    )
    .await;
    let other_form = post(&site, &path, "text/plain", "a", "emma").await;
    let nobody = post(&site, "/v1/batches/b_99/members", "text/csv", "a", "name\n").await;

    no_key.problem(400, "idempotency_key_required");
    let there = there.problem(422, "invalid");
    assert_eq!(
        (codes(&there), &there["problems"][0]["line"]),
        (vec!["duplicate_key"], &json!(3))
    );
    other_form.problem(415, "media_type_unsupported");
    nobody.problem(404, "not_found");
}

#[tokio::test]
async fn a_form_may_open_a_batch_of_its_own_recipe() {
    let site = Site::with_fleet().await;
    let recipe = "windlass: v1\nkind: JobConfiguration\nname: by-hand\ntemplate: examples.hello\n\
        selection: { items: [ { name: x } ], key: name }\nstrategy: individual\n";
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"recipe\"\r\n\r\n{recipe}\r\n\
         --b\r\ncontent-disposition: form-data; name=\"open\"\r\n\r\ntrue\r\n--b--\r\n"
    );

    let made = post(
        &site,
        "/v1/batches",
        "multipart/form-data; boundary=b",
        "k",
        &body,
    )
    .await;

    assert_eq!(made.ok(201)["batch"]["open"], true);
}
