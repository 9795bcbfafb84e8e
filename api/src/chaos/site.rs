//! Everything a run needs on one machine: a durable Postgres of its own, the fleet, the templates.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::sleep;
use windlass_engine::chaos::Witness;
use windlass_engine::local::{Cluster, ClusterOptions, Durability, Programs};
use windlass_engine::store;

use super::fleet::{Fleet, Plan};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::client::Client;
use crate::exit::Exit;

/// Templates, and the batch's configuration.
const PROJECT: &str = include_str!("project.yaml");
/// Members of the batch of each round.
pub const MEMBERS: i64 = 60;
/// A server of ours is up in less, even while others build.
const UP_WITHIN: Duration = Duration::from_secs(90);
/// All that a server takes: the fleet at its fullest, and a little.
pub const CONNECTIONS_MAX: i64 = 90;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
const DATABASE: &str = "windlass";

/// A run's surroundings.
pub struct Site {
    /// Its folder.
    pub folder: PathBuf,
    /// The database itself, past every proxy.
    pub url: String,
    /// Address of the API.
    pub server: String,
    /// How long a silent worker's jobs stay its own.
    pub lease: Duration,
    /// Our processes.
    pub fleet: Fleet,
    programs: Programs,
    options: ClusterOptions,
    cluster: Mutex<Option<Cluster>>,
}

fn local(error: &windlass_engine::local::LocalError) -> CliError {
    CliError::new(Exit::NoPostgres, error.code(), error.to_string())
}

impl Site {
    /// Starts everything and applies the templates.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn start(
        context: &Context,
        folder: &Path,
        lease_seconds: u32,
    ) -> Result<Self, CliError> {
        open_to_others(folder)?;
        let programs = programs(context)?;
        let mut options = options(folder);
        let cluster = Cluster::start(&programs, &options)
            .await
            .map_err(|error| local(&error))?;
        options.port = Some(cluster.port());
        cluster
            .create_database(DATABASE)
            .await
            .map_err(|error| local(&error))?;
        let url = cluster.url(DATABASE);
        store::migrate(&url)
            .await
            .map_err(windlass_engine::Error::from)?;
        Witness::connect(&url).await?.lay_history().await?;
        let (logs, receipts) = (folder.join("logs"), folder.join("receipts"));
        fs::create_dir_all(&logs)?;
        fs::create_dir_all(&receipts)?;
        let api = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let fleet = Fleet::new(Plan {
            url: url.clone(),
            postgres: cluster.port(),
            api,
            lease_seconds,
            logs,
            receipts,
        });
        let site = Self {
            folder: folder.to_owned(),
            url,
            server: format!("http://127.0.0.1:{api}"),
            lease: Duration::from_secs(lease_seconds.into()),
            fleet,
            programs,
            options,
            cluster: Mutex::new(Some(cluster)),
        };
        site.fleet.scale("api", 1).await?;
        site.fleet.scale("keeper", 2).await?;
        site.fleet.scale("worker", 2).await?;
        site.apply().await?;
        Ok(site)
    }

    /// Applies the project once the workers have announced what they offer.
    async fn apply(&self) -> Result<(), CliError> {
        let rows: String = (1..=MEMBERS)
            .map(|n| format!("{{\"step\":\"work\",\"n\":{n},\"ms\":{}}}\n", n % 40))
            .collect();
        let body = json!({
            "files": [{"name": "project.yaml", "text": PROJECT}],
            "data": [{"category": "chaos-items", "text": rows}],
        });
        let client = Client::new(&self.server)?;
        let since = Instant::now();
        loop {
            match client.post(&["apply"], &[], &body, None).await {
                Ok(_) => return Ok(()),
                Err(error) if since.elapsed() > UP_WITHIN => return Err(error.into()),
                Err(_) => sleep(LOOK).await,
            }
        }
    }

    /// Stops Postgres at once, or kills its first process.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end_postgres(&self, is_kill: bool) -> Result<bool, CliError> {
        let Some(cluster) = self.cluster.lock().await.take() else {
            return Ok(false);
        };
        let ended = if is_kill {
            cluster.kill().await
        } else {
            cluster.quit().await
        };
        ended.map_err(|error| local(&error))?;
        Ok(true)
    }

    /// Starts Postgres unless it runs.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_postgres(&self) -> Result<(), CliError> {
        let mut running = self.cluster.lock().await;
        if running.is_none() {
            let cluster = Cluster::start(&self.programs, &self.options).await;
            *running = Some(cluster.map_err(|error| local(&error))?);
        }
        Ok(())
    }

    /// Everything runs and nothing is hurt any more.
    ///
    /// # Errors
    /// When it cannot be brought about in time.
    pub async fn heal(&self) -> Result<(), CliError> {
        self.start_postgres().await?;
        self.fleet.heal().await;
        let since = Instant::now();
        let client = Client::new(&self.server)?;
        loop {
            let is_up = self.fleet.is_whole().await
                && Witness::connect(&self.url).await.is_ok()
                && client.get(&["workers"], &[]).await.is_ok();
            if is_up {
                return Ok(());
            }
            if since.elapsed() > UP_WITHIN {
                let message = "the processes did not come back in time after everything was healed";
                return Err(CliError::new(Exit::EndedBadly, "chaos_not_healed", message));
            }
            sleep(LOOK).await;
        }
    }

    /// Checks the tables and indexes with `pg_amcheck`, where it is installed; what it says when
    /// something is wrong.
    pub async fn amcheck(&self) -> Option<String> {
        let program = self.programs.folder().join("pg_amcheck");
        if !program.is_file() {
            return None;
        }
        let output = tokio::process::Command::new(program)
            .args(["--install-missing", "--no-dependent-toast", "-d", &self.url])
            .output()
            .await
            .ok()?;
        let said = [output.stdout, output.stderr].concat();
        (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
    }

    /// Stops everything.
    pub async fn stop(self) {
        self.fleet.stop().await;
        let running = self.cluster.lock().await.take();
        if let Some(cluster) = running {
            let _ = cluster.stop().await;
        }
    }
}

fn programs(context: &Context) -> Result<Programs, CliError> {
    let programs = Programs::find(
        context.settings.pg_bin.as_slice(),
        context.around.path().as_deref(),
    );
    programs.ok_or_else(|| {
        CliError::new(
            Exit::NoPostgres,
            "postgres.missing",
            "no Postgres is installed",
        )
    })
}

fn options(folder: &Path) -> ClusterOptions {
    let mut options = ClusterOptions::new(folder.join("postgres/data"), Durability::Durable);
    options.settings = [
        ("max_connections", CONNECTIONS_MAX.to_string().as_str()),
        ("shared_buffers", "64MB"),
        ("deadlock_timeout", "200ms"),
        ("log_lock_waits", "on"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    options
}

impl Drop for Site {
    /// What was not stopped in order ends at once: nothing of a run stays behind.
    fn drop(&mut self) {
        let pid = self.cluster.get_mut().as_ref().map(Cluster::pid);
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
    }
}

/// The server may run as another account, which passes through.
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711))
}
