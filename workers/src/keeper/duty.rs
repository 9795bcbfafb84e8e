//! The duties: what each one is, and one pass of it.

use std::time::Duration;

use futures::future::BoxFuture;
use tracing::{debug, info, warn};
use windlass_engine::Error;
use windlass_engine::protocol::{BreakersKept, Planned};
use windlass_engine::store::doctor;

use super::Keeper;
use super::tidy::tidied;
use crate::follow::follow;

/// Whether a pass found work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
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
pub(super) enum Duty {
    /// The server, when it is another one than before.
    Follow,
    /// Dead workers' leases.
    Expire,
    /// Jobs that somebody cancelled while a worker had them, and those of cancelled batches.
    Cancel,
    /// Pauses of single jobs.
    Pause,
    /// Timers, future work, and jobs whose time to start has passed.
    Wake,
    /// Events to publish, parents to tell, children to close, letters of ended jobs.
    Mail,
    /// Members of batches that stand outside.
    Source,
    /// Batches that are to be planned.
    Plan,
    /// Windows that have room.
    Release,
    /// Batches whose settlements are complete.
    Finish,
    /// When open batches will be done.
    Forecast,
    /// Schedules.
    Fire,
    /// What happened that somebody outside wants to be told.
    Tell,
    /// Webhooks to tell.
    Deliver,
    /// Events that start jobs.
    Gather,
    /// Stopped work that should go on.
    Redrive,
    /// Changes of many jobs.
    Bulk,
    /// Templates that one error stops.
    Break,
    /// Partitions for the ids to come, and those that are old.
    Partition,
    /// Tallies, old keys, contexts whose time is over, indexes of categories and items that those lost.
    Tidy,
    /// Rows that break what is promised.
    Doctor,
}

impl Duty {
    pub(super) const ALL: [Self; 21] = [
        Self::Follow,
        Self::Expire,
        Self::Cancel,
        Self::Pause,
        Self::Wake,
        Self::Mail,
        Self::Source,
        Self::Plan,
        Self::Release,
        Self::Finish,
        Self::Forecast,
        Self::Fire,
        Self::Tell,
        Self::Deliver,
        Self::Gather,
        Self::Redrive,
        Self::Bulk,
        Self::Break,
        Self::Partition,
        Self::Tidy,
        Self::Doctor,
    ];

