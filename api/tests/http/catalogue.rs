//! What was applied, over HTTP: it is exported, categories have loads and are deleted, webhooks are shown.

use axum::http::Method;
use serde_json::json;

use crate::site::Site;

const HOOK: &str = "windlass: v1\nkind: Webhook\nname: desk\nurl: https://hooks.example\n\
    signing_key: { secret: desk-key }\nevents: [ batch.finished ]\n";

async fn delete(site: &Site, path: &str) -> crate::site::Answer {
    site.send(Method::DELETE, path, &[], "").await
}

#[tokio::test]
async fn an_export_gives_what_apply_takes_a_page_at_a_time() {
    let site = Site::with_fleet().await;

    let all = site.get("/v1/export?rows=true").await.ok(200);
    let first = site.get("/v1/export?limit=1").await;
    let one = site.get("/v1/export?kind=purpose").await.ok(200);

    let documents = all["items"].as_array().unwrap();
    assert_eq!(documents.len(), 4);
    let files: Vec<_> = documents
        .iter()
        .filter(|one| one["kind"] != "category")
        .map(|one| json!({ "name": format!("{}.yaml", one["name"].as_str().unwrap()), "text": one["text"] }))
        .collect();
    let again = site.post("/v1/apply", &json!({ "files": files })).await;
    let again = again.ok(200);
    let mut changes = again["changes"].as_array().unwrap().iter();
    assert!(changes.all(|one| one["action"] == "unchanged"), "{again}");
    assert_eq!(one["items"][0]["name"], "greet");
    assert!(first.ok(200)["next_cursor"].is_string());
    let unknown = site.get("/v1/export?kind=ship").await;
    unknown.problem(400, "malformed");
}

#[tokio::test]
async fn a_category_lists_its_loads() {
    let site = Site::with_fleet().await;
    let path = "/v1/categories/ships/items";
    let loaded = site.typed(path, "text/csv", "name,port\nada,oslo\n").await;
    assert!(loaded.status.is_success(), "{}", loaded.text);

    let versions = site.get("/v1/categories/ships/versions").await.ok(200);
    let newest = site.get("/v1/categories/ships/versions?limit=1").await;

    let versions = versions["items"].as_array().unwrap();
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!(newest.ok(200)["items"][0], versions[0]);
    let missing = site.get("/v1/categories/none/versions").await;
    missing.problem(404, "not_found");
}

#[tokio::test]
async fn a_category_in_use_is_not_deleted_and_a_deleted_one_comes_back() {
    let site = Site::with_fleet().await;
    let text = "windlass: v1\nkind: Category\nname: ports\nkey: name\n";
    let applied = site.typed("/v1/apply", "application/yaml", text).await;
    applied.ok(200);

    let used = delete(&site, "/v1/categories/ships").await;
    let gone = delete(&site, "/v1/categories/ports").await.ok(200);
    let undelete = "/v1/categories/ports/undelete";
    let back = site.post(undelete, &json!({})).await.ok(200);

    used.problem(409, "category_in_use");
    assert!(gone["deleted_at"].is_string(), "{gone}");
    assert!(!back["deleted_at"].is_string(), "{back}");
    let missing = delete(&site, "/v1/categories/none").await;
    missing.problem(404, "not_found");
}

#[tokio::test]
async fn a_webhook_is_put_under_its_name() {
    let site = Site::new().await;
    let put = async |path: &str, media_type: &str, body: &str| {
        let headers = [("content-type", media_type)];
        site.send(Method::PUT, path, &headers, body).await
    };
    let document = json!({ "windlass": "v1", "kind": "Webhook", "name": "desk", "events": [ "batch.finished" ],
        "url": "https://other.example", "signing_key": { "secret": "desk-key" } });

    let made = put("/v1/webhooks/desk", "application/yaml", HOOK).await;
    let same = put("/v1/webhooks/desk", "application/yaml", HOOK).await;
    let path = "/v1/webhooks/desk";
    let changed = put(path, "application/json", &document.to_string()).await;
    let elsewhere = put("/v1/webhooks/other", "application/yaml", HOOK).await;
    let faulty = put("/v1/webhooks/desk", "application/yaml", "kind: Webhook").await;

    assert_eq!(
        (
            made.ok(201)["revision"].clone(),
            same.ok(200)["revision"].clone()
        ),
        (json!(1), json!(1))
    );
    assert_eq!(changed.ok(200)["revision"], 2);
    elsewhere.problem(422, "invalid");
    faulty.problem(422, "invalid");
    let missing = site.get("/v1/webhooks/other").await;
    missing.problem(404, "not_found");
}

#[tokio::test]
async fn webhooks_are_listed_shown_and_deleted() {
    let site = Site::new().await;
    site.typed("/v1/apply", "application/yaml", HOOK)
        .await
        .ok(200);

    let listed = site.get("/v1/webhooks").await.ok(200);
    let shown = site.get("/v1/webhooks/desk").await.ok(200);
    let deliveries = site.get("/v1/webhooks/desk/deliveries").await.ok(200);
    let deleted = delete(&site, "/v1/webhooks/desk").await;

    assert_eq!(listed["items"][0]["name"], "desk");
    assert_eq!(
        (&shown["state"], &shown["revision"]),
        (&json!("ok"), &json!(1))
    );
    assert_eq!(shown["document"]["signing_key"]["secret"], "desk-key");
    assert_eq!(deliveries["items"], json!([]));
    assert_eq!(deleted.status, 204);
    let missing = site.get("/v1/webhooks/desk").await;
    missing.problem(404, "not_found");
}

const DOUBTFUL: &str = "document: { dsl: '1.0.3', namespace: examples, name: doubtful, version: 1.0.0 }\ndo:\n\
    \x20 - greet: { set: { text: 'Hello ${ .name }' } }\n";

#[tokio::test]
async fn what_is_doubtful_is_said_by_whoever_checks_applies_or_publishes() {
    let site = Site::new().await;
    let yaml = "application/yaml";

    let checked = site.typed("/v1/templates/check", yaml, DOUBTFUL).await;
    let applied = site.typed("/v1/apply", yaml, DOUBTFUL).await;
    let path = "/v1/templates/examples.doubtful/versions/1.0.0";
    let headers = [("content-type", yaml)];
    let published = site.send(Method::PUT, path, &headers, DOUBTFUL).await;

    let (checked, applied, published) = (checked.ok(200), applied.ok(200), published.ok(200));
    assert_eq!(checked["is_valid"], true);
    for reply in [checked, applied, published] {
        let [one] = reply["warnings"].as_array().expect("a list").as_slice() else {
            panic!("{reply}");
        };
        assert_eq!(one["code"], "warning.literal_expression");
        assert_eq!((&one["line"], &one["column"]), (&json!(3), &json!(27)));
        assert!(one["hint"].is_string(), "{one}");
    }
}
