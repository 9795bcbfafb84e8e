//! Steps of jobs whose purpose has a `retry`, done by a real worker on a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{LEASE_TIME, PATIENCE, Site};
use apalis::prelude::{AbortError, BoxDynError, task_fn};
use windlass_engine::protocol::{Flight, NewBatch, Planned, Request, Source, Work};
use windlass_engine::store::NewRedrive;
use windlass_engine::testing::application;
use windlass_workers::catalogue::Catalogue;
use windlass_workflows::value::Value;

/// One call: a job that keeps no journal unless it must wait.
const ONE: &str = "  - ask: { call: 'count:1.0.0@default', with: { n: '${ .n }' } }\n";
/// A second one, so that it keeps one from its first step on.
const TWO: &str = "  - first: { call: 'count:1.0.0@default', with: { n: 0 } }\n  - ask: { call: 'count:1.0.0@default', with: { n: 1 } }\n";

/// A handler that fails so often, and how often it was called.
#[derive(Clone, Default)]
struct Remote {
    calls: Arc<AtomicUsize>,
    failures: usize,
    aborts: bool,
}

impl Remote {
    fn failing(failures: usize) -> Self {
        Self {
            failures,
            ..Self::default()
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn catalogue(&self) -> Catalogue {
        let remote = self.clone();
        let count = move |_: serde_json::Value| {
            let remote = remote.clone();
            async move {
                let call = remote.calls.fetch_add(1, Ordering::SeqCst);
                match call < remote.failures {
                    true if remote.aborts => Err(AbortError::new("never").into()),
                    true => Err::<serde_json::Value, BoxDynError>("busy".into()),
                    false => Ok(serde_json::json!({ "call": call })),
                }
            }
        };
        Catalogue::new().with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
    }
}

impl Site {
    /// A template of these tasks, and a purpose over it that says this.
    async fn purposed(&self, tasks: &str, retry: &str) {
        self.publish("ask", tasks).await;
        let purpose =
            format!("windlass: v1\nkind: Purpose\nname: ask\ntemplate: test.ask\nretry: {retry}\n");
        let applied = self.store.apply(application(&[&purpose])).await;
        applied.expect("applied");
    }

    async fn asked(&self) -> i64 {
        let input = Value::parse(r#"{"n":1}"#).expect("JSON");
        let request = Request::new(Work::Purpose("ask".to_owned()), input);
        self.send(vec![request]).await[0]
    }

    /// Kinds of a job's entries.
    async fn told(&self, job: i64) -> Vec<String> {
        let page = self.store.journal(1, job, 0, 100).await.expect("a page");
        page.items.into_iter().map(|entry| entry.kind).collect()
    }

    async fn code(&self, job: i64) -> Option<String> {
        self.job(job).await.outcome.expect("an outcome").code
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_fails_twice_is_made_again_and_ends_well() {
    for (tasks, failures, calls) in [(ONE, 2, 3), (TWO, 2, 4)] {
        let (site, remote) = (Site::new().await, Remote::failing(failures));
        site.purposed(tasks, "{ count: 2, delay: 20ms, jitter: 5ms }")
            .await;
        let job = site.asked().await;

        site.work(remote.catalogue(), LEASE_TIME);
        site.until(job, "completed").await;

        assert_eq!(remote.calls(), calls);
        let view = site.job(job).await;
        assert!(view.journaled, "it had to wait: {view:?}");
        assert!(site.told(job).await.contains(&"failed".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_asked_for_by_its_template_is_not_made_again() {
    let (site, remote) = (Site::new().await, Remote::failing(1));
    site.purposed(ONE, "{ count: 2 }").await;
    let job = site.send(vec![crate::common::request("ask", "{}")]).await[0];

    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "failed").await;

    assert_eq!(remote.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_step_fails_its_job() {
    let (site, remote) = (Site::new().await, Remote::failing(9));
    site.purposed(ONE, "{ count: 2, delay: 10ms }").await;
    let job = site.asked().await;

    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "failed").await;

    assert_eq!(remote.calls(), 3);
    assert_eq!(site.code(job).await.as_deref(), Some("communication"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_says_would_never_end_well_is_not_made_again() {
    let site = Site::new().await;
    let remote = Remote {
        aborts: true,
        ..Remote::failing(9)
    };
    site.purposed(ONE, "{ count: 5 }").await;
    let job = site.asked().await;

    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "failed").await;

    assert_eq!(remote.calls(), 1);
    assert_eq!(site.code(job).await.as_deref(), Some("runtime"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_step_parks_its_job_and_has_its_retries_again() {
    for tasks in [ONE, TWO] {
        let first = usize::from(tasks == TWO);
        let (site, remote) = (Site::new().await, Remote::failing(3));
        site.purposed(tasks, "{ count: 1, delay: 10ms, on_exhausted: park }")
            .await;
        let job = site.asked().await;
        site.work(remote.catalogue(), LEASE_TIME);
        site.until(job, "parked").await;
        assert_eq!(remote.calls(), 2);
        let dead = site.store.dead_letter(1, None, 10).await.expect("a page");
        assert_eq!(dead.items.len(), 1);

        site.keep(LEASE_TIME);
        let again = NewRedrive {
            jobs: Some(vec![job]),
            rate: 100,
            ..NewRedrive::default()
        };
        site.store.redrive(1, &again).await.expect("begun");
        site.until(job, "completed").await;

        assert_eq!(remote.calls(), 4 + first, "once more, and its one retry");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_waits_for_its_next_try_outlives_its_worker() {
    let (site, remote) = (Site::new().await, Remote::failing(1));
    site.purposed(ONE, "{ count: 1, delay: 6s }").await;
    site.keep(LEASE_TIME);
    let job = site.asked().await;
    let (_, worker) = site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "waiting").await;
    worker.abort();

    let view = site.job(job).await;
    let due = view.due.expect("when it is made again");
    let why = site.store.explain(1, job, LEASE_TIME).await.expect("why");
    assert_eq!(why[0].until, Some(due));
    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "completed").await;
    assert_eq!(remote.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_that_was_counted_is_not_given_again_when_its_worker_dies() {
    let (site, remote) = (Site::new().await, Remote::failing(9));
    // So short a wait is the worker's own: it keeps the lease.
    site.purposed(ONE, "{ count: 2, delay: 2s, backoff: constant }")
        .await;
    site.keep(LEASE_TIME);
    let job = site.asked().await;
    let (_, worker) = site.work(remote.catalogue(), LEASE_TIME);
    let since = Instant::now();
    while site.told(job).await.is_empty() {
        assert!(since.elapsed() < PATIENCE, "nothing is written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.abort();

    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "failed").await;

    assert_eq!(remote.calls(), 3, "the first try, and two retries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_made_again_as_the_job_that_it_is_of() {
    let (site, remote) = (Site::new().await, Remote::failing(9));
    site.purposed(ONE, "{ count: 1, delay: 10ms, on_exhausted: park }")
        .await;
    let job = site.asked().await;
    site.work(remote.catalogue(), LEASE_TIME);
    site.until(job, "parked").await;
    let fork = Flight::Fork {
        from: "/do/0/ask".into(),
    };

    let preview = site.store.preview_flight(1, job, &fork).await;
    let token = preview.expect("it can be copied").token;
    let by = ("mia", "to see");
    let copy = site.store.fly(1, job, &fork, &token, by).await;
    let copy = copy.expect("copied").job;
    site.until(copy, "parked").await;

    assert_ne!(copy, job);
    assert_eq!(remote.calls(), 4, "each has its try and its retry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_a_batch_are_made_again_as_its_purpose_says() {
    let (site, remote) = (Site::new().await, Remote::failing(4));
    site.purposed(ONE, "{ count: 4, delay: 10ms }").await;
    let document = r#"{"windlass":"v1","kind":"JobConfiguration","name":"asks","purpose":"ask","strategy":"individual",
        "selection":{"items":[{"n":1},{"n":2},{"n":3}],"key":"n"}}"#;
    let batch = NewBatch {
        source: Source::Document(Value::parse(document).expect("JSON")),
        name: None,
        who: "mia".to_owned(),
        idempotency_key: None,
    };
    let batch = site.store.create_batch(1, batch).await.expect("made").id;
    assert_eq!(
        site.store.plan().await.expect("planned"),
        Planned::Sealed(batch)
    );
    site.store.release().await.expect("released");

    site.work(remote.catalogue(), LEASE_TIME);
    let since = Instant::now();
    while site.store.finish().await.expect("a pass") != [batch] {
        assert!(since.elapsed() < PATIENCE, "it does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let view = site.store.batch(1, batch).await.expect("its view");
    assert_eq!(view.state, "completed");
    assert_eq!(remote.calls(), 7);
}
