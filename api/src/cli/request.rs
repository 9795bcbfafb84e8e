//! `windlass request`: what was asked, and what it became.

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::run::Asked;
use crate::exit::Exit;

/// `windlass request`
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Ask for a job and let go
    Submit(Asked),
    /// Show one
    Show {
        /// r_…
        id: String,
    },
}

impl RequestCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Submit(asked) => {
                context.output.item(&asked.submit(context).await?)?;
                Ok(Exit::Done)
            }
            Self::Show { id } => context.show(&["requests", &id]).await,
        }
    }
}
