//! Whether the database is one that work can be trusted to: reachable, migrated, durable.

use serde::Serialize;

use super::Store;
use super::migrate::fingerprint;
use crate::Error;

/// The list of applied migrations is the migrator's own, and there is none before its first run.
const NEWEST_MIGRATION: &str = "select max(version) from windlass._sqlx_migrations where success";

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// As the server says it.
    pub server_version: String,
    /// Whether it is a standby, which takes no writes.
    pub in_recovery: bool,
    /// `off` loses what was acknowledged in a power cut.
    pub fsync: String,
    /// `off` can tear pages in a power cut.
    pub full_page_writes: String,
    /// `off` loses what was acknowledged in a crash.
    pub synchronous_commit: String,
    /// The newest migration that was applied; 0 before the first.
    pub schema_version: i64,
    /// The newest migration that this binary knows.
    pub schema_version_needed: i64,
}

impl Health {
    /// The newest migration that this binary knows.
    pub fn schema_version_needed() -> i64 {
        fingerprint().map(|(version, _)| version).max().unwrap_or(0)
    }
}

impl Store {
    /// Looks at the server's settings and at its schema.
    ///
    /// # Errors
    /// What the database says; one without our schema is no error but version 0.
    pub async fn health(&self) -> Result<Health, Error> {
        let mut connection = self.pool().acquire().await?;
        let row = sqlx::query_file!("queries/cluster/health.sql")
            .fetch_one(&mut connection)
            .await?;
        // Without our schema there is no such table.
        let newest: Result<Option<i64>, _> = sqlx::query_scalar(NEWEST_MIGRATION)
            .fetch_one(&mut connection)
            .await;
        Ok(Health {
            server_version: row.server_version,
            in_recovery: row.in_recovery,
            fsync: row.fsync,
            full_page_writes: row.full_page_writes,
            synchronous_commit: row.synchronous_commit,
            schema_version: newest.ok().flatten().unwrap_or(0),
            schema_version_needed: Health::schema_version_needed(),
        })
    }
}
