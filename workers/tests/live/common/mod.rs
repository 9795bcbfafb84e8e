//! A place where templates are published, jobs submitted, and workers and keepers run.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{JobView, Notifier, Submitted};
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
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a worker's jobs are its own.
pub const LEASE_TIME: Duration = Duration::from_secs(5);
/// Short, so that a dead worker is soon found.
pub const SHORT_LEASE: Duration = Duration::from_secs(1);
const BREAK_WHO_WAITS: &str = "select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'";

pub fn request(template: &str, input: &str) -> Request {
    let input = Value::parse(input).expect("input");
    Request::new(Work::Template(format!("test.{template}")), input)
}

pub fn performer(catalogue: Catalogue) -> Performer {
    Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        catalogue,
    )
    .expect("a performer")
}

pub struct Site {
    pub database: TestDatabase,
    pub store: Store,
    stop: CancellationToken,
}

impl Site {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        Self {
            database,
            store,
            stop: CancellationToken::new(),
        }
    }

    /// Publishes a template whose body is `tasks`.
    pub async fn publish(&self, name: &str, tasks: &str) {
        let source = format!(
            "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}\ndo:\n{tasks}"
        );
        let any = Value::parse(r#"{"type":"object"}"#).expect("a schema");
        let known = Known::builtin()
            .able(Ability::Listen)
            .able(Ability::Emit)
            .able(Ability::Child)
            .able(Ability::Context)
            .able(Ability::Group)
            .able(Ability::Batch)
            .with("count", "1.0.0", &any)
            .and_then(|known| known.with("pause", "1.0.0", &any))
            .expect("handlers");
        let template = windlass_engine::protocol::publish::check_source(&source, &known)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.store.publish(1, template).await.expect("published");
    }

    pub async fn send(&self, requests: Vec<Request>) -> Vec<i64> {
        let answers = self.store.submit_requests(1, "test", requests).await;
        let answers = answers.expect("submitted").into_iter();
        let created = answers.map(|answer| match answer {
            Answer::Submitted(Submitted::Created { job }) => job,
            other => panic!("not created: {other:?}"),
        });
        created.collect()
    }

    /// A worker and its end.
    pub fn work(
        &self,
        catalogue: Catalogue,
        lease_time: Duration,
    ) -> (CancellationToken, JoinHandle<()>) {
        let stop = self.stop.child_token();
        let capabilities = catalogue.capabilities();
        let connect = self.database.options("test worker");
        let connect = connect.options([("lock_timeout", "200ms")]);
        let options = WorkerOptions {
            lease_time,
            grace: Duration::from_millis(300),
            capabilities,
            ..WorkerOptions::default()
        };
        let worker = Worker::new(self.store.clone(), connect, performer(catalogue), options);
        (stop.clone(), tokio::spawn(worker.run(stop)))
    }

    /// A worker that dies while it waits to write the same as `sql`; the server throws its turn away, or writes it
    /// after all. Then another goes on.
    pub async fn die_at(&self, sql: String, is_written: bool) {
        let mut gate = self.database.hold(sql.leak()).await;
        let (_, worker) = self.work(Catalogue::new(), SHORT_LEASE);
        let since = Instant::now();
        while gate.lock_waits().await == 0 {
            assert!(since.elapsed() < PATIENCE, "nothing is written");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        worker.abort();
        if !is_written {
            let broken = self.database.hold(BREAK_WHO_WAITS).await;
            broken.release().await;
        }
        gate.release().await;
        self.work(Catalogue::new(), LEASE_TIME);
    }

    pub fn keep(&self, lease_time: Duration) {
        let options = KeeperOptions {
            lease_time,
            ..KeeperOptions::default()
        };
        let keeper = Keeper::new(self.store.clone(), Notifier::default(), options);
        tokio::spawn(keeper.run(self.stop.child_token()));
    }

    /// A worker without handlers, and a keeper.
    pub fn run(&self, lease_time: Duration) {
        self.work(Catalogue::new(), lease_time);
        self.keep(lease_time);
    }

    /// The result of a job, once it is there.
    pub async fn completed(&self, job: i64) -> String {
        self.until(job, "completed").await;
        self.result(job).await
    }

    pub async fn job(&self, job: i64) -> JobView {
        self.store.job(1, job).await.expect("the job")
    }

    pub async fn until(&self, job: i64, state: &str) {
        let since = Instant::now();
        loop {
            let view = self.job(job).await;
            if view.state.as_str() == state {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "not {state}: {view:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What a job that has ended gave.
    pub async fn count(&self, sql: &str) -> i64 {
        self.database.count(sql).await
    }

    pub async fn until_count(&self, sql: &str, wanted: i64) {
        let since = Instant::now();
        loop {
            let found = self.count(sql).await;
            if found == wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{sql} is {found}, not {wanted}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn result(&self, job: i64) -> String {
        let outcome = self.job(job).await.outcome.expect("an outcome");
        outcome.result.expect("a result")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
