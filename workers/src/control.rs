//! The part of a worker that must never wait for work: heartbeat, trust, and the look-out for lanes.
//!
//! It runs on a thread of its own, so that a handler that blocks stops neither.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{Beat, Incarnation, LaneAhead, Listener};
use windlass_workflows::document::needs::is_needed;

use crate::follow::follow;
use crate::shared::{Phase, Shared};

/// Trust ends this much before the lease does, by the worker's own monotonic clock.
const TRUST_MARGIN: f64 = 0.1;
/// Looks for lanes are never closer than this.
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(5);
/// An idle engine is asked this seldom at the most; a notification asks at once.
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The same while notifications come: keepers tell of what nobody else told of, once a second.
const LISTENING_PAUSE_MAX: Duration = Duration::from_secs(2);

/// While there is work, pauses, shares and new groups are heeded within this time.
const LOOK_AGE_MAX: Duration = Duration::from_millis(250);

/// A look that takes so long, over many lanes or many dead entries, leaves four times as long to others.
const LOOK_DEAR: Duration = Duration::from_millis(20);

/// A look that is not answered for so long was lost.
const LOOK_ANSWER_MAX: Duration = Duration::from_secs(10);

/// Liveness of one worker.
pub(crate) struct Control {
    pub(crate) shared: Arc<Shared>,
    pub(crate) identity: Incarnation,
    pub(crate) lease_time: Duration,
    pub(crate) capabilities: HashSet<String>,
}

/// How far the heartbeat has come.
#[derive(Default)]
struct Beating {
    connection: Option<Beat>,
    /// A transaction that the server acknowledged.
    acknowledged: Option<i64>,
    draining_told: bool,
}

impl Control {
    /// Beats, listens and looks until `gone`, then says goodbye.
    pub(crate) async fn run(
        mut self,
        entered: tokio::sync::oneshot::Sender<()>,
        gone: CancellationToken,
    ) {
        tokio::select! {
            () = self.enter() => {}
            // A worker that never got in has nobody to say goodbye to.
            () = gone.cancelled() => return,
        }
        let _ = entered.send(());
        let shared = self.shared.clone();
        let capabilities = self.capabilities.clone();
        select! {
            () = self.beat() => {}
            () = look(&shared, &capabilities) => {}
            () = listen(&shared) => {}
            () = gone.cancelled() => {}
        }
        self.leave().await;
    }

