//! `windlass chaos`: break real processes, a real Postgres and the network between them, in rounds.
//!
//! ```text
//! draw ─▶ load + faults ─▶ heal ─▶ ask again ─▶ drain ─▶ check ─▶ next round
//!          │                                               │
//!          └─ journal (driver), receipts (handlers), history (database)
//! ```
//!
//! Three records that know nothing of each other are joined after each round. The same seed gives the
//! same faults. A round that killed nothing, or finished too little, fails as a broken promise does.

mod check;
mod draw;
mod fleet;
mod journal;
mod ledger;
mod load;
pub mod part;
mod plant;
mod proxy;
mod receipts;
mod round;
mod site;
mod strike;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use self::check::Violation;
use self::draw::Round;
pub use self::part::PartArgs;
use self::round::Played;
use self::site::Site;
use self::strike::Blows;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::exit::Exit;
use crate::serve::{LogLevel, start_logs, told_to_stop};

/// Broken rounds after which a run ends: more of the same tell nothing new.
const BROKEN_MAX: usize = 3;

/// `windlass chaos`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass chaos --rounds 20 --seed 7\n  windlass chaos --minutes 60 --ledger chaos/ledger.ndjson\n  windlass chaos --seed 7 --first 13 --rounds 1      one round again"
)]
pub struct ChaosArgs {
    /// Rounds to play
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: u64,
    /// What the faults are drawn from; the clock's unless given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Play rounds for so long, instead of a number
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// The first round's number, to play one again
    #[arg(long, value_name = "N", default_value_t = 1)]
    first: u64,
    /// Print one JSON object on one line, the last on standard output
    #[arg(long)]
    json: bool,
    /// Seconds of a lease, 2 or more: a busy machine needs more
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=60))]
    lease_seconds: u32,
    /// Show faults of every kind to the checker after the first round; it must see each
    #[arg(long)]
    self_test: bool,
    /// Where broken rounds are kept [default: a new folder in the temporary folder]
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Append a line about the whole run to this file
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

/// What all rounds came to.
#[derive(Debug, Default, Serialize)]
struct Totals {
    seed: u64,
    rounds: u64,
    #[serde(flatten)]
    blows: Blows,
    jobs: usize,
    lost: usize,
    doubled: usize,
    stale_accepted: usize,
    surplus: usize,
    leases_lost: usize,
    late_starts: usize,
    unknown_answers: usize,
    swallowed_commits: u64,
    snapshots: u64,
    deadlocks: usize,
    drain_ms_max: u128,
    planted: usize,
    planted_seen: usize,
    seconds: u64,
    violations: usize,
    broken_rounds: Vec<Broken>,
}

/// A round that broke a promise.
#[derive(Debug, Serialize)]
struct Broken {
    round: u64,
    violations: Vec<Violation>,
    folder: PathBuf,
    replay: String,
}

impl Broken {
    fn of(played: &Played, round: u64, folder: &Path, seed: u64, asked: &ChaosArgs) -> Self {
        Self {
            round,
            violations: played.verdict.violations.clone(),
            folder: folder.join(format!("round-{round}")),
            replay: format!(
                "windlass chaos --seed {seed} --first {round} --rounds 1 --lease-seconds {}",
                asked.lease_seconds
            ),
        }
    }

    /// For people.
    fn told(&self) -> String {
        let line = |one: &Violation| format!("    {}: {}\n", one.invariant, one.what);
        let lines: String = self.violations.iter().map(line).collect();
        let (folder, again) = (self.folder.display(), &self.replay);
        format!("{lines}    kept in {folder}\n    again: {again}")
    }
}

