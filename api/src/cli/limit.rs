//! `windlass limit`: how much may run at once or start in a time.

use clap::Subcommand;

use super::context::{Context, Paging};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass limit`
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// List many
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// List the keys of one
    Keys {
        /// Its name
        name: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
}

const LIMITS: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("SCOPE", &["/scope"]),
    Column("OF", &["/scope_name"]),
    Column("CONCURRENCY", &["/concurrency"]),
    Column("RATE", &["/rate"]),
    Column("KEYS", &["/keys"]),
    Column("USED", &["/used"]),
    Column("FULL", &["/full_keys"]),
    Column("OVERFLOW", &["/overflow"]),
];

const KEYS: &[Column] = &[
    Column("KEY", &["/key"]),
    Column("CONCURRENCY", &["/concurrency"]),
    Column("USED", &["/used"]),
    Column("RATE", &["/rate"]),
    Column("TOKENS", &["/tokens"]),
    Column("HELD UNTIL", &["/hold_until"]),
];

impl LimitCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => context.list(&["limits"], Vec::new(), &paging, LIMITS).await,
            Self::Show { name } => context.show(&["limits", &name]).await,
            Self::Keys { name, paging } => {
                let path = ["limits", &name, "keys"];
                context.list(&path, Vec::new(), &paging, KEYS).await
            }
        }
    }
}
