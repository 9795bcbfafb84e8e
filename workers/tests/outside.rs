//! A service that is read page by page, by a keeper, over a real server that breaks and lies.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
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
const PATIENCE: Duration = Duration::from_secs(60);
const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: test, name: note, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
const CONNECTIONS: &str = "windlass: v1\nkind: Connection\nname: feed\ntype: http\nbase_url: { env: FEED }\n\
    auth: { bearer: { secret: feed-token } }\n---\n\
    windlass: v1\nkind: Connection\nname: warehouse\ntype: postgres\nurl: { secret: warehouse-url }\n";

/// What the server is asked, and what it answers.
type Answer = Arc<dyn Fn(String) -> BoxFuture<'static, Response> + Send + Sync>;
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

struct Scene {
    database: TestDatabase,
    store: Store,
    address: SocketAddr,
    seen: Seen,
    private: bool,
}

async fn answered(
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
    async fn new(
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

    fn sources(&self) -> Sources {
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

    fn keep(&self) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        let keeper = Keeper::new(
            self.store.clone(),
            Notifier::default(),
            KeeperOptions::default(),
        );
        let keeper = keeper.reading(self.sources());
        (stop.clone(), tokio::spawn(keeper.run(stop)))
    }

    async fn create(&self, source: Source) -> Result<i64, Error> {
        let new = NewBatch {
            source,
            name: None,
            who: "mia".into(),
            idempotency_key: None,
        };
        Ok(self.store.create_batch(1, new).await?.id)
    }

    async fn until(&self, batch: i64, wanted: &[&str]) -> BatchView {
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
    async fn comes_to(&self, source: Source) -> Result<BatchView, Json> {
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
                .count("select count(*) from job where batch is not null")
                .await,
            0
        );
        Err(serde_json::from_str(&view.reason.expect("a reason")).expect("a problem"))
    }

    fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().map(|(uri, _)| uri.clone()).collect()
    }
}

fn source(next: Json, more: Json) -> Source {
    let mut http = json!({ "connection": "feed", "path": "/rows", "items": ".data", "key": "id", "next": next,
        "query": { "since": "${ $slot.previous }", "of": "${ $configuration }" } });
    http.as_object_mut()
        .expect("a map")
        .extend(more.as_object().expect("a map").clone());
    over(json!({ "http": http }))
}

fn over(selection: Json) -> Source {
    let document = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "notes", "template": "test.note",
        "strategy": "individual", "selection": selection });
    Source::Document(Value::from(document))
}

fn cursor() -> Json {
    json!({ "cursor": { "param": "after", "from": ".meta.next" } })
}

fn now(response: impl IntoResponse) -> BoxFuture<'static, Response> {
    Box::pin(std::future::ready(response.into_response()))
}

