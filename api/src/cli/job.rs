//! `windlass job` and `windlass explain`: single executions.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, Paging, query};
use super::error::CliError;
use super::flight::FlightCommand;
use super::output::{Column, Format};
use super::{contexts, watch};
use crate::exit::Exit;

/// One job.
#[derive(Debug, Args)]
pub struct Id {
    /// j_…
    id: String,
}

/// `windlass job`
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List many, newest first
    List {
        /// In this state; repeatable
        #[arg(long)]
        state: Vec<String>,
        /// Of this batch, b_…
        #[arg(long)]
        batch: Option<String>,
        /// Of this template; with --state only
        #[arg(long)]
        template: Option<String>,
        /// Of this purpose; with --state only
        #[arg(long)]
        purpose: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show(Id),
    /// Follow it until it ends
    Watch(Id),
    /// Everything that happened to it
    Journal {
        /// j_…
        id: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// The contexts that it touched
    Contexts {
        /// j_…
        id: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Its result
    Output(Id),
    /// Ask it to end
    Cancel {
        /// j_…
        id: String,
        /// Kept with the job
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// End it at once, nothing is undone
    Kill {
        /// j_…
        id: String,
        /// Kept with the job
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Changes of one in flight
    #[command(flatten)]
    Flight(FlightCommand),
}

const JOBS: &[Column] = &[
    Column("STATE", &["/state"]),
    Column("JOB", &["/id"]),
    Column("TEMPLATE", &["/template"]),
    Column("BATCH", &["/batch"]),
    Column("MEMBER", &["/member_key", "/object"]),
    Column("RETRIES", &["/attempt"]),
    Column("ERROR", &["/outcome/code", "/held/reason"]),
    Column("CREATED", &["/created_at"]),
];

const JOURNAL: &[Column] = &[
    Column("SEQ", &["/seq"]),
    Column("AT", &["/at"]),
    Column("KIND", &["/kind"]),
    Column("DATA", &["/data"]),
];

const REASONS: &[Column] = &[
    Column("CODE", &["/code"]),
    Column("WHY", &["/text"]),
    Column("UNTIL", &["/until"]),
];

impl JobCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List {
                state,
                batch,
                template,
                purpose,
                paging,
            } => {
                let mut query = query(&[
                    ("batch", &batch),
                    ("template", &template),
                    ("purpose", &purpose),
                ]);
                query.extend(state.into_iter().map(|state| ("state", state)));
                context.list(&["jobs"], query, &paging, JOBS).await
            }
            Self::Show(Id { id }) => context.show(&["jobs", &id]).await,
            Self::Watch(Id { id }) => watch::job(context, &id, None).await,
            Self::Journal { id, paging } => {
                context
                    .list(&["jobs", &id, "journal"], Vec::new(), &paging, JOURNAL)
                    .await
            }
            Self::Contexts { id, paging } => {
                contexts::touched(context, ("jobs", &id), &paging).await
            }
            Self::Output(Id { id }) => {
                context.output.json(&output(context, &id).await?)?;
                Ok(Exit::Done)
            }
            Self::Cancel { id, reason } => {
                let body = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
                end(context, &id, "Cancel", "cancel", &body).await
            }
            Self::Kill { id, reason } => {
                end(context, &id, "Kill", "kill", &json!({"reason": reason})).await
            }
            Self::Flight(change) => change.run(context).await,
        }
    }
}

/// Asks first, then ends a job one way or the other.
async fn end(
    context: &Context,
    id: &str,
    question: &str,
    verb: &str,
    body: &Value,
) -> Result<Exit, CliError> {
    if !context.confirm(&format!("{question} {id}?"))? {
        return Ok(Exit::Usage);
    }
    let path = ["jobs", id, verb];
    let answer = context.client.post(&path, &[], body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// What a job gave, or the error that ended it.
pub async fn output(context: &Context, id: &str) -> Result<Value, CliError> {
    let mut answer = context.client.get(&["jobs", id, "output"], &[]).await?;
    Ok(answer
        .get_mut("result")
        .map(Value::take)
        .unwrap_or_default())
}

/// Says why a job is not running.
pub async fn explain(job: &Id, context: &Context) -> Result<Exit, CliError> {
    let answer = context
        .client
        .get(&["jobs", &job.id, "explain"], &[])
        .await?;
    if context.output.format != Format::Table {
        context.output.item(&answer)?;
        return Ok(Exit::Done);
    }
    let reasons = answer
        .get("reasons")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if reasons.is_empty() {
        context.say(&format!("{} is running", job.id));
    } else {
        context.output.list(&reasons, REASONS, true)?;
    }
    Ok(Exit::Done)
}
