//! A worker runs jobs that wait for the outside: signals, events, and the jobs that they start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, SIGNAL_TTL, Signal, To, Work};
use windlass_engine::store::{JobFilter, Notifier, Signalled, Submitted};
use windlass_engine::testing::TestDatabase;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::{Ability, Catalogue as Known};
use windlass_workflows::value::Value;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const LEASE_TIME: Duration = Duration::from_secs(5);

const LISTENS: &str = "
  - hear:
      listen: { to: { one: { with: { type: io.windlass.signal.approved.v1 } } } }
  - say:
      set: { by: '${ .[0].by }' }
";
const LISTENS_TO_BOTH: &str = "
  - hear:
      listen:
        to:
          all:
            - with: { type: io.windlass.signal.approved.v1 }
            - with: { type: io.windlass.signal.paid.v1 }
  - say:
      set: { by: '${ .[0].by }', payer: '${ .[1].by }' }
";
const LISTENS_TO_PAYMENT: &str = "
  - hear:
      listen: { to: { one: { with: { type: order.paid, subject: order-17 } } } }
  - say:
      set: { amount: '${ .[0].amount }' }
";
const PAYS: &str = "
  - pay:
      emit: { event: { with: { source: 'https://shop.example', type: order.paid, subject: order-17, data: { amount: 7 } } } }
";
const STARTS: &str = "
  - start:
      run: { workflow: { namespace: test, name: listens, version: '1.0.0' } }
  - say:
      set: { child: '${ .by }' }
";

struct Site {
    database: TestDatabase,
    store: Store,
    stop: CancellationToken,
}

