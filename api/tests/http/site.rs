//! The router on a database of its own, called without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use windlass_api::http::{ApiState, router};
use windlass_engine::Store;
use windlass_engine::protocol::Planned;
use windlass_engine::store::{DEFAULT_TENANT, Notifier};
use windlass_engine::testing::TestDatabase;

/// A template that takes a name and keeps no journal.
pub const HELLO: &str = r#"
document: { dsl: '1.0.3', namespace: examples, name: hello, version: '1.0.0' }
input:
  schema:
    format: json
    document: { type: object, required: [ name ], properties: { name: { type: string } } }
do:
  - greet:
      set: { message: '${ "Hello, \(.name)" }' }
"#;

/// Purpose, category and three job configurations over four ships of two ports.
pub const FLEET: &str = r#"
windlass: v1
kind: Purpose
name: greet
template: examples.hello
---
windlass: v1
kind: Category
name: ships
key: name
object: port
data: { file: ships.csv, format: csv }
---
windlass: v1
kind: JobConfiguration
name: greet-ships
purpose: greet
selection: { category: ships }
strategy: individual
schedule: { weekly: { days: [ mon ], at: "06:00" }, zone: Europe/Berlin }
"#;

pub const SHIPS: &str = "name,port\nada,kiel\nbea,kiel\ncleo,oslo\ndido,oslo\n";

pub struct Site {
    pub store: Store,
    pub router: Router,
    _database: Option<TestDatabase>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts a problem document of this status and code, and gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        for key in ["type", "title", "detail", "instance", "request_id"] {
            assert!(problem[key].is_string(), "{key} of {problem}");
        }
        problem
    }

    /// Asserts success and gives the body.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|state| state).await
    }

    pub async fn with(change: impl FnOnce(ApiState) -> ApiState) -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        let state = ApiState::new(store.clone(), Notifier::default());
        Self {
            store,
            router: router(change(state)),
            _database: Some(database),
        }
    }

    /// Over a store whose database the caller holds.
    pub async fn over(store: Store) -> Self {
        let state = ApiState::new(store.clone(), Notifier::default());
        Self {
            store,
            router: router(state),
            _database: None,
        }
    }

    /// With the template, the purpose, the loaded category and its configuration.
    pub async fn with_fleet() -> Self {
        let site = Self::new().await;
        site.apply_fleet("").await.ok(200);
        site
    }

    pub async fn apply_fleet(&self, query: &str) -> Answer {
        let body = json!({
            "files": [{ "name": "hello.yaml", "text": HELLO }, { "name": "fleet.yaml", "text": FLEET }],
            "data": [{ "category": "ships", "text": SHIPS }],
        });
        self.post(&format!("/v1/apply{query}"), &body).await
    }

    pub async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.typed(path, "application/json", &body.to_string())
            .await
    }

    pub async fn typed(&self, path: &str, media_type: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[("content-type", media_type)], body)
            .await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        self.call(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// A batch of the fleet, planned, with its jobs ready.
    pub async fn batch(&self, key: &str) -> String {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let body = r#"{"configuration":"greet-ships"}"#;
        let created = self
            .send(Method::POST, "/v1/batches", &headers, body)
            .await
            .ok(201);
        self.keep().await;
        created["id"].as_str().unwrap().to_owned()
    }

    /// What a keeper does in one round.
    pub async fn keep(&self) {
        while self.store.plan().await.unwrap() != Planned::Idle {}
        self.store.release().await.unwrap();
        self.store.finish().await.unwrap();
    }

    /// How many jobs and documents there are: a refused call leaves both as they were.
    pub async fn stored(&self) -> (usize, usize) {
        let jobs = self
            .store
            .jobs(DEFAULT_TENANT, &Default::default(), None, 1_000)
            .await
            .unwrap();
        let templates = self.get("/v1/templates").await.ok(200);
        let mut documents = templates["items"].as_array().unwrap().len();
        for kind in [
            "purposes",
            "job-configurations",
            "connections",
            "categories",
        ] {
            let page = self.get(&format!("/v1/{kind}")).await.ok(200);
            documents += page["items"].as_array().unwrap().len();
        }
        (jobs.items.len(), documents)
    }
}

/// The codes of a problem document's faults.
pub fn codes(problem: &Value) -> Vec<&str> {
    let problems = problem["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}
