//! One process: its store, and the tasks of its roles.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::store::Notifier;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{Configured, References};
use windlass_workers::delivery::{Deliverer, DelivererOptions};
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::outside::Sources;
use windlass_workers::perform::{Fetcher, Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{StoredDocuments, Worker, WorkerOptions};
use windlass_workflows::document::needs::offered;

use super::reach::Reach;
use crate::cli::error::CliError;
use crate::config::{Role, Settings, Surroundings};
use crate::dashboard::mount;
use crate::exit::Exit;
use crate::http::{ApiState, router};

/// Open answers may take this long once the server should stop; streams end at once.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Beyond the grace of a worker: cutting off, the last flush, leaving.
const BEYOND_GRACE: Duration = Duration::from_secs(10);
/// How often histograms give up old samples.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a process is made from.
pub struct Wiring {
    database: Reach,
    settings: Settings,
    secrets: Secrets,
    references: BTreeMap<String, String>,
    listener: Option<TcpListener>,
    catalogue: Catalogue,
}

/// The tasks of a process.
pub struct Server {
    store: Store,
    notifier: Notifier,
    address: Option<SocketAddr>,
    tasks: JoinSet<Result<(), CliError>>,
    grace: Duration,
}

impl Wiring {
    /// From settings and the environment.
    pub fn new(url: &str, settings: &Settings, around: &Surroundings) -> Self {
        let mut secrets = Secrets::new();
        if let Some(folder) = &settings.secrets_folder {
            secrets = secrets.with_folder(folder);
        }
        for (name, value) in around.secrets() {
            secrets = secrets.with(name, value);
        }
        Self {
            database: Reach::new(url),
            settings: settings.clone(),
            secrets,
            references: around.references(&settings.references_env),
            listener: None,
            catalogue: Catalogue::new(),
        }
    }

    /// With a database whose address is that of a transaction pooler; `direct` is the way past it.
    pub fn behind_pooler(self, direct: &str) -> Self {
        Self {
            database: self.database.behind_pooler(direct),
            ..self
        }
    }

    /// With a listener that is bound already.
    pub fn with_listener(self, listener: TcpListener) -> Self {
        Self {
            listener: Some(listener),
            ..self
        }
    }

    /// With handlers that its worker offers.
    pub fn with_catalogue(self, catalogue: Catalogue) -> Self {
        Self { catalogue, ..self }
    }

    fn performer(&self, store: &Store) -> Result<Performer, CliError> {
        let options = PerformerOptions {
            egress: self.settings.egress(),
            references: References {
                environment: self.references.clone(),
            },
            ..PerformerOptions::default()
        };
        let connections = Arc::new(Configured::new(StoredDocuments(store.clone())));
        let made = Performer::new(
            options,
            connections,
            self.secrets.clone(),
            self.catalogue.clone(),
        );
        made.map_err(|error| CliError::new(Exit::Failed, "http_client", error.to_string()))
    }

    fn deliverer(&self) -> Result<Deliverer, CliError> {
        let options = DelivererOptions {
            egress: self.settings.egress(),
            references: References {
                environment: self.references.clone(),
            },
            secrets: self.secrets.clone(),
            ..DelivererOptions::default()
        };
        Deliverer::new(options)
            .map_err(|error| CliError::new(Exit::Failed, "http_client", error.to_string()))
    }
}

/// Reads what templates take from elsewhere, under the same rules as their steps.
pub fn fetcher(settings: &Settings) -> Result<Fetcher, CliError> {
    Fetcher::new(settings.egress())
        .map_err(|error| CliError::new(Exit::Failed, "http_client", error.to_string()))
}

impl Server {
    /// Opens the store and starts every role; returns once they run.
    ///
    /// # Errors
    /// When the database is out of reach, its schema is missing, or the address is taken.
    pub async fn start(wiring: &mut Wiring, stop: &CancellationToken) -> Result<Self, CliError> {
        let settings = &wiring.settings;
        let connect = wiring.database.options("windlass")?;
        let store = Store::open(connect, settings.database_connections).await?;
        wiring.database.check().await?;
        let grace = Duration::from_secs(settings.worker_grace_seconds.into());
        let mut server = Self {
            notifier: store.notifier(),
            store,
            address: None,
            tasks: JoinSet::new(),
            grace,
        };
        server.check_schema().await?;
        server.tasks.spawn(notify(
            server.notifier.clone(),
            server.store.clone(),
            stop.clone(),
        ));
        for role in settings.roles.clone() {
            match role {
                Role::Api => server.start_api(wiring, stop).await?,
                Role::Worker => server.start_worker(wiring, stop)?,
                Role::Keeper => server.start_keeper(wiring, stop)?,
            }
        }
        Ok(server)
    }

    /// Where the API listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The store of this process.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Waits until a task ends that should not.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost.
    pub async fn broken(&mut self) -> Option<CliError> {
        match self.tasks.join_next().await {
            Some(Ok(Ok(()))) | None => None,
            Some(Ok(Err(error))) => Some(error),
            Some(Err(error)) => Some(CliError::new(
                Exit::Failed,
                "task_failed",
                error.to_string(),
            )),
        }
    }

    /// Waits until every task has stopped, then closes the pool.
    ///
    /// # Errors
    /// The first task that failed.
    ///
    /// # Cancel safety
    /// Dropped, what still runs is aborted; leases expire by themselves.
    pub async fn join(mut self) -> Result<Exit, CliError> {
        let ended = timeout(self.grace + ANSWERS_WITHIN + BEYOND_GRACE, async {
            let mut failed = None;
            while !self.tasks.is_empty() {
                failed = failed.or(self.broken().await);
            }
            failed
        });
        let failed = ended.await;
        self.tasks.abort_all();
        let _ = timeout(ANSWERS_WITHIN, self.store.close()).await;
        match failed {
            Ok(None) => Ok(Exit::Done),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(CliError::new(
                Exit::Failed,
                "stop_timeout",
                "some tasks did not stop in time and were aborted",
            )),
        }
    }

    async fn check_schema(&self) -> Result<(), CliError> {
        let missing = |error| {
            let hint = "windlass migrate up, or serve --migrate";
            CliError::from(error).hint(hint)
        };
        self.store.clock().await.map(drop).map_err(missing)
    }

    async fn start_api(
        &mut self,
        wiring: &mut Wiring,
        stop: &CancellationToken,
    ) -> Result<(), CliError> {
        let listener = match wiring.listener.take() {
            Some(listener) => listener,
            None => bind(wiring.settings.listen).await?,
        };
        self.address = Some(listener.local_addr()?);
        let metrics = recorder();
        let lease = Duration::from_secs(wiring.settings.worker_lease_seconds.into());
        let mut state = ApiState::new(self.store.clone(), self.notifier.clone())
            .with_worker_ttl(lease)
            .with_stop(stop.clone())
            .with_fetcher(fetcher(&wiring.settings)?)
            .with_sources(Sources::new(wiring.performer(&self.store)?));
        if let Some(metrics) = metrics {
            self.tasks.spawn(upkeep(metrics.clone(), stop.clone()));
            state = state.with_metrics(move || metrics.render());
        }
        self.tasks.spawn(answer(listener, state, stop.clone()));
        Ok(())
    }

    fn start_worker(&mut self, wiring: &Wiring, stop: &CancellationToken) -> Result<(), CliError> {
        let settings = &wiring.settings;
        let offers = settings
            .worker_offers
            .iter()
            .filter_map(|text| offered(text));
        let mut capabilities = wiring.catalogue.capabilities();
        capabilities.extend(offers.flatten());
        let options = WorkerOptions {
            slots: settings.worker_slots as usize,
            lease_time: Duration::from_secs(settings.worker_lease_seconds.into()),
            grace: self.grace,
            capabilities,
            roles: settings
                .roles
                .iter()
                .map(|role| role.as_str().to_owned())
                .collect(),
        };
        let worker = Worker::new(
            self.store.clone(),
            wiring.database.options("windlass worker")?,
            wiring.performer(&self.store)?,
            options,
        );
        let worker = worker.listening_on(wiring.database.direct("windlass listener")?);
        let stop = stop.clone();
        self.tasks.spawn(async move {
            worker.run(stop).await;
            Ok(())
        });
        Ok(())
    }

    fn start_keeper(&mut self, wiring: &Wiring, stop: &CancellationToken) -> Result<(), CliError> {
        let lease_time = Duration::from_secs(wiring.settings.worker_lease_seconds.into());
        let keeper = Keeper::new(
            self.store.clone(),
            self.notifier.clone(),
            KeeperOptions {
                lease_time,
                retention: retention(wiring.settings.retention_days),
                ..KeeperOptions::default()
            },
        );
        let keeper = keeper.reading(Sources::new(wiring.performer(&self.store)?));
        let keeper = keeper.delivering(wiring.deliverer()?);
        let stop = stop.clone();
        self.tasks.spawn(async move {
            keeper.run(stop).await;
            Ok(())
        });
        Ok(())
    }
}

/// How long jobs are kept after their end; none for ever.
fn retention(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400))
}

/// Takes an address, or says who may have it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        CliError::new(
            Exit::Failed,
            "address_in_use",
            format!("cannot listen on {address}: {error}"),
        )
        .hint("another --listen, or WINDLASS_LISTEN")
    })
}

/// Answers until the stop, then lets open answers end.
async fn answer(
    listener: TcpListener,
    state: ApiState,
    stop: CancellationToken,
) -> Result<(), CliError> {
    let store = state.store.clone();
    let pages = mount(router(state), store);
    let serving =
        axum::serve(listener, pages).with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(ANSWERS_WITHIN).await;
    };
    tokio::select! {
        ended = serving => Ok(ended?),
        () = late => Ok(()),
    }
}

async fn notify(notifier: Notifier, store: Store, stop: CancellationToken) -> Result<(), CliError> {
    stop.run_until_cancelled_owned(notifier.run(store)).await;
    Ok(())
}

async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) -> Result<(), CliError> {
    let mut pace = interval(UPKEEP);
    while stop.run_until_cancelled(pace.tick()).await.is_some() {
        metrics.run_upkeep();
    }
    Ok(())
}

/// The recorder of this process. A second one, as tests make it, finds the place taken.
fn recorder() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
}
