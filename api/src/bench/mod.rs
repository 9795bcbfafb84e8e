//! `windlass bench`: this engine beside the same durable work in raw SQL, measured in one run.
//!
//! ```text
//! durable Postgres of its own ─▶ warm up ─▶ rounds: floor, engine, engine, floor … ─▶ medians, one JSON object
//! ```
//!
//! A figure alone says more about the machine than about the engine, so every scenario has its floor
//! (`bench/floor`), and what is compared is the ratio. `meter` reads time, processor and log,
//! `site` is the engine's side, `report` the figures; the scenarios stand in files of their own.

mod backlog;
mod batch;
mod database;
mod drain;
mod http;
mod latency;
mod life;
mod members;
mod memory;
mod meter;
mod other;
mod report;
mod rounds;
mod site;
mod store;
mod submit;
mod worker;
mod workflow;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::database::Database;
use self::report::Report;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::exit::Exit;
use crate::serve::{LogLevel, start_logs, told_to_stop};

/// `windlass bench`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass bench drain\n  windlass bench drain --json --rounds 5"
)]
pub struct BenchArgs {
    /// What is measured
    scenario: Scenario,
    /// Print one JSON object on one line, the last on standard output
    #[arg(long)]
    json: bool,
    /// Jobs of a round, instead of the scenario's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    jobs: Option<u64>,
    /// Members of `batch` and `combined`, instead of generated ones: CSV, NDJSON, JSON or Parquet
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Rounds of each side, instead of three (five of `pinned`, one of `batch`); medians are reported
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// The second process of `latency` and `drain2`
    #[arg(long, hide = true)]
    as_worker: bool,
}

/// Rounds of a side where nothing else is said: fewer have no median.
const ROUNDS: u32 = 3;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Single-step jobs with an in-process handler that does nothing, from ready to outcome
    Drain,
    /// The same by two worker processes at once
    #[value(name = "drain2")]
    DrainTwo,
    /// The same work without worker and handlers: claiming and settling alone
    Store,
    /// Bulk submission, a thousand requests a call
    Submit,
    /// Single requests over HTTP, each durable before its answer
    SubmitHttp,
    /// Jobs of three steps, each durable before the next starts
    #[value(name = "workflow3")]
    Workflow,
    /// From submitting one job on an idle engine until its handler begins
    Latency,
    /// How long a claim takes before a million jobs, or timers
    Backlog,
    /// Drain, again and again, while another session holds one snapshot
    Pinned,
    /// Drain with a concurrency limit on a thousand keys, beside the same work without it
    Limits,
    /// A batch of a million members, a job each: reading, planning, running, the manifest
    Batch,
    /// The same members in one job, in chunks of a thousand
    Combined,
}

/// What a scenario works with.
struct Bench<'a> {
    context: &'a Context,
    database: &'a Database,
    scenario: Scenario,
    jobs: Option<u64>,
    rounds: Option<u32>,
    file: Option<PathBuf>,
}

/// Measures one scenario on a database that exists for this run.
///
/// # Errors
/// Without a Postgres, exit 69; else what stands in the way.
///
/// # Cancel safety
/// Dropped, it may leave its database running; the next run removes it.
pub async fn run(arguments: &BenchArgs, context: &Context) -> Result<Exit, CliError> {
    start_logs(&context.settings, &context.around, LogLevel::Quiet);
    if arguments.as_worker {
        return other::work(arguments.scenario, context).await;
    }
    let database = tokio::select! {
        database = Database::open(context) => database?,
        () = told_to_stop() => return Ok(Exit::Interrupted),
    };
    let bench = Bench {
        context,
        database: &database,
        scenario: arguments.scenario,
        jobs: arguments.jobs,
        rounds: arguments.rounds,
        file: arguments.file.clone(),
    };
    let measured = tokio::select! {
        report = bench.measure() => report.map(Some),
        () = told_to_stop() => Ok(None),
    };
    let closed = database.close().await;
    let Some(report) = measured? else {
        return Ok(Exit::Interrupted);
    };
    report.print(context, arguments.json)?;
    closed?;
    Ok(Exit::Done)
}

/// A run that cannot give figures.
fn failed(message: impl Into<String>) -> CliError {
    CliError::new(Exit::Failed, "bench_failed", message)
}

impl Bench<'_> {
    async fn measure(&self) -> Result<Report, CliError> {
        match self.scenario {
            Scenario::Drain | Scenario::DrainTwo => drain::run(self).await,
            Scenario::Store => store::run(self).await,
            Scenario::Submit => submit::run(self).await,
            Scenario::SubmitHttp => http::run(self).await,
            Scenario::Workflow => workflow::run(self).await,
            Scenario::Latency => latency::run(self).await,
            Scenario::Backlog => backlog::run(self).await,
            Scenario::Pinned => drain::run_pinned(self).await,
            Scenario::Limits => drain::run_limits(self).await,
            Scenario::Batch | Scenario::Combined => batch::run(self).await,
        }
    }

    fn rounds_or_usual(&self) -> u32 {
        self.rounds.unwrap_or(ROUNDS)
    }

    /// Its name on the command line.
    fn name(&self) -> String {
        let value = self.scenario.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
