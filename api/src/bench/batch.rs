//! `batch` and `combined`: many members from a file to a manifest, a job each or one job in chunks.
//!
//! What they are compared with is `drain`, without a batch around its jobs; and a small batch first, for
//! memory: what a batch needs must not grow with it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::database::Side;
use super::drain::worked;
use super::http::Api;
use super::life::{Life, Recipe, live};
use super::members::Members;
use super::memory::{Peaks, Watch};
use super::meter::Sample;
use super::report::{Report, rounded, spread};
use super::rounds::Rounds;
use super::site::{Jobs, ONE_STEP, Site};
use super::{Bench, Scenario};
use crate::cli::error::CliError;

/// Members, where no file has them.
const MEMBERS: u64 = 1_000_000;
/// Members of the small batch that memory is compared with.
const FEW: u64 = 10_000;
/// One round takes as long as three of other scenarios.
const ROUNDS: u32 = 1;
/// Jobs of the drain.
const DRAINED: u64 = 200_000;
/// The templates.
const DRAIN: &str = "drain";
const BATCH: &str = "batch";
const COMBINED: &str = "combined";
/// Rows of a file have no `n` that a handler could be given.
const EACH: &str = "  - work: { call: 'nothing:1.0.0@default', with: { n: 1 } }\n";
const CHUNKS: &str = "  - work:
      call: chunks:1.0.0@default
      with: { call: nothing, parallel: 4 }
      output: { as: '{ chunks: length }' }
use:
  functions:
    nothing: { call: 'nothing:1.0.0@default', with: { n: '${ .count }' } }
";

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let site = Site::open(&bench.database.url).await?;
    site.publish(DRAIN, ONE_STEP).await?;
    site.publish(BATCH, EACH).await?;
    site.publish(COMBINED, CHUNKS).await?;
    let api = Api::start(bench).await?;
    let recipe = recipe(bench);
    let few = Recipe {
        members: Members::Generated(FEW.min(bench.jobs.unwrap_or(FEW))),
        limit: None,
        ..recipe.clone()
    };
    bench
        .context
        .say(&format!("members: {}", recipe.members.told()));
    bench.context.say("warming up with a small batch");
    drained(bench, &site).await?;
    live(bench, &site, api.address, &few).await?;
    let small = live(bench, &site, api.address, &few).await?;
    let (mut lives, mut drain) = (Vec::new(), Peaks::default());
    let rounds = Rounds::interleaved(
        bench,
        bench.rounds.unwrap_or(ROUNDS),
        async || {
            let (life, sample) = lived(bench, &site, &api, &recipe).await?;
            lives.push(life);
            Ok(sample)
        },
        async || {
            let (peaks, sample) = drained(bench, &site).await?;
            drain = drain.or(peaks);
            Ok(sample)
        },
    )
    .await?;
    api.stop().await?;
    let report = Report::of_rates(bench, &rounds)?;
    told(report, &recipe, &lives, &small, drain)
}

fn recipe(bench: &Bench<'_>) -> Recipe {
    let is_combined = bench.scenario == Scenario::Combined;
    let (members, limit) = match &bench.file {
        Some(file) => (Members::File(Path::to_owned(file)), bench.jobs),
        None => (Members::Generated(bench.jobs.unwrap_or(MEMBERS)), None),
    };
    Recipe {
        name: if is_combined { COMBINED } else { BATCH },
        is_combined,
        members,
        limit,
    }
}

/// The engine's side of one round.
async fn lived(
    bench: &Bench<'_>,
    site: &Site,
    api: &Api,
    recipe: &Recipe,
) -> Result<(Life, Sample), CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let life = live(bench, site, api.address, recipe).await?;
    Ok((life, meter.since(&start, life.members).await?))
}

/// What it is compared with: jobs that are ready, without a batch.
async fn drained(bench: &Bench<'_>, site: &Site) -> Result<(Peaks, Sample), CliError> {
    let jobs = DRAINED.min(bench.jobs.unwrap_or(DRAINED));
    site.submit(&Jobs::of(DRAIN, jobs)).await?;
    let watch = Watch::start(bench.database.postmaster()?);
    let sample = worked(bench, site, jobs, 1).await?;
    Ok((watch.end().await, sample))
}

/// The report with the figures of each step: medians of the rounds, and the most memory of any.
fn told(
    report: Report,
    recipe: &Recipe,
    lives: &[Life],
    small: &Life,
    drain: Peaks,
) -> Result<Report, CliError> {
    let mut steps = Map::new();
    let mut lines = vec![format!("members: {}", recipe.members.told())];
    for (place, (name, _)) in small.steps().into_iter().enumerate() {
        let of = |life: &Life| life.steps()[place].1;
        let rate = spread(
            lives
                .iter()
                .map(|life| life.members as f64 / of(life).seconds),
        )?;
        let seconds = spread(lives.iter().map(|life| of(life).seconds))?;
        let peaks = lives.iter().map(|life| of(life).peaks);
        let peaks = peaks.fold(Peaks::default(), Peaks::or);
        lines.push(format!(
            "{name:<8}  {:>8.2} s  {:>9.0} members/s  {}, with {FEW} members {}",
            seconds.median,
            rate.median,
            words(peaks),
            words(of(small).peaks)
        ));
        let figures = json!({
            "seconds": rounded(seconds.median, 3),
            "members_per_s": rounded(rate.median, 0),
            "memory": memory(peaks),
            "memory_of_few": memory(of(small).peaks),
        });
        steps.insert(name.to_owned(), figures);
    }
    let peaks = lives.iter().map(Life::peaks).fold(drain, Peaks::or);
    let life = lives.first().copied().unwrap_or_default();
    let figures = json!({
        "source": recipe.members.told(),
        "members": life.members,
        "batch_jobs": life.jobs,
        "chunks": life.chunks,
        "few": small.members,
        "steps": steps,
        "drain_memory": memory(drain),
        "peak_rss_mib": peaks.own.map(|mib| rounded(mib, 1)),
    });
    lines.push(format!("drain: {}", words(drain)));
    Ok(report.with_figures(figures, lines))
}

fn memory(peaks: Peaks) -> Value {
    json!({
        "own_mib": peaks.own.map(|mib| rounded(mib, 1)),
        "server_process_mib": peaks.server.map(|mib| rounded(mib, 1)),
    })
}

fn words(peaks: Peaks) -> String {
    let mib = |peak: Option<f64>| peak.map_or("?".to_owned(), |mib| format!("{mib:.0}"));
    format!(
        "{} MiB, {} of a server process",
        mib(peaks.own),
        mib(peaks.server)
    )
}
