//! The one throw-away server of a test run, and its migrated template database.
//!
//! Shared between the processes of `cargo nextest` and the threads of `cargo
//! test`: the first to come starts it, the watchdog ends it soon after the last.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::pooler::Pooler;
use super::watchdog::State;
use crate::local::{Cluster, ClusterOptions, Durability, Programs};
use crate::store;

/// Between two test binaries of one run there are no users for a moment.
const LINGER_SECONDS: u32 = 2;

static SHARED: OnceCell<Shared> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The server as one test process sees it. Kept until the process ends.
#[derive(Debug)]
pub(super) struct Shared {
    cluster: Cluster,
    template: String,
    pooler: OnceLock<Option<Pooler>>,
    _state: State,
}

impl Shared {
    /// The server, started if this process is the first to need it.
    pub async fn get() -> &'static Self {
        SHARED.get_or_init(Self::join).await
    }

    async fn join() -> Self {
        let folder = state_folder();
        let (state, gate) = spawn_blocking(move || {
            let state = State::join(&folder, LINGER_SECONDS).expect("a state folder for tests");
            let gate = state.gate().expect("a lock for tests");
            (state, gate)
        })
        .await
        .expect("the state folder's task");
        let mut options = ClusterOptions::new(state.folder().join("data"), Durability::Throwaway);
        options.sockets = Some(state.folder().join("sockets"));
        let cluster = start(&programs(), &options).await;
        let template = make_template(&cluster).await;
        drop(gate);
        Self {
            cluster,
            template,
            pooler: OnceLock::new(),
            _state: state,
        }
    }

    /// A connection from which databases are made and dropped.
    pub async fn administration(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.cluster.url("postgres")).await
    }

    /// Makes a fresh copy of the migrated template and answers its name and address.
    pub async fn make_database(&self) -> Result<(String, String), sqlx::Error> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let mut connection = self.administration().await?;
        run(
            &mut connection,
            format!("drop database if exists {name} with (force)"),
        )
        .await?;
        run(
            &mut connection,
            format!("create database {name} template {}", self.template),
        )
        .await?;
        connection.close().await?;
        let url = self.cluster.url(&name);
        Ok((name, url))
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The PgBouncer of this process, for every database; `None` where there is no program.
    pub fn pooler(&self) -> Option<&Pooler> {
        let started = self.pooler.get_or_init(|| Pooler::start(self.port(), &[]));
        started.as_ref()
    }

    /// Drops a database, its sessions included.
    pub async fn drop_database(&self, name: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.administration().await?;
        run(
            &mut connection,
            format!("drop database if exists {name} with (force)"),
        )
        .await?;
        connection.close().await
    }
}

/// The installed programs; `WINDLASS_PG_BIN` chooses others.
pub(super) fn programs() -> Programs {
    let hints: Vec<PathBuf> = env::var_os("WINDLASS_PG_BIN")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    Programs::find(&hints, env::var_os("PATH").as_deref())
        .expect("tests need Postgres programs: apt-get install -y postgresql, or WINDLASS_PG_BIN")
}

/// Starts a server, or ends the test with all that is known.
pub(super) async fn start(programs: &Programs, options: &ClusterOptions) -> Cluster {
    Cluster::start(programs, options)
        .await
        .unwrap_or_else(|error| panic!("{error} ({error:?})"))
}

/// A folder of the user and of this workspace, so that two checkouts do not meet.
fn state_folder() -> PathBuf {
    let workspace = Sha256::digest(env!("CARGO_MANIFEST_DIR"));
    let user = nix::unistd::geteuid();
    env::temp_dir().join(format!(
        "windlass-test-{user}-{}",
        hex::encode(&workspace[..6])
    ))
}

/// Migrates once per set of migrations; the last rename says that it is whole.
async fn make_template(cluster: &Cluster) -> String {
    let name = template_name();
    let building = format!("{name}_building");
    let mut connection = PgConnection::connect(&cluster.url("postgres"))
        .await
        .expect("the test server answers");
    let known = sqlx::query("select from pg_database where datname = $1")
        .bind(&name)
        .fetch_optional(&mut connection)
        .await
        .expect("the list of databases");
    if known.is_none() {
        let before = [
            format!("drop database if exists {building} with (force)"),
            format!("create database {building}"),
        ];
        run_all(&mut connection, before).await;
        store::migrate(&cluster.url(&building))
            .await
            .expect("the migrations apply");
        let after = [
            format!("alter database {building} with allow_connections false is_template true"),
            format!("alter database {building} rename to {name}"),
        ];
        run_all(&mut connection, after).await;
    }
    connection.close().await.expect("a closed connection");
    name
}

fn template_name() -> String {
    let mut hash = Sha256::new();
    for (version, checksum) in store::fingerprint() {
        hash.update(version.to_be_bytes());
        hash.update(checksum);
    }
    format!("template_{}", hex::encode(&hash.finalize()[..8]))
}

async fn run_all(connection: &mut PgConnection, statements: [String; 2]) {
    for statement in statements {
        run(connection, statement)
            .await
            .expect("a statement about the template database");
    }
}

/// The names in these statements are made of our own letters and numbers.
async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}
