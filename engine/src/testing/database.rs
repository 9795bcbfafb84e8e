//! A fresh, migrated database for one test, gone when it is dropped.

use std::thread;

use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres, Transaction};

use super::shared::Shared;
use crate::store::{Store, connect_options};

/// Enough for a handful of concurrent claimers; some dozen tests share one server.
const CONNECTIONS_MAX: u32 = 8;

/// A database of one's own on the shared throw-away server.
#[derive(Debug)]
pub struct TestDatabase {
    shared: &'static Shared,
    name: String,
    url: String,
}

impl TestDatabase {
    /// A copy of the migrated template.
    ///
    /// # Panics
    /// When no Postgres can be found or started: a test cannot go on without.
    pub async fn new() -> Self {
        let shared = Shared::get().await;
        let (name, url) = shared
            .make_database()
            .await
            .expect("a database for the test");
        Self { shared, name, url }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool with our own connection options.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn pool(&self) -> PgPool {
        let options = connect_options(&self.url, "windlass test").expect("an address of our own");
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX);
        pool.connect_with(options)
            .await
            .expect("the test server answers")
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
    /// How many sessions of this database wait for a lock.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn lock_waits(&mut self) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_locks
             where not granted and database = (select oid from pg_database where datname = current_database())",
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
        let mut transaction = self.pool().await.begin().await.expect("a transaction");
        sqlx::query(sql)
            .execute(&mut *transaction)
            .await
            .expect("the statement runs");
        Held(transaction)
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
