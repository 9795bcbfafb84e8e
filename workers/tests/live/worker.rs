//! A worker on a real database: it claims, runs, records, drains, and takes over from the dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Site, performer};
use apalis::prelude::{BoxDynError, task_fn};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use windlass_engine::protocol::Request;
use windlass_engine::store::connect_options;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::{Worker, WorkerOptions};

fn request(template: &str) -> Request {
    crate::common::request(template, r#"{"n":20}"#)
}

impl Site {
    async fn start_many(&self, template: &str, jobs: usize) -> Vec<i64> {
        self.send(vec![request(template); jobs]).await
    }

    async fn state(&self, job: i64) -> String {
        self.job(job).await.state.as_str().to_owned()
    }
}

/// Counts its calls; doubles `n`.
fn counting(calls: &Arc<AtomicUsize>) -> Catalogue {
    let calls = calls.clone();
    let count = move |input: serde_json::Value| {
        let calls = calls.clone();
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            let n = input["n"].as_i64().unwrap_or_default();
            Ok::<_, BoxDynError>(serde_json::json!({ "n": 2 * n }))
        }
    };
    Catalogue::new().with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_runs_once_for_each_of_many_jobs() {
    let site = Site::new().await;
    site.publish("count", "  - twice: { call: 'count:1.0.0@default', with: { n: '${ .n }' } }\n  - more: { set: { n: '${ .n + 2 }' } }\n").await;
    let jobs = site.start_many("count", 3_000).await;
    let calls = Arc::new(AtomicUsize::new(0));

    let (stop, worker) = site.work(counting(&calls), Duration::from_secs(30));
    for job in &jobs {
        site.until(*job, "completed").await;
    }

    assert_eq!(calls.load(Ordering::SeqCst), 3_000);
    assert_eq!(site.result(jobs[7]).await, r#"{"n":42}"#);
    stop.cancel();
    worker.await.expect("drained");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_claimed_too_late_ends_unrun() {
    let site = Site::new().await;
    let tasks = "  - twice: { call: 'count:1.0.0@default', with: { n: '${ .n }' } }\n";
    site.publish("count", tasks).await;
    let (mut late, mut early) = (request("count"), request("count"));
    late.expires_at = Some(chrono::DateTime::UNIX_EPOCH);
    early.expires_at = Some(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(40_000));
    let jobs = site.send(vec![late, early]).await;
    let calls = Arc::new(AtomicUsize::new(0));

    site.work(counting(&calls), Duration::from_secs(30));
    site.until(jobs[0], "expired").await;
    site.until(jobs[1], "completed").await;

    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_outlives_the_worker_that_set_it() {
    let site = Site::new().await;
    site.publish("sleeper", "  - first: { set: { n: '${ .n + 1 }' } }\n  - rest: { wait: PT6S }\n  - last: { set: { n: '${ .n * 2 }' } }\n").await;
    site.keep(Duration::from_secs(30));
    let job = site.start_many("sleeper", 1).await[0];

    let (stop, worker) = site.work(Catalogue::new(), Duration::from_secs(30));
    site.until(job, "waiting").await;
    stop.cancel();
    worker.await.expect("drained");
    let (_stop, _worker) = site.work(Catalogue::new(), Duration::from_secs(30));
    site.until(job, "completed").await;

    assert_eq!(site.result(job).await, r#"{"n":42}"#);
}

/// A handler that waits until it is dropped, and says so.
fn pausing(begun: &Arc<AtomicUsize>) -> Catalogue {
    let begun = begun.clone();
    let pause = move |_: serde_json::Value| {
        let begun = begun.clone();
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
            Ok::<_, BoxDynError>(serde_json::Value::Null)
        }
    };
    Catalogue::new().with::<serde_json::Value, _>("pause", "1.0.0", task_fn(pause))
}

async fn at_least(counter: &AtomicUsize, wanted: usize) {
    let since = Instant::now();
    while counter.load(Ordering::SeqCst) < wanted {
        assert!(since.elapsed() < PATIENCE, "still fewer than {wanted}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const PAUSE: &str = "  - hold: { call: 'pause:1.0.0@default', with: {} }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_worker_gives_back_what_it_cannot_finish() {
    let site = Site::new().await;
    site.publish("pause", PAUSE).await;
    let job = site.start_many("pause", 1).await[0];
    let begun = Arc::new(AtomicUsize::new(0));
    let (stop, worker) = site.work(pausing(&begun), Duration::from_secs(30));
    at_least(&begun, 1).await;

    stop.cancel();
    worker.await.expect("drained");

    let view = site.store.job(1, job).await.expect("the job");
    assert_eq!(
        (view.state.as_str(), view.attempt, view.losses),
        ("ready", 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_job_ends_when_it_is_cancelled() {
    let site = Site::new().await;
    site.publish("pause", PAUSE).await;
    let jobs = site.start_many("pause", 2).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let (_stop, _worker) = site.work(pausing(&begun), Duration::from_secs(3));
    at_least(&begun, 2).await;

    site.store
        .cancel(1, jobs[0], "mia", "enough")
        .await
        .expect("asked");
    site.until(jobs[0], "cancelled").await;

    assert!(site.result(jobs[0]).await.contains("enough"));
    assert_eq!(site.state(jobs[1]).await, "running");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uncaught_error_fails_the_job_with_its_place() {
    let site = Site::new().await;
    site.publish("broken", "  - stop: { raise: { error: { type: https://example.test/no-stock, status: 409, title: 'no stock', detail: '${ .n }' } } }\n").await;
    let job = site.start_many("broken", 1).await[0];

    let (_stop, _worker) = site.work(Catalogue::new(), Duration::from_secs(30));
    site.until(job, "failed").await;

    let outcome = site
        .store
        .job(1, job)
        .await
        .expect("the job")
        .outcome
        .expect("an outcome");
    assert_eq!(outcome.code.as_deref(), Some("no-stock"));
    let problem = outcome.result.expect("a problem");
    assert!(
        problem.contains("/do/0/stop") && problem.contains("409"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_reach_its_database_still_stops() {
    let site = Site::new().await;
    let nowhere =
        connect_options("postgres://nobody@127.0.0.1:1/none", "test worker").expect("options");
    let performer = performer(Catalogue::new());
    let options = WorkerOptions {
        grace: Duration::from_millis(100),
        ..WorkerOptions::default()
    };
    let stop = CancellationToken::new();
    let worker = tokio::spawn(
        Worker::new(site.store.clone(), nowhere, performer, options).run(stop.clone()),
    );

    stop.cancel();

    tokio::time::timeout(PATIENCE, worker)
        .await
        .expect("it stops")
        .expect("it did not panic");
}

/// Counts its calls and waits at a gate.
fn gated(calls: &Arc<AtomicUsize>, gate: &Arc<Semaphore>) -> Catalogue {
    let (calls, gate) = (calls.clone(), gate.clone());
    let count = move |input: serde_json::Value| {
        let (calls, gate) = (calls.clone(), gate.clone());
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await?.forget();
            Ok::<_, BoxDynError>(input)
        }
    };
    Catalogue::new().with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
}

/// A lock that others hold is nobody's fault: no job is parked for it, and each handler runs once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_in_the_way_parks_nobody() {
    let site = Site::new().await;
    let call = "  - once: { call: 'count:1.0.0@default', with: { n: '${ .n }' } }\n";
    site.publish("count", call).await;
    let jobs = site.start_many("count", 20).await;
    let (calls, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (stop, worker) = site.work(gated(&calls, &gate), Duration::from_secs(30));
    at_least(&calls, 20).await;

    let mut held = site
        .database
        .hold("lock table outcome in access exclusive mode")
        .await;
    gate.add_permits(20);
    // Each flush waits for the lock, gives up after 200 ms, and is asked for again.
    for _ in 0..3 {
        while_true(async || held.lock_waits().await == 0).await;
        while_true(async || held.lock_waits().await > 0).await;
    }
    held.release().await;
    for job in &jobs {
        site.until(*job, "completed").await;
    }

    assert_eq!(calls.load(Ordering::SeqCst), 20);
    stop.cancel();
    worker.await.expect("drained");
}

async fn while_true(mut test: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while test().await {
        assert!(since.elapsed() < PATIENCE, "it stays as it is");
    }
}
