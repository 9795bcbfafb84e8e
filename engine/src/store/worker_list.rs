//! Workers as people see them. Their own verbs stand in `heartbeat`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Store;
use super::lane_facts::interval;
use super::page::PAGE_MAX;
use crate::Error;

/// One incarnation of a worker process.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerView {
    /// The incarnation.
    pub id: Uuid,
    /// Its last heartbeat.
    pub seen: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was found dead or left.
    pub dead_at: Option<DateTime<Utc>>,
    /// Whether it finishes what it has and takes nothing new.
    pub draining: bool,
    /// Jobs at once.
    pub slots: i32,
    /// Its binary.
    pub version: String,
    /// Its machine.
    pub host: String,
    /// `worker`, `keeper` …
    pub roles: Vec<String>,
    /// Handlers and labels that it offers.
    pub capabilities: Vec<String>,
    /// Whether its heartbeat is recent enough.
    pub alive: bool,
    /// Rows of leases that it holds.
    pub leases: i64,
    /// Jobs in them.
    pub jobs: i64,
}

impl Store {
    /// The workers, the living first. `ttl` is how long one counts as alive after its heartbeat.
    pub async fn workers(&self, ttl: Duration, limit: u32) -> Result<Vec<WorkerView>, Error> {
        self.workers_like(None, ttl, limit).await
    }

    /// One worker.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this id.
    pub async fn worker(&self, id: Uuid, ttl: Duration) -> Result<WorkerView, Error> {
        let found = self.workers_like(Some(id), ttl, 1).await?;
        let missing = || Error::not_found("worker", id.to_string());
        found.into_iter().next().ok_or_else(missing)
    }

    async fn workers_like(
        &self,
        id: Option<Uuid>,
        ttl: Duration,
        limit: u32,
    ) -> Result<Vec<WorkerView>, Error> {
        let limit = i64::from(limit.clamp(1, PAGE_MAX));
        let ttl = interval(ttl);
        let rows = sqlx::query_file_as!(WorkerView, "queries/worker/list.sql", ttl, id as _, limit)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }
}
