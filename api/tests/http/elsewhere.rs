//! Templates that take documents from elsewhere: read at publish, pinned, not read again.

use axum::Router;
use axum::http::Method;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use windlass_workers::egress::EgressRules;
use windlass_workers::perform::Fetcher;

use super::site::{Answer, Site};

const OPENAPI: &str = r#"{ "openapi": "3.0.3", "paths": { "/pets/{id}": { "get": { "operationId": "getPet",
    "parameters": [ { "name": "id", "in": "path", "required": true } ] } } } }"#;
const SCHEMA: &str = r#"{ "$id": "https://pets.example/order", "required": [ "id" ] }"#;

/// A server of two documents, and its end.
async fn documents() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new()
        .route("/openapi.json", get(async || OPENAPI))
        .route("/order.json", get(async || SCHEMA));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    (address, server)
}

async fn site() -> Site {
    let allow = vec!["127.0.0.1".parse().expect("an address")];
    let rules = EgressRules {
        allow,
        ..EgressRules::default()
    };
    let fetcher = Fetcher::new(rules).expect("a client");
    Site::with(|state| state.with_fetcher(fetcher)).await
}

fn template(address: &str, version: &str, operation: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: pets, name: ask, version: '{version}' }}
input: {{ schema: {{ resource: {{ endpoint: '{address}/order.json' }} }} }}
do:
  - ask:
      call: openapi
      with:
        document: {{ endpoint: '{address}/openapi.json' }}
        operationId: {operation}
        parameters: {{ id: '${{ .id }}' }}
"
    )
}

async fn put(site: &Site, path: &str, text: &str) -> Answer {
    let headers = [("content-type", "application/yaml")];
    site.send(Method::PUT, path, &headers, text).await
}

fn first(answer: &Value) -> (&Value, &Value, &Value) {
    let problem = &answer["problems"][0];
    (&problem["code"], &problem["pointer"], &problem["line"])
}

#[tokio::test]
async fn a_published_version_needs_nobody_else() {
    let (site, (address, server)) = (site().await, documents().await);
    let text = template(&address, "1.0.0", "getPet");
    let path = "/v1/templates/pets.ask/versions/1.0.0";

    put(&site, path, &text).await.ok(201);
    server.abort();
    let _ = server.await;

    put(&site, path, &text).await.ok(200);
    let files = json!({ "files": [ { "name": "ask.yaml", "text": text } ] });
    let applied = site.post("/v1/apply", &files).await.ok(200);
    assert_eq!(applied["changes"][0]["action"], "unchanged");
    let next = template(&address, "1.0.1", "getPet");
    let next = json!({ "files": [ { "name": "ask.yaml", "text": next } ] });
    let refused = site.post("/v1/apply", &next).await.problem(422, "invalid");
    let wanted = ("resource.unreachable", "/input/schema/resource", 2);
    assert_eq!(
        first(&refused),
        (&json!(wanted.0), &json!(wanted.1), &json!(wanted.2))
    );
}

#[tokio::test]
async fn the_schema_from_elsewhere_is_asked_when_a_job_is_submitted() {
    let (site, (address, _server)) = (site().await, documents().await);
    let text = template(&address, "1.0.0", "getPet");
    let files = json!({ "files": [ { "name": "ask.yaml", "text": text } ] });
    site.post("/v1/apply", &files).await.ok(200);

    let request = |input: Value| json!({ "template": "pets.ask", "input": input });
    let bad = site.post("/v1/requests", &request(json!({}))).await;
    let good = site
        .post("/v1/requests", &request(json!({ "id": 1 })))
        .await;

    bad.problem(422, "invalid");
    good.ok(201);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_stands_at_its_line() {
    let (site, (address, _server)) = (site().await, documents().await);
    let check = async |text: &str| {
        let answer = site
            .typed("/v1/templates/check", "application/yaml", text)
            .await;
        answer.ok(200)
    };

    let unknown = check(&template(&address, "1.0.0", "getPets")).await;
    let parameter =
        check(&template(&address, "1.0.0", "getPet").replace("{ id:", "{ di: 1, id:")).await;
    let closed = Site::with(|state| {
        state.with_fetcher(Fetcher::new(EgressRules::default()).expect("a client"))
    });
    let text = template(&address, "1.0.0", "getPet");
    let closed = closed
        .await
        .typed("/v1/templates/check", "application/yaml", &text)
        .await;

    assert_eq!(
        first(&unknown),
        (
            &json!("openapi.unknown_operation"),
            &json!("/do/0/ask/with/operationId"),
            &json!(8)
        )
    );
    assert_eq!(unknown["problems"][0]["hint"], "did you mean `getPet`?");
    assert_eq!(
        first(&parameter),
        (
            &json!("openapi.unknown_parameter"),
            &json!("/do/0/ask/with/parameters/di"),
            &json!(9)
        )
    );
    assert_eq!(first(&closed.ok(200)).0, "resource.refused");
}
