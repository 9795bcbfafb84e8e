//! `backlog`: how long a claim of one job takes with a queue that is empty but for it, with a million
//! jobs ready before it, and with a million timers that are not due.
//!
//! Each has a database of its own; they take turns. Before each claim one job is submitted, and what
//! was claimed is settled after it, both outside of what is timed.

use std::time::{Duration, Instant};

use chrono::Utc;
use uuid::Uuid;
use windlass_engine::store::Hot;
use windlass_floor::Server;

use super::meter::forget_peak_memory;
use super::report::{Backlogs, Report};
use super::site::{Due, Jobs, ONE_STEP, Site};
use super::store::{connect, ended, enter, want};
use super::{Bench, failed};
use crate::cli::error::CliError;

/// Jobs of a backlog.
const JOBS: u64 = 1_000_000;
/// Claims of a round and a database.
const CLAIMS: usize = 300;
/// Claims before the first that counts.
const WARM_UP: usize = 20;
/// Timers are due so much later.
const DUE_IN: Duration = Duration::from_secs(24 * 3600);
/// The template.
const NAME: &str = "backlog";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let mut empty = Queue::open(bench, "empty").await?;
    let mut ready = Queue::open(bench, "ready").await?;
    let mut timers = Queue::open(bench, "timers").await?;
    bench.context.say(&format!("submitting {jobs} jobs"));
    ready.fill(jobs, Due::Now).await?;
    bench.context.say(&format!("submitting {jobs} timers"));
    timers.fill(jobs, Due::From(Utc::now() + DUE_IN)).await?;
    let mut found = Backlogs::default();
    forget_peak_memory();
    let meter = bench.database.meter()?;
    for round in 0..bench.rounds_or_usual() {
        let start = meter.read().await?;
        found.empty.extend(empty.claims().await?);
        found.ready.extend(ready.claims().await?);
        found.timers.extend(timers.claims().await?);
        found
            .samples
            .push(meter.since(&start, 3 * CLAIMS as u64).await?);
        bench.context.say(&format!("round {}", round + 1));
    }
    Report::of_backlogs(bench, jobs, &found)
}

/// A database and a claimer in it.
struct Queue {
    site: Site,
    server: Server,
    hot: Hot,
    worker: Uuid,
}

impl Queue {
    async fn open(bench: &Bench<'_>, name: &str) -> Result<Self, CliError> {
        let url = bench.database.another(name).await?;
        let site = Site::open(&url).await?;
        site.publish(NAME, ONE_STEP).await?;
        Ok(Self {
            server: Server::connect(&url).await?,
            hot: connect(&url).await?,
            worker: enter(&site).await?,
            site,
        })
    }

    async fn fill(&self, jobs: u64, due: Due) -> Result<(), CliError> {
        self.site.submit(&Jobs::of(NAME, jobs).due(due)).await?;
        self.server.vacuum().await?;
        Ok(self.server.checkpoint().await?)
    }

    /// How long each claim took.
    async fn claims(&mut self) -> Result<Vec<Duration>, CliError> {
        let mut found = Vec::with_capacity(CLAIMS);
        for turn in 0..WARM_UP + CLAIMS {
            let took = self.claim().await?;
            if turn >= WARM_UP {
                found.push(took);
            }
        }
        Ok(found)
    }

    async fn claim(&mut self) -> Result<Duration, CliError> {
        self.site.submit_one(NAME).await?;
        let lanes = self.site.store.lanes_ahead().await?;
        let lane = lanes.first().ok_or_else(|| failed("nothing is ready"))?.id;
        let want = want(lane, 1);
        let since = Instant::now();
        let exchanged = self.hot.exchange(self.worker, &[], Some(&want)).await?;
        let took = since.elapsed();
        let [claimed] = exchanged.claimed.as_slice() else {
            return Err(failed("a claim did not find its job"));
        };
        let settled = self
            .hot
            .exchange(self.worker, &[ended(claimed)], None)
            .await?;
        match settled.refused.is_empty() {
            true => Ok(took),
            false => Err(failed("a claimed job could not be settled")),
        }
    }
}
