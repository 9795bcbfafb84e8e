//! A database with a keeper and a worker, on a clock that a test moves; a service on loopback and handlers, which
//! answer as the test says and remember what they were asked.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer as Submission, Request, Work};
use windlass_engine::store::{JobView, Notifier, Submitted};
use windlass_engine::testing::{Crowd, TestDatabase, application};
use windlass_workers::answer::FailError;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::Configured;

use windlass_workers::egress::EgressRules;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{StoredDocuments, Worker, WorkerOptions};
use windlass_workflows::value::Value;

pub const TENANT: i32 = 1;
/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(50);
const LEASE_TIME: Duration = Duration::from_secs(5);

/// What the samples call of their users' functions.
const HANDLERS: [&str; 19] = [
    "account-suspend:1.0.0",
    "crm-suppress:1.0.0",
    "crm-unreachable:1.0.0",
    "flight-book:1.0.0",
    "hotel-book:1.0.0",
    "hotel-cancel:1.0.0",
    "identity-create:1.0.0",
    "identity-delete:1.0.0",
    "invoice-charge:1.0.0",
    "invoice-status:1.0.0",
    "item-enrich:1.0.0",
    "item-enrich:1.2.0",
    "message-status:1.0.0",
    "storage-create:1.0.0",
    "storage-delete:1.0.0",
    "user-eligibility:1.0.0",
    "workspace-create:1.0.0",
    "workspace-delete:1.0.0",
    "workspace-trial:1.0.0",
];

/// Who stands behind profiles and channels; `BASE` is the service.
const CONNECTIONS: &str = "
windlass: v1
kind: Connection
name: writer
type: generate
providers:
  - { name: main, base_url: 'BASE/v1', model: sample }
profiles: { content-draft: {}, report: {} }
---
windlass: v1
kind: Connection
name: statistics
type: analyse
base_url: BASE
profiles:
  content-review: { path: /analyse/content-review }
  trends: { path: /analyse/trends }
  anomalies: { path: /analyse/anomalies }
  forecast: { path: /analyse/forecast }
  reply-intent: { path: /analyse/reply-intent }
---
{ windlass: v1, kind: Connection, name: email, type: channel, protocol: webhook, url: 'BASE/email' }
---
windlass: v1
kind: Connection
name: page
type: channel
protocol: chat
url: 'BASE/page'
messages: { incident: { text: '{to}: {incident}' } }
";

/// What somebody was asked: a handler by its name and version, the service by method and path.
#[derive(Clone, Debug)]
pub struct Call {
    pub what: String,
    pub input: Json,
    /// The idempotency key of a request.
    pub key: String,
}

/// What it is answered.
pub enum Answer {
    Is(Json),
    /// Refused for good.
    Status(u16),
    /// The same, once the test lets it.
    Later(CancellationToken, Json),
    Fails(CancellationToken, u16),
}

impl Answer {
    async fn waited(self) -> Result<Json, u16> {
        match self {
            Self::Is(value) => Ok(value),
            Self::Status(status) => Err(status),
            Self::Later(gate, value) => {
                gate.cancelled().await;
                Ok(value)
            }
            Self::Fails(gate, status) => {
                gate.cancelled().await;
                Err(status)
            }
        }
    }
}

/// What a call is answered, and how often the same was called before.
pub type Script = Arc<dyn Fn(&Call, usize) -> Answer + Send + Sync>;

#[derive(Clone)]
struct Desk {
    calls: Arc<Mutex<Vec<Call>>>,
    script: Script,
}

impl Desk {
    fn asked(&self, call: Call) -> Answer {
        let mut calls = self.calls.lock().expect("no panic in it");
        let before = calls.iter().filter(|one| one.what == call.what).count();
        calls.push(call.clone());
        drop(calls);
        (self.script)(&call, before)
    }
}

pub struct World {
    pub store: Store,
    pub crowd: Crowd,
    database: TestDatabase,
    desk: Desk,
    base: String,
    stop: CancellationToken,
}

impl World {
    /// One in which everybody answers by this script.
    pub async fn new(script: impl Fn(&Call, usize) -> Answer + Send + Sync + 'static) -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        store.enter_development().await.expect("development");
        let desk = Desk {
            calls: Arc::default(),
            script: Arc::new(script),
        };
        let base = serve(desk.clone()).await;
        let connections = CONNECTIONS.replace("BASE", &base);
        let applied = store.apply(application(&[&connections])).await;
        applied.expect("applied");
        let handlers = HANDLERS.map(str::to_owned);
        store.announce(TENANT, &handlers).await.expect("announced");
        let world = Self {
            crowd: Crowd::of(&database).await,
            store,
            database,
            desk,
            base,
            stop: CancellationToken::new(),
        };
        world.work();
        world
    }

