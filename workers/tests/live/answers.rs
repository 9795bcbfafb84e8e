//! What a handler may answer, each from its return to the row that holds the job then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use apalis_core::error::RetryAfterError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{Beat, Ending, Hot, Incarnation, JobView, NewEntry, Submitted, Want};
use windlass_engine::testing::TestDatabase;
use windlass_workers::answer::{FailError, NotMineError, ParkError};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::Catalogue as Known;
use windlass_workflows::machine::turn::Entry;
use windlass_workflows::value::Value;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One call of the handler, with three tries a second apart, and parked when they ran out.
const TEMPLATE: &str = "
document: { dsl: '1.0.3', namespace: test, name: answers, version: '1.0.0' }
do:
  - attempt:
      metadata: { windlass: { onExhausted: park } }
      try: [ { ask: { call: 'answer:1.0.0@default', with: { how: '${ .how }' } } } ]
      catch:
        errors: { with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication' } }
        retry: { delay: PT0.1S, limit: { attempt: { count: 1 } } }
";

struct Site {
    database: TestDatabase,
    store: Store,
    stop: CancellationToken,
}

async fn answer(input: serde_json::Value) -> Result<serde_json::Value, BoxDynError> {
    match input["how"].as_str().unwrap_or_default() {
        "ok" => Ok(serde_json::json!({ "fine": true })),
        "retry" => Err(RetryAfterError::new("busy", Duration::from_secs(3_600)).into()),
        "fail" => Err(FailError {
            code: "card.declined".into(),
            status: Some(402),
            message: "the bank says no".into(),
        }
        .into()),
        "park" => Err(ParkError("somebody must look at this".into()).into()),
        "not_mine" => Err(NotMineError("no printer here".into()).into()),
        "hang" => std::future::pending().await,
        _ => Err("no room 17".into()),
    }
}

impl Site {
    /// A worker runs; one job was submitted that is answered like this.
    async fn answering(how: &str) -> (Self, i64) {
        let database = TestDatabase::new().await;
        let site = Self {
            store: database.store().await,
            database,
            stop: CancellationToken::new(),
        };
        let any = Value::parse(r#"{"type":"object"}"#).expect("a schema");
        let known = Known::builtin()
            .with("answer", "1.0.0", &any)
            .expect("a handler");
        let template = windlass_engine::protocol::publish::check_source(TEMPLATE, &known)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        site.store.publish(1, template).await.expect("published");
        let request = Request::new(
            Work::Template("test.answers".into()),
            Value::map([("how", Value::from(how))]),
        );
        let answers = site.store.submit_requests(1, "test", vec![request]).await;
        let Some(Answer::Submitted(Submitted::Created { job })) = answers.expect("submitted").pop()
        else {
            panic!("not created");
        };
        (site, job)
    }

    fn work(&self) -> tokio::task::JoinHandle<()> {
        let catalogue =
            Catalogue::new().with::<serde_json::Value, _>("answer", "1.0.0", task_fn(answer));
        let options = WorkerOptions {
            grace: Duration::from_millis(100),
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
        let connect = self.database.options("test worker");
        let worker = Worker::new(self.store.clone(), connect, performer, options);
        tokio::spawn(worker.run(self.stop.clone()))
    }

    async fn until(&self, job: i64, state: &str) -> JobView {
        let since = Instant::now();
        loop {
            let now = self.store.job(1, job).await.expect("the job");
            if now.state.as_str() == state {
                return now;
            }
            assert!(since.elapsed() < PATIENCE, "not {state}: {now:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The job gets a journal of a format that is not known yet, and is given back.
    async fn write_as_a_later_release(&self) {
        let connect = self.database.options("later release");
        let id = Uuid::new_v4();
        let mut beat = Beat::connect(&connect).await.expect("a connection");
        beat.enter(&Incarnation {
            id,
            ..Incarnation::default()
        })
        .await
        .expect("entered");
        let mut hot = Hot::connect(&connect).await.expect("a connection");
        let ahead = self.store.lanes_ahead().await.expect("lanes");
        let want = Want {
            limited: false,
            named: false,
            claim: Uuid::now_v7(),
            lanes: vec![(ahead[0].id, 1)],
        };
        let claimed = hot.exchange(id, &[], Some(&want)).await.expect("claimed");
        let job = &claimed.claimed[0];
        let written = NewEntry {
            entry: Some(Entry {
                seq: 1,
                kind: "started".into(),
                at: job.claimed_at,
                data: r#"{"v":99}"#.into(),
            }),
            ..NewEntry::leaving(job.id, job.lease, Ending::Back, true)
        };
        let written = hot.exchange(id, &[written], None).await.expect("written");
        assert!(written.refused.is_empty());
        beat.leave(id).await.expect("left");
    }

    /// Ends the worker, so that what it left is looked at in peace.
    async fn drained(&self, worker: tokio::task::JoinHandle<()>) {
        self.stop.cancel();
        worker.await.expect("drained");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ok_completes() {
    let (site, job) = Site::answering("ok").await;
    let worker = site.work();

    let view = site.until(job, "completed").await;

    let result = view.outcome.expect("an outcome").result;
    assert_eq!(result.as_deref(), Some(r#"{"fine":true}"#));
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_an_hour_rests_until_then() {
    let (site, job) = Site::answering("retry").await;
    let worker = site.work();

    let view = site.until(job, "waiting").await;

    let due = view.due.expect("a timer") - view.created_at;
    assert!(due.num_minutes() >= 59, "{due}");
    assert!(view.lease.is_none() && view.outcome.is_none());
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fail_ends_with_the_handlers_code() {
    let (site, job) = Site::answering("fail").await;
    let worker = site.work();

    let outcome = site.until(job, "failed").await.outcome.expect("an outcome");

    assert_eq!(outcome.code.as_deref(), Some("card.declined"));
    let fingerprint = outcome.fingerprint.expect("a fingerprint");
    assert!(
        fingerprint.starts_with("card.declined-402-"),
        "{fingerprint}"
    );
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn park_waits_for_a_person() {
    let (site, job) = Site::answering("park").await;
    let worker = site.work();

    let view = site.until(job, "parked").await;

    assert_eq!(view.held.expect("held").why, "somebody must look at this");
    assert_eq!((view.attempt, view.losses), (0, 0));
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_mine_is_put_off_unspent_and_says_why() {
    let (site, job) = Site::answering("not_mine").await;
    let worker = site.work();

    let view = site.until(job, "scheduled").await;

    assert_eq!((view.attempt, view.losses), (0, 0));
    let reasons = site.store.explain(1, job, Duration::from_secs(60)).await;
    let first = reasons.expect("explained").swap_remove(0);
    assert_eq!(first.code, "deferred");
    assert!(first.text.contains("no printer here"), "{}", first.text);
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_step_costs_no_attempt() {
    let (site, job) = Site::answering("hang").await;
    let worker = site.work();
    site.until(job, "running").await;

    site.drained(worker).await;

    let view = site.until(job, "ready").await;
    assert_eq!((view.attempt, view.losses), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausted_retries_park_with_the_errors_identity() {
    let (site, job) = Site::answering("anything else").await;
    let worker = site.work();

    let view = site.until(job, "parked").await;

    assert_eq!(view.held.expect("held").why, "no room 17");
    let groups = site.store.dead_letter(1, None, 10).await.expect("groups");
    let group = &groups.items[0];
    assert!(group.fingerprint.starts_with("communication-500-"));
    assert_eq!((group.jobs, &group.sample), (1, &vec![job]));
    site.drained(worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_of_a_later_release_is_put_off_unspent() {
    let (site, job) = Site::answering("ok").await;
    site.write_as_a_later_release().await;
    let worker = site.work();

    let view = site.until(job, "scheduled").await;

    assert_eq!((view.attempt, view.losses), (0, 0));
    let reasons = site.store.explain(1, job, Duration::from_secs(60)).await;
    let first = reasons.expect("explained").swap_remove(0);
    assert!(first.text.contains("newer_format"), "{}", first.text);
    site.drained(worker).await;
}
