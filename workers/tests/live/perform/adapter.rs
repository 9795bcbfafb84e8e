//! apalis' own `Worker` over a source: what it runs, records, and gives back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apalis::prelude::{
    AbortError, BoxDynError, Data, RetryAfterError, WorkerBuilder, WorkerBuilderExt, WorkerContext,
};
use futures::future::BoxFuture;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use windlass_workers::apalis::{BackendOptions, Lease, WindlassBackend};
use windlass_workers::source::{Claimed, Ended, Source, Ticket};

/// Jobs from memory. When they are all out it closes, or stays open and silent.
#[derive(Default)]
struct Shelf {
    jobs: Mutex<VecDeque<Claimed>>,
    stays_open: bool,
    ended: Mutex<Vec<Ended>>,
    returned: Mutex<Vec<Ticket>>,
    recorded: Notify,
}

impl Shelf {
    fn of(inputs: impl IntoIterator<Item = String>, stays_open: bool) -> Arc<Self> {
        let jobs = inputs
            .into_iter()
            .zip(1..)
            .map(|(input, job_id)| job(job_id, input))
            .collect();
        Arc::new(Self {
            jobs: Mutex::new(jobs),
            stays_open,
            ..Self::default()
        })
    }

    /// What came of every job, by its id.
    fn ended(&self) -> Vec<(i64, Result<String, String>)> {
        let ended = self.ended.lock().expect("no test panicked in it");
        let plain = |end: &Ended| {
            (
                end.ticket.job_id,
                end.result
                    .clone()
                    .map_err(|failure| failure.fault.code().to_owned()),
            )
        };
        let mut all: Vec<_> = ended.iter().map(plain).collect();
        all.sort();
        all
    }

    fn returned(&self) -> Vec<i64> {
        let returned = self.returned.lock().expect("no test panicked in it");
        let mut all: Vec<_> = returned.iter().map(|job| job.job_id).collect();
        all.sort();
        all
    }
}

impl Source for Shelf {
    fn claim(&self, max: usize) -> BoxFuture<'_, Vec<Claimed>> {
        Box::pin(async move {
            let claimed: Vec<_> = {
                let mut jobs = self.jobs.lock().expect("no test panicked in it");
                let count = max.min(jobs.len());
                jobs.drain(..count).collect()
            };
            if claimed.is_empty() && self.stays_open {
                std::future::pending::<()>().await;
            }
            claimed
        })
    }

    fn record(&self, ended: Vec<Ended>) -> BoxFuture<'_, ()> {
        self.ended
            .lock()
            .expect("no test panicked in it")
            .extend(ended);
        self.recorded.notify_one();
        Box::pin(async {})
    }

    fn give_back(&self, jobs: Vec<Ticket>) -> BoxFuture<'_, ()> {
        self.returned
            .lock()
            .expect("no test panicked in it")
            .extend(jobs);
        Box::pin(async {})
    }
}

fn job(job_id: i64, input: String) -> Claimed {
    let ticket = Ticket {
        job_id,
        claim: uuid::Uuid::nil(),
        n: 1,
    };
    Claimed {
        ticket,
        tenant: 1,
        attempt: 0,
        key: format!("key-{job_id}"),
        subject: None,
        input,
        lost: CancellationToken::new(),
    }
}

fn backend(shelf: &Arc<Shelf>, slots: usize) -> WindlassBackend<u32> {
    WindlassBackend::new(shelf.clone(), BackendOptions { slots })
}

async fn answer(number: u32) -> Result<u32, BoxDynError> {
    match number {
        1 => Err(AbortError::new("final").into()),
        2 => Err(RetryAfterError::new("later", Duration::from_secs(1)).into()),
        3 => panic!("a bug"),
        number => Ok(number * 2),
    }
}

