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

async fn apply(site: &Site, purpose: &str) -> Answer {
    let text =
        format!("windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\n{purpose}\n");
    let files = json!({ "files": [{ "name": "brief.yaml", "text": text }] });
    site.post("/v1/apply", &files).await
}

#[tokio::test]
async fn a_request_by_purpose_has_what_the_purpose_says_unless_it_says_more() {
    let site = site().await;
    let said = "expires_after: 1h\ntimeout: 10m\nidempotency: { hold: forever, scope: template }\nlane: '${ .line }'";
    apply(&site, said).await.ok(200);
    let asked = |rest: Value| {
        let mut body = json!({ "purpose": "brief", "input": { "line": "north" } });
        let keys = body.as_object_mut().unwrap();
        keys.extend(rest.as_object().unwrap().clone());
        body
    };
    let start = "2100-01-01T00:00:00Z";

    let later = submit(&site, asked(json!({ "start_at": start }))).await;
    let own = asked(json!({ "start_at": start, "expires_at": "2100-01-01T00:30:00Z" }));
    let own = submit(&site, own).await;
    let first = submit(&site, asked(json!({ "idempotency_key": "k" }))).await;
    let repeat = asked(json!({ "idempotency_key": "k" }));
    let again = site.post("/v1/requests", &repeat).await.ok(200);
    let said = json!({ "idempotency_key": "k", "idempotency": { "scope": "tenant" } });
    let elsewhere = submit(&site, asked(said)).await;
    let lineless = site
        .post("/v1/requests", &asked(json!({ "input": {} })))
        .await;

    assert_eq!(
        later["job"]["request"]["expires_at"],
        "2100-01-01T01:00:00Z"
    );
    assert_eq!(own["job"]["request"]["expires_at"], "2100-01-01T00:30:00Z");
    assert_eq!(again["id"], first["id"]);
    assert_ne!(elsewhere["id"], first["id"]);
    assert_eq!(codes(&lineless.problem(422, "invalid")), ["lane_malformed"]);
    let refused = apply(&site, "retention: { completed: 30d }").await;
    assert_eq!(
        codes(&refused.problem(422, "invalid")),
        ["configuration.not_supported_yet"]
    );
    let shown = site.get("/v1/purposes/brief").await.ok(200);
    assert_eq!(shown["document"]["expires_after"], "1h");
}

#[tokio::test]
async fn a_batch_is_given_another_weight_while_it_runs() {
    let site = Site::with_fleet().await;
    let batch = site.batch("k").await;
    let path = format!("/v1/batches/{batch}");
    let media = [("content-type", "application/json")];
    let edit = async |body: &str| site.send(Method::PATCH, &path, &media, body).await;

    let edited = edit(r#"{"weight": 2.5}"#).await.ok(200);
    let refused = edit(r#"{"weight": 0}"#).await;

    assert_eq!(edited["rules"]["weight"], 2.5, "{edited}");
    assert_eq!(
        codes(&refused.problem(422, "invalid")),
        ["configuration.value"]
    );
}

#[tokio::test]
async fn a_purpose_shows_what_becomes_of_failed_steps_and_whose_keys_count_within_a_batch() {
    let site = site().await;
    let said = "retry: { count: 3, delay: 2s, jitter: 1s, on_exhausted: park }\nidempotency: { scope: batch }";
    apply(&site, said).await.ok(200);
    let asked = |idempotency: Value| json!({ "purpose": "brief", "input": {}, "idempotency_key": "k", "idempotency": idempotency });

    let first = submit(&site, asked(json!({ "batch": "b_7" }))).await;
    let elsewhere = asked(json!({ "scope": "batch", "batch": "b_8" }));
    let elsewhere = submit(&site, elsewhere).await;
    let nowhere = site.post("/v1/requests", &asked(json!({}))).await;

    assert_ne!(elsewhere["id"], first["id"]);
    assert_eq!(codes(&nowhere.problem(422, "invalid")), ["missing_field"]);
    let shown = site.get("/v1/purposes/brief").await.ok(200);
    assert_eq!(
        shown["document"]["retry"],
        json!({ "count": 3, "delay": "2s", "jitter": "1s", "on_exhausted": "park" })
    );
}
