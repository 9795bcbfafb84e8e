//! `windlass error` and `windlass redrive`: the dead letter, and letting it go on.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::context::{Context, Paging};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass error`
#[derive(Debug, Subcommand)]
pub enum ErrorCommand {
    /// What is parked, by error
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// The jobs that one error stopped
    Show {
        /// As `error list` shows it
        fingerprint: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Let what an error stopped go on, at a pace
    Redrive {
        /// As `error list` shows it
        fingerprint: String,
        /// How.
        #[command(flatten)]
        pace: Pace,
    },
}

/// `windlass redrive`
#[derive(Debug, Subcommand)]
pub enum RedriveCommand {
    /// Let chosen jobs, or all of a batch, go on
    Start {
        /// j_…; repeatable
        #[arg(long)]
        job: Vec<String>,
        /// b_…
        #[arg(long)]
        batch: Option<String>,
        /// How.
        #[command(flatten)]
        pace: Pace,
    },
    /// List many, newest first
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// d_…
        id: String,
    },
    /// Let nothing more go
    Cancel {
        /// d_…
        id: String,
    },
}

/// How stopped work goes on.
#[derive(Clone, Debug, Args)]
pub struct Pace {
    /// Jobs a second
    #[arg(long, value_name = "N", default_value_t = 10)]
    rate: u32,
    /// So many go first, and must do well
    #[arg(long, value_name = "N", default_value_t = 0)]
    canary: u32,
    /// Failed jobs too, each as a new job
    #[arg(long)]
    failed: bool,
    /// Kept with it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

const ERRORS: &[Column] = &[
    Column("FINGERPRINT", &["/fingerprint"]),
    Column("JOBS", &["/jobs"]),
    Column("CODE", &["/code"]),
    Column("WHY", &["/why"]),
    Column("SINCE", &["/first_at"]),
    Column("BREAKER", &["/breakers/0"]),
];

const JOBS: &[Column] = &[
    Column("JOB", &["/id"]),
    Column("TEMPLATE", &["/template"]),
    Column("BATCH", &["/batch"]),
    Column("MEMBER", &["/member_key", "/object"]),
    Column("WHY", &["/held/why"]),
];

const REDRIVES: &[Column] = &[
    Column("STATE", &["/state"]),
    Column("REDRIVE", &["/id"]),
    Column("FINGERPRINT", &["/fingerprint"]),
    Column("BATCH", &["/batch"]),
    Column("MOVED", &["/moved"]),
    Column("GOOD", &["/good"]),
    Column("BAD", &["/bad"]),
    Column("REASON", &["/reason"]),
];

impl ErrorCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => context.list(&["errors"], Vec::new(), &paging, ERRORS).await,
            Self::Show {
                fingerprint,
                paging,
            } => {
                context
                    .list(&["errors", &fingerprint], Vec::new(), &paging, JOBS)
                    .await
            }
            Self::Redrive { fingerprint, pace } => {
                let what = Map::from_iter([("fingerprint".to_owned(), json!(fingerprint))]);
                start(context, what, &pace).await
            }
        }
    }
}

impl RedriveCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Start { job, batch, pace } => {
                let mut what = Map::new();
                if !job.is_empty() {
                    what.insert("jobs".to_owned(), json!(job));
                }
                if let Some(batch) = batch {
                    what.insert("batch".to_owned(), json!(batch));
                }
                start(context, what, &pace).await
            }
            Self::List { paging } => {
                context
                    .list(&["redrives"], Vec::new(), &paging, REDRIVES)
                    .await
            }
            Self::Show { id } => context.show(&["redrives", &id]).await,
            Self::Cancel { id } => {
                let path = ["redrives", &id, "cancel"];
                let answer = context.client.post(&path, &[], &json!({}), None).await?;
                context.output.item(&answer)?;
                Ok(Exit::Done)
            }
        }
    }
}

async fn start(
    context: &Context,
    mut what: Map<String, Value>,
    pace: &Pace,
) -> Result<Exit, CliError> {
    what.insert("rate".to_owned(), json!(pace.rate));
    what.insert("canary".to_owned(), json!(pace.canary));
    what.insert("failed_too".to_owned(), json!(pace.failed));
    if let Some(reason) = &pace.reason {
        what.insert("reason".to_owned(), json!(reason));
    }
    let body = Value::Object(what);
    let answer = context.client.post(&["redrives"], &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}
