//! A server that is read, which breaks and lies, and the store whose keepers read it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_engine::protocol::{NewBatch, Source};
use windlass_engine::store::{BatchView, Notifier};
use windlass_engine::testing::{TestDatabase, application};
use windlass_engine::{Error, Store};
use windlass_workers::StoredDocuments;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{Configured, References};
use windlass_workers::egress::EgressRules;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::outside::Sources;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workflows::value::Value;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: test, name: note, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
pub const CONNECTIONS: &str = "windlass: v1\nkind: Connection\nname: feed\ntype: http\nbase_url: { env: FEED }\n\
    auth: { bearer: { secret: feed-token } }\n---\n\
    windlass: v1\nkind: Connection\nname: warehouse\ntype: postgres\nurl: { secret: warehouse-url }\n";

/// What the server is asked, and what it answers.
pub type Answer = Arc<dyn Fn(String) -> BoxFuture<'static, Response> + Send + Sync>;
pub type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

pub struct Scene {
    pub database: TestDatabase,
    pub store: Store,
    pub address: SocketAddr,
    pub seen: Seen,
    pub private: bool,
}

pub async fn answered(
    State((seen, answer)): State<(Seen, Answer)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let line = headers
        .get("authorization")
        .and_then(|line| line.to_str().ok());
    let asked = uri.to_string();
    seen.lock()
        .expect("no panic")
        .push((asked.clone(), line.map(Into::into)));
    answer(asked).await
}

impl Scene {
    pub async fn new(
        answer: impl Fn(String) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        store
            .apply(application(&[TEMPLATE, CONNECTIONS]))
            .await
            .expect("applied");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (seen, answer): (Seen, Answer) = (Arc::default(), Arc::new(answer));
        let router = axum::Router::new()
            .fallback(answered)
            .with_state((seen.clone(), answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            database,
            store,
            address,
            seen,
            private: true,
        }
    }

    pub fn sources(&self) -> Sources {
        let address = format!("http://{}/v2", self.address);
        let options = PerformerOptions {
            egress: EgressRules {
                allow_private: self.private,
                ..EgressRules::default()
            },
            references: References {
                environment: BTreeMap::from([("FEED".to_owned(), address)]),
            },
            ..PerformerOptions::default()
        };
        let secrets = Secrets::new()
            .with("feed-token", "s3cret")
            .with("warehouse-url", self.database.direct_url().to_owned());
        let connections = Arc::new(Configured::new(StoredDocuments(self.store.clone())));
        Sources::new(
            Performer::new(options, connections, secrets, Catalogue::new()).expect("a performer"),
        )
    }

    pub fn keep(&self) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        let keeper = Keeper::new(
            self.store.clone(),
            Notifier::default(),
            KeeperOptions::default(),
        );
        let keeper = keeper.reading(self.sources());
        (stop.clone(), tokio::spawn(keeper.run(stop)))
    }

    pub async fn create(&self, source: Source) -> Result<i64, Error> {
        let new = NewBatch {
            source,
            name: None,
            who: "mia".into(),
            idempotency_key: None,
        };
        Ok(self.store.create_batch(1, new).await?.id)
    }

    pub async fn until(&self, batch: i64, wanted: &[&str]) -> BatchView {
        let since = Instant::now();
        loop {
            let view = self.store.batch(1, batch).await.expect("its view");
            if wanted.contains(&view.state.as_str()) {
                return view;
            }
            assert!(since.elapsed() < PATIENCE, "not {wanted:?}: {view:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The batch of a selection once its jobs run, or why it failed.
    pub async fn comes_to(&self, source: Source) -> Result<BatchView, Json> {
        let batch = self.create(source).await.expect("created");
        let (stop, keeper) = self.keep();
        let view = self.until(batch, &["running", "failed"]).await;
        stop.cancel();
        keeper.await.expect("it ends");
        if view.state == "running" {
            return Ok(view);
        }
        assert_eq!(
            self.database
                .count(format!("select count(*) from job where batch = {batch}").leak())
                .await,
            0
        );
        Err(serde_json::from_str(&view.reason.expect("a reason")).expect("a problem"))
    }

    pub fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(uri, _)| uri.clone()).collect()
    }
}

pub fn source(next: Json, more: Json) -> Source {
    let mut http = json!({ "connection": "feed", "path": "/rows", "items": ".data", "key": "id", "next": next,
        "query": { "since": "${ $slot.previous }", "of": "${ $configuration }" } });
    http.as_object_mut()
        .expect("a map")
        .extend(more.as_object().expect("a map").clone());
    over(json!({ "http": http }))
}

pub fn over(selection: Json) -> Source {
    let document = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "notes", "template": "test.note",
        "strategy": "individual", "selection": selection });
    Source::Document(Value::from(document))
}

pub fn cursor() -> Json {
    json!({ "cursor": { "param": "after", "from": ".meta.next" } })
}

pub fn now(response: impl IntoResponse) -> BoxFuture<'static, Response> {
    Box::pin(std::future::ready(response.into_response()))
}

/// Three pages of 1,500, 2 and 1 items; the place is what `after` says.
pub fn pages(uri: &str) -> Response {
    let (items, next): (Vec<Json>, Option<&str>) = match uri.split("after=").nth(1) {
        None => (
            (0..1_500).map(|n| json!({ "id": n })).collect(),
            Some("b c"),
        ),
        Some("b+c") => (vec![json!({ "id": "x" }), json!({ "id": "y" })], Some("d")),
        Some(_) => (vec![json!({ "id": "z" })], None),
    };
    axum::Json(json!({ "data": items, "meta": { "next": next } })).into_response()
}
