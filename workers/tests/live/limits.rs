//! A limit of one, through real workers: never two jobs of a key at once, and all keys get done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work, publish};
use windlass_engine::store::Submitted;
use windlass_engine::testing::{TestDatabase, application};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::Catalogue as Known;
use windlass_workflows::value::Value;

/// Jobs of the one key that everything could pile up behind.
const NARROW: usize = 1_000;
/// Jobs of each of the others.
const OTHERS: usize = 200;
const OTHER_KEYS: usize = 10;
/// Longer than all of it takes.
const PATIENCE: Duration = Duration::from_secs(240);

const SOURCE: &str = "document: { dsl: '1.0.3', namespace: test, name: work, version: '1.0.0' }\n\
    do:\n  - work: { call: 'work:1.0.0@default', with: { key: '${ .key }' } }\n";
const LIMIT: &str = "windlass: v1\nkind: Limit\nname: one\nscope: { template: test.work }\n\
    key: '${ .key }'\nconcurrency: 1\n";

/// What was seen of one key.
#[derive(Clone, Debug, Default)]
struct Key {
    now: usize,
    most: usize,
    done: usize,
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<HashMap<String, Key>>>);

impl Seen {
    fn enter(&self, key: &str) {
        let mut seen = self.0.lock().expect("no panic while holding it");
        let key = seen.entry(key.to_owned()).or_default();
        key.now += 1;
        key.most = key.most.max(key.now);
    }

    fn leave(&self, key: &str) {
        let mut seen = self.0.lock().expect("no panic while holding it");
        let key = seen.entry(key.to_owned()).or_default();
        key.now -= 1;
        key.done += 1;
    }

    fn catalogue(&self) -> Catalogue {
        let seen = self.clone();
        let work = move |input: serde_json::Value| {
            let seen = seen.clone();
            async move {
                let key = input["key"].as_str().unwrap_or_default().to_owned();
                seen.enter(&key);
                // Others of the key get every chance to come in between.
                for _ in 0..5 {
                    tokio::task::yield_now().await;
                }
                seen.leave(&key);
                Ok::<_, BoxDynError>(serde_json::json!({}))
            }
        };
        Catalogue::new().with::<serde_json::Value, _>("work", "1.0.0", task_fn(work))
    }
}

async fn prepare(store: &Store) {
    let any = Value::parse(r#"{"type":"object"}"#).expect("a schema");
    let known = Known::builtin()
        .with("work", "1.0.0", &any)
        .expect("a handler");
    let template = publish::check_source(SOURCE, &known).expect("a sound template");
    store.publish(1, template).await.expect("published");
    store.apply(application(&[LIMIT])).await.expect("applied");
}

async fn submit(store: &Store, key: &str, jobs: usize) {
    let request = Request::new(
        Work::Template("test.work".to_owned()),
        Value::parse(&format!(r#"{{"key":"{key}"}}"#)).expect("input"),
    );
    let answers = store.submit_requests(1, "test", vec![request; jobs]).await;
    let answers = answers.expect("submitted");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Answer::Submitted(Submitted::Created { .. })))
    );
}

fn worker(database: &TestDatabase, store: &Store, seen: &Seen, stop: &CancellationToken) {
    let catalogue = seen.catalogue();
    let capabilities = catalogue.capabilities();
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue,
    )
    .expect("a performer");
    let connect = database.options("test worker");
    let options = WorkerOptions {
        capabilities,
        ..WorkerOptions::default()
    };
    let worker = Worker::new(store.clone(), connect, performer, options);
    tokio::spawn(worker.run(stop.child_token()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_one_holds_for_each_key_and_holds_nobody_else_up() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    prepare(&store).await;
    submit(&store, "narrow", NARROW).await;
    for n in 0..OTHER_KEYS {
        submit(&store, &format!("k{n}"), OTHERS).await;
    }
    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let since = Instant::now();

    worker(&database, &store, &seen, &stop);
    worker(&database, &store, &seen, &stop);

    let done = |key: &str| {
        let seen = seen.0.lock().expect("no panic while holding it");
        seen.get(key).map_or(0, |key| key.done)
    };
    let mut left_when_others_ended = None;
    while done("narrow") < NARROW {
        assert!(since.elapsed() < PATIENCE, "{} are done", done("narrow"));
        let others = (0..OTHER_KEYS).all(|n| done(&format!("k{n}")) == OTHERS);
        if others && left_when_others_ended.is_none() {
            left_when_others_ended = Some(NARROW - done("narrow"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();

    let seen = seen.0.lock().expect("no panic while holding it").clone();
    assert!(
        seen.values().all(|key| key.most == 1),
        "two at once: {seen:?}"
    );
    assert!(
        left_when_others_ended.is_some_and(|left| left > 0),
        "the others went on beside the narrow key: {left_when_others_ended:?}"
    );
}
