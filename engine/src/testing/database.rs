//! A fresh, migrated database for one test, gone when it is dropped.

use std::env;
use std::thread;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};

use super::pooler::Pooler;
use super::shared::Shared;
use crate::store::{ConnectOptions, Store, connect_options, pooled_options, settings_statements};

/// Enough for a handful of concurrent claimers; some dozen tests share one server.
const CONNECTIONS_MAX: u32 = 8;

/// A database of one's own on the shared throw-away server.
#[derive(Debug)]
pub struct TestDatabase {
    shared: &'static Shared,
    name: String,
    url: String,
    pooled_url: Option<String>,
}

impl TestDatabase {
    /// A copy of the migrated template. With `WINDLASS_TEST_POOLED` set, all sessions go through PgBouncer.
    ///
    /// # Panics
    /// When no Postgres can be found or started: a test cannot go on without. The same for PgBouncer where
    /// it is asked for.
    pub async fn new() -> Self {
        let database = Self::direct().await;
        if env::var_os("WINDLASS_TEST_POOLED").is_none() {
            return database;
        }
        let pooler = database.shared.pooler();
        database
            .behind(pooler.expect("WINDLASS_TEST_POOLED needs PgBouncer: .ci/install builds it"))
            .await
    }

    /// A copy of the migrated template, whose sessions go to the server itself.
    ///
    /// # Panics
    /// When no Postgres can be found or started.
    pub async fn direct() -> Self {
        let shared = Shared::get().await;
        let (name, url) = shared
            .make_database()
            .await
            .expect("a database for the test");
        Self {
            shared,
            name,
            url,
            pooled_url: None,
        }
    }

    /// All sessions go through `pooler`, with the settings that a start asks for.
    ///
    /// # Panics
    /// When the server refuses the settings.
    pub async fn behind(mut self, pooler: &Pooler) -> Self {
        let past = pooled_options(&self.url, "windlass test").expect("an address of our own");
        let statements = settings_statements(&past).await.expect("our settings");
        let connection = PgConnection::connect(&self.url).await;
        let mut connection = connection.expect("the test server answers");
        sqlx::raw_sql(AssertSqlSafe(statements.join("\n")))
            .execute(&mut connection)
            .await
            .expect("the settings of the role");
        self.pooled_url = Some(pooler.url(&self.name));
        self
    }

    /// The port of its server.
    pub fn port(&self) -> u16 {
        self.shared.port()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, through a pooler where there is one.
    pub fn url(&self) -> &str {
        self.pooled_url.as_deref().unwrap_or(&self.url)
    }

    /// Its address past any pooler.
    pub fn direct_url(&self) -> &str {
        &self.url
    }

    /// How to connect as `application`, through a pooler where there is one.
    ///
    /// # Panics
    /// Never: the address is our own.
    pub fn options(&self, application: &str) -> ConnectOptions {
        let options = match &self.pooled_url {
            Some(url) => pooled_options(url, application),
            None => connect_options(&self.url, application),
        };
        options.expect("an address of our own")
    }

    /// A pool with our own connection options.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn pool(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX);
        pool.connect_with(self.options("windlass test"))
            .await
            .expect("the test server answers")
    }

    /// The one number that a statement gives.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn count(&self, sql: &str) -> i64 {
        let connection = PgConnection::connect_with(&self.options("windlass test")).await;
        let mut connection = connection.expect("the test server answers");
        let count = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        let count = count.fetch_one(&mut connection).await.expect("a count");
        connection.close().await.expect("a goodbye");
        count
    }

    /// The processes of the server whose sessions called themselves `application`, and are idle.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn idle_backends(&self, application: &str) -> Vec<i32> {
        let connection = PgConnection::connect(&self.url).await;
        let mut connection = connection.expect("the test server answers");
        sqlx::query_scalar(
            "select pid from pg_stat_activity
             where application_name = $1 and datname = current_database() and state = 'idle'",
        )
        .bind(application)
        .fetch_all(&mut connection)
        .await
        .expect("the sessions")
    }

    /// A store on a pool of its own.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn store(&self) -> Store {
        Store::new(self.pool().await)
    }
}

/// A transaction that somebody else holds open.
#[derive(Debug)]
pub struct Held(Transaction<'static, Postgres>);

impl Held {
    /// A transaction that holds what a statement locks.
    pub(super) async fn begin(pool: &PgPool, lock: &'static str) -> Self {
        let mut transaction = pool.begin().await.expect("a transaction");
        let locked = sqlx::query(lock).execute(&mut *transaction).await;
        locked.expect("the statement runs");
        Self(transaction)
    }

    /// The one number that a statement gives inside of it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn count(&mut self, sql: &'static str) -> i64 {
        let counted = sqlx::query_scalar(sql).fetch_one(&mut *self.0).await;
        counted.expect("a count")
    }

    /// How many sessions wait for it with a statement that holds these words.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn waits_of(&mut self, words: &str) -> i64 {
        // A transaction sees the sessions as they were when it first looked, unless it asks anew.
        let asked = sqlx::query("select pg_stat_clear_snapshot()");
        asked.execute(&mut *self.0).await.expect("it looks anew");
        let counted = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where pg_backend_pid() = any (pg_blocking_pids(pid)) and strpos(query, $1) > 0",
        );
        let counted = counted.bind(words).fetch_one(&mut *self.0).await;
        counted.expect("a count")
    }

    /// How many sessions wait for it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn lock_waits(&mut self) -> i64 {
        sqlx::query_scalar(
            "select count(distinct pid) from pg_locks
             where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))",
        )
        .fetch_one(&mut *self.0)
        .await
        .expect("a count")
    }

    /// Ends it, and with it whatever it locks.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn release(self) {
        self.0.rollback().await.expect("the test server answers");
    }

    /// Makes what it did durable.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn commit(self) {
        self.0.commit().await.expect("the test server answers");
    }
}

impl TestDatabase {
    /// Runs `sql` in a transaction that stays open: locks, snapshots, whatever stands in others' way.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn hold(&self, sql: &'static str) -> Held {
        Held::begin(&self.pool().await, sql).await
    }
}

impl Drop for TestDatabase {
    /// Best effort, on a thread of its own, since the test's runtime may be ending. What stays
    /// goes with the server.
    fn drop(&mut self) {
        let (shared, name) = (self.shared, std::mem::take(&mut self.name));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                let _ = runtime.block_on(shared.drop_database(&name));
            }
        });
    }
}
