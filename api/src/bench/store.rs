//! `store`: the exchange loop alone, without a worker around it and without handlers.
//!
//! Two connections of the hot path claim and settle in one statement, as pumps do; each outcome
//! carries about fifty bytes. What a worker costs beyond this is its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;
use windlass_engine::store::{
    Beat, Claimed, Ending, Hot, Incarnation, NewEntry, Want, connect_options,
};
use windlass_floor::Drain;
use windlass_workflows::machine::turn::{End, Outcome, OutcomeKind};

use super::database::Side;
use super::drain::{FLOOR_CONNECTIONS, check, drain_floor, miscounted};
use super::meter::{Sample, forget_peak_memory};
use super::report::Report;
use super::rounds::Rounds;
use super::site::{Jobs, ONE_STEP, Site};
use super::{Bench, failed};
use crate::cli::error::CliError;

/// Jobs of a round.
const JOBS: u64 = 200_000;
/// Jobs of a claim: the usual ones, and the largest.
const CLAIMS: [u32; 2] = [500, 1_000];
/// Pause of a claimer that found nothing while the other one still settles, as the floor's.
const EMPTY_PAUSE: Duration = Duration::from_micros(200);
/// What a handler would have answered.
const RESULT: &str = r#"{"ok":true,"code":200,"note":"done, nothing else"}"#;
/// The template.
const NAME: &str = "store";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, ONE_STEP).await?;
    bench.database.floor.reset().await?;
    let mut filled = 0;
    let count = bench.rounds_or_usual();
    bench.context.say("warming up");
    exchange(bench, &site, jobs, CLAIMS[0]).await?;
    drain_floor(bench, &floor(jobs, CLAIMS[0]), &mut filled).await?;
    forget_peak_memory();
    let mut reports = Vec::new();
    for claim in CLAIMS {
        bench.context.say(&format!("claims of {claim}"));
        let floor = floor(jobs, claim);
        let rounds = Rounds::interleaved(
            bench,
            count,
            async || exchange(bench, &site, jobs, claim).await,
            async || drain_floor(bench, &floor, &mut filled).await,
        )
        .await?;
        reports.push(Report::of_rates(bench, &rounds)?);
    }
    check(bench, jobs * (u64::from(count) * CLAIMS.len() as u64 + 1)).await?;
    let largest = reports.pop().ok_or_else(|| failed("no claims"))?;
    let usual = reports.pop().ok_or_else(|| failed("no claims"))?;
    Ok(usual.with_part("claims_of_1000", &largest))
}

fn floor(jobs: u64, claim: u32) -> Drain {
    Drain {
        jobs,
        claim,
        connections: FLOOR_CONNECTIONS,
    }
}

/// The engine's side of one round.
async fn exchange(
    bench: &Bench<'_>,
    site: &Site,
    jobs: u64,
    claim: u32,
) -> Result<Sample, CliError> {
    site.submit(&Jobs::of(NAME, jobs)).await?;
    bench.database.server(Side::Engine).vacuum().await?;
    let worker = enter(site).await?;
    let lanes = site.store.lanes_ahead().await?;
    let lane = lanes.first().ok_or_else(|| failed("nothing is ready"))?.id;
    let settled = Arc::new(AtomicU64::new(0));
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let mut claimers = JoinSet::new();
    for _ in 0..FLOOR_CONNECTIONS {
        let claimer = Claimer {
            worker,
            lane,
            claim: claim as usize,
            jobs,
            settled: settled.clone(),
        };
        claimers.spawn(claimer.run(site.url.clone()));
    }
    while let Some(ended) = claimers.join_next().await {
        ended.map_err(|error| failed(error.to_string()))??;
    }
    let sample = meter.since(&start, jobs).await?;
    let settled = settled.load(Ordering::Relaxed);
    match settled == jobs {
        true => Ok(sample),
        false => Err(miscounted(settled, jobs)),
    }
}

/// Only a living worker claims. Nobody looks for dead ones here, so it need not beat.
pub async fn enter(site: &Site) -> Result<Uuid, CliError> {
    let options =
        connect_options(&site.url, "windlass bench").map_err(windlass_engine::Error::from)?;
    let incarnation = Incarnation {
        id: Uuid::new_v4(),
        roles: vec!["bench".to_owned()],
        ..Incarnation::default()
    };
    Beat::connect(&options).await?.enter(&incarnation).await?;
    Ok(incarnation.id)
}

/// A connection of the hot path.
pub async fn connect(url: &str) -> Result<Hot, CliError> {
    let options =
        connect_options(url, "windlass bench claimer").map_err(windlass_engine::Error::from)?;
    Ok(Hot::connect(&options).await?)
}

/// One claimer: what a pump would be without jobs to run.
struct Claimer {
    worker: Uuid,
    lane: i32,
    claim: usize,
    jobs: u64,
    settled: Arc<AtomicU64>,
}

impl Claimer {
    async fn run(self, url: String) -> Result<(), CliError> {
        let mut hot = connect(&url).await?;
        let mut entries: Vec<NewEntry> = Vec::new();
        loop {
            let want = want(self.lane, self.claim);
            let exchanged = hot.exchange_of(self.worker, &entries, Some(&want)).await?;
            let landed = entries.len() - exchanged.refused.len();
            self.settled.fetch_add(landed as u64, Ordering::Relaxed);
            entries = exchanged.claimed.iter().map(ended).collect();
            if !entries.is_empty() {
                continue;
            }
            if self.settled.load(Ordering::Relaxed) >= self.jobs {
                return Ok(());
            }
            sleep(EMPTY_PAUSE).await;
        }
    }
}

/// A new claim of one lane.
pub fn want(lane: i32, count: usize) -> Want {
    Want {
        claim: Uuid::now_v7(),
        lanes: vec![(lane, count)],
        limited: false,
        named: false,
    }
}

/// The end of a claimed job, as its handler would have had it.
pub fn ended(claimed: &Claimed) -> NewEntry {
    let outcome = Outcome {
        kind: OutcomeKind::Completed,
        code: None,
        fingerprint: None,
        result: Some(RESULT.to_owned()),
    };
    let ending = Ending::Machine(End::Outcome(outcome));
    NewEntry::leaving(claimed.id, claimed.lease, ending, false)
}