/// Runs the rounds.
///
/// # Errors
/// What keeps a round from being played at all.
pub async fn run(arguments: &ChaosArgs, context: &Context) -> Result<Exit, CliError> {
    start_logs(&context.settings, &context.around, LogLevel::Quiet);
    let folder = match &arguments.keep {
        Some(folder) => std::path::absolute(folder)?,
        None => tempfile::Builder::new()
            .prefix("windlass-chaos-")
            .tempdir()?
            .keep(),
    };
    let commit = ledger::commit(); // of what was built, not of what the folder came to meanwhile
    let mut totals = Totals {
        seed: arguments.seed.unwrap_or_else(clock_seed),
        ..Totals::default()
    };
    context.say(&format!(
        "seed {}, folder {}",
        totals.seed,
        folder.display()
    ));
    let since = Instant::now();
    let played = tokio::select! {
        played = rounds(arguments, context, &folder, &mut totals) => played,
        () = told_to_stop() => return Ok(Exit::Interrupted),
    };
    totals.seconds = since.elapsed().as_secs();
    if totals.broken_rounds.is_empty() && played.is_ok() {
        let _ = std::fs::remove_dir_all(&folder);
    }
    played?;
    if let Some(path) = &arguments.ledger {
        ledger::append(path, commit.as_deref(), &totals)?;
    }
    finish(arguments, context, &totals)
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |now| now.as_secs() % 1_000_000)
}

/// Rounds until there were enough, on one site as long as nothing breaks.
async fn rounds(
    arguments: &ChaosArgs,
    context: &Context,
    folder: &Path,
    totals: &mut Totals,
) -> Result<(), CliError> {
    let until = arguments
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let last = match until {
        Some(_) => u64::MAX,
        None => arguments.first.saturating_add(arguments.rounds),
    };
    let lease = Duration::from_secs(arguments.lease_seconds.into());
    let mut site: Option<Site> = None;
    for number in arguments.first..last {
        let is_over = until.is_some_and(|until| Instant::now() > until);
        if is_over || totals.broken_rounds.len() >= BROKEN_MAX {
            break;
        }
        let there = match site.take() {
            Some(site) => site,
            None => {
                let folder = folder.join(format!("site-{number}"));
                Site::start(context, &folder, arguments.lease_seconds).await?
            }
        };
        let round = Round::draw(totals.seed, number, lease);
        let is_tested = arguments.self_test && number == arguments.first;
        let played = round::play(&there, &round, folder, is_tested).await?;
        context.say(&played.told(&round));
        totals.add(&played);
        if played.verdict.violations.is_empty() {
            round::forget(&there, &round, folder).await?;
            site = Some(there);
            continue;
        }
        let broken = Broken::of(&played, number, folder, totals.seed, arguments);
        context.say(&broken.told());
        round::keep(&there, &round, &played, folder, &broken.replay)?;
        totals.broken_rounds.push(broken);
        there.stop().await;
    }
    if let Some(site) = site {
        site.stop().await;
    }
    Ok(())
}

impl Totals {
    fn add(&mut self, played: &Played) {
        let verdict = &played.verdict;
        self.rounds += 1;
        self.blows.add(played.blows);
        self.jobs += verdict.finished;
        self.lost += verdict.lost;
        self.doubled += verdict.doubled;
        self.stale_accepted += verdict.stale_accepted;
        self.surplus += verdict.surplus;
        self.leases_lost += verdict.leases_lost;
        self.late_starts += verdict.late_starts;
        self.unknown_answers += played.unknown;
        self.swallowed_commits += played.swallowed;
        self.snapshots += played.snapshots;
        self.deadlocks += played.deadlocks;
        self.drain_ms_max = self.drain_ms_max.max(played.drained.as_millis());
        self.planted += played.planted;
        self.planted_seen += played.planted_seen;
        self.violations += verdict.violations.len();
    }
}

fn finish(arguments: &ChaosArgs, context: &Context, totals: &Totals) -> Result<Exit, CliError> {
    if arguments.json {
        context
            .output
            .line(&crate::cli::text::clean_json(&json!(totals).to_string()))?;
    } else {
        let text = serde_json::to_string_pretty(totals).map_err(std::io::Error::from)?;
        context.output.line(&text)?;
    }
    match totals.violations {
        0 => Ok(Exit::Done),
        many => Err(CliError::new(
            Exit::EndedBadly,
            "chaos_violations",
            format!(
                "{many} violations in {} of {} rounds",
                totals.broken_rounds.len(),
                totals.rounds
            ),
        )),
    }
}
