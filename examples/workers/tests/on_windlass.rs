//! The handler on a real engine, called in place and under apalis' own `Worker`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::Submitted;
use windlass_engine::testing::TestDatabase;
use windlass_sample_worker::{Side, apalis_worker, catalogue};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::value::Value;

const TEMPLATE: &str = "
document: { dsl: '1.0.3', namespace: pictures, name: fit, version: '1.0.0' }
do:
  - fit:
      call: resize:1.0.0@default
      with: { picture: '${ .picture }', width: 4000, height: 3000 }
";

/// A hang must end a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs three jobs through a worker with this catalogue; their results.
async fn results(catalogue: Catalogue, stop: CancellationToken) -> Vec<Value> {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let connect = database.options("test");
    let capabilities = catalogue.capabilities();
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue,
    )
    .expect("a performer");
    store.announce(1, &capabilities).await.expect("announced");
    store.publish_source(1, TEMPLATE).await.expect("published");
    let worker = Worker::new(
        store.clone(),
        connect,
        performer,
        WorkerOptions {
            capabilities,
            ..WorkerOptions::default()
        },
    );
    let running = tokio::spawn(worker.run(stop.clone()));
    let request = Request::new(
        Work::Template("pictures.fit".into()),
        Value::parse(r#"{"picture":"owl"}"#).expect("input"),
    );
    let mut results = Vec::new();
    for answer in store
        .submit_requests(1, "test", vec![request; 3])
        .await
        .expect("submitted")
    {
        let Answer::Submitted(Submitted::Created { job }) = answer else {
            panic!("not created: {answer:?}")
        };
        let since = Instant::now();
        let outcome = loop {
            if let Some(outcome) = store.job(1, job).await.expect("the job").outcome {
                break outcome;
            }
            assert!(since.elapsed() < PATIENCE, "job {job} does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(outcome.kind, "completed", "{:?}", outcome.result);
        results.push(Value::parse(&outcome.result.expect("a result")).expect("JSON"));
    }
    stop.cancel();
    running.await.expect("drained");
    results
}

fn assert_fitted(results: &[Value]) {
    assert_eq!(results.len(), 3);
    for result in results {
        assert_eq!(
            (
                result.get("width").and_then(Value::as_u64),
                result.get("height").and_then(Value::as_u64)
            ),
            (Some(1_024), Some(768))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apalis_handler_runs_in_place() {
    let stop = CancellationToken::new();

    assert_fitted(&results(catalogue(Side(1_024)), stop).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_handler_runs_under_apalis_own_worker() {
    let stop = CancellationToken::new();
    let (catalogue, run) = apalis_worker(Side(1_024), stop.clone());
    let apalis = tokio::spawn(run);

    assert_fitted(&results(catalogue, stop).await);

    let ended = tokio::time::timeout(PATIENCE, apalis).await;
    ended.expect("it stops").expect("it did not panic");
}
