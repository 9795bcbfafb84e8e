//! `windlass category`: collections of items.

use clap::Subcommand;

use super::context::{Context, Paging};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass category`
#[derive(Debug, Subcommand)]
pub enum CategoryCommand {
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
    /// Its items
    Items {
        /// Its name
        name: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Replace its items
    Load {
        /// Its name
        name: String,
        /// CSV, NDJSON, JSON or Parquet, told by its ending
        #[arg(long, value_name = "PATH")]
        file: String,
    },
}

const CATEGORIES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("VERSION", &["/version"]),
    Column("ITEMS", &["/items"]),
    Column("LOADED", &["/loaded_at"]),
];

const ITEMS: &[Column] = &[
    Column("N", &["/n"]),
    Column("KEY", &["/key"]),
    Column("OBJECT", &["/object"]),
    Column("DOCUMENT", &["/document"]),
];

impl CategoryCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                context
                    .list(&["categories"], Vec::new(), &paging, CATEGORIES)
                    .await
            }
            Self::Show { name } => context.show(&["categories", &name]).await,
            Self::Items { name, paging } => {
                context
                    .list(&["categories", &name, "items"], Vec::new(), &paging, ITEMS)
                    .await
            }
            Self::Load { name, file } => load(context, &name, &file).await,
        }
    }
}

async fn load(context: &Context, name: &str, file: &str) -> Result<Exit, CliError> {
    let kind = super::files::media_type_of_rows(file)?;
    let pieces = super::files::pieces(file).await?;
    let path = ["categories", name, "items"];
    let answer = context.client.pour(&path, kind, pieces, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}
