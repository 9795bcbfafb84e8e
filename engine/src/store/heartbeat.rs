//! Liveness: one row a worker process, renewed on a connection of its own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::gate::Session;
use crate::Error;

/// What a worker says of itself when it enters.
#[derive(Clone, Debug, Default)]
pub struct Incarnation {
    /// This life of the process.
    pub id: Uuid,
    /// Jobs that it runs at once.
    pub slots: i32,
    /// Release of the binary.
    pub version: String,
    /// Machine.
    pub host: String,
    /// `worker`, `keeper`, `api`.
    pub roles: Vec<String>,
    /// Handlers that it offers, `name:version`.
    pub capabilities: Vec<String>,
}

/// What a heartbeat is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The database's time.
    pub at: DateTime<Utc>,
    /// Jobs that should stop.
    pub stops: Vec<i64>,
    /// A transaction that the server acknowledged: that of the beat before.
    pub acknowledged: i64,
}

/// The heartbeat's own connection.
#[derive(Debug)]
pub struct Beat {
    connection: Session,
}

impl Beat {
    /// Opens the connection.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        Ok(Self {
            connection: Session::connect(options).await?,
        })
    }

    /// A new incarnation begins.
    pub async fn enter(&mut self, incarnation: &Incarnation) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/worker/enter.sql",
            incarnation.id,
            incarnation.slots,
            incarnation.version,
            incarnation.host,
            &incarnation.roles,
            &incarnation.capabilities,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Renews; `None` when the worker was marked dead.
    pub async fn renew(&mut self, worker: Uuid) -> Result<Option<Renewed>, Error> {
        let renewed = sqlx::query_file_as!(Renewed, "queries/worker/heartbeat.sql", worker)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(renewed)
    }

    /// Gives back leases that the worker does not know; how many there were.
    pub async fn give_back_unlisted(
        &mut self,
        worker: Uuid,
        known: &[Uuid],
        older_than: Duration,
    ) -> Result<i64, Error> {
        let row = sqlx::query_file!(
            "queries/lease/give_back_unlisted.sql",
            worker,
            known,
            older_than.as_secs_f64()
        )
        .fetch_one(&mut self.connection)
        .await?;
        Ok(row.leases)
    }

    /// The worker takes no more work.
    pub async fn drain(&mut self, worker: Uuid) -> Result<(), Error> {
        sqlx::query_file!("queries/worker/drain.sql", worker)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// The worker is gone.
    pub async fn leave(&mut self, worker: Uuid) -> Result<(), Error> {
        sqlx::query_file!("queries/worker/leave.sql", worker)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}
