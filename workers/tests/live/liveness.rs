//! A worker and its connections: how little it asks when there is nothing to do, and what it survives.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{ConnectOptions, Submitted, connect_options};
use windlass_engine::testing::{Pooler, Proxy, TestCluster, TestDatabase};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::Catalogue as Known;
use windlass_workflows::value::Value;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// An idle worker is asked for work this seldom, and then it takes some time to do it.
const FOUND_BY_POLLING: Duration = Duration::from_secs(5);
/// Looks are a second apart when the pauses between them have doubled eight times.
const SETTLED: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(12);
/// What an idle process may send in a second.
const STATEMENTS_MAX: f64 = 3.0;

fn start(store: &Store, connect: ConnectOptions, listen: ConnectOptions) -> Running {
    let stop = CancellationToken::new();
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        Catalogue::new(),
    )
    .expect("a performer");
    let options = WorkerOptions {
        grace: Duration::from_millis(300),
        ..WorkerOptions::default()
    };
    let worker = Worker::new(store.clone(), connect, performer, options).listening_on(listen);
    let task = tokio::spawn(worker.run(stop.clone()));
    Running { stop, task }
}

/// A worker, or a keeper.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        let stopped = tokio::time::timeout(PATIENCE, self.task).await;
        stopped.expect("it stops").expect("it did not panic");
    }
}

async fn publish(store: &Store) {
    let source = "document: { dsl: '1.0.3', namespace: test, name: noop, version: '1.0.0' }\ndo:\n- one: { set: { a: 1 } }";
    let template = windlass_engine::protocol::publish::check_source(source, &Known::builtin())
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    store.publish(1, template).await.expect("published");
}

/// A job of that template, however often the database must be asked. Tells nobody of it.
async fn submit(store: &Store) -> i64 {
    let since = Instant::now();
    loop {
        let input = Value::parse("{}").expect("input");
        let request = Request::new(Work::Template("test.noop".into()), input);
        match store.submit_requests(1, "test", vec![request]).await {
            Ok(answers) => match answers.as_slice() {
                [Answer::Submitted(Submitted::Created { job })] => return *job,
                other => panic!("not created: {other:?}"),
            },
            Err(error) => assert!(
                error.is_transient() && since.elapsed() < PATIENCE,
                "{error:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the job is completed; how long that took.
async fn completed(store: &Store, job: i64) -> Duration {
    let since = Instant::now();
    loop {
        let state = match store.job(1, job).await {
            Ok(view) => view.state.as_str().to_owned(),
            Err(error) if error.is_transient() => "unknown".to_owned(),
            Err(error) => panic!("{error:?}"),
        };
        if state == "completed" {
            return since.elapsed();
        }
        assert!(since.elapsed() < PATIENCE, "job {job} is {state}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a listener's session that is not `known`.
async fn listening(database: &TestDatabase, known: Option<i32>) -> i32 {
    let since = Instant::now();
    loop {
        let found = database.idle_backends("listener").await;
        if let Some(backend) = found.into_iter().find(|found| Some(*found) != known) {
            return backend;
        }
        assert!(since.elapsed() < PATIENCE, "nobody listens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Statements a second, as the server gets them, once the pauses are as long as they get.
async fn idle_rate(network: &Proxy) -> f64 {
    // Time itself is what is measured here.
    tokio::time::sleep(SETTLED).await;
    let (since, before) = (Instant::now(), network.statements());
    tokio::time::sleep(MEASURED).await;
    let sent = network.statements() - before;
    let rate = sent as f64 / since.elapsed().as_secs_f64();
    eprintln!("{sent} statements in {MEASURED:?}, {rate:.2} a second");
    assert!(sent > 0, "the proxy sees nothing");
    rate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_sends_at_most_three_statements_a_second() {
    let database = TestDatabase::direct().await;
    let network = Proxy::start(database.port()).await;
    let connect = connect_options(&network.url(database.direct_url()), "worker").expect("options");
    let store = Store::open(connect.clone(), 4).await.expect("a store");
    publish(&store).await;
    let worker = start(&store, connect.clone(), connect);
    let job = submit(&store).await;
    completed(&store, job).await;

    let rate = idle_rate(&network).await;

    assert!(rate <= STATEMENTS_MAX, "{rate:.2} a second");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_finds_work_while_the_listener_hears_nothing_and_the_listener_comes_back() {
    let database = TestDatabase::direct().await;
    let store = database.store().await;
    let network = Proxy::start(database.port()).await;
    let ear = connect_options(&network.url(database.direct_url()), "listener").expect("options");
    publish(&store).await;
    let worker = start(&store, database.options("worker"), ear);
    let first = listening(&database, None).await;

    network.fall_silent();
    for _ in 0..3 {
        let job = submit(&store).await;
        let found = completed(&store, job).await;
        assert!(found < FOUND_BY_POLLING, "found after {found:?}");
    }
    network.speak();

    let second = listening(&database, Some(first)).await;
    assert_ne!(first, second);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_goes_on_when_its_database_was_killed_and_is_back() {
    let mut cluster = TestCluster::durable().await;
    let connect = connect_options(cluster.url(), "worker").expect("options");
    let store = Store::open(connect.clone(), 4).await.expect("a store");
    publish(&store).await;
    let worker = start(&store, connect.clone(), connect);
    let before = submit(&store).await;
    completed(&store, before).await;

    cluster.kill().await;
    cluster.restart().await;

    let after = submit(&store).await;
    completed(&store, after).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_behind_a_pooler_goes_on_when_that_was_killed_and_is_back() {
    let database = TestDatabase::direct().await;
    let Some(mut pooler) = Pooler::start(database.port(), &[]) else {
        let said = writeln!(
            std::io::stderr(),
            "NOT RUN: there is no PgBouncer; .ci/install builds it"
        );
        return said.expect("somebody reads");
    };
    let database = database.behind(&pooler).await;
    let store = Store::open(database.options("windlass"), 4)
        .await
        .expect("a store");
    let ear = connect_options(database.direct_url(), "listener").expect("options");
    publish(&store).await;
    let worker = start(&store, database.options("worker"), ear);
    let before = submit(&store).await;
    completed(&store, before).await;

    pooler.restart();

    let after = submit(&store).await;
    completed(&store, after).await;
    worker.stop().await;
}
