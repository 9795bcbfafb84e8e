//! API and pages over a database of their own, called without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use windlass_api::{dashboard, http};
use windlass_engine::Store;
use windlass_engine::protocol::Planned;
use windlass_engine::store::Notifier;
use windlass_engine::testing::TestDatabase;

/// Ends attributes, elements and texts, and would run if any of it were markup.
pub const PAYLOAD: &str =
    r#"'"><script>alert(1)</script><img src=x onerror=alert(2)></pre></title>"#;

/// A template that takes a name and keeps no journal.
const HELLO: &str = r#"
document: { dsl: '1.0.3', namespace: examples, name: hello, version: '1.0.0' }
do:
  - greet:
      set: { message: '${ "Hello, \(.name)" }' }
"#;

pub struct Site {
    pub store: Store,
    router: Router,
    _database: TestDatabase,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("letters"))
    }

    fn json(&self) -> Value {
        assert!(self.status.is_success(), "{}", self.text);
        serde_json::from_str(&self.text).expect("JSON")
    }
}

impl Site {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        let api = http::router(http::ApiState::new(store.clone(), Notifier::default()));
        Self {
            router: dashboard::mount(api, store.clone()),
            store,
            _database: database,
        }
    }

    /// With a batch of this name, whose two jobs are ready; the first member has this key.
    pub async fn with_batch(name: &str, key: &str) -> Self {
        let site = Self::new().await;
        let files = json!({ "files": [{ "name": "hello.yaml", "text": HELLO }] });
        site.post("/v1/apply", &files).await.json();
        let document = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "by-hand",
            "template": "examples.hello", "strategy": "individual",
            "selection": { "items": [{ "id": key, "name": key, "note": PAYLOAD }, { "id": "bea" }], "key": "id" } });
        let files = json!({ "files": [{ "name": "by-hand.json", "text": document.to_string() }] });
        site.post("/v1/apply", &files).await.json();
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
        ];
        let body = json!({ "configuration": "by-hand", "name": name }).to_string();
        site.send(Method::POST, "/v1/batches", &headers, body)
            .await
            .json();
        while site.store.plan().await.expect("planned") != Planned::Idle {}
        site.store.release().await.expect("released");
        site
    }

    /// A request whose every free field is this text.
    pub async fn submit(&self, text: &str) -> String {
        let body = json!({ "template": "examples.hello", "input": { "name": text, text: text },
            "tags": { "team": text }, "idempotency_key": "xss" });
        let reply = self.post("/v1/requests", &body).await.json();
        reply["job"]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn first_job(&self) -> String {
        let page = self.get("/v1/jobs?batch=b_1").await.json();
        let jobs = page["items"].as_array().expect("a list");
        let first = jobs.last().expect("a job");
        first["id"].as_str().expect("an id").to_owned()
    }

    /// A page that is there.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(path, "text/html,*/*;q=0.8").await
    }

    pub async fn get_as(&self, path: &str, accept: &str) -> Answer {
        let headers = [("accept", accept)];
        self.send(Method::GET, path, &headers, String::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(Method::POST, path, &headers, body.to_string())
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let request = request.body(Body::from(body)).expect("a request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).expect("text"),
        }
    }
}
