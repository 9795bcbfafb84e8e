//! Runs the engine's duties: what must happen although nobody asks.
//!
//! Any process may run them, any number at a time: the rows that a duty locks decide who does the
//! work. Each duty has its own pace and jitter; one that found work looks again at once.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use windlass_engine::protocol::{BreakersKept, Planned};
use windlass_engine::store::{Notifier, doctor};
use windlass_engine::{Error, Store};

/// Longest pause after a failure of the database.
const PAUSE_MAX: Duration = Duration::from_secs(5);

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
}

impl Keeper {
    /// A keeper over a store; `notifier` tells workers of what became ready.
    pub fn new(store: Store, notifier: Notifier, options: KeeperOptions) -> Self {
        Self {
            store,
            notifier,
            options,
        }
    }

    /// Runs every duty until `stop`, letting a pass that has begun end.
    ///
    /// # Cancel safety
    /// Dropped, passes under way end or roll back by themselves.
    pub async fn run(self, stop: CancellationToken) {
        let mut duties = JoinSet::new();
        for duty in [
            Duty::Expire,
            Duty::Wake,
            Duty::Plan,
            Duty::Release,
            Duty::Finish,
            Duty::Fire,
            Duty::Redrive,
            Duty::Break,
            Duty::Partition,
            Duty::Tidy,
            Duty::Doctor,
        ] {
            let keeper = Self {
                store: self.store.clone(),
                notifier: self.notifier.clone(),
                options: self.options,
            };
            let stop = stop.clone();
            duties.spawn(async move { keeper.repeat(duty, stop).await });
        }
        info!("keeper started");
        while duties.join_next().await.is_some() {}
    }

    async fn repeat(self, duty: Duty, stop: CancellationToken) {
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let pause = match duty.pass(&self).await {
                Ok(Pass::Worked) => {
                    failures = 0;
                    Duration::ZERO
                }
                Ok(Pass::Idle) => {
                    failures = 0;
                    duty.pace(self.options.lease_time)
                }
                Err(error) => {
                    failures += 1;
                    warn!(duty = duty.name(), error = %error, code = error.code(), "a duty failed; it is tried again");
                    (Duration::from_millis(200) * 2_u32.pow(failures.min(6))).min(PAUSE_MAX)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(jittered(pause)) => {}
            }
        }
    }
}

/// Whether a pass found work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Worked,
    Idle,
}

impl Pass {
    fn of(worked: bool) -> Self {
        if worked { Self::Worked } else { Self::Idle }
    }
}

/// One thing that a keeper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// Dead workers' leases, and pauses of single jobs.
    Expire,
    /// Timers, future work, and jobs whose time to start has passed.
    Wake,
    /// Batches that are to be planned.
    Plan,
    /// Windows that have room.
    Release,
    /// Batches whose settlements are complete.
    Finish,
    /// Schedules.
    Fire,
    /// Stopped work that should go on.
    Redrive,
    /// Templates that one error stops.
    Break,
    /// Partitions for the ids to come, and those that are old.
    Partition,
    /// Tallies and old keys.
    Tidy,
    /// Rows that break what is promised.
    Doctor,
}

