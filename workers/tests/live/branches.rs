//! Branches on a real database: steps side by side, a race whose loser is stopped, an undo after a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::Submitted;
use windlass_engine::testing::TestDatabase;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::Catalogue as Known;
use windlass_workflows::value::Value;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// `meet` ends when two of it run at once, `hang` never, `count` counts and fails if it is told to.
fn handlers(calls: &Arc<AtomicUsize>) -> Catalogue {
    let both = Arc::new(Barrier::new(2));
    let meet = move |input: serde_json::Value| {
        let both = both.clone();
        async move {
            both.wait().await;
            Ok::<_, BoxDynError>(input)
        }
    };
    let hang =
        |_: serde_json::Value| std::future::pending::<Result<serde_json::Value, BoxDynError>>();
    let calls = calls.clone();
    let count = move |input: serde_json::Value| {
        let calls = calls.clone();
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            match input["fails"].as_bool() {
                Some(true) => Err(BoxDynError::from("it fails")),
                _ => Ok(input),
            }
        }
    };
    Catalogue::new()
        .with::<serde_json::Value, _>("meet", "1.0.0", task_fn(meet))
        .with::<serde_json::Value, _>("hang", "1.0.0", task_fn(hang))
        .with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
}

/// Publishes the tasks, runs one job of them to its end, and gives its state and result.
async fn run(tasks: &str, calls: &Arc<AtomicUsize>) -> (String, String) {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    publish(&store, tasks).await;
    let job = submit(&store).await;
    let catalogue = handlers(calls);
    let options = WorkerOptions {
        lease_time: Duration::from_secs(30),
        grace: Duration::from_millis(300),
        capabilities: catalogue.capabilities(),
        ..WorkerOptions::default()
    };
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue,
    )
    .expect("a performer");
    let stop = CancellationToken::new();
    let connect = database.options("test worker");
    let worker = Worker::new(store.clone(), connect, performer, options);
    let worker = tokio::spawn(worker.run(stop.clone()));

    let since = Instant::now();
    let view = loop {
        let view = store.job(1, job).await.expect("the job");
        if view.state.is_final() {
            break view;
        }
        assert!(since.elapsed() < PATIENCE, "it is {view:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    stop.cancel();
    worker.await.expect("drained");
    let result = view.outcome.and_then(|outcome| outcome.result);
    (view.state.as_str().to_owned(), result.unwrap_or_default())
}

async fn publish(store: &Store, tasks: &str) {
    let source = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: branches, version: '1.0.0' }}\ndo:\n{tasks}"
    );
    let any = Value::from(true);
    let known = ["meet", "hang", "count"]
        .into_iter()
        .fold(Known::builtin(), |known, name| {
            known.with(name, "1.0.0", &any).expect("a handler")
        });
    let template = windlass_engine::protocol::publish::check_source(&source, &known)
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    store.publish(1, template).await.expect("published");
}

async fn submit(store: &Store) -> i64 {
    let input = Value::parse("{}").expect("input");
    let request = Request::new(Work::Template("test.branches".to_owned()), input);
    let answers = store.submit_requests(1, "test", vec![request]).await;
    match answers.expect("submitted").remove(0) {
        Answer::Submitted(Submitted::Created { job }) => job,
        other => panic!("not created: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_of_two_branches_run_at_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let tasks = "- f: { fork: { branches: [
        { a: { call: 'meet:1.0.0@default', with: { n: 1 } } },
        { b: { call: 'meet:1.0.0@default', with: { n: 2 } } } ] } }\n";

    let (state, result) = run(tasks, &calls).await;

    assert_eq!(
        (state.as_str(), result.as_str()),
        ("completed", r#"[{"n":1},{"n":2}]"#)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loser_of_a_race_is_not_waited_for() {
    let calls = Arc::new(AtomicUsize::new(0));
    let tasks = "- f: { fork: { compete: true, branches: [
        { a: { call: 'hang:1.0.0@default' } },
        { b: { call: 'count:1.0.0@default', with: { won: true } } } ] } }\n";

    let (state, result) = run(tasks, &calls).await;

    assert_eq!(
        (state.as_str(), result.as_str()),
        ("completed", r#"{"won":true}"#)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_completed_is_undone_when_its_scope_fails() {
    let calls = Arc::new(AtomicUsize::new(0));
    let tasks = "- scope:
    do:
      - a: { call: 'count:1.0.0@default', metadata: { windlass: { undo: { call: 'count:1.0.0@default' } } } }
      - b: { raise: { error: { type: 'https://x.example/no', status: 409 } } }
    metadata: { windlass: { compensate: onFailure } }\n";

    let (state, result) = run(tasks, &calls).await;

    assert_eq!(state, "failed");
    assert!(result.contains("409"), "{result}");
    assert_eq!(calls.load(Ordering::SeqCst), 2, "the step and its undo");
}