    fn work(&self) {
        let options = KeeperOptions {
            lease_time: LEASE_TIME,
            ..KeeperOptions::default()
        };
        let keeper = Keeper::new(self.store.clone(), Notifier::default(), options);
        tokio::spawn(keeper.run(self.stop.child_token()));
        let performing = PerformerOptions {
            egress: EgressRules {
                allow_private: true,
                allow: Vec::new(),
            },
            ..PerformerOptions::default()
        };
        let connections = Arc::new(Configured::new(StoredDocuments(self.store.clone())));
        let catalogue = catalogue(&self.desk);
        let options = WorkerOptions {
            lease_time: LEASE_TIME,
            // It has what samples need of a machine.
            capabilities: [catalogue.capabilities(), vec!["gpu".to_owned()]].concat(),
            ..WorkerOptions::default()
        };
        let performer = Performer::new(performing, connections, Secrets::new(), catalogue);
        let connect = self.database.options("test worker");
        let performer = performer.expect("a performer");
        let worker = Worker::new(self.store.clone(), connect, performer, options);
        tokio::spawn(worker.run(self.stop.child_token()));
    }

    /// Publishes a sample, whose services answer here.
    pub async fn publish(&self, name: &str) {
        self.publish_text(&self.sample(name)).await;
    }

    pub fn sample(&self, name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows/tests/samples");
        let text = std::fs::read_to_string(folder.join(name)).expect("a sample");
        here(&text, &self.base)
    }

    /// Publishes a template of the test's own.
    pub async fn publish_text(&self, text: &str) {
        let published = self.store.publish_source(TENANT, text).await;
        published.unwrap_or_else(|error| panic!("{error:#?}"));
    }

    /// A job of that template, `namespace.name`.
    pub async fn submit(&self, template: &str, input: Json) -> i64 {
        let input = Value::parse(&input.to_string()).expect("JSON");
        let request = Request::new(Work::Template(template.to_owned()), input);
        let answers = self.store.submit_requests(TENANT, "test", vec![request]);
        match answers.await.expect("submitted").remove(0) {
            Submission::Submitted(Submitted::Created { job }) => job,
            other => panic!("not created: {other:?}"),
        }
    }

    /// What everybody was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.calls.lock().expect("no panic in it").clone()
    }

    /// The calls of one thing.
    pub fn of(&self, what: &str) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| call.what == what).collect()
    }

    pub async fn until(&self, job: i64, state: &str) -> JobView {
        let there = async || match self.store.job(TENANT, job).await.expect("the job") {
            view if view.state.as_str() == state => Ok(view),
            view => Err(format!("not {state}: {view:?}; {:#?}", self.calls())),
        };
        eventually(there).await
    }

    /// What the job gave, once it has ended so.
    pub async fn result(&self, job: i64, state: &str) -> Json {
        let outcome = self.until(job, state).await.outcome.expect("an outcome");
        serde_json::from_str(&outcome.result.expect("a result")).expect("JSON")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Services of a sample stand at `https://….internal.example`; what sends its events is no service.
fn here(text: &str, base: &str) -> String {
    let hosts = ["archive", "carrier", "ledger", "store"];
    hosts.iter().fold(text.to_owned(), |text, host| {
        text.replace(&format!("https://{host}.internal.example"), base)
    })
}

fn catalogue(desk: &Desk) -> Catalogue {
    HANDLERS
        .iter()
        .fold(Catalogue::new(), |catalogue, handler| {
            let (name, version) = handler.split_once(':').expect("a version");
            let desk = desk.clone();
            let does = move |input: Json| {
                let call = Call {
                    what: (*handler).to_owned(),
                    input,
                    key: String::new(),
                };
                let answer = desk.asked(call);
                async move { handled(answer).await }
            };
            catalogue.with::<Json, _>(name, version, task_fn(does))
        })
}

async fn handled(answer: Answer) -> Result<Json, BoxDynError> {
    let refused = |status| FailError {
        code: "https://errors.example/refused".to_owned(),
        status: Some(status),
        message: "as the test says".to_owned(),
    };
    Ok(answer.waited().await.map_err(refused)?)
}

async fn serve(desk: Desk) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let router = Router::new().fallback(answer).with_state(desk);
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn answer(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("idempotency-key");
    let call = Call {
        what: format!("{method} {}", uri.path()),
        input: serde_json::from_slice(&body).unwrap_or_default(),
        key: key.map_or_else(String::new, |key| {
            key.to_str().unwrap_or_default().to_owned()
        }),
    };
    let is_writer = uri.path() == "/v1/chat/completions";
    match desk.asked(call).waited().await {
        Ok(text) if is_writer => {
            let message = json!({ "role": "assistant", "content": text });
            axum::Json(json!({ "choices": [ { "message": message } ] })).into_response()
        }
        Ok(value) => axum::Json(value).into_response(),
        Err(status) => {
            let status = axum::http::StatusCode::from_u16(status).expect("a status");
            status.into_response()
        }
    }
}

/// Looks until there is what is wanted.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let since = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(why) => assert!(since.elapsed() < PATIENCE, "{why}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
