//! What purposes and aliases bring to work that is asked for over HTTP.

use axum::http::Method;
use serde_json::{Value, json};

use crate::site::{Answer, Site, codes};

const ALIAS: &str = "/v1/templates/strikes.brief/aliases/stable";

fn template(version: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: strikes, name: brief, version: '{version}' }}\n\
         do:\n  - say: {{ set: {{ word: hello }} }}\n"
    )
}

/// Two versions of `strikes.brief`.
async fn site() -> Site {
    let site = Site::new().await;
    for version in ["1.0.0", "1.1.0"] {
        let path = format!("/v1/templates/strikes.brief/versions/{version}");
        put(&site, &path, "application/yaml", &template(version))
            .await
            .ok(201);
    }
    site
}

async fn put(site: &Site, path: &str, media: &str, body: &str) -> Answer {
    site.send(Method::PUT, path, &[("content-type", media)], body)
        .await
}

async fn set(site: &Site, version: &str) -> Answer {
    let body = json!({ "version": version }).to_string();
    put(site, ALIAS, "application/json", &body).await
}

async fn submit(site: &Site, rest: Value) -> Value {
    site.post("/v1/requests", &rest).await.ok(201)
}

#[tokio::test]
async fn an_alias_is_moved_and_work_that_starts_follows_it() {
    let site = site().await;
    let by_alias = json!({ "template": "strikes.brief@stable", "input": {} });

    let before = site.post("/v1/requests", &by_alias).await;
    assert_eq!(
        codes(&before.problem(422, "invalid")),
        ["unknown_reference"]
    );
    let first_set = set(&site, "1.0.0").await.ok(200);
    let first = submit(&site, by_alias.clone()).await;
    let moved = set(&site, "1.1.0").await.ok(200);
    let second = submit(&site, by_alias).await;
    let unpublished = set(&site, "1.1.1").await;
    let shown = site.get("/v1/templates/strikes.brief").await.ok(200);
    let by_version = site
        .get("/v1/templates/strikes.brief/versions/stable")
        .await;

    assert_eq!(first_set["reference"], "strikes.brief@stable");
    assert_eq!(first["job"]["template"], "strikes.brief@1.0.0");
    assert_eq!(second["job"]["template"], "strikes.brief@1.1.0");
    assert_eq!(
        (&moved["revision"], &moved["version"]),
        (&json!(2), &json!("1.1.0"))
    );
    assert_eq!(moved["before"][0]["version"], "1.0.0");
    assert_eq!(
        codes(&unpublished.problem(422, "invalid")),
        ["unknown_reference"]
    );
    assert_eq!(shown["aliases"][0]["alias"], "stable");
    assert_eq!(by_version.ok(200)["reference"], "strikes.brief@1.1.0");
    assert_eq!(site.get(ALIAS).await.ok(200), moved);
    let none = "/v1/templates/strikes.brief/aliases/canary";
    site.get(none).await.problem(404, "not_found");
}
