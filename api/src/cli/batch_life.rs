//! `windlass batch approve`, `pause`, `resume`, `edit`, `cancel`: what a person decides between a batch's plan and its end.

use clap::Subcommand;
use serde_json::json;

use super::batch_edit::BatchEdit;
use super::context::Context;
use super::error::CliError;
use super::pause::{self, How};
use super::plan;
use crate::exit::Exit;

/// Decisions about one that is open.
#[derive(Debug, Subcommand)]
pub enum BatchLifeCommand {
    /// Let a plan go that asks: shows why it asks, then a question
    Approve {
        /// b_…
        id: String,
        /// Its plan hash, where you have seen it already
        #[arg(long, value_name = "HASH")]
        plan: Option<String>,
    },
    /// Start nothing more of it
    Pause {
        /// b_…
        id: String,
        /// Why and until when.
        #[command(flatten)]
        how: How,
    },
    /// Let it go on
    Resume {
        /// b_…
        id: String,
        /// Take what came of it: what failed so far counts no more, and a stage that was not good is passed
        #[arg(long)]
        accept: bool,
    },
    /// Change what it goes by while it runs
    Edit(BatchEdit),
    /// End it: what has not begun at once, the rest is asked
    Cancel {
        /// b_…
        id: String,
        /// Kept with the batch and its jobs
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl BatchLifeCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Approve { id, plan } => approve(context, &id, plan).await,
            Self::Pause { id, how } => pause::pause(context, ("batch", id), how, false).await,
            Self::Resume { id, accept } => pause::resume_batch(context, &id, accept).await,
            Self::Edit(edit) => edit.run(context).await,
            Self::Cancel { id, reason } => {
                if !context.confirm(&format!("Cancel {id}?"))? {
                    return Ok(Exit::Usage);
                }
                let body = json!({ "reason": reason.unwrap_or_default() });
                let path = ["batches", &id, "cancel"];
                let answer = context.client.post(&path, &[], &body, None).await?;
                context.output.item(&answer)?;
                Ok(Exit::Done)
            }
        }
    }
}

/// Approves the plan that the caller names, or the one that is shown now.
async fn approve(context: &Context, id: &str, plan: Option<String>) -> Result<Exit, CliError> {
    let plan = match plan {
        Some(plan) => plan,
        None => {
            let batch = context.client.get(&["batches", id], &[]).await?;
            let figures = batch.get("plan").into_iter();
            for line in figures.flat_map(|figures| plan::told(&batch["planned"], figures)) {
                context.say(&line);
            }
            batch["plan_hash"].as_str().unwrap_or_default().to_owned()
        }
    };
    if !context.confirm(&format!("Approve {id}?"))? {
        return Ok(Exit::Usage);
    }
    let path = ["batches", id, "approve"];
    let body = json!({ "plan": plan });
    let answer = context.client.post(&path, &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}
