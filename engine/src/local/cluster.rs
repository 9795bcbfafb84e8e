//! A Postgres cluster of our own: started on a data folder, reached by URL,
//! stopped in order.
//!
//! A server outlives a parent that is killed outright; the next `start` on
//! the same folder finds and reuses it, which is simpler than tying lives
//! together. Process work blocks, so it runs on the blocking pool.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::spawn_blocking;

use super::announcement::Announcement;
use super::folder::{Folder, USER};
use super::process::{self, wait_until};
use super::server::{self, Started};
use super::{Account, LocalError, Programs};

/// A fast shutdown writes a checkpoint first; disks differ.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// After that it is told to end at once, and recovers at its next start.
const QUIT_WITHIN: Duration = Duration::from_secs(10);

/// Whether data must survive a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every answered commit is on disk; connections need the generated password.
    Durable,
    /// Survives a killed process, not a lost machine; open to local users. For tests.
    Throwaway,
}

impl Durability {
    /// `synchronous_commit` stays on in both: a killed server would else lose commits
    /// that it has answered, and tests kill servers.
    pub(super) fn settings(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let settings: &[_] = match self {
            Self::Durable => &[
                ("fsync", "on"),
                ("full_page_writes", "on"),
                ("synchronous_commit", "on"),
            ],
            Self::Throwaway => &[
                ("fsync", "off"),
                ("full_page_writes", "off"),
                ("synchronous_commit", "on"),
                ("shared_buffers", "16MB"),
                ("max_connections", "300"),
                // Tests prepare transactions around a submission.
                ("max_prepared_transactions", "16"),
            ],
        };
        settings.iter().copied()
    }
}

/// What a cluster should be like.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The data folder; made when missing.
    pub data: PathBuf,
    /// Whether its data must survive.
    pub durability: Durability,
    /// The port on 127.0.0.1, or any free one.
    pub port: Option<u16>,
    /// The folder of the Unix socket, or a short temporary one.
    pub sockets: Option<PathBuf>,
    /// Further server settings, stronger than our own.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Options for a cluster on `data`, with any port.
    pub fn new(data: impl Into<PathBuf>, durability: Durability) -> Self {
        Self {
            data: data.into(),
            durability,
            port: None,
            sockets: None,
            settings: Vec::new(),
        }
    }
}

/// A running cluster. Dropped without [`Cluster::stop`], the server runs on.
#[derive(Debug)]
pub struct Cluster {
    folder: Folder,
    announcement: Announcement,
    password: Option<String>,
    child: Option<Child>,
}

impl Cluster {
    /// Starts a server on the data folder, or takes over the one that runs there.
    ///
    /// # Errors
    /// Any [`LocalError`] about folders, programs and start.
    ///
    /// # Cancel safety
    /// A dropped call runs to its end aside; the server it started is found by the next one.
    pub async fn start(programs: &Programs, options: &ClusterOptions) -> Result<Self, LocalError> {
        let (programs, options) = (programs.clone(), options.clone());
        spawn_blocking(move || Self::start_now(&programs, &options)).await?
    }

    /// The server that runs on the data folder already, if any.
    ///
    /// # Errors
    /// [`LocalError::Unresponsive`] when one owns the folder and does not answer.
    ///
    /// # Cancel safety
    /// It only looks.
    pub async fn running(options: &ClusterOptions) -> Result<Option<Self>, LocalError> {
        if !options.data.exists() {
            return Ok(None);
        }
        let options = options.clone();
        spawn_blocking(move || {
            let folder = Folder::new(&options.data, Account::for_server()?)?;
            let _starting = folder.lock()?;
            let Some(announcement) = folder.running()? else {
                return Ok(None);
            };
            let password = folder.password(options.durability)?;
            Ok(Some(Self {
                folder,
                announcement,
                password,
                child: None,
            }))
        })
        .await?
    }

    fn start_now(programs: &Programs, options: &ClusterOptions) -> Result<Self, LocalError> {
        let folder = Folder::new(&options.data, Account::for_server()?)?;
        let _starting = folder.lock()?;
        if let Some(announcement) = folder.running()? {
            let password = folder.password(options.durability)?;
            return Ok(Self {
                folder,
                announcement,
                password,
                child: None,
            });
        }
        folder.prepare(programs, options.durability)?;
        let password = folder.password(options.durability)?;
        let Started {
            child,
            announcement,
        } = server::start(programs, &folder, options)?;
        Ok(Self {
            folder,
            announcement,
            password,
            child: Some(child),
        })
    }

