//! Signals: a named message to one job, or to whoever waits under a key. One job takes it; it is kept until
//! somebody does, or until its time is over.

use std::collections::BTreeSet;
use std::sync::MutexGuard;
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

    /// What became of a signal that was sent before; nothing when it was not.
    pub(crate) async fn sent_signal(
        &self,
        tenant: i32,
        key: &str,
        id: &str,
    ) -> Result<Option<Signalled>, Error> {
        let found = sqlx::query_file!("queries/signal/state.sql", tenant, key, id);
        let known = found.fetch_optional(self.pool()).await?;
        Ok(known.map(|row| Signalled::Duplicate { job: row.job }))
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
        let found = sqlx::query_file!("queries/doctor/missed_signals.sql");
        let missed = found.fetch_all(self.pool()).await?;
        let mut given = 0;
        for row in missed {
            let spot = (row.tenant, row.key, row.name);
            given += self.give_at(spot, Kept::Fresh).await?;
        }
        Ok(usize::try_from(given).unwrap_or_default())
    }

    /// Gives signals that somebody's listens refused to jobs that rest for them with others, a page a pass; how
    /// many got one.
    pub async fn pass_signals_on(&self) -> Result<i64, Error> {
        let behind = self.passed().clone();
        let page = sqlx::query_file!("queries/signal/refused.sql", behind.0, behind.1, behind.2)
            .fetch_all(self.pool())
            .await?;
        let last = page.last().filter(|_| page.len() == PAGE);
        *self.passed() = last
            .map(|row| (row.tenant, row.key.clone(), row.id.clone()))
            .unwrap_or_default();
        let spots: BTreeSet<_> = page
            .into_iter()
            .filter(|row| row.awaited)
            .map(|row| (row.tenant, row.key, row.name))
            .collect();
        let mut given = 0;
        for spot in spots {
            given += self.give_at(spot, Kept::Refused).await?;
        }
        Ok(given)
    }

    /// Gives what is kept under one tenant, key and name, in a transaction of its own.
    async fn give_at(
        &self,
        (tenant, key, name): (i32, String, String),
        kept: Kept,
    ) -> Result<i64, Error> {
        self.transaction(move |connection| {
            Box::pin(async move {
                let mut meeting = Meeting::default();
                meeting.alone(tenant, Spot::Signal(&name, &key));
                meeting.hold(connection).await?;
                give(connection, (tenant, &key, &name), kept).await
            })
        })
        .await
    }

    fn passed(&self) -> MutexGuard<'_, Place> {
        self.passed_behind
            .lock()
            .expect("no panic while holding it")
    }
}

/// Tenant, key and id of a signal.
pub(super) type Place = (i32, String, String);
/// Signals that `signal/refused.sql` looks at.
const PAGE: usize = 1_000;
/// How often one looks again whether somebody waits, when those who did were woken by others.
const ROUNDS_MAX: usize = 20;

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
    give(connection, (tenant, &key, &name), Kept::Fresh).await?;
    let row = sqlx::query_file!("queries/signal/state.sql", tenant, key, id)
        .fetch_one(connection)
        .await?;
    Ok(match row.job {
        Some(job) => Signalled::Taken { job },
        None => Signalled::Kept,
    })
}

/// Kept signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Those that nobody refused.
    Fresh,
    /// Those that the listens of somebody refused, for others.
    Refused,
}

/// How many jobs got a signal, and how many were woken by somebody else meanwhile.
struct Round {
    given: i64,
    gone: i64,
}

/// Gives what is kept to those who rest for it; how many got one. Its caller has met those who are about to.
pub(super) async fn give(
    connection: &mut Session,
    (tenant, key, name): (i32, &str, &str),
    kept: Kept,
) -> Result<i64, Error> {
    let mut given = 0;
    for _ in 0..ROUNDS_MAX {
        let connection = &mut *connection;
        let round = match kept {
            Kept::Fresh => {
                sqlx::query_file_as!(Round, "queries/signal/offer.sql", tenant, key, name)
                    .fetch_one(connection)
                    .await?
            }
            Kept::Refused => {
                sqlx::query_file_as!(Round, "queries/signal/pass_on.sql", tenant, key, name)
                    .fetch_one(connection)
                    .await?
            }
        };
        given += round.given;
        // Whom somebody else woke is out of the way now; of refused ones a job got the first alone.
        let again = round.gone > 0 || kept == Kept::Refused && round.given > 0;
        if !again {
            break;
        }
    }
    Ok(given)
}
