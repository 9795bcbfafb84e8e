//! `latency`: on an idle engine, from submitting one job until its handler begins.
//!
//! Three ways take turns: the worker in a process of its own, the worker in the process that submits,
//! and raw SQL (submit and notify in one commit, a listener's connection leases). Every side has the
//! machine to itself for its turn.

use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use windlass_floor::Pickup;
use windlass_workers::keeper::{Keeper, KeeperOptions};

use super::database::Side;
use super::meter::{Sample, forget_peak_memory};
use super::other::Other;
use super::report::{Latencies, Report};
use super::site::{ONE_STEP, Site};
use super::worker::{Calls, Running};
use super::{Bench, failed};
use crate::cli::error::CliError;

/// Jobs of all rounds, each way.
const JOBS: u64 = 300;
/// Jobs before the first that counts: connections, plans and caches are there then.
const WARM_UP: u64 = 10;
/// Pause between two jobs, so that the engine is idle again.
const PAUSE: Duration = Duration::from_millis(20);
/// A job that begins later is lost.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// The usual lease time.
const LEASE_TIME: Duration = Duration::from_secs(30);
/// The template.
const NAME: &str = "latency";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, ONE_STEP).await?;
    bench.database.floor.reset().await?;
    let engine = Idle::start(&site);
    let rounds = u64::from(bench.rounds_or_usual());
    let jobs = bench.jobs.unwrap_or(JOBS).div_ceil(rounds);
    let mut found = Latencies::default();
    forget_peak_memory();
    for round in 0..rounds {
        for side in [Side::Engine, Side::Floor] {
            bench.database.server(side).checkpoint().await?;
        }
        let (across, sample) = across(bench, &engine, jobs).await?;
        found.across.extend(across);
        found.samples.push(sample);
        found.within.extend(within(&engine, jobs).await?);
        found.floor.extend(floor(bench, jobs).await?);
        bench
            .context
            .say(&format!("round {} of {rounds}", round + 1));
    }
    Report::of_latencies(bench, &found)
}

/// An engine without a worker: the process that submits, its notifier and its keeper.
struct Idle {
    site: Site,
    stop: CancellationToken,
    _tasks: JoinSet<()>,
}

impl Idle {
    fn start(site: &Site) -> Self {
        let (notifier, stop) = (site.store.notifier(), CancellationToken::new());
        let options = KeeperOptions {
            lease_time: LEASE_TIME,
            ..KeeperOptions::default()
        };
        let keeper = Keeper::new(site.store.clone(), notifier.clone(), options);
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run(stop.clone()));
        tasks.spawn(notifier.run(site.store.clone()));
        Self {
            site: site.clone(),
            stop,
            _tasks: tasks,
        }
    }

    /// Submits one job as the API does.
    async fn submit(&self) -> Result<SystemTime, CliError> {
        let since = SystemTime::now();
        self.site.submit_one(NAME).await?;
        Ok(since)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Submits here, works in another process.
async fn across(
    bench: &Bench<'_>,
    engine: &Idle,
    jobs: u64,
) -> Result<(Vec<Duration>, Sample), CliError> {
    let mut other = Other::start(bench).await?;
    other.go().await?;
    measured(engine, WARM_UP, async || other.begun().await).await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let found = measured(engine, jobs, async || other.begun().await).await?;
    let sample = meter.since(&start, jobs).await?;
    other.stop().await?;
    Ok((found, sample))
}

/// Submits and works here.
async fn within(engine: &Idle, jobs: u64) -> Result<Vec<Duration>, CliError> {
    let (told, mut begun) = unbounded_channel();
    let calls = Calls::telling(told);
    let worker = Running::start(&engine.site, &calls)?;
    measured(engine, WARM_UP, async || heard(&mut begun).await).await?;
    let found = measured(engine, jobs, async || heard(&mut begun).await).await;
    worker.stop().await;
    found
}

async fn heard(begun: &mut UnboundedReceiver<SystemTime>) -> Result<SystemTime, CliError> {
    begun
        .recv()
        .await
        .ok_or_else(|| failed("the worker is gone"))
}

async fn measured(
    engine: &Idle,
    jobs: u64,
    mut begun: impl AsyncFnMut() -> Result<SystemTime, CliError>,
) -> Result<Vec<Duration>, CliError> {
    let mut found = Vec::new();
    for _ in 0..jobs {
        let since = engine.submit().await?;
        let at = timeout(BEGINS_WITHIN, begun()).await;
        let at = at.map_err(|_| failed("a job did not begin"))??;
        found.push(at.duration_since(since).unwrap_or_default());
        sleep(PAUSE).await;
    }
    Ok(found)
}

async fn floor(bench: &Bench<'_>, jobs: u64) -> Result<Vec<Duration>, CliError> {
    let mut pickup = Pickup::new(&bench.database.floor).await?;
    let mut found = Vec::new();
    for turn in 0..WARM_UP + jobs {
        let leased = timeout(BEGINS_WITHIN, pickup.once()).await;
        let leased = leased.map_err(|_| failed("the floor leased nothing"))??;
        let leased = leased.ok_or_else(|| failed("the floor's claimer is gone"))?;
        if turn >= WARM_UP {
            found.push(leased);
        }
        sleep(PAUSE).await;
    }
    Ok(found)
}
