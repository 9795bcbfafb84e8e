//! A database, workers that can be lost, and a handler that does as its input says.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::prelude::{BoxDynError, task_fn};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work, publish};
use windlass_engine::store::{JobFilter, JobView, Notifier, Submitted};
use windlass_engine::testing::{Crowd, TestDatabase};
use windlass_workers::answer::ParkError;
use windlass_workers::apalis::Lease;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::egress::EgressRules;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::perform::{Fetcher, Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};
use windlass_workflows::catalogue::{Ability, Catalogue as Known};
use windlass_workflows::check;
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const LEASE_TIME: Duration = Duration::from_secs(2);

pub struct Site {
    pub database: TestDatabase,
    pub store: Store,
    pub crowd: Crowd,
    /// The inputs of all calls of the handler, in order.
    pub calls: Arc<Mutex<Vec<serde_json::Value>>>,
    /// Lets a call go that wants a person.
    pub gate: Arc<Notify>,
    stop: CancellationToken,
}

impl Site {
    /// A database with a keeper, and no worker yet.
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        let crowd = Crowd::of(&database).await;
        let stop = CancellationToken::new();
        let options = KeeperOptions {
            lease_time: LEASE_TIME,
            ..KeeperOptions::default()
        };
        let keeper = Keeper::new(store.clone(), Notifier::default(), options);
        tokio::spawn(keeper.run(stop.child_token()));
        Self {
            database,
            store,
            crowd,
            calls: Arc::default(),
            gate: Arc::default(),
            stop,
        }
    }

    /// Publishes a template: what stands beside `document`, with a handler `does:1.0.0`.
    pub async fn publish(&self, name: &str, metadata: &str, rest: &str) {
        self.publish_as(name, "1.0.0", metadata, rest).await;
    }

    /// The same, of that version.
    pub async fn publish_as(&self, name: &str, version: &str, metadata: &str, rest: &str) {
        let source = format!(
            "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '{version}'{metadata} }}\n{rest}"
        );
        let template = publish::check_source(&source, &known())
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.store.publish(1, template).await.expect("published");
    }

    /// The same without handlers, with what it takes from elsewhere.
    pub async fn publish_with(&self, name: &str, rest: &str, fetcher: &Fetcher) {
        let source = format!(
            "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}\n{rest}"
        );
        let tree = check::read(&source).expect("a tree");
        let mut resources = Resources::default();
        fetcher.read_for(&tree, &mut resources).await;
        let template = publish::check_tree(&tree, source, &known(), &resources)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.store.publish(1, template).await.expect("published");
    }

    pub async fn submit(&self, template: &str, input: &str) -> i64 {
        let work = Work::Template(format!("test.{template}"));
        let request = Request::new(work, Value::parse(input).expect("JSON"));
        let answers = self.store.submit_requests(1, "test", vec![request]).await;
        match answers.expect("submitted").remove(0) {
            Answer::Submitted(Submitted::Created { job }) => job,
            other => panic!("not created: {other:?}"),
        }
    }

    /// A worker; aborted, it is lost as by `kill -9`.
    pub fn work(&self, secrets: Secrets) -> JoinHandle<()> {
        self.work_with(secrets, WorkerOptions::default()).1
    }

    /// The same with fewer slots or another grace, and what lets it drain.
    pub fn work_with(
        &self,
        secrets: Secrets,
        options: WorkerOptions,
    ) -> (CancellationToken, JoinHandle<()>) {
        let catalogue = self.catalogue();
        let mut capabilities = catalogue.capabilities();
        capabilities.extend(options.capabilities.iter().cloned());
        let performing = PerformerOptions {
            egress: EgressRules {
                allow_private: true,
                allow: Vec::new(),
            },
            ..PerformerOptions::default()
        };
        let performer = Performer::new(performing, Arc::new(NoConnections), secrets, catalogue);
        let options = WorkerOptions {
            lease_time: LEASE_TIME,
            capabilities,
            ..options
        };
        let connect = self.database.options("test worker");
        let performer = performer.expect("a performer");
        let worker = Worker::new(self.store.clone(), connect, performer, options);
        let stop = self.stop.child_token();
        let run = worker.run(stop.clone());
        let ended = tokio::spawn(async move {
            run.await;
        });
        (stop, ended)
    }

    /// `does` gives its input back, or hangs if that says so, or waits to be let go and then wants a person.
    fn catalogue(&self) -> Catalogue {
        let (calls, gate) = (self.calls.clone(), self.gate.clone());
        let does = move |input: serde_json::Value| {
            let (calls, gate) = (calls.clone(), gate.clone());
            async move {
                calls.lock().expect("no panic in it").push(input.clone());
                if input["hangs"].as_bool() == Some(true) {
                    std::future::pending::<()>().await;
                }
                if input["parks"].as_bool() == Some(true) {
                    gate.notified().await;
                    return Err(ParkError("it looks odd".to_owned()).into());
                }
                if input["fails"].as_bool() == Some(true) {
                    return Err("as it was told".into());
                }
                Ok::<_, BoxDynError>(input)
            }
        };
        Catalogue::new()
            .with::<serde_json::Value, _>("does", "1.0.0", task_fn(does))
            .with::<serde_json::Value, _>("tells", "1.0.0", task_fn(tells))
    }

    /// Waits until the handler was called so often; gives the inputs.
    pub async fn called(&self, times: usize) -> Vec<serde_json::Value> {
        let calls = async || {
            let calls = self.calls.lock().expect("no panic in it").clone();
            let why = format!("{} calls", calls.len());
            (calls.len() >= times).then_some(calls).ok_or(why)
        };
        eventually(calls).await
    }

    pub async fn view(&self, job: i64) -> JobView {
        self.store.job(1, job).await.expect("the job")
    }

    pub async fn until(&self, job: i64, state: &str) -> JobView {
        let there = async || match self.view(job).await {
            view if view.state.as_str() == state => Ok(view),
            view => Err(format!("not {state}: {view:?}")),
        };
        eventually(there).await
    }

    /// Waits for the job's end in that state; gives its result.
    pub async fn result(&self, job: i64, state: &str) -> String {
        let view = self.until(job, state).await;
        view.outcome.and_then(|one| one.result).unwrap_or_default()
    }

    /// The first job that there is.
    pub async fn first_job(&self) -> i64 {
        self.next_job(0).await
    }

    /// The newest job that was made after this one.
    pub async fn next_job(&self, last: i64) -> i64 {
        let made = async || {
            let jobs = self.store.jobs(1, &JobFilter::default(), None, 10).await;
            let mut jobs = jobs.expect("a page").items.into_iter();
            let next = jobs.find(|job| job.id > last);
            next.map(|job| job.id).ok_or("no job".to_owned())
        };
        eventually(made).await
    }

    pub async fn child_of(&self, parent: i64) -> i64 {
        let born = async || {
            let jobs = self.store.jobs(1, &JobFilter::default(), None, 10).await;
            let mut jobs = jobs.expect("a page").items.into_iter();
            let child = jobs.find(|job| job.parent == Some(parent));
            child.map(|child| child.id).ok_or("no child".to_owned())
        };
        eventually(born).await
    }
}

/// What its step is about.
async fn tells(_: serde_json::Value, lease: Lease) -> Result<serde_json::Value, BoxDynError> {
    Ok(serde_json::json!({ "about": lease.subject() }))
}

/// What can be called and done; no worker here has `other`.
fn known() -> Known {
    let known = Known::builtin()
        .able(Ability::Listen)
        .able(Ability::Child)
        .able(Ability::Group)
        .able(Ability::DocumentSettings)
        .able(Ability::Effect);
    let handlers = ["does", "other", "tells"].into_iter();
    handlers.fold(known, |known, name| {
        let known = known.with(name, "1.0.0", &Value::from(true));
        known.expect("a handler")
    })
}

/// Looks until there is what is wanted.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let since = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(why) => assert!(since.elapsed() < PATIENCE, "{why}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