impl Site {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        Self {
            database,
            store,
            stop: CancellationToken::new(),
        }
    }

    /// Publishes a template whose body is `tasks`.
    async fn publish(&self, name: &str, tasks: &str) {
        let source = format!(
            "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}\ndo:\n{tasks}"
        );
        let known = Known::builtin()
            .able(Ability::Listen)
            .able(Ability::Emit)
            .able(Ability::Child);
        let template = windlass_engine::protocol::publish::check_source(&source, &known)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.store.publish(1, template).await.expect("published");
    }

    async fn submit(&self, template: &str) -> i64 {
        let work = Work::Template(format!("test.{template}"));
        let requests = vec![Request::new(work, Value::parse("{}").expect("JSON"))];
        let answers = self.store.submit_requests(1, "test", requests).await;
        match answers.expect("submitted").remove(0) {
            Answer::Submitted(Submitted::Created { job }) => job,
            other => panic!("not created: {other:?}"),
        }
    }

    /// A worker and a keeper.
    fn work(&self) {
        let performer = Performer::new(
            PerformerOptions::default(),
            Arc::new(NoConnections),
            Secrets::new(),
            Catalogue::new(),
        )
        .expect("a performer");
        let options = WorkerOptions {
            lease_time: LEASE_TIME,
            ..WorkerOptions::default()
        };
        let connect = self.database.options("test worker");
        let worker = Worker::new(self.store.clone(), connect, performer, options);
        tokio::spawn(worker.run(self.stop.child_token()));
        let options = KeeperOptions {
            lease_time: LEASE_TIME,
            ..KeeperOptions::default()
        };
        let keeper = Keeper::new(self.store.clone(), Notifier::default(), options);
        tokio::spawn(keeper.run(self.stop.child_token()));
    }

    async fn until(&self, job: i64, state: &str) {
        let since = Instant::now();
        loop {
            let view = self.store.job(1, job).await.expect("the job");
            if view.state.as_str() == state {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "not {state}: {view:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn result(&self, job: i64) -> String {
        self.until(job, "completed").await;
        let view = self.store.job(1, job).await.expect("the job");
        view.outcome.and_then(|one| one.result).expect("a result")
    }

    async fn approve(&self, job: i64) -> Signalled {
        self.signal(job, "approved").await
    }

    async fn signal(&self, job: i64, name: &str) -> Signalled {
        let signal = Signal {
            to: To::Job(job),
            name: name.into(),
            id: format!("{name} of {job}"),
            data: Some(RawValue::from_string(r#"{"by":"mia"}"#.into()).expect("JSON")),
            ttl: SIGNAL_TTL,
            at: Utc::now(),
        };
        self.store.signal(1, signal).await.expect("sent")
    }

    async fn child_of(&self, parent: i64) -> i64 {
        let since = Instant::now();
        loop {
            let jobs = self.store.jobs(1, &JobFilter::default(), None, 10).await;
            let mut jobs = jobs.expect("a page").items.into_iter();
            let found = jobs
                .find(|job| job.parent == Some(parent))
                .map(|job| job.id);
            if let Some(child) = found {
                return child;
            }
            assert!(since.elapsed() < PATIENCE, "no child of {parent}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_signal_wakes_the_job_that_waits_and_one_that_came_first_is_kept() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let early = site.submit("listens").await;
    assert_eq!(site.approve(early).await, Signalled::Kept);
    site.work();
    let job = site.submit("listens").await;
    site.until(job, "waiting").await;

    assert_eq!(site.approve(job).await, Signalled::Taken { job });

    assert_eq!(site.result(job).await, r#"{"by":"mia"}"#);
    assert_eq!(site.result(early).await, r#"{"by":"mia"}"#);
    let left = site.store.letters(job).await.expect("read");
    assert_eq!(left, [], "what was taken is gone");
}

#[tokio::test]
async fn two_signals_that_came_first_are_both_heard() {
    let site = Site::new().await;
    site.publish("both", LISTENS_TO_BOTH).await;
    let job = site.submit("both").await;
    assert_eq!(site.signal(job, "paid").await, Signalled::Kept);
    assert_eq!(site.signal(job, "approved").await, Signalled::Kept);

    site.work();

    assert_eq!(site.result(job).await, r#"{"by":"mia","payer":"mia"}"#);
}

#[tokio::test]
async fn an_event_whose_type_no_index_could_hold_fails_its_task_alone() {
    let site = Site::new().await;
    site.publish("listens", LISTENS_TO_PAYMENT).await;
    site.publish("pays", PAYS).await;
    let long = PAYS.replace("type: order.paid", "type: '${ \"order.paid\" * 400 }'");
    site.publish("shouts", &long).await;
    site.work();
    let listener = site.submit("listens").await;
    site.until(listener, "waiting").await;

    let shouter = site.submit("shouts").await;
    site.until(shouter, "failed").await;

    site.submit("pays").await;
    assert_eq!(site.result(listener).await, r#"{"amount":7}"#);
}

#[tokio::test]
async fn an_event_of_one_job_goes_to_every_job_that_waits_for_it() {
    let site = Site::new().await;
    site.publish("listens", LISTENS_TO_PAYMENT).await;
    site.publish("pays", PAYS).await;
    site.work();
    let (one, other) = (site.submit("listens").await, site.submit("listens").await);
    site.until(one, "waiting").await;
    site.until(other, "waiting").await;

    let payer = site.submit("pays").await;

    site.until(payer, "completed").await;
    assert_eq!(site.result(one).await, r#"{"amount":7}"#);
    assert_eq!(site.result(other).await, r#"{"amount":7}"#);
}

#[tokio::test]
async fn a_parent_goes_on_with_what_its_child_gave() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish("starts", STARTS).await;
    site.work();
    let parent = site.submit("starts").await;
    let child = site.child_of(parent).await;
    site.until(child, "waiting").await;
    site.until(parent, "waiting").await;

    site.approve(child).await;

    assert_eq!(site.result(parent).await, r#"{"child":"mia"}"#);
}

#[tokio::test]
async fn a_child_that_was_killed_fails_its_parent_and_one_that_is_missing_too() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish("starts", STARTS).await;
    let missing = STARTS.replace("name: listens", "name: nobody");
    site.publish("misses", &missing).await;
    site.work();
    let parent = site.submit("starts").await;
    let child = site.child_of(parent).await;
    site.until(child, "waiting").await;

    site.store.kill(1, child, "mia", "").await.expect("killed");

    site.until(parent, "failed").await;
    let orphan = site.submit("misses").await;
    site.until(orphan, "failed").await;
}
