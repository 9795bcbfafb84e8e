//! "There is work": an optimisation over polling, which finds everything a pause later.
//!
//! Inside every transaction a notification serialises commits and costs four fifths of the rate. So a
//! process speaks at most every 20 ms: the submission that finds it silent for so long says so in its own
//! commit, and what others want said is said after theirs, from one connection. A commit that speaks
//! names its lanes if they are few: who has nothing else to do asks those at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Store;
use super::gate::Ear;
use crate::Error;

/// Also named in `queries/request/submit_plain.sql` and `submit.sql`.
const CHANNEL: &str = "windlass_work";
/// Notifications are never closer than this.
const PAUSE: Duration = Duration::from_millis(20);
/// Lanes that a notification names at the most.
const NAMED_MAX: usize = 8;
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

    /// Waits for a notification: the lanes with new work, or none if it names none. `None` when the
    /// connection was lost, at most ten seconds ago, so that anything may have been said. Then connect anew.
    ///
    /// # Cancel safety
    /// Dropped while it asks after a silence, the listener is of no more use.
    pub async fn next(&mut self) -> Option<Vec<i32>> {
        loop {
            match timeout(SILENCE_MAX, self.0.hear()).await {
                Ok(Ok(Some(heard))) => return Some(lanes_in(heard.payload())),
                Ok(Ok(None) | Err(_)) => return None,
                Err(_) => {
                    let asked = timeout(ANSWER_MAX, self.0.ask()).await;
                    if !matches!(asked, Ok(Ok(()))) {
                        return None;
                    }
                }
            }
        }
    }
}

/// A commit's turn to speak, or to leave it to others.
pub(super) struct Turn<'a> {
    notifier: &'a Notifier,
    says: Option<String>,
}

impl Turn<'_> {
    /// What the commit is to say; nothing when another one just spoke.
    pub(super) fn says(&self) -> Option<&str> {
        self.says.as_deref()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        match self.says {
            Some(_) => self.notifier.spoken(),
            None => self.notifier.tell(),
        }
    }
}

/// What a notification of new work in `lanes` says.
fn naming(lanes: impl IntoIterator<Item = i32>) -> String {
    let mut lanes: Vec<i32> = lanes.into_iter().collect();
    lanes.sort_unstable();
    lanes.dedup();
    if lanes.len() > NAMED_MAX {
        return String::new();
    }
    let names: Vec<String> = lanes.iter().map(i32::to_string).collect();
    names.join(",")
}

/// Anybody may notify: what is no list of lanes names none.
fn lanes_in(said: &str) -> Vec<i32> {
    let lanes: Result<Vec<i32>, _> = said.split(',').map(str::parse).collect();
    let mut lanes = lanes.unwrap_or_default();
    lanes.sort_unstable();
    lanes.dedup();
    if lanes.len() > NAMED_MAX {
        return Vec::new();
    }
    lanes
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

    /// What a commit that brings work into `lanes` has to say, if it is its turn to speak. Dropped behind
    /// that commit, it has spoken, or somebody speaks for it.
    pub(super) fn turn(&self, lanes: impl IntoIterator<Item = i32>) -> Turn<'_> {
        Turn {
            notifier: self,
            says: self.take_turn().then(|| naming(lanes)),
        }
    }

    /// Whether it is the caller's turn to speak, in a statement of its own.
    fn take_turn(&self) -> bool {
        let mut spoke = self.0.spoke.lock().expect("no panic while holding it");
        let is_free = spoke.is_none_or(|spoke| spoke.elapsed() >= PAUSE);
        if is_free {
            *spoke = Some(Instant::now() + SPEAKING_MAX);
        }
        is_free
    }

    /// Who had the turn has spoken. Until then nobody else of this process speaks: a commit that notifies
    /// waits for all others that do.
    fn spoken(&self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lanes_are_named_each_once() {
        assert_eq!(lanes_in(&naming([7, 3, 7])), [3, 7]);
    }

    #[test]
    fn a_lane_that_is_named_twice_is_heard_once() {
        assert_eq!(lanes_in("7,7,3"), [3, 7]);
    }

    #[test]
    fn many_lanes_are_not_named() {
        assert_eq!(naming(0..100), "");
        assert!(lanes_in(&naming(0..100)).is_empty());
    }

    #[test]
    fn what_is_no_list_of_lanes_names_none() {
        for said in ["", "x", "1,", "1,x", "99999999999", &"1,".repeat(99)] {
            assert!(lanes_in(said).is_empty(), "{said}");
        }
    }
}