#[tokio::test]
async fn every_job_ends_once_and_the_worker_ends_with_its_source() {
    let inputs = (0..40)
        .map(|number| number.to_string())
        .chain(["\"no number\"".to_owned()]);
    let shelf = Shelf::of(inputs, false);
    let worker = WorkerBuilder::new("resizer")
        .backend(backend(&shelf, 8))
        .build(answer);

    worker.run().await.expect("the backend cannot fail");

    let ended = shelf.ended();
    let expected = (0..41).map(|number: i64| match number {
        1 | 40 => (number + 1, Err("runtime".to_owned())),
        2 | 3 => (number + 1, Err("communication".to_owned())),
        number => (number + 1, Ok((number * 2).to_string())),
    });
    assert_eq!(ended, expected.collect::<Vec<_>>());
    assert!(shelf.returned().is_empty());
}

/// Handlers wait at a gate; the test sees how many arrived.
#[derive(Clone)]
struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn shut() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        }
    }

    async fn wait_for(&self, handlers: u32) {
        self.arrived
            .acquire_many(handlers)
            .await
            .expect("never closed")
            .forget();
    }
}

/// Where a handler leaves its worker's context for the test.
type Left = Arc<Mutex<Option<WorkerContext>>>;

async fn gated(number: u32, gate: Data<Gate>, worker: Data<Left>, own: WorkerContext) -> u32 {
    worker.lock().expect("no test panicked in it").replace(own);
    gate.arrived.add_permits(1);
    gate.open.acquire().await.expect("never closed").forget();
    number
}

#[tokio::test]
async fn a_stop_lets_running_handlers_finish_and_gives_buffered_jobs_back() {
    let shelf = Shelf::of((0..16).map(|number| number.to_string()), true);
    let (gate, own) = (Gate::shut(), Left::default());
    let worker = WorkerBuilder::new("resizer")
        .backend(backend(&shelf, 16))
        .data(gate.clone())
        .data(own.clone())
        .concurrency(2)
        .build(gated);
    let running = tokio::spawn(worker.run());

    gate.wait_for(2).await;
    let context = own
        .lock()
        .expect("no test panicked in it")
        .take()
        .expect("a handler left it");
    context.stop().expect("running");
    gate.open.add_permits(16);
    running
        .await
        .expect("no panic")
        .expect("the backend cannot fail");

    let (ended, returned) = (shelf.ended(), shelf.returned());
    assert!(ended.iter().all(|(_, result)| result.is_ok()));
    assert!(
        (2..=3).contains(&ended.len()),
        "two running, at most one more at the door: {ended:?}"
    );
    let mut all: Vec<_> = ended
        .iter()
        .map(|(job_id, _)| *job_id)
        .chain(returned)
        .collect();
    all.sort();
    assert_eq!(all, (1..=16).collect::<Vec<_>>());
}

#[derive(Clone)]
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn endless(_: u32, gate: Data<Gate>, dropped: Data<Arc<Notify>>, lease: Lease) {
    let _guard = Dropped(dropped.0.clone());
    assert_eq!(lease.key(), "key-1");
    gate.arrived.add_permits(1);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_lost_lease_drops_its_handler_and_records_nothing() {
    let shelf = Shelf::of(["0".to_owned()], false);
    let lost = shelf.jobs.lock().expect("nobody has it yet")[0]
        .lost
        .clone();
    let (gate, dropped) = (Gate::shut(), Arc::new(Notify::new()));
    let worker = WorkerBuilder::new("resizer")
        .backend(backend(&shelf, 1))
        .data(gate.clone())
        .data(dropped.clone())
        .build(endless);
    let running = tokio::spawn(worker.run());

    gate.wait_for(1).await;
    lost.cancel();
    dropped.notified().await;
    running
        .await
        .expect("no panic")
        .expect("the backend cannot fail");

    assert!(shelf.ended().is_empty() && shelf.returned().is_empty());
}

#[tokio::test]
async fn ends_are_recorded_while_other_handlers_still_run() {
    let shelf = Shelf::of((0..2).map(|number| number.to_string()), true);
    let (gate, own) = (Gate::shut(), Left::default());
    let worker = WorkerBuilder::new("resizer")
        .backend(backend(&shelf, 2))
        .data(gate.clone())
        .data(own.clone())
        .build(gated);
    let running = tokio::spawn(worker.run());

    gate.wait_for(2).await;
    gate.open.add_permits(1);
    shelf.recorded.notified().await;

    assert_eq!(shelf.ended().len(), 1);
    running.abort();
}
