//! `windlass category`: collections of items.

use clap::{Subcommand, ValueEnum};
use reqwest::Method;

use super::context::{Context, Paging, query};
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
        /// A version that is kept; the current one unless given
        #[arg(long = "at-version", value_name = "N")]
        version: Option<i32>,
        /// Those that this jq keeps, as the filter of a selection
        #[arg(long, value_name = "JQ")]
        filter: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Its loads: who brought what, and what that changed
    Versions {
        /// Its name
        name: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Delete it; it can be brought back for as long as its items are kept
    Delete {
        /// Its name
        name: String,
    },
    /// Bring it back
    Undelete {
        /// Its name
        name: String,
    },
    /// Replace its items, or merge others into them
    Load {
        /// Its name
        name: String,
        /// CSV, NDJSON, JSON or Parquet, told by its ending
        #[arg(long, value_name = "PATH")]
        file: String,
        /// What becomes of items that the file does not name; as its document says unless given
        #[arg(long, value_enum)]
        mode: Option<LoadMode>,
        /// Where to write rows that are refused: CSV or NDJSON, told by its ending
        #[arg(long, value_name = "PATH")]
        refused: Option<String>,
    },
}

/// What becomes of items that a load does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoadMode {
    /// They end
    Replace,
    /// They stay
    Merge,
}

impl LoadMode {
    /// As the API takes it.
    fn query(mode: Option<Self>) -> Vec<(&'static str, String)> {
        let word = |mode| match mode {
            Self::Replace => "replace",
            Self::Merge => "merge",
        };
        let found = mode.map(|mode| ("mode", word(mode).to_owned()));
        found.into_iter().collect()
    }
}

const CATEGORIES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("VERSION", &["/version"]),
    Column("ITEMS", &["/items"]),
    Column("LOADED", &["/loaded_at"]),
];

const VERSIONS: &[Column] = &[
    Column("VERSION", &["/version"]),
    Column("ITEMS", &["/items"]),
    Column("ADDED", &["/added"]),
    Column("CHANGED", &["/changed"]),
    Column("REMOVED", &["/removed"]),
    Column("LOADED", &["/loaded_at"]),
    Column("BY", &["/loaded_by"]),
    Column("FROM", &["/origin"]),
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
            Self::Items {
                name,
                version,
                filter,
                paging,
            } => {
                let version = version.map(|version| version.to_string());
                let query = query(&[("version", &version), ("filter", &filter)]);
                context
                    .list(&["categories", &name, "items"], query, &paging, ITEMS)
                    .await
            }
            Self::Versions { name, paging } => {
                let path = ["categories", &name, "versions"];
                context.list(&path, Vec::new(), &paging, VERSIONS).await
            }
            Self::Delete { name } => delete(context, &name).await,
            Self::Undelete { name } => undelete(context, &name).await,
            Self::Load {
                name,
                file,
                mode,
                refused: None,
            } => load(context, &name, &file, mode).await,
            Self::Load {
                name,
                file,
                mode,
                refused: Some(refused),
            } => load_reporting(context, &name, &file, mode, &refused).await,
        }
    }
}

async fn delete(context: &Context, name: &str) -> Result<Exit, CliError> {
    let question = format!("Delete the category {name}?");
    if !context.confirm(&question)? {
        return Ok(Exit::Done);
    }
    let path = ["categories", name];
    let answer = context.client.send(Method::DELETE, &path, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

async fn undelete(context: &Context, name: &str) -> Result<Exit, CliError> {
    let path = ["categories", name, "undelete"];
    let answer = context.client.send(Method::POST, &path, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

async fn load(
    context: &Context,
    name: &str,
    file: &str,
    mode: Option<LoadMode>,
) -> Result<Exit, CliError> {
    let kind = super::files::media_type_of_rows(file)?;
    let pieces = super::files::pieces(file).await?;
    let path = ["categories", name, "items"];
    let (client, query) = (&context.client, LoadMode::query(mode));
    let answer = client.pour(&path, &query, kind, pieces, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// Loads, or writes the rows that were refused into a file.
async fn load_reporting(
    context: &Context,
    name: &str,
    file: &str,
    mode: Option<LoadMode>,
    refused: &str,
) -> Result<Exit, CliError> {
    let report = match refused.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => "text/csv",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        _ => return Err(ending(refused, ".csv and .ndjson")),
    };
    let pieces = super::files::pieces(file).await?;
    let path = ["categories", name, "items"];
    let kinds = (super::files::media_type_of_rows(file)?, report);
    let (client, query) = (&context.client, LoadMode::query(mode));
    let answer = client.pour_reporting(&path, &query, kinds, pieces).await?;
    let is_done = answer.status().is_success();
    let text = super::export::whole(context, answer).await?;
    if is_done {
        let answer = serde_json::from_slice(&text)
            .map_err(|error| CliError::new(Exit::Failed, "strange_answer", error.to_string()))?;
        context.output.item(&answer)?;
        return Ok(Exit::Done);
    }
    std::fs::write(refused, text)?;
    let message = format!("{file} was refused, nothing was stored");
    let error = CliError::new(Exit::Refused, "invalid", message);
    Err(error.hint(format!("what is wrong with its rows is in {refused}")))
}

fn ending(file: &str, known: &str) -> CliError {
    CliError::usage(format!("{file} ends in none of {known}"))
}
