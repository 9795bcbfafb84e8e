//! The command tree: `windlass <noun> <verb>`, and a few short commands that people type daily.
//!
//! A file a noun. `context` is what they share, `output` is standard output, `error` is what is said
//! when something cannot be done.

pub mod addition;
mod api;
pub mod apply;
mod approval;
pub mod batch;
pub mod batch_edit;
mod batch_life;
mod breaker;
mod bulk;
mod calendar;
mod category;
mod check;
mod clock;
mod config;
mod configuration;
pub mod context;
mod contexts;
mod doctor;
mod draft;
pub mod error;
mod export;
mod failure;
mod fields;
pub mod files;
mod flight;
pub mod job;
mod lane;
mod limit;
mod message;
pub mod migrate;
pub mod output;
pub mod pause;
mod plan;
mod request;
mod restart;
mod rows;
pub mod run;
mod schedule;
mod template;
pub mod text;
mod trial;
pub mod watch;
mod webhook;

use std::collections::BTreeMap;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

pub use self::context::Context;
use self::context::Speech;
use self::error::CliError;
use self::output::{Column, Format, Output};
use crate::client::Client;
use crate::config::{Layers, Settings, Surroundings};
use crate::exit::{self, Exit};
use crate::{bench, chaos, demo, dev, serve};

/// Windlass runs workflows and batches that must finish, on the Postgres you already have.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, after_help = exit::HELP, propagate_version = false, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
struct Global {
    /// How data is written: table (tabs in a pipe), json, ndjson, name or yaml
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true
    )]
    output: Format,
    /// The API to talk to [WINDLASS_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Answer questions with yes
    #[arg(short, long, global = true)]
    yes: bool,
    /// Say nothing beside data and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// No colours
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run an empty engine to work with: database, API, keeper and worker
    Dev(dev::DevArgs),
    /// Run three batches on real data, then stay with a page to look at
    Demo(demo::DemoArgs),
    /// Break real processes, a real Postgres and the network between them, and check that nothing is lost
    Chaos(chaos::ChaosArgs),
    /// One process of a chaos run
    #[command(hide = true)]
    ChaosPart(chaos::PartArgs),
    /// Measure this engine beside raw SQL, on a database of its own
    Bench(bench::BenchArgs),
    /// Run a server process
    Serve(serve::ServeArgs),
    /// Start a job and follow it
    Run(run::RunArgs),
    /// Follow jobs (j_…) and batches (b_…) until they end
    Watch(watch::WatchArgs),
    /// Say why a job is not running
    Explain(job::Id),
    /// Say whether anything is wrong with what the engine keeps, and put it right
    Doctor(doctor::DoctorArgs),
    /// Start nothing more of something; without it, list what is paused
    Pause(pause::PauseArgs),
    /// Let it go on
    Resume(pause::ResumeArgs),
    /// Send a signal to a job, or to whoever waits under a key
    Signal(message::SignalArgs),
    /// What jobs are told from outside
    #[command(subcommand)]
    Event(message::EventCommand),
    /// What jobs ask people
    #[command(subcommand)]
    Approval(approval::ApprovalCommand),
    /// Make templates, purposes, categories, configurations, limits and connections like these files
    Apply(apply::ApplyArgs),
    /// Write what was applied as files that can be applied again
    Export(export::ExportArgs),
    /// What jobs follow
    #[command(subcommand)]
    Template(template::TemplateCommand),
    /// What was asked
    #[command(subcommand)]
    Request(request::RequestCommand),
    /// Single executions
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Changes of many jobs at once
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// Many jobs from one selection
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Documents that jobs and people share
    #[command(subcommand)]
    Context(contexts::ContextCommand),
    /// Collections of items
    #[command(subcommand)]
    Category(category::CategoryCommand),
    /// Why work is done
    #[command(subcommand)]
    Purpose(configuration::PurposeCommand),
    /// Recipes of batches
    #[command(subcommand)]
    Configuration(configuration::ConfigurationCommand),
    /// Which days are open
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),
    /// How much may run at once or start in a time
    #[command(subcommand)]
    Limit(limit::LimitCommand),
    /// Who is told outside
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// When batches start by themselves
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// What is parked, by error: the dead letter
    #[command(subcommand, visible_alias = "dead-letter")]
    Error(failure::ErrorCommand),
    /// Templates that one error stopped, and what stops them
    #[command(subcommand)]
    Breaker(breaker::BreakerCommand),
    /// Letting stopped work go on, at a pace
    #[command(subcommand)]
    Redrive(failure::RedriveCommand),
    /// Who gets how much of the workers
    #[command(subcommand)]
    Lane(lane::LaneCommand),
    /// Processes that do the work
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// The schema of the database
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// The development clock
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// The settings of this process
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// A raw call to the API
    Api(api::ApiArgs),
    /// Completion for a shell
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The version of this program
    Version,
}

/// `windlass worker`
#[derive(Debug, Subcommand)]
enum WorkerCommand {
    /// List many
    List,
}

