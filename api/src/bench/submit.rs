//! `submit`: bulk submission, a thousand requests a call of the engine, and as streams over HTTP.

use std::net::SocketAddr;

use tokio::task::JoinSet;
use windlass_floor::Submit;

use super::database::Side;
use super::drain::{FLOOR_CONNECTIONS, miscounted};
use super::http::{Api, stream};
use super::meter::{Sample, forget_peak_memory};
use super::report::Report;
use super::rounds::Rounds;
use super::site::{Jobs, ONE_STEP, Site};
use super::{Bench, failed};
use crate::cli::error::CliError;

/// Jobs of a round.
const JOBS: u64 = 200_000;
/// Jobs of one of the floor's statements.
const PAGE: u32 = 1_000;
/// The template.
const NAME: &str = "submit";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, ONE_STEP).await?;
    bench.context.say("warming up");
    bench.database.floor.reset().await?;
    submit_engine(bench, &site, jobs).await?;
    let api = Api::start(bench).await?;
    forget_peak_memory();
    let calls = beside_floor(bench, jobs, async || {
        submit_engine(bench, &site, jobs).await
    })
    .await?;
    bench.context.say("as streams of lines over HTTP");
    let address = api.address;
    let streams = beside_floor(bench, jobs, async || streamed(bench, address, jobs).await).await?;
    api.stop().await?;
    Ok(calls.with_part("ndjson", &streams))
}

async fn beside_floor(
    bench: &Bench<'_>,
    jobs: u64,
    engine: impl AsyncFnMut() -> Result<Sample, CliError>,
) -> Result<Report, CliError> {
    let floor = Submit {
        jobs,
        page: PAGE,
        connections: FLOOR_CONNECTIONS,
    };
    submit_floor(bench, &floor).await?;
    let floor = async || submit_floor(bench, &floor).await;
    let rounds = Rounds::interleaved(bench, bench.rounds_or_usual(), engine, floor).await?;
    Report::of_rates(bench, &rounds)
}

/// Streams of lines over HTTP, as many as the floor has connections.
async fn streamed(bench: &Bench<'_>, address: SocketAddr, jobs: u64) -> Result<Sample, CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let mut streams = JoinSet::new();
    for part in 0..FLOOR_CONNECTIONS as u64 {
        let streams_count = FLOOR_CONNECTIONS as u64;
        let rows = jobs / streams_count + u64::from(part < jobs % streams_count);
        streams.spawn(stream(address, NAME, rows));
    }
    let mut created = 0;
    while let Some(ended) = streams.join_next().await {
        created += ended.map_err(|error| failed(error.to_string()))??;
    }
    let sample = meter.since(&start, jobs).await?;
    match created == jobs {
        true => Ok(sample),
        false => Err(miscounted(created, jobs)),
    }
}

async fn submit_engine(bench: &Bench<'_>, site: &Site, jobs: u64) -> Result<Sample, CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    site.submit(&Jobs::of(NAME, jobs)).await?;
    meter.since(&start, jobs).await
}

/// The floor's side of one round, of any size of statement.
pub async fn submit_floor(bench: &Bench<'_>, submit: &Submit) -> Result<Sample, CliError> {
    bench.database.server(Side::Floor).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let stored = submit.run(&bench.database.floor).await?;
    let sample = meter.since(&start, stored).await?;
    match stored == submit.jobs {
        true => Ok(sample),
        false => Err(miscounted(stored, submit.jobs)),
    }
}
