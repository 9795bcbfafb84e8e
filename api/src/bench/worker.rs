//! A real worker whose handler does nothing but count, and tell when it began where that is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use apalis::prelude::{BoxDynError, task_fn};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use windlass_engine::store::connect_options;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};

use super::failed;
use super::site::{PATIENCE, Site};
use crate::cli::error::CliError;
use crate::exit::Exit;

/// A worker that is told to stop has nothing left to do.
const GRACE: Duration = Duration::from_secs(1);

/// A running worker.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Counts what handlers did.
#[derive(Debug, Default)]
pub struct Calls {
    count: AtomicU64,
    wanted: u64,
    reached: Notify,
    begun: Option<mpsc::UnboundedSender<SystemTime>>,
}

/// What the handlers are given.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "n")]
    _number: i64,
}

/// What they answer: about fifty bytes.
#[derive(Serialize)]
struct Receipt {
    ok: bool,
    code: u32,
    note: &'static str,
}

impl Running {
    /// Starts a worker with its usual settings.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn start(site: &Site, calls: &Arc<Calls>) -> Result<Self, CliError> {
        let catalogue = catalogue(calls);
        let capabilities = catalogue.capabilities();
        let performer = Performer::new(
            PerformerOptions::default(),
            Arc::new(NoConnections),
            Secrets::new(),
            catalogue,
        );
        let performer = performer
            .map_err(|error| CliError::new(Exit::Failed, "http_client", error.to_string()))?;
        let connect = connect_options(&site.url, "windlass bench worker")
            .map_err(windlass_engine::Error::from)?;
        let options = WorkerOptions {
            grace: GRACE,
            capabilities,
            ..WorkerOptions::default()
        };
        let worker = Worker::new(site.store.clone(), connect, performer, options);
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Ok(Self { stop, task })
    }

    /// Stops it; it has nothing left to do.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

impl Calls {
    /// A counter that says when handlers have run so often.
    pub fn until(wanted: u64) -> Arc<Self> {
        Arc::new(Self {
            wanted,
            ..Self::default()
        })
    }

    /// One that tells of each beginning.
    pub fn telling(begun: mpsc::UnboundedSender<SystemTime>) -> Arc<Self> {
        Arc::new(Self {
            begun: Some(begun),
            ..Self::default()
        })
    }

    /// How often handlers have run.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn one(&self) {
        if let Some(begun) = &self.begun {
            // Nobody listens any more: the run is over.
            let _ = begun.send(SystemTime::now());
        }
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.wanted {
            self.reached.notify_one();
        }
    }

    /// Waits until handlers have run as often as wanted.
    ///
    /// # Errors
    /// When that takes for ever.
    pub async fn reached(&self) -> Result<(), CliError> {
        let reached = timeout(PATIENCE, self.reached.notified()).await;
        reached.map_err(|_| failed(format!("only {} handlers have run", self.count())))
    }
}

/// The names of the handlers, `name:version`.
pub fn capabilities() -> Vec<String> {
    catalogue(&Arc::default()).capabilities()
}

/// A handler that reads its input, counts, and answers at once.
fn catalogue(calls: &Arc<Calls>) -> Catalogue {
    let calls = calls.clone();
    let answer = move |_: Message| {
        let calls = calls.clone();
        async move {
            calls.one();
            let receipt = Receipt {
                ok: true,
                code: 200,
                note: "done, nothing else to say",
            };
            Ok::<_, BoxDynError>(receipt)
        }
    };
    Catalogue::new().with::<Message, _>("nothing", "1.0.0", task_fn(answer))
}
