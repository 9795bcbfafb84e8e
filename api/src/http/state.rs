//! What every handler may use: the store, the wake-up of workers, the metrics and the stop signal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::store::{DEFAULT_TENANT, Notifier};
use windlass_workers::outside::Sources;
use windlass_workers::perform::Fetcher;

/// A worker counts as alive so long after its last heartbeat: three heartbeats of ten seconds.
const WORKER_TTL: Duration = Duration::from_secs(30);
/// Streams that one process serves at once; each polls the database four times a second.
const STREAMS_MAX: usize = 1_000;

/// Renders the metrics of this process in the text format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the API is served from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) store: Store,
    pub(crate) notifier: Notifier,
    pub(crate) metrics: RenderMetrics,
    pub(crate) worker_ttl: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) tenant: i32,
    pub(crate) who: Arc<str>,
    pub(crate) fetcher: Option<Arc<Fetcher>>,
    pub(crate) sources: Option<Sources>,
}

impl ApiState {
    /// A state with defaults: no metrics, a stop signal that never comes.
    pub fn new(store: Store, notifier: Notifier) -> Self {
        Self {
            store,
            notifier,
            metrics: Arc::new(String::new),
            worker_ttl: WORKER_TTL,
            stop: CancellationToken::new(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            tenant: DEFAULT_TENANT,
            who: Arc::from("api"),
            fetcher: None,
            sources: None,
        }
    }

    /// The same with metrics to render.
    pub fn with_metrics(self, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self {
            metrics: Arc::new(metrics),
            ..self
        }
    }

    /// The same with another time after which a silent worker counts as dead.
    pub fn with_worker_ttl(self, worker_ttl: Duration) -> Self {
        Self { worker_ttl, ..self }
    }

    /// The same with a reader of what templates take from elsewhere; without one those are refused.
    pub fn with_fetcher(self, fetcher: Fetcher) -> Self {
        Self {
            fetcher: Some(Arc::new(fetcher)),
            ..self
        }
    }

    /// The same with a reader of sources outside, for previews; without one those are refused.
    pub fn with_sources(self, sources: Sources) -> Self {
        Self {
            sources: Some(sources),
            ..self
        }
    }

    /// The same with a signal that ends streams and waits, so that a server can drain.
    pub fn with_stop(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// The same with another bound of streams at once.
    pub fn with_streams_max(self, streams: usize) -> Self {
        Self {
            streams: Arc::new(Semaphore::new(streams)),
            ..self
        }
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiState")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
