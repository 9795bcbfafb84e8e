//! A durable server for one test, to be killed and started again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use nix::unistd::geteuid;
use sqlx::PgPool;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::database::Held;
use super::shared;
use super::watchdog::State;
use crate::local::{Cluster, ClusterOptions, Durability, Programs};
use crate::store;

/// Recovery of little, on a busy machine.
const PROMOTED_WITHIN: Duration = Duration::from_secs(60);
/// The migrated database on such a server.
const DATABASE: &str = "windlass";

/// A state that a test brings about, on a machine that does much else.
const STATE_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks for it: some states last for milliseconds.
const LOOK: Duration = Duration::from_millis(2);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A server of one's own with durability on. It ends with the value, or with the process.
#[derive(Debug)]
pub struct TestCluster {
    cluster: Option<Cluster>,
    url: String,
    port: u16,
    programs: Programs,
    state: State,
}

impl TestCluster {
    /// A running server with a migrated database.
    ///
    /// # Panics
    /// When no Postgres can be found or started.
    pub async fn durable() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "windlass-test-{}-own-{}-{number}",
            geteuid(),
            std::process::id()
        );
        let folder = env::temp_dir().join(name);
        let state = spawn_blocking(move || State::join(&folder, 0).expect("a state folder"))
            .await
            .expect("the state folder's task");
        let programs = shared::programs();
        let cluster = shared::start(&programs, &options(&state, None)).await;
        cluster.create_database(DATABASE).await.expect("a database");
        let (url, port) = (cluster.url(DATABASE), cluster.port());
        store::migrate(&url).await.expect("the migrations apply");
        Self {
            cluster: Some(cluster),
            url,
            port,
            programs,
            state,
        }
    }

    /// The address of the migrated database; the same after a restart.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.running().data()
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.running().pid()
    }

    /// A pool with our own connection options.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn pool(&self) -> PgPool {
        let options = store::connect_options(&self.url, "windlass test").expect("our own address");
        PgPool::connect_with(options)
            .await
            .expect("the server answers")
    }

    /// The one number that a statement gives, however long the server takes to come back.
    ///
    /// # Panics
    /// When the statement fails on a server that answers.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let pool = self.pool().await;
        let count = sqlx::query_scalar(sql)
            .fetch_one(&pool)
            .await
            .expect("a count");
        pool.close().await;
        count
    }

    /// Runs statements of a test's own.
    ///
    /// # Panics
    /// When one of them fails.
    pub async fn execute(&self, sql: &str) {
        let pool = self.pool().await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        done.execute(&pool).await.expect("it is done");
        pool.close().await;
    }

    /// Holds what `lock` locks in a transaction that finds what `state` counts, and waits for such a moment.
    ///
    /// # Panics
    /// When the server refuses, or that moment does not come.
    pub async fn hold_when(&self, lock: &'static str, state: &'static str) -> Held {
        let (pool, since) = (self.pool().await, Instant::now());
        loop {
            let mut held = Held::begin(&pool, lock).await;
            if held.count(state).await > 0 {
                return held;
            }
            held.release().await;
            assert!(since.elapsed() < STATE_WITHIN, "never: {state}");
            sleep(LOOK).await;
        }
    }

    /// Kills the server and waits until its orphans are gone too.
    ///
    /// # Panics
    /// When it is not running, or orphans stay.
    pub async fn kill(&mut self) {
        let cluster = self.cluster.take().expect("a running server");
        cluster.kill().await.expect("a dead server");
    }

    /// Starts the killed server again, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        let options = options(&self.state, Some(self.port));
        self.cluster = Some(shared::start(&self.programs, &options).await);
    }

    /// Keeps what a standby would have that goes no further: the killed server's data as they are now.
    ///
    /// # Panics
    /// When the server runs, or the folder cannot be copied.
    pub fn keep_standby(&self) {
        assert!(self.cluster.is_none(), "a running server is not copied");
        let (data, standby) = (self.folder("data"), self.folder("standby"));
        let copied = Command::new("cp").arg("-a").args([data, standby]).status();
        assert!(copied.is_ok_and(|copied| copied.success()), "a copy");
    }

    /// Promotes that standby in place of the killed server, on the same port: it recovers what it has and
    /// goes on with a timeline of its own.
    ///
    /// # Panics
    /// When there is none, or it does not start.
    pub async fn promote_standby(&mut self) {
        let (data, standby) = (self.folder("data"), self.folder("standby"));
        fs::remove_dir_all(&data).expect("the lost server's data are gone");
        fs::rename(standby, &data).expect("the standby's data");
        fs::write(data.join("recovery.signal"), "").expect("an order to recover");
        let mut options = options(&self.state, Some(self.port));
        // There is no archive: it ends with what it has.
        let nothing = ("restore_command".to_owned(), "false".to_owned());
        options.settings.push(nothing);
        self.cluster = Some(shared::start(&self.programs, &options).await);
        let since = Instant::now();
        while self.count("select pg_is_in_recovery()::int::int8").await == 1 {
            assert!(since.elapsed() < PROMOTED_WITHIN, "it stays a standby");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.state.folder().join(name)
    }

    fn running(&self) -> &Cluster {
        self.cluster.as_ref().expect("a running server")
    }
}

fn options(state: &State, port: Option<u16>) -> ClusterOptions {
    let mut options = ClusterOptions::new(state.folder().join("data"), Durability::Durable);
    options.port = port;
    options.sockets = Some(state.folder().join("sockets"));
    options
}
