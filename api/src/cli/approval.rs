//! `windlass approval`: what jobs ask people.

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass approval`
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// List many: those that wait
    List(ListArgs),
    /// Show one
    Show {
        /// a_…
        id: String,
    },
    /// Answer one: its job goes on
    #[command(
        after_help = "Examples:\n  windlass approval decide a_7 approve --by maria --comment 'well done'"
    )]
    Decide(DecideArgs),
}

/// Which ones.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Those that wait for this one
    #[arg(long, value_name = "NAME", conflicts_with = "ended")]
    assignee: Option<String>,
    /// Those that were decided or closed
    #[arg(long)]
    ended: bool,
    /// Which page.
    #[command(flatten)]
    paging: Paging,
}

/// A decision.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// a_…
    id: String,
    /// One of its options
    decision: String,
    /// Who decides; the caller unless given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

const APPROVALS: &[Column] = &[
    Column("ID", &["/id"]),
    Column("JOB", &["/job"]),
    Column("STATE", &["/state"]),
    Column("SUBJECT", &["/subject"]),
    Column("ASSIGNEES", &["/assignees"]),
    Column("ROUND", &["/round"]),
    Column("ASKED", &["/asked_at"]),
    Column("DECISION", &["/decision"]),
    Column("BY", &["/by"]),
];

impl ApprovalCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List(list) => {
                let state = list.ended.then(|| "ended".to_owned());
                let pairs = [("assignee", &list.assignee), ("state", &state)];
                let query = query(&pairs);
                context
                    .list(&["approvals"], query, &list.paging, APPROVALS)
                    .await
            }
            Self::Show { id } => context.show(&["approvals", &id]).await,
            Self::Decide(decide) => decide.run(context).await,
        }
    }
}

impl DecideArgs {
    async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let body = json!({ "decision": self.decision, "by": self.by, "comment": self.comment });
        let path = ["approvals", self.id.as_str(), "decision"];
        let answer = context.client.post(&path, &[], &body, None).await?;
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }
}
