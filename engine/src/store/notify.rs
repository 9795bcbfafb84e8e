//! "There is work": an optimisation over polling, which finds everything a pause later.
//!
//! Inside every transaction a notification serialises commits and costs four fifths of the rate. So a
//! process speaks at most every 20 ms: the submission that finds it silent for so long says so in its own
//! commit, and what others want said is said after theirs, from one connection.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Store;
use super::gate::Ear;
use crate::Error;

/// Also named in `queries/request/submit_plain.sql`.
const CHANNEL: &str = "windlass_work";
/// Notifications are never closer than this.
const PAUSE: Duration = Duration::from_millis(20);
/// Who did not say that it has spoken was dropped.
const SPEAKING_MAX: Duration = Duration::from_secs(1);
/// After this silence the listener asks whether anybody is there: a peer that is gone says nothing either.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// So long it waits for the answer; with the silence before it, the time until a lost peer is noticed.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Hears of new work.
#[derive(Debug)]
pub struct Listener(Ear);

impl Listener {
    /// Listens on a connection of its own; needs a session, so not through a transaction pooler.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        Ok(Self(Ear::connect(options, CHANNEL).await?))
    }

    /// Waits for a notification; `false` when the connection was lost, at most ten seconds ago, so that
    /// anything may have been said. Then connect anew.
    ///
    /// # Cancel safety
    /// Dropped while it asks after a silence, the listener is of no more use.
    pub async fn next(&mut self) -> bool {
        loop {
            match timeout(SILENCE_MAX, self.0.hear()).await {
                Ok(heard) => return matches!(heard, Ok(Some(_))),
                Err(_) => {
                    let asked = timeout(ANSWER_MAX, self.0.ask()).await;
                    if !matches!(asked, Ok(Ok(()))) {
                        return false;
                    }
                }
            }
        }
    }
}

/// Tells listeners that there is new work, at most every 20 ms.
#[derive(Clone, Debug, Default)]
pub struct Notifier(Arc<Voice>);

#[derive(Debug, Default)]
struct Voice {
    told: Notify,
    /// When somebody last spoke; ahead of now while somebody speaks.
    spoke: Mutex<Option<Instant>>,
}

impl Notifier {
    /// There is new work. Costs nothing and never waits.
    pub fn tell(&self) {
        self.0.told.notify_one();
    }

    /// Whether it is the caller's turn to speak, in a statement of its own.
    pub(super) fn take_turn(&self) -> bool {
        let mut spoke = self.0.spoke.lock().expect("no panic while holding it");
        let is_free = spoke.is_none_or(|spoke| spoke.elapsed() >= PAUSE);
        if is_free {
            *spoke = Some(Instant::now() + SPEAKING_MAX);
        }
        is_free
    }

    /// Who had the turn has spoken. Until then nobody else of this process speaks: a commit that notifies
    /// waits for all others that do.
    pub(super) fn spoken(&self) {
        *self.0.spoke.lock().expect("no panic while holding it") = Some(Instant::now());
    }

    /// Sends what was told. Run it on a task beside the submitters; it ends when dropped.
    pub async fn run(self, store: Store) {
        loop {
            self.0.told.notified().await;
            while !self.take_turn() {
                tokio::time::sleep(PAUSE).await;
            }
            let spoken = sqlx::query_file!("queries/cluster/notify.sql", CHANNEL)
                .fetch_one(store.pool())
                .await;
            self.spoken();
            if let Err(error) = spoken {
                tracing::debug!(error = %error, "could not notify; polling finds the work");
            }
        }
    }
}