    /// A new incarnation, however long the database is away.
    async fn enter(&mut self) {
        self.identity.id = Uuid::now_v7();
        loop {
            let asked_at = Instant::now();
            match self.try_enter().await {
                Ok(()) => {
                    self.shared
                        .begin(self.identity.id, self.trusted_until(asked_at));
                    info!(worker.id = %self.identity.id, "worker entered");
                    return;
                }
                Err(error) => {
                    warn!(error = %error, "the database does not let the worker in yet");
                    sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    async fn try_enter(&self) -> Result<(), Error> {
        let mut beat = Beat::connect(&self.shared.connect).await?;
        beat.enter(&self.identity).await
    }

    /// Renews a third of the lease time apart.
    async fn beat(&mut self) {
        let mut ticks = interval(self.lease_time / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beating = Beating::default();
        loop {
            ticks.tick().await;
            let asked_at = Instant::now();
            let beat = self.beat_once(&mut beating);
            // Silent for a whole lease time, the connection is dead, and so are we to others. A shorter
            // limit would keep a worker on a busy machine from ever getting an answer.
            let Ok(answer) = timeout(self.lease_time, beat).await else {
                warn!("a heartbeat was not answered in time");
                beating.connection = None;
                continue;
            };
            match answer {
                Ok(true) => self.shared.trust(self.trusted_until(asked_at)),
                Ok(false) => {
                    warn!(worker.id = %self.identity.id, "marked dead by others; everything held is dropped");
                    self.enter().await;
                }
                Err(error) => {
                    warn!(error = %error, "a heartbeat was not answered");
                    beating.connection = None;
                }
            }
        }
    }

    /// One heartbeat; `false` when the worker was marked dead.
    async fn beat_once(&self, beating: &mut Beating) -> Result<bool, Error> {
        let beat = match &mut beating.connection {
            Some(beat) => beat,
            empty => {
                let beat = Beat::connect(&self.shared.connect).await?;
                self.recognise(beating.acknowledged).await;
                empty.insert(beat)
            }
        };
        let Some(renewed) = beat.renew(self.identity.id).await? else {
            return Ok(false);
        };
        beating.acknowledged = Some(renewed.acknowledged);
        self.shared.set_stops(renewed.stops.into_iter().collect());
        let known = self.shared.claims.listed();
        let lost = beat
            .give_back_unlisted(self.identity.id, &known, self.lease_time * 2 / 3)
            .await?;
        if lost > 0 {
            warn!(
                leases = lost,
                "gave back leases whose claim was never answered"
            );
        }
        if self.shared.phase() != Phase::Running && !beating.draining_told {
            beat.drain(self.identity.id).await?;
            beating.draining_told = true;
        }
        Ok(true)
    }

    /// A connection that had to be made anew may lead to another server.
    async fn recognise(&self, acknowledged: Option<i64>) {
        if let Err(error) = follow(&self.shared.store, acknowledged).await {
            warn!(error = %error, "could not look whether the database moved");
        }
    }

    /// The heartbeat stops last.
    async fn leave(&self) {
        let left = async {
            Beat::connect(&self.shared.connect)
                .await?
                .leave(self.identity.id)
                .await
        };
        match tokio::time::timeout(Duration::from_secs(2), left).await {
            Ok(Ok(())) => info!(worker.id = %self.identity.id, "worker left"),
            Ok(Err(_)) | Err(_) => warn!("the worker could not say goodbye; its lease time will"),
        }
    }

    fn trusted_until(&self, asked_at: Instant) -> Instant {
        asked_at + self.lease_time.mul_f64(1.0 - TRUST_MARGIN)
    }
}

/// Looks for lanes with work whenever a pump has none left, a notification comes, or a pause is over.
async fn look(shared: &Shared, capabilities: &HashSet<String>) {
    let mut pause = LOOK_PAUSE_MIN;
    // When the next token of a limit comes, if that is all that a lane waits for.
    let mut opening = None;
    let mut heard: Option<Instant> = None;
    // After a notice, the next look is no sooner than this.
    let mut rest = LOOK_PAUSE_MIN;
    loop {
        select! {
            () = sleep(sooner(pause, opening)) => {}
            // A notice is looked after at once; many of them, once a pause.
            () = shared.noticed() => {
                let since = heard.map_or(rest, |heard| heard.elapsed());
                if since < rest {
                    // The shortest sleep lasts a millisecond, that of nothing too.
                    sleep(rest - since).await;
                }
                heard = Some(Instant::now());
            }
        }
        if shared.phase() != Phase::Running {
            return std::future::pending().await;
        }
        let since = Instant::now();
        let looked = shared.store.lanes_ahead_of(shared.incarnation());
        match timeout(LOOK_ANSWER_MAX, looked).await {
            Ok(Ok(mut ahead)) => {
                ahead.retain(|lane| has_all(&lane.capability, capabilities));
                let busy = shared.take_busy() || ahead.iter().any(LaneAhead::is_open);
                pause = if busy {
                    LOOK_PAUSE_MIN
                } else {
                    match shared.hears() {
                        true => (pause * 4).min(LISTENING_PAUSE_MAX),
                        false => (pause * 2).min(LOOK_PAUSE_MAX),
                    }
                };
                opening = ahead.iter().filter_map(|lane| lane.opens_in).min();
                shared.set_lanes_ahead(ahead);
            }
            Ok(Err(error)) => {
                warn!(error = %error, "could not look for work");
                pause = LOOK_PAUSE_MAX;
            }
            Err(_) => warn!("a look for work was not answered in time"),
        }
        rest = rest_after(since.elapsed());
        pause = pause.max(rest);
        if pause == LOOK_PAUSE_MIN {
            // Pumps have lanes now: look again when one has used them up, and before the list is stale.
            select! {
                () = shared.looking.notified() => {}
                () = sleep(sooner(LOOK_AGE_MAX, opening)) => {}
            }
        }
    }
}

/// How long the database has peace from looks, of which the last took so long.
fn rest_after(took: Duration) -> Duration {
    if took < LOOK_DEAR {
        LOOK_PAUSE_MIN
    } else {
        (took * 4).min(LOOK_PAUSE_MAX)
    }
}

/// Whether the worker offers all that a lane needs. Who has what it prefers, the look knows.
fn has_all(wanted: &str, offered: &HashSet<String>) -> bool {
    let mut needed = wanted.split(',').filter(|word| is_needed(word));
    wanted.is_empty() || needed.all(|word| offered.contains(word))
}

/// When to look again: after the pause, or earlier when a limit opens.
fn sooner(pause: Duration, opening: Option<Duration>) -> Duration {
    opening.map_or(pause, |opening| pause.min(opening.max(LOOK_PAUSE_MIN)))
}

/// Hears of new work. Without it polling finds everything, a pause later.
async fn listen(shared: &Shared) {
    loop {
        match Listener::connect(&shared.listen).await {
            Ok(mut listener) => {
                // Whatever was said before we listened is found by looking.
                shared.set_hears(true);
                shared.notice();
                while let Some(lanes) = listener.next().await {
                    shared.notice_of(lanes);
                }
                shared.set_hears(false);
                shared.notice();
            }
            Err(error) => warn!(error = %error, "no connection to listen on yet"),
        }
        sleep(LOOK_PAUSE_MAX).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_cost_little_follow_closely() {
        assert_eq!(rest_after(Duration::from_millis(19)), LOOK_PAUSE_MIN);
    }

    #[test]
    fn a_dear_look_leaves_four_times_as_long_to_others() {
        assert_eq!(rest_after(LOOK_DEAR), LOOK_DEAR * 4);
    }

    #[test]
    fn however_dear_it_was_the_next_look_comes() {
        assert_eq!(rest_after(Duration::from_secs(9)), LOOK_PAUSE_MAX);
    }
}
