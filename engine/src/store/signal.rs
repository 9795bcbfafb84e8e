//! Signals: a named message to one job, or to whoever waits under a key. One job takes it; it is kept until
//! somebody does, or until its time is over.

use std::time::Duration;

use super::Store;
use super::gate::Session;
use super::post::{Meeting, Spot};
use crate::Error;

/// A message to whoever waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSignal {
    /// Whose it is.
    pub tenant: i32,
    /// A job, `j_7`, or a key that callers and templates agreed on.
    pub key: String,
    /// A second one of this id for the same key is the first one.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The CloudEvent, whole: JSON text.
    pub data: String,
    /// How long it is kept.
    pub ttl: Duration,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// A job that rested for it has it.
    Taken {
        /// The job.
        job: i64,
    },
    /// Nobody rested for it: it is kept.
    Kept,
    /// This id was sent before.
    Duplicate {
        /// Who has it, if somebody does.
        job: Option<i64>,
    },
}

impl Store {
    /// Sends a signal.
    ///
    /// # Errors
    /// What the database says. A repeat with the same id sends it once.
    ///
    /// # Cancel safety
    /// Dropped, it may have been sent.
    pub async fn send_signal(&self, signal: NewSignal) -> Result<Signalled, Error> {
        self.transaction(move |connection| Box::pin(send(connection, signal)))
            .await
    }

    /// Deletes signals whose time is over, a page a pass; how many.
    pub async fn expire_signals(&self) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/signal/expire.sql")
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}

impl Store {
    /// Gives signals that are kept to jobs that rest for them, where somebody forgot to; how many got one.
    pub(super) async fn offer_missed(&self) -> Result<usize, Error> {
        let missed = sqlx::query_file!("queries/doctor/missed_signals.sql")
            .fetch_all(self.pool())
            .await?;
        let mut given = 0;
        for row in missed {
            let offered = self.transaction(move |connection| {
                Box::pin(async move {
                    let mut meeting = Meeting::default();
                    meeting.alone(row.tenant, Spot::Signal(&row.name, &row.key));
                    meeting.hold(connection).await?;
                    offer(connection, row.tenant, &row.key, &row.name).await
                })
            });
            given += offered.await?;
        }
        Ok(given)
    }
}

async fn send(connection: &mut Session, signal: NewSignal) -> Result<Signalled, Error> {
    let NewSignal {
        tenant,
        key,
        id,
        name,
        data,
        ttl,
    } = signal;
    let mut meeting = Meeting::default();
    meeting.alone(tenant, Spot::Signal(&name, &key));
    meeting.hold(connection).await?;
    let kept = sqlx::query_file!(
        "queries/signal/keep.sql",
        tenant,
        key,
        id,
        name,
        data,
        ttl.as_secs_f64()
    )
    .execute(&mut *connection)
    .await?;
    if kept.rows_affected() == 0 {
        let known = sqlx::query_file!("queries/signal/state.sql", tenant, key, id)
            .fetch_optional(connection)
            .await?;
        let job = known.and_then(|row| row.job);
        return Ok(Signalled::Duplicate { job });
    }
    offer(connection, tenant, &key, &name).await?;
    let row = sqlx::query_file!("queries/signal/state.sql", tenant, key, id)
        .fetch_one(connection)
        .await?;
    Ok(match row.job {
        Some(job) => Signalled::Taken { job },
        None => Signalled::Kept,
    })
}

/// Gives what is kept to those who rest for it; how many got one. Its caller has met those who are about to.
pub(super) async fn offer(
    connection: &mut Session,
    tenant: i32,
    key: &str,
    name: &str,
) -> Result<usize, Error> {
    let jobs = sqlx::query_file!("queries/signal/offer.sql", tenant, key, name)
        .fetch_all(connection)
        .await?;
    Ok(jobs.len())
}
