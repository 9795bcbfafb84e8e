//! `windlass request`: what was asked, and what it became.

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::CliError;
use super::rows;
use super::run::Asked;
use crate::exit::Exit;

/// `windlass request`
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Ask for a job and let go, or for one a line of a file
    Submit(SubmitArgs),
    /// Show one
    Show {
        /// r_…
        id: String,
    },
}

/// `windlass request submit`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass request submit hello --input name=Ada\n  windlass request submit --file rows.ndjson\n\nA row is what POST /v1/requests takes: {\"template\": …, \"input\": …, \"idempotency_key\": …}"
)]
pub struct SubmitArgs {
    #[command(flatten)]
    asked: Asked,
    /// Requests, one JSON object a line; `-` is standard input
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["template", "purpose", "input", "key", "at", "expires"])]
    file: Option<String>,
}

impl RequestCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Submit(SubmitArgs {
                file: Some(path), ..
            }) => rows::submit(context, &path).await,
            Self::Submit(SubmitArgs { asked, .. }) => {
                context.output.item(&asked.submit(context).await?)?;
                Ok(Exit::Done)
            }
            Self::Show { id } => context.show(&["requests", &id]).await,
        }
    }
}
