//! `drain`, `drain2`, `pinned` and `limits`: single-step jobs with a handler that does nothing, from ready to outcome.
//!
//! Jobs are submitted beforehand. The clock runs from the start of a worker until every outcome is
//! durable; the handlers count themselves, so that nobody asks the database while it works. `pinned`
//! is the same while another session holds one snapshot, so that nothing dead is cleaned up; `limits`
//! has a limit on the keys of its jobs.

use std::time::Duration;

use tokio::time::sleep;
use windlass_floor::Drain;

use super::database::Side;
use super::meter::{Sample, forget_peak_memory};
use super::other::Other;
use super::report::Report;
use super::rounds::Rounds;
use super::site::{Jobs, ONE_STEP, Site};
use super::worker::{Calls, Running};
use super::{Bench, Scenario, failed};
use crate::cli::error::CliError;

/// Jobs of a round.
const JOBS: u64 = 200_000;
/// Rounds of `pinned`, unless told otherwise: what piles up must have time to.
const PINNED_ROUNDS: u32 = 5;
/// Connections of the floor: its best on two cores.
pub const FLOOR_CONNECTIONS: usize = 2;
/// Jobs of one of its claims.
const FLOOR_CLAIM: u32 = 500;
/// How often `drain2` looks for the end.
const LOOK_OF_TWO: Duration = Duration::from_millis(10);
/// The template.
const NAME: &str = "drain";
/// The templates of `limits`, and keys of the limit of one of them.
const FREE: &str = "free";
const LIMITED: &str = "limited";
const KEYS: u64 = 1_000;
/// Ten at once of each key: what a service takes from one customer.
const LIMIT: &str = "windlass: v1\nkind: Limit\nname: customers\nscope: { template: bench.limited }\n\
    key: '${ .key }'\nconcurrency: 10\n";

/// Measures `drain` and `drain2`.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let rounds = rounds(bench, bench.rounds_or_usual()).await?;
    Report::of_rates(bench, &rounds)
}

/// Measures `pinned`.
pub async fn run_pinned(bench: &Bench<'_>) -> Result<Report, CliError> {
    let engine = bench.database.server(Side::Engine).snapshot().await?;
    let floor = bench.database.server(Side::Floor).snapshot().await?;
    let rounds = rounds(bench, bench.rounds.unwrap_or(PINNED_ROUNDS)).await?;
    // Held to the end: a session that had been ended would have held nothing.
    engine.release().await?;
    floor.release().await?;
    let report = Report::of_rates(bench, &rounds)?;
    Ok(report
        .with_decay("last_to_first", &rounds.engine)
        .with_decay("floor_last_to_first", &rounds.floor))
}

async fn rounds(bench: &Bench<'_>, count: u32) -> Result<Rounds, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, ONE_STEP).await?;
    let floor = Drain {
        jobs,
        claim: FLOOR_CLAIM,
        connections: FLOOR_CONNECTIONS,
    };
    bench.context.say("warming up");
    bench.database.floor.reset().await?;
    let mut filled = 0;
    drain_floor(bench, &floor, &mut filled).await?;
    drain_engine(bench, &site, jobs).await?;
    forget_peak_memory();
    let rounds = Rounds::interleaved(
        bench,
        count,
        async || drain_engine(bench, &site, jobs).await,
        async || drain_floor(bench, &floor, &mut filled).await,
    )
    .await?;
    check(bench, jobs * (u64::from(count) + 1)).await?;
    Ok(rounds)
}

/// The engine's side of one round.
async fn drain_engine(bench: &Bench<'_>, site: &Site, jobs: u64) -> Result<Sample, CliError> {
    site.submit(&Jobs::of(NAME, jobs)).await?;
    match bench.scenario {
        Scenario::DrainTwo => worked_by_two(bench, site, jobs).await,
        _ => worked(bench, site, jobs, 1).await,
    }
}

/// As [`worked`], with a second worker in a process of its own that starts with ours. Nobody knows the
/// other's count while it works, so the database is asked for the end, now and then.
async fn worked_by_two(bench: &Bench<'_>, site: &Site, jobs: u64) -> Result<Sample, CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let mut other = Other::start(bench).await?;
    let meter = bench.database.meter()?.beside(other.pid());
    let start = meter.read().await?;
    let calls = Calls::until(u64::MAX);
    other.go().await?;
    let worker = Running::start(site, &calls)?;
    while !site.is_settled().await? {
        sleep(LOOK_OF_TWO).await;
    }
    let sample = meter.since(&start, jobs).await?;
    worker.stop().await;
    other.stop().await?;
    Ok(sample)
}

/// A worker over the jobs that are ready, from its start until every outcome is durable.
pub async fn worked(
    bench: &Bench<'_>,
    site: &Site,
    jobs: u64,
    steps: u64,
) -> Result<Sample, CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let meter = bench.database.meter()?;
    let calls = Calls::until(jobs * steps);
    let start = meter.read().await?;
    let worker = Running::start(site, &calls)?;
    calls.reached().await?;
    site.settled().await?;
    let sample = meter.since(&start, jobs).await?;
    worker.stop().await;
    match calls.count() == jobs * steps {
        true => Ok(sample),
        false => Err(miscounted(calls.count(), jobs * steps)),
    }
}

/// The floor's side of one round; its jobs follow those of earlier rounds.
pub async fn drain_floor(
    bench: &Bench<'_>,
    drain: &Drain,
    filled: &mut i64,
) -> Result<Sample, CliError> {
    let floor = &bench.database.floor;
    let last = *filled + drain.jobs.cast_signed();
    floor.fill(*filled + 1, last).await?;
    // The next extents begin in a block of their own, as submission would have it.
    *filled = (last / 1_000 + 1) * 1_000;
    bench.database.server(Side::Floor).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let settled = drain.run(floor).await?;
    let sample = meter.since(&start, settled).await?;
    match settled == drain.jobs {
        true => Ok(sample),
        false => Err(miscounted(settled, drain.jobs)),
    }
}

/// Measures `limits`: what it is compared with is the same work without the limit.
pub async fn run_limits(bench: &Bench<'_>) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let site = Site::open(&bench.database.url).await?;
    site.publish(FREE, ONE_STEP).await?;
    site.publish(LIMITED, ONE_STEP).await?;
    site.apply(LIMIT).await?;
    let drained = async |template| {
        site.submit(&Jobs::of(template, jobs).keys(KEYS)).await?;
        worked(bench, &site, jobs, 1).await
    };
    bench.context.say("warming up");
    drained(FREE).await?;
    drained(LIMITED).await?;
    forget_peak_memory();
    let count = bench.rounds_or_usual();
    let limited = async || drained(LIMITED).await;
    let rounds = Rounds::interleaved(bench, count, limited, async || drained(FREE).await).await?;
    check(bench, 2 * jobs * (u64::from(count) + 1)).await?;
    Report::of_rates(bench, &rounds)
}

/// Every job of every round, the one that warmed up included, has its outcome.
pub async fn check(bench: &Bench<'_>, wanted: u64) -> Result<(), CliError> {
    let found = bench.database.server(Side::Engine).outcomes().await?;
    match found == wanted {
        true => Ok(()),
        false => Err(miscounted(found, wanted)),
    }
}

/// More or fewer jobs than there should be.
pub fn miscounted(found: u64, wanted: u64) -> CliError {
    failed(format!("{found} jobs ended where {wanted} should have"))
}
