//! "There is work": an optimisation over polling, which finds everything a pause later.
//!
//! Submitters notify after their commit, from one connection, at most every 20 ms: inside every
//! transaction a notification serialises commits and costs four fifths of the rate.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;

use super::Store;
use super::gate::Ear;
use crate::Error;

const CHANNEL: &str = "windlass_work";
/// Notifications are never closer than this.
const PAUSE: Duration = Duration::from_millis(20);

/// Hears of new work.
#[derive(Debug)]
pub struct Listener(Ear);

impl Listener {
    /// Listens on a connection of its own; needs a session, so not through a transaction pooler.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        Ok(Self(Ear::connect(options, CHANNEL).await?))
    }

    /// Waits for a notification; `false` when the connection was lost, so that anything may have been said.
    pub async fn next(&mut self) -> bool {
        matches!(self.0.hear().await, Ok(Some(_)))
    }
}

/// Tells listeners that there is new work, at most every 20 ms.
#[derive(Clone, Debug, Default)]
pub struct Notifier(Arc<Notify>);

impl Notifier {
    /// There is new work. Costs nothing and never waits.
    pub fn tell(&self) {
        self.0.notify_one();
    }

    /// Sends what was told. Run it on a task beside the submitters; it ends when dropped.
    pub async fn run(self, store: Store) {
        loop {
            self.0.notified().await;
            if let Err(error) = sqlx::query_file!("queries/cluster/notify.sql", CHANNEL)
                .execute(store.pool())
                .await
            {
                tracing::debug!(error = %error, "could not notify; polling finds the work");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
