//! A durable Postgres that exists for one run: what is acknowledged is on disk, and nothing is kept.

use std::path::PathBuf;

use windlass_engine::local::LocalError;
use windlass_floor::{Floor, Server};

use super::failed;
use super::meter::Meter;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::dev::{alone, wish};
use crate::exit::Exit;
use crate::local_postgres::{LocalDatabase, Origin, Wish};

/// Its folder below the state folder is `postgres-bench`.
const NAME: &str = "bench";
/// The floor's tables have a database of their own.
const FLOOR: &str = "windlass_floor";
/// Shared buffers of a server that has a machine like ours to itself; less on a small machine.
const BUFFERS_MIB_MAX: u64 = 2_048;
/// The part of the memory that they may take.
const BUFFERS_SHARE: u64 = 8;

/// The server and the two databases in it.
pub struct Database {
    local: LocalDatabase,
    data: PathBuf,
    /// The engine's database, by socket.
    pub url: String,
    /// The floor's database.
    pub floor: Floor,
    floor_server: Server,
    engine_server: Server,
    _alone: std::fs::File,
}

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Windlass.
    Engine,
    /// Raw SQL.
    Floor,
}

impl Side {
    /// Its word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Floor => "floor",
        }
    }
}

impl Database {
    /// Starts it on an empty folder; what an earlier run left behind is removed first.
    ///
    /// # Errors
    /// Without a Postgres, exit 69.
    pub async fn open(context: &Context) -> Result<Self, CliError> {
        let wish = Wish {
            database_url: None,
            settings: settings(),
            ..wish(context, NAME)?
        };
        let alone = alone(wish.state.path(), NAME)?;
        let data = wish.state.path().join(format!("postgres-{NAME}"));
        let local = fresh(&wish, &data, context).await?;
        let cluster = local.cluster().ok_or_else(lost)?;
        cluster.create_database(FLOOR).await.map_err(refused)?;
        let url = cluster.socket_url("windlass");
        let floor = cluster.socket_url(FLOOR);
        windlass_engine::store::migrate(&url)
            .await
            .map_err(windlass_engine::Error::from)?;
        Ok(Self {
            engine_server: Server::connect(&url).await?,
            floor_server: Server::connect(&floor).await?,
            floor: Floor::new(&floor)?,
            local,
            data,
            url,
            _alone: alone,
        })
    }

    /// A connection to the database of one side, for what is done beside the work.
    pub fn server(&self, side: Side) -> &Server {
        match side {
            Side::Engine => &self.engine_server,
            Side::Floor => &self.floor_server,
        }
    }

    /// Makes a further database of the engine's; gives its address.
    ///
    /// # Errors
    /// What the database says.
    pub async fn another(&self, name: &str) -> Result<String, CliError> {
        let cluster = self.local.cluster().ok_or_else(lost)?;
        cluster.create_database(name).await.map_err(refused)?;
        let url = cluster.socket_url(name);
        windlass_engine::store::migrate(&url)
            .await
            .map_err(windlass_engine::Error::from)?;
        Ok(url)
    }

    /// Reads time, processor and log of this server and of our process.
    pub fn meter(&self) -> Result<Meter<'_>, CliError> {
        Ok(Meter::new(&self.engine_server, self.postmaster()?))
    }

    /// The server's first process.
    ///
    /// # Errors
    /// When it is not ours.
    pub fn postmaster(&self) -> Result<u32, CliError> {
        Ok(self.local.cluster().ok_or_else(lost)?.pid())
    }

    /// Stops it and removes its folder.
    ///
    /// # Errors
    /// When the server does not stop.
    pub async fn close(self) -> Result<(), CliError> {
        let closed = self.local.close().await;
        remove(&self.data);
        closed.map_err(refused)
    }
}

/// A server on an empty folder.
async fn fresh(wish: &Wish, data: &PathBuf, context: &Context) -> Result<LocalDatabase, CliError> {
    let mut say = |line: &str| context.say(line);
    let left_running = data.join("postmaster.pid").exists();
    if left_running {
        let left = LocalDatabase::open(wish, &mut say).await?;
        left.close().await.map_err(refused)?;
    }
    remove(data);
    let local = LocalDatabase::open(wish, &mut say).await?;
    match local.origin {
        Origin::Installed(_) | Origin::Fetched(_) => Ok(local),
        Origin::Given | Origin::Running => Err(lost()),
    }
}

/// Removes the data folder and what stands beside it.
fn remove(data: &PathBuf) {
    let _ = std::fs::remove_dir_all(data);
    for ending in [".log", ".password"] {
        let mut beside = data.clone().into_os_string();
        beside.push(ending);
        let _ = std::fs::remove_file(beside);
    }
}

fn refused(error: LocalError) -> CliError {
    CliError::new(Exit::Failed, error.code(), error.to_string())
}

fn lost() -> CliError {
    failed("the database of this run is not its own")
}

/// A server as one would tune it for such work; durability is `engine::local`'s to set.
fn settings() -> Vec<(String, String)> {
    let mib = super::meter::memory_mib().unwrap_or(BUFFERS_MIB_MAX);
    let buffers = (mib / BUFFERS_SHARE).clamp(64, BUFFERS_MIB_MAX);
    let buffers = format!("{buffers}MB");
    // No checkpoint falls into what is timed: one is asked for before each part.
    [
        ("shared_buffers", buffers.as_str()),
        ("max_wal_size", "8GB"),
        ("min_wal_size", "2GB"),
        ("checkpoint_timeout", "1h"),
        ("max_connections", "200"),
        ("random_page_cost", "1.1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