    /// As `queries/cluster/due.sql` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Expire => "expire",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Wake => "wake",
            Self::Mail => "mail",
            Self::Source => "source",
            Self::Plan => "plan",
            Self::Release => "release",
            Self::Finish => "finish",
            Self::Forecast => "forecast",
            Self::Fire => "fire",
            Self::Tell => "tell",
            Self::Deliver => "deliver",
            Self::Gather => "gather",
            Self::Redrive => "redrive",
            Self::Bulk => "bulk",
            Self::Break => "break",
            Self::Partition => "partition",
            Self::Tidy => "tidy",
            Self::Doctor => "doctor",
        }
    }

    /// How often the engine's own house is looked after while something stirs; none for a duty that a
    /// look finds due.
    pub(super) fn house_pace(self) -> Option<Duration> {
        match self {
            // Three ranges ahead are used up in three minutes at the fastest.
            Self::Partition => Some(Duration::from_secs(10)),
            Self::Tidy | Self::Doctor => Some(Duration::from_secs(30)),
            _ => None,
        }
    }

    /// How many times as long as a pass it rests before the next one. Tidying has a quarter of one server process, so
    /// that the rows of a large source that are cleared do not slow down the jobs that were made of them.
    pub(super) fn rest(self) -> u32 {
        match self {
            Self::Tidy => 3,
            _ => 0,
        }
    }

    /// What has something to do once this one did.
    pub(super) fn followers(self) -> &'static [Self] {
        match self {
            // A dead worker's jobs may have to be cancelled or held.
            Self::Expire => &[Self::Cancel, Self::Pause],
            Self::Fire => &[Self::Source, Self::Plan, Self::Tell],
            Self::Source => &[Self::Plan],
            Self::Forecast => &[Self::Tell],
            Self::Tell => &[Self::Deliver],
            Self::Deliver => &[Self::Tell],
            // What was given its position may start jobs.
            Self::Mail => &[Self::Gather],
            Self::Redrive => &[Self::Release],
            // A batch that could not be planned, or is over, is told to the job that made it.
            Self::Plan => &[Self::Release, Self::Mail, Self::Tell],
            Self::Finish => &[Self::Mail, Self::Tell],
            _ => &[],
        }
    }

    pub(super) fn pass(self, keeper: &Keeper) -> BoxFuture<'_, Result<Pass, Error>> {
        Box::pin(async move {
            let store = &keeper.store;
            let worked = match self {
                Self::Follow => followed(keeper).await?,
                Self::Expire => expired(keeper).await?,
                Self::Cancel => cancelled(keeper).await?,
                Self::Pause => told(keeper, store.keep_pauses().await? > 0),
                Self::Wake => {
                    let now = store.moved_now().await?;
                    let ended = store.expire_jobs(now).await?;
                    told(keeper, store.wake(now).await? > 0) || ended > 0
                }
                Self::Mail => told(keeper, store.pass_mail().await? > 0),
                Self::Source => read(keeper).await?,
                Self::Plan => planned(store.plan().await?),
                Self::Release => told(keeper, store.release().await? > 0),
                Self::Finish => ended(&store.finish().await?),
                Self::Forecast => store.forecast_batches().await? > 0,
                Self::Fire => {
                    let fired = store.fire().await?;
                    told(keeper, !fired.jobs.is_empty()) || !fired.batches.is_empty()
                }
                Self::Tell => {
                    let (worked, made) = store.tell_notices().await?;
                    told(keeper, made) || worked
                }
                Self::Deliver => delivered(keeper).await?,
                Self::Gather => {
                    let gathered = store.gather().await?;
                    told(keeper, gathered.jobs > 0) || gathered.is_behind
                }
                Self::Redrive => redriven(keeper).await?,
                Self::Bulk => changed(keeper).await?,
                Self::Break => broken(keeper, store.keep_breakers(store.moved_now().await?).await?),
                Self::Partition => partitioned(keeper).await?,
                Self::Tidy => tidied(store).await?,
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

/// Follows a server that moved. Never more work.
async fn followed(keeper: &Keeper) -> Result<bool, Error> {
    let seen = keeper.seen().before;
    if follow(&keeper.store, seen).await? {
        keeper.seen().before = None;
    }
    Ok(false)
}

/// Sends what webhooks are to be told; whether there was anything. A keeper that cannot leaves it to another.
async fn delivered(keeper: &Keeper) -> Result<bool, Error> {
    let Some(deliverer) = &keeper.deliverer else {
        return Ok(false);
    };
    Ok(deliverer.deliver(&keeper.store, &keeper.stop).await? > 0)
}

/// Lets stopped work go on. The rate is per second: the next pass waits for its own. A restart has its batch's.
async fn redriven(keeper: &Keeper) -> Result<bool, Error> {
    let moved = keeper.store.pace_redrives().await;
    told(keeper, matches!(moved, Ok(Some(jobs)) if jobs > 0));
    // Neither waits for the other, whatever became of it.
    let restarted = keeper.store.pace_restarts().await?;
    moved.map(|_| restarted.is_some())
}

/// Changes many jobs. Another change may be due; the same one waits for its rate.
async fn changed(keeper: &Keeper) -> Result<bool, Error> {
    let changed = keeper.store.pace_bulks().await?;
    told(keeper, changed.is_some_and(|jobs| jobs > 0));
    Ok(changed.is_some())
}

/// Takes back what dead workers held; whether there was a page of it.
async fn expired(keeper: &Keeper) -> Result<bool, Error> {
    let expired = keeper.store.expire(keeper.options.lease_time).await?;
    if expired.workers + usize::try_from(expired.jobs).unwrap_or_default() > 0 {
        info!(
            workers = expired.workers,
            jobs = expired.jobs,
            parked = expired.parked,
            "took back what dead workers held"
        );
        keeper.notifier.tell();
    }
    Ok(expired.leases > 0)
}

/// Reads sources outside, where this process knows how.
async fn read(keeper: &Keeper) -> Result<bool, Error> {
    let (store, lease) = (&keeper.store, keeper.options.lease_time);
    match &keeper.sources {
        Some(sources) => sources.run_once(store, lease, &keeper.stop).await,
        None => Ok(false),
    }
}

/// Ends what was to be cancelled when its worker died, or did not end it.
async fn cancelled(keeper: &Keeper) -> Result<bool, Error> {
    let store = &keeper.store;
    let cut = store.cut_disobedient(keeper.options.cancel_grace).await?;
    if cut > 0 {
        warn!(
            jobs = cut,
            "cut cancelled jobs from workers that did not end them"
        );
    }
    let asked = store.end_unapproved().await? > 0 || store.ask_cancelled(None).await?;
    let ended = store.end_cancelling().await?
        + i64::try_from(store.fulfil_cancels().await?).unwrap_or_default();
    Ok(told(keeper, asked || ended > 0))
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