/// Three pages of 1,500, 2 and 1 items; the place is what `after` says.
fn pages(uri: &str) -> Response {
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

#[tokio::test]
async fn all_pages_become_members_and_each_is_asked_once() {
    let scene = Scene::new(|uri| now(pages(&uri))).await;

    let view = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect("planned");

    assert_eq!((view.planned.members, view.planned.jobs), (1_503, 1_503));
    let first = "/v2/rows?of=notes";
    assert_eq!(
        scene.asked(),
        [
            first.to_owned(),
            format!("{first}&after=b+c"),
            format!("{first}&after=d")
        ]
    );
    let seen = scene.seen.lock().expect("no panic");
    assert!(
        seen.iter()
            .all(|(_, line)| line.as_deref() == Some("Bearer s3cret"))
    );
}

#[tokio::test]
async fn a_page_that_fails_is_asked_again() {
    let failed = Mutex::new(false);
    let scene = Scene::new(move |uri| {
        let mut failed = failed.lock().expect("no panic");
        let fails =
            uri.contains("after=b") && !std::mem::replace(&mut *failed, uri.contains("after=b"));
        match fails {
            true => now((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")])),
            false => now(pages(&uri)),
        }
    })
    .await;

    let view = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect("planned");

    assert_eq!(view.planned.members, 1_503);
    assert_eq!(scene.asked().len(), 4);
}

#[tokio::test]
async fn a_keeper_that_ends_leaves_its_place_to_the_next() {
    let (reached, goes_on) = (Arc::new(Notify::new()), Arc::new(Mutex::new(false)));
    let (told, opened) = (reached.clone(), goes_on.clone());
    let scene = Scene::new(move |uri| {
        if uri.contains("after=d") && !*opened.lock().expect("no panic") {
            told.notify_one();
            return Box::pin(std::future::pending());
        }
        now(pages(&uri))
    })
    .await;
    let batch = scene
        .create(source(cursor(), json!({})))
        .await
        .expect("created");

    let (stop, keeper) = scene.keep();
    reached.notified().await;
    stop.cancel();
    keeper.await.expect("it ends");
    assert_eq!(
        scene
            .database
            .count("select count(*) from source_row")
            .await,
        1_502
    );
    assert_eq!(
        scene
            .database
            .count("select count(*) from batch where source_claim is null and source_tries = 0")
            .await,
        1
    );
    *goes_on.lock().expect("no panic") = true;
    let (stop, keeper) = scene.keep();
    let view = scene.until(batch, &["running", "failed"]).await;
    stop.cancel();
    keeper.await.expect("it ends");

    assert_eq!(
        (view.state.as_str(), view.planned.members),
        ("running", 1_503)
    );
    let lasts = scene
        .asked()
        .iter()
        .filter(|uri| uri.contains("after=d"))
        .count();
    assert_eq!((scene.asked().len(), lasts), (4, 2));
}

#[tokio::test]
async fn a_service_that_stops_half_way_fails_the_batch_whole() {
    let scene = Scene::new(|uri| match uri.contains("after=d") {
        true => now(StatusCode::FORBIDDEN),
        false => now(pages(&uri)),
    })
    .await;

    let problem = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");

    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"].as_str().expect("text").contains("403"),
        "{problem}"
    );
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_or_elsewhere_are_refused() {
    let circle =
        Scene::new(|_| now(axum::Json(json!({ "data": [], "meta": { "next": "b" } })))).await;
    let problem = circle
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "source_loops");
    assert_eq!(circle.asked().len(), 2);

    let elsewhere = Scene::new(|_| {
        now(axum::Json(
            json!({ "data": [], "next": "http://198.51.100.7/" }),
        ))
    })
    .await;
    let link = json!({ "link": ".next" });
    let problem = elsewhere
        .comes_to(source(link, json!({})))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"]
            .as_str()
            .expect("text")
            .contains("not on the host"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_address_that_no_step_may_reach_no_source_may() {
    let mut scene = Scene::new(|uri| now(pages(&uri))).await;
    scene.private = false;

    let problem = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");

    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"]
            .as_str()
            .expect("text")
            .contains("out of reach"),
        "{problem}"
    );
    assert!(scene.asked().is_empty());
}

#[tokio::test]
async fn a_page_that_repeats_a_key_goes_by_what_rows_says() {
    let scene =
        Scene::new(|_| now(axum::Json(json!([{ "id": 1 }, { "id": 2 }, { "id": 2 }])))).await;
    let http = json!({ "connection": "feed", "path": "/rows", "items": ".", "key": "id" });
    let problem = scene
        .comes_to(over(json!({ "http": http })))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "duplicate_keys");

    let rows = json!({ "duplicate": "first" });
    let view = scene
        .comes_to(over(json!({ "http": http, "rows": rows })))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, view.planned.left_out), (2, 1));
}

#[tokio::test]
async fn links_and_numbers_lead_on_and_a_limit_ends_it() {
    let scene = Scene::new(|uri| {
        let page: i64 = uri
            .split("page=")
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let items: Vec<Json> = (0..3)
            .filter(|_| page < 4)
            .map(|n| json!({ "id": page * 10 + n }))
            .collect();
        let link = format!("<?page={}>; rel=\"next\"", page + 1);
        let headers = [("link", if page < 4 { link } else { String::new() })];
        now((headers, axum::Json(json!({ "data": items }))))
    })
    .await;

    let counted = json!({ "page": { "param": "page" } });
    let view = scene
        .comes_to(source(counted.clone(), json!({})))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (9, 4));
    let view = scene
        .comes_to(source(json!({ "link": "header" }), json!({})))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (9, 8));
    let http = json!({ "connection": "feed", "path": "/rows", "items": ".data", "key": "id", "next": counted });
    let view = scene
        .comes_to(over(json!({ "http": http, "limit": 4 })))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (4, 10));
}

#[tokio::test]
async fn a_query_is_read_with_the_secret_of_its_connection_and_previewed() {
    let scene = Scene::new(|uri| now(pages(&uri))).await;
    let sql = "select n as id, current_setting('transaction_read_only') as only from generate_series(1, $1) n";
    let query = json!({ "connection": "warehouse", "sql": sql, "params": [ 2500 ], "key": "id" });
    let source = over(json!({ "query": query, "filter": ".only == \"on\" and .id > 500" }));

    let preview = scene
        .sources()
        .preview(&scene.store, 1, &source, None)
        .await
        .expect("a preview");
    assert_eq!((preview.members, preview.at_least), (2_000, false));
    assert_eq!(scene.database.count("select count(*) from batch").await, 0);
    let view = scene.comes_to(source).await.expect("planned");
    assert_eq!(view.planned.members, 2_000);

    let wrong =
        over(json!({ "query": { "connection": "warehouse", "sql": "select * from nowhere" } }));
    let problem = scene.comes_to(wrong).await.expect_err("failed");
    assert!(
        problem["message"].as_str().expect("text").contains("42P01"),
        "{problem}"
    );
}