impl Duty {
    fn name(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Wake => "wake",
            Self::Plan => "plan",
            Self::Release => "release",
            Self::Finish => "finish",
            Self::Fire => "fire",
            Self::Redrive => "redrive",
            Self::Break => "break",
            Self::Partition => "partition",
            Self::Tidy => "tidy",
            Self::Doctor => "doctor",
        }
    }

    /// The pause after a pass that found nothing. Together, an idle keeper asks about four times a second.
    fn pace(self, lease_time: Duration) -> Duration {
        match self {
            Self::Expire => {
                (lease_time / 5).clamp(Duration::from_millis(200), Duration::from_secs(2))
            }
            Self::Wake | Self::Finish => Duration::from_secs(1),
            Self::Plan | Self::Release => Duration::from_secs(1),
            Self::Fire | Self::Redrive | Self::Break => Duration::from_secs(1),
            // Three ranges ahead are used up in three minutes at the fastest.
            Self::Partition => Duration::from_secs(10),
            Self::Tidy | Self::Doctor => Duration::from_secs(30),
        }
    }

    fn pass(self, keeper: &Keeper) -> BoxFuture<'_, Result<Pass, Error>> {
        Box::pin(async move {
            let store = &keeper.store;
            let worked = match self {
                Self::Expire => {
                    let expired = store.expire(keeper.options.lease_time).await?;
                    let cut = store.cut_disobedient(keeper.options.cancel_grace).await?;
                    if cut > 0 {
                        warn!(
                            jobs = cut,
                            "cut cancelled jobs from workers that did not end them"
                        );
                    }
                    let ended = store.end_cancelling().await?
                        + i64::try_from(store.fulfil_cancels().await?).unwrap_or_default();
                    if expired.workers + usize::try_from(expired.jobs).unwrap_or_default() > 0 {
                        info!(
                            workers = expired.workers,
                            jobs = expired.jobs,
                            parked = expired.parked,
                            "took back what dead workers held"
                        );
                        keeper.notifier.tell();
                    }
                    let paused = store.keep_pauses().await?;
                    if paused > 0 {
                        keeper.notifier.tell();
                    }
                    expired.leases + ended + paused > 0
                }
                Self::Wake => {
                    let now = store.moved_now().await?;
                    let ended = store.expire_jobs(now).await?;
                    told(keeper, store.wake(now).await? > 0) || ended > 0
                }
                Self::Plan => planned(store.plan().await?),
                Self::Release => told(keeper, store.release().await? > 0),
                Self::Finish => ended(&store.finish().await?),
                Self::Fire => !store.fire().await?.batches.is_empty(),
                Self::Redrive => {
                    let moved = store.pace_redrives().await?;
                    told(keeper, moved.is_some_and(|jobs| jobs > 0));
                    // The rate is per second: the next pass waits for its own.
                    false
                }
                Self::Break => broken(keeper, store.keep_breakers(store.moved_now().await?).await?),
                Self::Partition => partitioned(keeper).await?,
                Self::Tidy => {
                    let pruned = store.prune_keys().await? + store.prune_failures().await?;
                    store.compact_tallies().await? > 0 || pruned > 0
                }
                Self::Doctor => {
                    told(keeper, look_over(keeper).await?);
                    // Each check has its own pace.
                    false
                }
            };
            Ok(Pass::of(worked))
        })
    }
}

/// Makes the checks whose time has come, and puts right what is provably safe; whether anything was.
async fn look_over(keeper: &Keeper) -> Result<bool, Error> {
    let options = doctor::Options {
        repair: true,
        who: "keeper".into(),
        lease_time: keeper.options.lease_time,
        ..doctor::Options::default()
    };
    let mut repaired = 0;
    for check in keeper.store.doctor_duty(&options).await? {
        if let Some(why) = &check.unfinished {
            debug!(check = check.name, why, "the doctor is not through");
        }
        let mut found = 0;
        for finding in &check.findings {
            found += finding.found;
            repaired += finding.repaired;
            warn!(
                code = finding.code,
                found = finding.found,
                repaired = finding.repaired,
                "the doctor found something; `windlass doctor --last` shows it"
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        metrics::gauge!("windlass_doctor_findings", "check" => check.name).set(found as f64);
    }
    metrics::counter!("windlass_doctor_repairs_total").increment(repaired.unsigned_abs());
    Ok(repaired > 0)
}

/// Workers hear of what became ready.
fn told(keeper: &Keeper, worked: bool) -> bool {
    if worked {
        keeper.notifier.tell();
    }
    worked
}

fn broken(keeper: &Keeper, kept: BreakersKept) -> bool {
    for template in &kept.opened {
        warn!(
            template,
            "one error stops most of what ends: the breaker opened"
        );
    }
    for template in &kept.closed {
        info!(template, "the error is gone: the breaker closed");
    }
    told(keeper, kept.probes > 0 || !kept.closed.is_empty());
    // The next step waits for what went to see.
    false
}

/// Partitions ahead of the ids and behind them.
async fn partitioned(keeper: &Keeper) -> Result<bool, Error> {
    let kept = keeper.store.make_partitions().await?;
    metrics::gauge!("windlass_id_ranges").set(kept.ranges as f64);
    metrics::gauge!("windlass_id_ranges_ahead").set(kept.ahead as f64);
    if kept.ahead < 1 {
        warn!(
            ahead = kept.ahead,
            "no partition is ahead of the ids: new jobs may stand in the default one"
        );
    }
    let Some(retention) = keeper.options.retention else {
        return Ok(false);
    };
    let dropped = keeper.store.drop_partitions(retention).await?;
    if let Some(first_id) = dropped {
        info!(first_id, "dropped a range of ids that was old");
    }
    Ok(keeper.store.sweep_dropped().await? > 0 || dropped.is_some())
}

fn planned(planned: Planned) -> bool {
    match planned {
        Planned::Sealed(batch) => info!(batch.id = batch, "planned"),
        Planned::Failed(batch) => warn!(batch.id = batch, "the plan failed; the batch says why"),
        Planned::Taken(_) | Planned::Idle => {}
    }
    matches!(planned, Planned::Sealed(_) | Planned::Failed(_))
}

fn ended(batches: &[i64]) -> bool {
    for batch in batches {
        info!(batch.id = batch, "finished");
    }
    !batches.is_empty()
}

/// A tenth more or less, so that keepers do not fall in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.9 + rand::random::<f64>() / 5.0)
}