const WORKERS: &[Column] = &[
    Column("ID", &["/id"]),
    Column("HOST", &["/host"]),
    Column("VERSION", &["/version"]),
    Column("ROLES", &["/roles"]),
    Column("SLOTS", &["/slots"]),
    Column("ALIVE", &["/alive"]),
    Column("DRAINING", &["/draining"]),
    Column("JOBS", &["/jobs"]),
    Column("SEEN", &["/seen"]),
];

impl Cli {
    /// The settings that flags give, by key.
    fn flags(&self) -> BTreeMap<&'static str, String> {
        let mut flags = BTreeMap::new();
        flags.extend(self.global.server.clone().map(|server| ("server", server)));
        match &self.command {
            Command::Serve(args) => flags.extend(args.flags()),
            Command::Dev(args) => flags.extend(args.local.flags()),
            Command::Demo(args) => flags.extend(args.local.flags()),
            Command::Migrate(command) => flags.extend(command.flags()),
            _ => {}
        }
        flags
    }

    /// Does what was asked. Errors are said here; what comes back is the end of the process.
    pub async fn run(self, mut around: Surroundings) -> Exit {
        let format = self.global.output;
        if self.global.no_color {
            around.forbid_color();
        }
        match self.perform(around).await {
            Ok(exit) => exit,
            Err(error) => told(&error, format),
        }
    }

    async fn perform(self, around: Surroundings) -> Result<Exit, CliError> {
        let layers = Layers::new(&self.flags(), &around);
        // A broken configuration must not hide itself.
        if let Command::Config(command) = &self.command {
            return command.run(&layers, self.output(&around));
        }
        let context = Context {
            settings: Settings::read(&layers)?,
            output: self.output(&around),
            speech: Speech {
                quiet: self.global.quiet,
                yes: self.global.yes,
            },
            client: Client::new(&Settings::read(&layers)?.server)?,
            around,
        };
        self.command.run(&context).await
    }

    fn output(&self, around: &Surroundings) -> Output {
        Output {
            format: self.global.output,
            is_terminal: around.stdout_is_terminal,
        }
    }
}

impl Command {
    async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Dev(args) => dev::run(args, context).await,
            Self::Demo(args) => demo::run(args, context).await,
            Self::Chaos(args) => chaos::run(&args, context).await,
            Self::ChaosPart(args) => chaos::part::run(&args, context).await,
            Self::Bench(args) => bench::run(&args, context).await,
            Self::Serve(args) => serve::run(&args, context).await,
            Self::Run(args) => args.run(context).await,
            Self::Watch(args) => args.run(context).await,
            Self::Explain(id) => job::explain(&id, context).await,
            Self::Doctor(args) => args.run(context).await,
            Self::Pause(args) => args.run(context).await,
            Self::Resume(args) => args.run(context).await,
            Self::Signal(args) => args.run(context).await,
            Self::Event(command) => command.run(context).await,
            Self::Approval(command) => command.run(context).await,
            Self::Apply(args) => args.run(context).await,
            Self::Export(args) => args.run(context).await,
            Self::Template(command) => command.run(context).await,
            Self::Request(command) => command.run(context).await,
            Self::Job(command) => command.run(context).await,
            Self::Bulk(command) => command.run(context).await,
            Self::Batch(command) => command.run(context).await,
            Self::Context(command) => command.run(context).await,
            Self::Category(command) => command.run(context).await,
            Self::Purpose(command) => command.run(context).await,
            Self::Configuration(command) => command.run(context).await,
            Self::Calendar(command) => command.run(context).await,
            Self::Limit(command) => command.run(context).await,
            Self::Webhook(command) => command.run(context).await,
            Self::Schedule(command) => command.run(context).await,
            Self::Error(command) => command.run(context).await,
            Self::Breaker(command) => command.run(context).await,
            Self::Redrive(command) => command.run(context).await,
            Self::Lane(command) => command.run(context).await,
            Self::Worker(WorkerCommand::List) => context.whole(&["workers"], WORKERS).await,
            Self::Migrate(command) => command.run(context).await,
            Self::Clock(command) => command.run(context).await,
            Self::Config(_) => unreachable!("answered before settings are read"),
            Self::Api(args) => args.run(context).await,
            Self::Completion { shell } => completion(shell),
            Self::Version => version(context),
        }
    }
}

/// Says an error: to people on standard error, as `-o json` also as a document on standard output.
fn told(error: &CliError, format: Format) -> Exit {
    use std::io::Write;
    // A closed pipe (`… | head`) is the reader's way of saying that it has enough.
    if error.code == "io" && error.message.starts_with("Broken pipe") {
        return Exit::Done;
    }
    if format == Format::Json {
        let output = Output {
            format,
            is_terminal: false,
        };
        let _ = output.json(&error.to_document());
    }
    let mut stderr = std::io::stderr().lock();
    for line in error.lines() {
        let _ = writeln!(stderr, "{line}");
    }
    error.exit
}

fn completion(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "windlass", &mut script);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
    Ok(Exit::Done)
}

fn version(context: &Context) -> Result<Exit, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    match context.output.format {
        Format::Table | Format::Name => context.output.line(&format!("windlass {version}"))?,
        _ => context
            .output
            .item(&serde_json::json!({"name": "windlass", "version": version}))?,
    }
    Ok(Exit::Done)
}
