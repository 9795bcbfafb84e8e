//! Finds, fetches and starts a Postgres for `dev`, `demo`, `bench` and `chaos`.
//!
//! In this order: the address that was given, our own server if it runs, the
//! installed programs, a pinned download after saying so, and else an answer
//! that says what to type. `state` knows where things lie, `fetch` downloads.

#[cfg(feature = "fetch-postgres")]
mod fetch;
mod state;

use std::ffi::OsString;
use std::path::PathBuf;

use windlass_engine::local::{Account, Cluster, ClusterOptions, Durability, LocalError, Programs};

pub use state::{Environment, StateFolder};

/// The exit status of `sysexits.h` for "a service that we need is unavailable".
pub const EXIT_UNAVAILABLE: u8 = 69;

/// The database of ours on a local server.
const DATABASE: &str = "windlass";

/// What to type where no Postgres can be had.
const INSTRUCTIONS: &str = "\
  apt-get install -y postgresql          Debian, Ubuntu
  brew install postgresql@17             macOS
  windlass … --database-url postgres://user:password@host/database";

/// What the caller wants, all of it given: nothing here reads the environment.
#[derive(Clone, Debug)]
pub struct Wish {
    /// An address to use as it is, instead of a server of our own.
    pub database_url: Option<String>,
    /// A folder with `postgres` and `initdb` to prefer.
    pub programs: Option<PathBuf>,
    /// The value of the search path.
    pub path: Option<OsString>,
    /// Whether programs may be downloaded when none are installed.
    pub may_download: bool,
    /// Where our state lies.
    pub state: StateFolder,
    /// Name of the data folder in it, such as `dev` or `demo`.
    pub name: String,
    /// Server settings of the caller.
    pub settings: Vec<(String, String)>,
}

/// Where the database came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The address was given; the server is not ours.
    Given,
    /// Our own server ran already.
    Running,
    /// Started with the programs in this folder.
    Installed(PathBuf),
    /// Started with programs that were downloaded into this folder.
    Fetched(PathBuf),
}

/// A database that takes connections.
#[derive(Debug)]
pub struct LocalDatabase {
    /// Its address.
    pub url: String,
    /// Where it came from.
    pub origin: Origin,
    cluster: Option<Cluster>,
}

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalDatabaseError {
    /// No programs are installed and none were or could be fetched.
    #[error("no Postgres on this machine, and {reason}. Any of these helps:\n{INSTRUCTIONS}")]
    Missing {
        /// Why none was fetched.
        reason: String,
    },
    /// There is a Postgres, and it would not work.
    #[error("the local Postgres does not work")]
    Local(#[from] LocalError),
}

impl LocalDatabaseError {
    /// The name of this error in logs, JSON and documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "postgres.missing",
            Self::Local(error) => error.code(),
        }
    }

    /// The status that the process ends with.
    pub fn exit_code(&self) -> u8 {
        EXIT_UNAVAILABLE
    }
}

impl LocalDatabase {
    /// Finds or starts a database; `say` tells the user what takes time, a line a call.
    ///
    /// # Errors
    /// [`LocalDatabaseError`] with what to type, or what the server said.
    ///
    /// # Cancel safety
    /// Dropped, it may leave our own server running, which the next call takes over.
    pub async fn open(
        wish: &Wish,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Self, LocalDatabaseError> {
        if let Some(url) = &wish.database_url {
            return Ok(Self {
                url: url.clone(),
                origin: Origin::Given,
                cluster: None,
            });
        }
        let options = wish.options()?;
        if let Some(cluster) = Cluster::running(&options).await? {
            return Self::on(cluster, Origin::Running).await;
        }
        let (programs, origin) = match wish.installed() {
            Some(programs) => (
                programs.clone(),
                Origin::Installed(programs.folder().to_owned()),
            ),
            None => {
                let programs = wish.fetched(say).await?;
                (
                    programs.clone(),
                    Origin::Fetched(programs.folder().to_owned()),
                )
            }
        };
        let cluster = Cluster::start(&programs, &options).await?;
        Self::on(cluster, origin).await
    }

    async fn on(cluster: Cluster, origin: Origin) -> Result<Self, LocalDatabaseError> {
        cluster.create_database(DATABASE).await?;
        Ok(Self {
            url: cluster.url(DATABASE),
            origin,
            cluster: Some(cluster),
        })
    }

    /// Our own server, unless the address was given.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Stops our own server; one that was given is left alone.
    ///
    /// # Errors
    /// [`LocalError::Stop`] when it does not end.
    ///
    /// # Cancel safety
    /// A dropped call runs to its end aside.
    pub async fn close(self) -> Result<(), LocalError> {
        match self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}

impl Wish {
    /// The data lies in `postgres-<name>`: durable, for people come back to it.
    fn options(&self) -> Result<ClusterOptions, LocalDatabaseError> {
        Account::for_server()?.own_folder(self.state.path())?;
        let data = self.state.path().join(format!("postgres-{}", self.name));
        let mut options = ClusterOptions::new(data, Durability::Durable);
        options.settings.clone_from(&self.settings);
        Ok(options)
    }

    fn installed(&self) -> Option<Programs> {
        Programs::find(self.programs.as_slice(), self.path.as_deref())
    }

    #[cfg(feature = "fetch-postgres")]
    async fn fetched(
        &self,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Programs, LocalDatabaseError> {
        if let Some(programs) = fetch::earlier(self.state.path()) {
            return Ok(programs);
        }
        if !self.may_download {
            return Err(missing("downloading one was refused"));
        }
        fetch::fetch(fetch::SOURCE, self.state.path(), say).await
    }

    #[cfg(not(feature = "fetch-postgres"))]
    async fn fetched(
        &self,
        _: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Programs, LocalDatabaseError> {
        Err(missing(
            "this windlass was built without the means to download one",
        ))
    }
}

fn missing(reason: impl Into<String>) -> LocalDatabaseError {
    LocalDatabaseError::Missing {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
