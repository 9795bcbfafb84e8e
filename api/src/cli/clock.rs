//! `windlass clock`: moves the development clock, forward only.

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;

/// `windlass clock`
#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// What time schedules and timers go by
    Show,
    /// Move it forward by a length, such as 1d
    Advance {
        /// 90s, 1h30m, 1d …
        #[arg(value_name = "DUR")]
        by: String,
    },
    /// Move it forward to an instant
    Set {
        /// RFC 3339
        #[arg(value_name = "TIME")]
        to: String,
    },
}

impl ClockCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let moved: Value = match self {
            Self::Show => return context.show(&["clock"]).await,
            Self::Advance { by } => json!({"advance": by}),
            Self::Set { to } => json!({"set": to}),
        };
        context
            .output
            .item(&context.client.post(&["clock"], &[], &moved, None).await?)?;
        Ok(Exit::Done)
    }
}
