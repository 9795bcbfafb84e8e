//! `windlass batch add`, `close`: more members for a batch that was made with `--open`.

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::context::Context;
use super::error::CliError;
use super::files;
use crate::exit::Exit;

/// What becomes of one that is open to more members.
#[derive(Debug, Subcommand)]
pub enum AdditionCommand {
    /// Add members to one that was made with `--open`: all or none
    Add {
        /// b_…
        id: String,
        /// CSV, NDJSON, JSON or Parquet, told by its ending
        #[arg(long, value_name = "PATH")]
        file: String,
        /// A repeat with the same key adds nothing twice
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Take no more members: it may end now
    Close {
        /// b_…
        id: String,
    },
}

impl AdditionCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let answer = match self {
            Self::Add { id, file, key } => {
                let kind = files::media_type_of_rows(&file)?;
                let key = key.unwrap_or_else(|| Uuid::now_v7().to_string());
                let (pieces, path) = (files::pieces(&file).await?, ["batches", &id, "members"]);
                let client = &context.client;
                client.pour(&path, &[], kind, pieces, Some(&key)).await?
            }
            Self::Close { id } => {
                let path = ["batches", &id, "close"];
                context.client.post(&path, &[], &json!({}), None).await?
            }
        };
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }
}
