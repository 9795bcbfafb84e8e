//! `workflow3`: jobs of three steps, each durable in the journal before the next one starts.

use windlass_floor::Steps;

use super::Bench;
use super::database::Side;
use super::drain::{check, miscounted, worked};
use super::meter::{Sample, forget_peak_memory};
use super::report::Report;
use super::rounds::Rounds;
use super::site::{Jobs, Site};
use crate::cli::error::CliError;

/// Jobs of a round.
const JOBS: u64 = 20_000;
/// Steps of a job.
const STEPS: u16 = 3;
/// Jobs that the floor has in flight; one connection flushes for all of them.
const FLOOR_IN_FLIGHT: usize = 256;
/// The template.
const NAME: &str = "workflow3";
/// Each later step works on what the one before it answered.
const TASKS: &str = "  - one: { call: 'nothing:1.0.0@default', with: { n: '${ .n }' } }
  - two: { call: 'nothing:1.0.0@default', with: { n: '${ .code }' } }
  - three: { call: 'nothing:1.0.0@default', with: { n: '${ .code }' } }
";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, TASKS).await?;
    let floor = Steps {
        jobs,
        steps: STEPS,
        in_flight: FLOOR_IN_FLIGHT,
    };
    bench.context.say("warming up");
    run_floor(bench, &floor).await?;
    run_engine(bench, &site, jobs).await?;
    forget_peak_memory();
    let count = bench.rounds_or_usual();
    let rounds = Rounds::interleaved(
        bench,
        count,
        async || run_engine(bench, &site, jobs).await,
        async || run_floor(bench, &floor).await,
    )
    .await?;
    check(bench, jobs * (u64::from(count) + 1)).await?;
    Report::of_rates(bench, &rounds)
}

async fn run_engine(bench: &Bench<'_>, site: &Site, jobs: u64) -> Result<Sample, CliError> {
    site.submit(&Jobs::of(NAME, jobs)).await?;
    worked(bench, site, jobs, STEPS.into()).await
}

async fn run_floor(bench: &Bench<'_>, steps: &Steps) -> Result<Sample, CliError> {
    let floor = &bench.database.floor;
    floor.reset().await?;
    floor.fill(1, steps.jobs.cast_signed()).await?;
    bench.database.server(Side::Floor).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let ended = steps.run(floor).await?;
    let sample = meter.since(&start, ended).await?;
    match ended == steps.jobs {
        true => Ok(sample),
        false => Err(miscounted(ended, steps.jobs)),
    }
}