    /// The address of a database of this cluster, its password included.
    pub fn url(&self, database: &str) -> String {
        let password = self.password.as_ref().map(|text| format!(":{text}"));
        let password = password.unwrap_or_default();
        format!(
            "postgres://{USER}{password}@127.0.0.1:{}/{database}",
            self.port()
        )
    }

    /// The same by its Unix socket, which costs less a round trip; by port where it has none.
    pub fn socket_url(&self, database: &str) -> String {
        let Some(sockets) = &self.announcement.sockets else {
            return self.url(database);
        };
        let host = sockets
            .to_string_lossy()
            .replace('%', "%25")
            .replace('/', "%2F");
        self.url(database)
            .replacen("@127.0.0.1:", &format!("@{host}:"), 1)
    }

    /// The server's process, for tests that kill it and benchmarks that read its CPU time.
    pub fn pid(&self) -> u32 {
        self.announcement.pid
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.announcement.port
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.folder.data
    }

    /// True when the server ran already and was taken over.
    pub fn is_taken_over(&self) -> bool {
        self.child.is_none()
    }

    /// Makes a database unless it is there. `name` must be a plain lower-case word.
    ///
    /// # Errors
    /// [`LocalError::Database`] when the server refuses.
    ///
    /// # Cancel safety
    /// Dropped, the database is there or not; calling again settles it.
    pub async fn create_database(&self, name: &str) -> Result<(), LocalError> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let known = sqlx::query("select from pg_database where datname = $1")
            .bind(name)
            .fetch_optional(&mut connection)
            .await?;
        if known.is_none() {
            let create = format!("create database {}", quoted(name));
            sqlx::query(AssertSqlSafe(create))
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Stops the server: sessions are ended, everything is written, the process is gone.
    ///
    /// # Errors
    /// [`LocalError::Stop`] when it does not end.
    ///
    /// # Cancel safety
    /// A dropped call runs to its end aside.
    pub async fn stop(self) -> Result<(), LocalError> {
        spawn_blocking(move || self.stop_now()).await?
    }

    fn stop_now(mut self) -> Result<(), LocalError> {
        for (signal, limit) in [
            (Signal::SIGINT, STOP_WITHIN),
            (Signal::SIGQUIT, QUIT_WITHIN),
        ] {
            process::signal(self.pid(), signal);
            if wait_until(limit, || self.is_gone()) {
                if let Some(sockets) = &self.announcement.sockets {
                    server::remove_sockets(sockets);
                }
                return Ok(());
            }
        }
        Err(LocalError::Stop { pid: self.pid() })
    }

    /// Kills the server as a crash would, and waits until none of its processes is left.
    /// What it had answered is on disk; [`Cluster::start`] on the same folder recovers it.
    ///
    /// # Errors
    /// [`LocalError::Stop`] when orphans stay.
    ///
    /// # Cancel safety
    /// A dropped call runs to its end aside.
    pub async fn kill(self) -> Result<(), LocalError> {
        self.end_by(Signal::SIGKILL).await
    }

    /// Stops the server at once, as `pg_ctl stop -m immediate` does: no farewell to sessions, no
    /// checkpoint. [`Cluster::start`] on the same folder recovers it.
    ///
    /// # Errors
    /// [`LocalError::Stop`] when it does not end.
    ///
    /// # Cancel safety
    /// A dropped call runs to its end aside.
    pub async fn quit(self) -> Result<(), LocalError> {
        self.end_by(Signal::SIGQUIT).await
    }

    async fn end_by(mut self, signal: Signal) -> Result<(), LocalError> {
        spawn_blocking(move || {
            process::signal(self.pid(), signal);
            let gone = wait_until(STOP_WITHIN, || {
                self.is_gone() && !self.announcement.holds_memory()
            });
            gone.then_some(())
                .ok_or(LocalError::Stop { pid: self.pid() })
        })
        .await?
    }

    fn is_gone(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => !process::lives(self.announcement.pid),
        }
    }
}

/// An identifier in double quotes, its own doubled.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
