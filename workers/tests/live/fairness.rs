//! Who gets how much: a worker on a real database, a handler that does nothing, and more work than can
//! be done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::store::{NewPause, NewShare};
use windlass_engine::testing::{Crowd, TestDatabase};
use windlass_engine::vocabulary::{PauseMode, PauseScope, ShareKind};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::Catalogue as Known;
use windlass_workflows::value::Value;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

const SOURCE: &str = "document: { dsl: '1.0.3', namespace: test, name: noop, version: '1.0.0' }
do:
  - once: { call: 'count:1.0.0@default', with: {} }
";

/// A database with one template, and the groups of its lanes.
struct Site {
    database: TestDatabase,
    store: Store,
    crowd: Crowd,
    stop: CancellationToken,
}

impl Site {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        let any = Value::parse(r#"{"type":"object"}"#).expect("a schema");
        let known = Known::builtin()
            .with("count", "1.0.0", &any)
            .expect("a handler");
        let template = windlass_engine::protocol::publish::check_source(SOURCE, &known)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        store.publish(1, template).await.expect("published");
        Self {
            crowd: Crowd::of(&database).await,
            database,
            store,
            stop: CancellationToken::new(),
        }
    }

    /// Due jobs of a group of its own, as extents of a thousand, from id `first` on.
    async fn queue(&self, group: &str, first: i64, jobs: i64) {
        self.database
            .queue("noop", "count:1.0.0", group, first, jobs)
            .await;
    }

    async fn share(&self, group: &str, weight: i32, maximum: Option<i32>) {
        let share = NewShare {
            kind: ShareKind::Group,
            name: format!("1/{group}"),
            weight,
            minimum: 0,
            maximum,
            who: "leo".into(),
        };
        self.store.put_share(1, &share).await.expect("stored");
    }

    fn work(&self, catalogue: Catalogue) -> tokio::task::JoinHandle<()> {
        let capabilities = catalogue.capabilities();
        let options = PerformerOptions::default();
        let performer = Performer::new(options, Arc::new(NoConnections), Secrets::new(), catalogue);
        let connect = self.database.options("test worker");
        let options = WorkerOptions {
            grace: Duration::from_millis(300),
            capabilities,
            ..WorkerOptions::default()
        };
        let performer = performer.expect("a performer");
        let worker = Worker::new(self.store.clone(), connect, performer, options);
        tokio::spawn(worker.run(self.stop.child_token()))
    }

    /// Jobs that have ended, a group.
    async fn ended(&self) -> HashMap<String, i64> {
        self.crowd.ended().await
    }

    /// Waits until so many jobs ended in all; what each group got since `before`.
    async fn after(&self, jobs: i64, before: &HashMap<String, i64>) -> HashMap<String, i64> {
        let since = Instant::now();
        loop {
            let mut now = self.ended().await;
            for (group, count) in now.iter_mut() {
                *count -= before.get(group).copied().unwrap_or_default();
            }
            if now.values().sum::<i64>() >= jobs {
                return now;
            }
            assert!(since.elapsed() < PATIENCE, "only {now:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn noop() -> Catalogue {
    let count = |input: serde_json::Value| async move { Ok::<_, BoxDynError>(input) };
    Catalogue::new().with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
}

/// A handler that waits at a gate.
fn gated(gate: &Arc<Semaphore>) -> Catalogue {
    let gate = gate.clone();
    let count = move |input: serde_json::Value| {
        let gate = gate.clone();
        async move {
            gate.acquire().await?.forget();
            Ok::<_, BoxDynError>(input)
        }
    };
    Catalogue::new().with::<serde_json::Value, _>("count", "1.0.0", task_fn(count))
}

fn assert_parts(got: &HashMap<String, i64>, parts: &[(&str, f64)]) {
    let all: i64 = got.values().sum();
    for (group, part) in parts {
        let real = got.get(*group).copied().unwrap_or_default() as f64 / all as f64;
        assert!(
            (real / part - 1.0).abs() < 0.05,
            "{group}: {real:.3} of {part:.3}: {got:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_jobs_of_one_group_do_not_delay_one_of_another() {
    let site = Site::new().await;
    site.queue("crowd", 1_000, 1_000_000).await;
    let _worker = site.work(noop());
    site.after(1_000, &HashMap::new()).await;

    let before = site.ended().await["crowd"];
    site.queue("single", 2_000_000, 1).await;
    let since = Instant::now();
    while !site.ended().await.contains_key("single") {
        assert!(since.elapsed() < PATIENCE, "it waits behind the crowd");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // Nobody told the worker of it: it had to be found by a look. Far from behind a million.
    let ahead = site.ended().await["crowd"] - before;
    assert!(ahead < 200_000, "{ahead} jobs of the crowd went first");
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_get_their_weights_and_a_live_edit_of_them() {
    let site = Site::new().await;
    for (place, (group, weight)) in [("one", 1), ("two", 2), ("four", 4)]
        .into_iter()
        .enumerate()
    {
        site.share(group, weight, None).await;
        site.queue(group, 1_000_000 * (place as i64 + 1), 300_000)
            .await;
    }
    let _worker = site.work(noop());
    let start = site.after(5_000, &HashMap::new()).await;

    let got = site.after(200_000, &start).await;
    assert_parts(
        &got,
        &[("one", 1.0 / 7.0), ("two", 2.0 / 7.0), ("four", 4.0 / 7.0)],
    );

    site.share("one", 4, None).await;
    site.share("four", 1, None).await;
    // Workers heed it by their next look; what they have in hand ends first.
    let settled = {
        let now = site.ended().await;
        site.after(15_000, &now).await;
        site.ended().await
    };
    let got = site.after(200_000, &settled).await;
    assert_parts(
        &got,
        &[("one", 4.0 / 7.0), ("two", 2.0 / 7.0), ("four", 1.0 / 7.0)],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_never_has_more_in_flight_than_its_maximum() {
    let site = Site::new().await;
    site.share("narrow", 1, Some(5)).await;
    site.queue("narrow", 1_000, 500).await;
    site.queue("wide", 100_000, 500).await;
    let gate = Arc::new(Semaphore::new(0));
    let _worker = site.work(gated(&gate));
    let mut most = 0;
    for _ in 0..20 {
        let before = site.ended().await;
        gate.add_permits(10);
        site.after(5, &before).await;
        let shares = site.store.shares(1).await.expect("read");
        let narrow = shares.iter().find(|share| share.name == "1/narrow");
        most = most.max(narrow.expect("it has work").in_flight);
    }

    assert!(most > 0 && most <= 5, "{most} in flight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_binds_a_running_worker_within_a_second() {
    let site = Site::new().await;
    site.queue("crowd", 1_000, 1_000_000).await;
    let _worker = site.work(noop());
    site.after(1_000, &HashMap::new()).await;
    let pause = NewPause {
        scope: PauseScope::Queue,
        subject: "default".into(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: String::new(),
        until: None,
    };

    let paused = site.store.pause(1, pause).await.expect("paused");
    let late =
        "select count(*) from outcome where at > (select since from pause) + interval '2 seconds'";
    let since = Instant::now();
    while site.crowd.count("select count(*) from lease").await > 0 {
        assert!(since.elapsed() < PATIENCE, "it goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let at_rest = site.ended().await["crowd"];
    tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>())
        .await
        .expect_err("a second without work");
    assert_eq!(site.ended().await["crowd"], at_rest);
    assert_eq!(site.crowd.count(late).await, 0);

    site.store.resume(1, paused.id).await.expect("resumed");
    site.after(1_000, &site.ended().await).await;
}
