//! `windlass category`: collections of items.

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use reqwest::header::HeaderValue;

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
        /// What a row does that is no item; as its document says unless given
        #[arg(long, value_enum)]
        invalid: Option<InvalidRow>,
        /// Where to write rows that are refused or left out: CSV or NDJSON, told by its ending
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

/// What a row does that is no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum InvalidRow {
    /// It refuses the load
    Refuse,
    /// It is left out
    LeaveOut,
}

/// How to load, as the API takes it.
fn manner(mode: Option<LoadMode>, invalid: Option<InvalidRow>) -> Vec<(&'static str, String)> {
    let mode = mode.map(|mode| match mode {
        LoadMode::Replace => "replace",
        LoadMode::Merge => "merge",
    });
    let invalid = invalid.map(|invalid| match invalid {
        InvalidRow::Refuse => "refuse",
        InvalidRow::LeaveOut => "leave_out",
    });
    let words = [("mode", mode), ("invalid", invalid)].into_iter();
    let said = words.filter_map(|(name, word)| Some((name, word?.to_owned())));
    said.collect()
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
    Column("LEFT OUT", &["/left_out"]),
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
                invalid,
                refused,
            } => {
                let manner = manner(mode, invalid);
                match refused {
                    None => load(context, &name, &file, &manner).await,
                    Some(refused) => load_reporting(context, &name, &file, &manner, &refused).await,
                }
            }
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
    manner: &[(&str, String)],
) -> Result<Exit, CliError> {
    let kind = super::files::media_type_of_rows(file)?;
    let pieces = super::files::pieces(file).await?;
    let path = ["categories", name, "items"];
    let answer = context.client.pour(&path, manner, kind, pieces, None);
    let answer = answer.await?;
    context.output.item(&answer)?;
    if answer["left_out"].as_i64().is_some_and(|rows| rows > 0) {
        context.say("`--refused FILE` writes what is wrong with the rows that were left out");
    }
    Ok(Exit::Done)
}

/// Loads, and writes the rows that were refused or left out into a file.
async fn load_reporting(
    context: &Context,
    name: &str,
    file: &str,
    manner: &[(&str, String)],
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
    let answer = context.client.pour_reporting(&path, manner, kinds, pieces);
    let answer = answer.await?;
    let is_done = answer.status().is_success();
    // Where rows were left out, the answer is their report, and the counts of the load stand beside it.
    let counts = answer.headers().get("windlass-load").cloned();
    let text = super::export::whole(context, answer).await?;
    if is_done {
        let counts_text = counts
            .as_ref()
            .map_or(text.as_slice(), HeaderValue::as_bytes);
        let load = serde_json::from_slice(counts_text)
            .map_err(|error| CliError::new(Exit::Failed, "strange_answer", error.to_string()))?;
        context.output.item(&load)?;
        if counts.is_some() {
            std::fs::write(refused, text)?;
            context.say(&format!(
                "what is wrong with the rows that were left out is in {refused}"
            ));
        }
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
