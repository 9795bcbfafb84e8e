//! A worker process: pumps that run jobs, and a control that keeps it alive.
//!
//! Three kinds of threads, so that nothing waits for what it must not: each pump has one, control has
//! one, and handlers that are not done at once run on the caller's runtime.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;
use tracing::info;
use windlass_engine::Store;
use windlass_engine::store::{ConnectOptions, DEFAULT_TENANT, Incarnation};

use crate::control::Control;
use crate::perform::Performer;
use crate::pump::Pump;
use crate::shared::{Parts, Phase, Shared};

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Steps that run at once.
    pub slots: usize,
    /// A silent worker's jobs are claimable again after this long.
    pub lease_time: Duration,
    /// How long running steps may go on once the worker should stop.
    pub grace: Duration,
    /// Handlers that it offers, `name:version`.
    pub capabilities: Vec<String>,
    /// Roles of the process, for people.
    pub roles: Vec<String>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            slots: 64,
            lease_time: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            capabilities: Vec::new(),
            roles: vec!["worker".into()],
        }
    }
}

/// Leases jobs and runs their steps, until it is told to stop.
pub struct Worker {
    store: Store,
    connect: ConnectOptions,
    listen: ConnectOptions,
    performer: Performer,
    options: WorkerOptions,
}

impl Worker {
    /// A worker over a store; `connect` opens the dedicated connections of its pumps and heartbeat.
    pub fn new(
        store: Store,
        connect: ConnectOptions,
        performer: Performer,
        options: WorkerOptions,
    ) -> Self {
        Self {
            store,
            listen: connect.clone(),
            connect,
            performer,
            options,
        }
    }

    /// Hears of new work over `listen`, where `connect` is a transaction pooler: to listen needs a session.
    pub fn listening_on(self, listen: ConnectOptions) -> Self {
        Self { listen, ..self }
    }

    /// Runs until `stop`, then drains: claims nothing more, gives back what has not begun, lets running
    /// steps finish within the grace, gives back the rest without spending an attempt, and leaves.
    ///
    /// # Cancel safety
    /// Dropped, its threads stop at once and give nothing back: its leases expire by themselves.
    pub async fn run(self, stop: CancellationToken) {
        let pumps = pump_count();
        announce(&self.store, &self.options.capabilities).await;
        let shared = Arc::new(Shared::new(Parts {
            store: self.store,
            connect: self.connect,
            listen: self.listen,
            performer: self.performer,
            work: Handle::current(),
            slots: self.options.slots,
            pumps,
        }));
        let _dropped = Dropped(shared.clone());
        let gone = CancellationToken::new();
        let _gone = gone.clone().drop_guard();
        let (entered, has_entered) = oneshot::channel();
        let control = Control {
            shared: shared.clone(),
            identity: identity(&self.options),
            lease_time: self.options.lease_time,
            capabilities: self
                .options
                .capabilities
                .iter()
                .cloned()
                .collect::<HashSet<_>>(),
        };
        let control = on_own_thread("windlass-control", {
            let gone = gone.clone();
            move || control.run(entered, gone)
        });
        tokio::select! {
            _ = has_entered => {}
            () = stop.cancelled() => {}
        }
        let running: Vec<_> = (0..pumps)
            .map(|number| {
                let shared = shared.clone();
                on_own_thread(&format!("windlass-pump-{number}"), move || {
                    // A pump is one task with many jobs: tokio's budget of a task would make every
                    // hundredth of them wait for nothing. It yields whenever it sends an exchange.
                    unconstrained(Pump::new(shared, number).run())
                })
            })
            .collect();
        stop.cancelled().await;
        drain(&shared, running, self.options.grace).await;
        gone.cancel();
        joined(vec![control]).await;
    }
}

/// Ends the pumps with the future that runs them: nobody would answer what they wait for.
struct Dropped(Arc<Shared>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.enter_phase(Phase::Gone);
    }
}

/// Templates that call these handlers can be published from now on. A database that is away hears of
/// them with the next start; what was announced once stays known.
async fn announce(store: &Store, handlers: &[String]) {
    if let Err(error) = store.announce(DEFAULT_TENANT, handlers).await {
        tracing::warn!(error = %error, "the handlers could not be announced");
    }
}

/// What was cut off has so long to be given back.
const CUT_MAX: Duration = Duration::from_secs(5);

/// Stops claiming, waits for running steps within `grace`, then cuts them off.
async fn drain(shared: &Arc<Shared>, running: Vec<JoinHandle<()>>, grace: Duration) {
    info!("draining: no new work, running steps may finish");
    shared.enter_phase(Phase::Draining);
    let finished = joined(running);
    tokio::pin!(finished);
    if tokio::time::timeout(grace, &mut finished).await.is_err() {
        info!("the grace is over: running steps are cut off and their jobs given back");
        shared.enter_phase(Phase::Cut);
        if tokio::time::timeout(CUT_MAX, &mut finished).await.is_err() {
            shared.enter_phase(Phase::Gone);
            finished.await;
        }
    }
}

/// Two pumps keep Postgres busy while one flush is on its way; more than four only shrink flushes.
fn pump_count() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 4)
}

fn identity(options: &WorkerOptions) -> Incarnation {
    Incarnation {
        slots: i32::try_from(options.slots).unwrap_or(i32::MAX),
        version: env!("CARGO_PKG_VERSION").into(),
        host: host_name(),
        roles: options.roles.clone(),
        capabilities: options.capabilities.clone(),
        ..Incarnation::default()
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}

/// Runs a future that need not be `Send` on a thread with a runtime of its own.
fn on_own_thread<Make, Run>(name: &str, make: Make) -> JoinHandle<()>
where
    Make: FnOnce() -> Run + Send + 'static,
    Run: Future<Output = ()>,
{
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs only memory and a few descriptors");
    let body = move || runtime.block_on(make());
    std::thread::Builder::new()
        .name(name.into())
        .spawn(body)
        .expect("a thread needs only memory")
}

/// Waits for threads without blocking the runtime. A pump that panicked ends the process: what it
/// held is unknown, and its lease time will give it back.
async fn joined(threads: Vec<JoinHandle<()>>) {
    let all = tokio::task::spawn_blocking(move || {
        threads
            .into_iter()
            .map(JoinHandle::join)
            .collect::<Result<Vec<()>, _>>()
    });
    if let Ok(Err(panic)) = all.await {
        std::panic::resume_unwind(panic);
    }
}
