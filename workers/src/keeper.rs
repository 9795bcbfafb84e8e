//! Runs the engine's duties: what must happen although nobody asks.
//!
//! One look a second says which duties have something to do, and when the next one will by the clock; a
//! duty that is not due costs nothing. Any process may run them, any number at a time: the rows that a
//! duty locks decide who does the work. One that found work goes on until it finds none.

mod duty;
mod tidy;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use windlass_engine::Store;
use windlass_engine::store::Notifier;

use self::duty::{Duty, Pass};
use crate::delivery::Deliverer;
use crate::outside::Sources;

/// Longest pause after a failure of the database.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Looks are never further apart.
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Nor closer, however many timers there are: a pass moves all that are due.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(100);
/// A server whose host has vanished never answers; then another connection is tried.
const LOOK_ANSWER_MAX: Duration = Duration::from_secs(10);
/// While nothing stirs, the engine's own house is looked after this seldom.
const REST_MAX: Duration = Duration::from_mins(2);

/// How long jobs are kept after their end, unless somebody says otherwise: thirty days.
pub const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// How a keeper runs.
#[derive(Clone, Copy, Debug)]
pub struct KeeperOptions {
    /// A silent worker's jobs are claimable again after this long.
    pub lease_time: Duration,
    /// A cancelled job whose worker does not end it within this long is cut from its lease.
    pub cancel_grace: Duration,
    /// Jobs are kept for so long after their end, and then go by whole ranges of ids; for ever without.
    pub retention: Option<Duration>,
}

impl Default for KeeperOptions {
    fn default() -> Self {
        Self {
            lease_time: Duration::from_secs(30),
            // Three times what a job waits for its own running step.
            cancel_grace: Duration::from_secs(30),
            retention: Some(RETENTION),
        }
    }
}

/// Repeats the duties until it is told to stop.
pub struct Keeper {
    store: Store,
    notifier: Notifier,
    options: KeeperOptions,
    deliverer: Option<Deliverer>,
    bells: [Notify; Duty::ALL.len()],
    seen: Mutex<Seen>,
    sources: Option<Sources>,
    stop: CancellationToken,
}

/// What looks saw of the server.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When it began, and a transaction that it acknowledged.
    now: Option<(DateTime<Utc>, Option<i64>)>,
    /// One that the server before it acknowledged, where there was one.
    before: Option<i64>,
}

impl Keeper {
    /// A keeper over a store; `notifier` tells workers of what became ready.
    pub fn new(store: Store, notifier: Notifier, options: KeeperOptions) -> Self {
        Self {
            store,
            notifier,
            options,
            deliverer: None,
            bells: Default::default(),
            seen: Mutex::default(),
            sources: None,
            stop: CancellationToken::new(),
        }
    }

    /// The same, reading the sources of batches as well: it knows the secrets that this needs.
    pub fn reading(mut self, sources: Sources) -> Self {
        self.sources = Some(sources);
        self
    }

    /// One that tells webhooks, too; without, another keeper must.
    pub fn delivering(self, deliverer: Deliverer) -> Self {
        Self {
            deliverer: Some(deliverer),
            ..self
        }
    }

    /// Runs every duty until `stop`, letting a pass that has begun end.
    ///
    /// # Cancel safety
    /// Dropped, passes under way end or roll back by themselves.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop.clone();
        let keeper = Arc::new(self);
        let mut tasks = JoinSet::new();
        for duty in Duty::ALL {
            let (keeper, stop) = (keeper.clone(), stop.clone());
            tasks.spawn(async move { keeper.repeat(duty, stop).await });
        }
        tasks.spawn(async move {
            tokio::select! {
                () = keeper.look_out() => {}
                () = stop.cancelled() => {}
            }
        });
        info!("keeper started");
        while tasks.join_next().await.is_some() {}
    }

    /// Looks what is due and rings for it. Whatever stirs also rings for the house; work that is ready,
    /// whoever made it, is told to the workers.
    async fn look_out(&self) {
        let most = (self.options.lease_time / 5).clamp(LOOK_PAUSE_MIN * 2, LOOK_PAUSE_MAX);
        let mut ids = None;
        loop {
            let mut pause = jittered(most);
            let look = self.store.duties_due(self.options.lease_time);
            match timeout(LOOK_ANSWER_MAX, look).await {
                Ok(Ok(due)) => {
                    let is_new = ids.replace(due.ids).is_some_and(|before| before != due.ids);
                    let stirs = is_new || due.is_busy || !due.duties.is_empty();
                    for duty in Duty::ALL {
                        let is_due = due.duties.iter().any(|name| name == duty.name());
                        if is_due || stirs && duty.house_pace().is_some() {
                            self.ring(duty);
                        }
                    }
                    self.recognise(due.server_since, due.acknowledged);
                    if due.is_ready {
                        self.notifier.tell();
                    }
                    if let Some(next) = due.next {
                        pause = pause.min(next.max(LOOK_PAUSE_MIN));
                    }
                }
                Ok(Err(error)) => {
                    warn!(error = %error, code = error.code(), "could not look for what is due");
                }
                Err(_) => warn!("the database did not say what is due; looking again"),
            }
            sleep(pause).await;
        }
    }

    /// A server that began anew may be another one, or a copy that goes on.
    fn recognise(&self, since: DateTime<Utc>, acknowledged: Option<i64>) {
        let mut seen = self.seen();
        if let Some((_, before)) = seen.now.filter(|(known, _)| *known != since) {
            seen.before = before;
            self.ring(Duty::Follow);
        }
        seen.now = Some((since, acknowledged));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic while holding it")
    }

    async fn repeat(&self, duty: Duty, stop: CancellationToken) {
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let passed = duty.pass(self).await;
            let rest = begun.elapsed() * duty.rest();
            failures = if passed.is_ok() { 0 } else { failures + 1 };
            let pause = async {
                match passed {
                    Ok(Pass::Worked) => {
                        duty.followers().iter().for_each(|next| self.ring(*next));
                        sleep(jittered(rest.min(PAUSE_MAX))).await;
                    }
                    Ok(Pass::Idle) => self.until_due(duty).await,
                    Err(error) => {
                        warn!(duty = duty.name(), error = %error, code = error.code(), "a duty failed; it is tried again");
                        let pause = Duration::from_millis(200) * 2_u32.pow(failures.min(6));
                        sleep(jittered(pause.min(PAUSE_MAX))).await;
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = pause => {}
            }
        }
    }

    /// Waits until a look finds something for this duty.
    async fn until_due(&self, duty: Duty) {
        if let Some(pace) = duty.house_pace() {
            sleep(jittered(pace)).await;
            let _ = timeout(REST_MAX.saturating_sub(pace), self.bell(duty).notified()).await;
        } else {
            self.bell(duty).notified().await;
        }
    }

    /// This duty is due.
    fn ring(&self, duty: Duty) {
        self.bell(duty).notify_one();
    }

    fn bell(&self, duty: Duty) -> &Notify {
        &self.bells[duty as usize]
    }
}

/// A tenth more or less, so that keepers do not fall in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.9 + rand::random::<f64>() / 5.0)
}
