//! What every command has at hand: the client, the output, and a voice on standard error.

use std::io::Write;

use serde_json::Value;

use super::error::CliError;
use super::output::{Column, Format, Output};
use crate::client::Client;
use crate::config::{Settings, Surroundings};
use crate::exit::Exit;

/// Items of a page where nothing else is said.
const PAGE: u32 = 100;

/// Flags that every list understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speech {
    /// Say nothing beside errors.
    pub quiet: bool,
    /// Answer every question with yes.
    pub yes: bool,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Paging {
    /// Items of a page, at most 1000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Begin where an earlier page ended
    #[arg(long, value_name = "C")]
    cursor: Option<String>,
    /// Every page
    #[arg(long, conflicts_with = "cursor")]
    all: bool,
}

/// What every command has at hand.
pub struct Context {
    /// The API.
    pub client: Client,
    /// Standard output.
    pub output: Output,
    /// How much is said.
    pub speech: Speech,
    /// All settings.
    pub settings: Settings,
    /// The environment.
    pub around: Surroundings,
}

/// A query, as it is built.
pub type Query<'a> = Vec<(&'a str, String)>;

impl Context {
    /// Says something to people.
    pub fn say(&self, text: &str) {
        if !self.speech.quiet {
            // Nobody listens any more: no reason to stop working.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Asks before something that cannot be taken back.
    ///
    /// # Errors
    /// `usage` when nobody can answer.
    pub fn confirm(&self, question: &str) -> Result<bool, CliError> {
        if self.speech.yes {
            return Ok(true);
        }
        if !self.around.stdin_is_terminal || !self.around.stderr_is_terminal {
            return Err(
                CliError::usage(format!("{question} Nobody is here to answer."))
                    .hint("repeat it with --yes"),
            );
        }
        write!(std::io::stderr().lock(), "{question} [y/N] ")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Shows one thing.
    ///
    /// # Errors
    /// What the server says.
    pub async fn show(&self, path: &[&str]) -> Result<Exit, CliError> {
        let item = self.client.get(path, &[]).await?;
        self.output.item(&item)?;
        Ok(Exit::Done)
    }

    /// Shows a list that comes whole.
    ///
    /// # Errors
    /// What the server says.
    pub async fn whole(&self, path: &[&str], columns: &[Column]) -> Result<Exit, CliError> {
        let (items, _) = items(self.client.get(path, &[]).await?);
        self.output.list(&items, columns, true)?;
        Ok(Exit::Done)
    }

    /// Shows a list, page by page where every page was asked for.
    ///
    /// # Errors
    /// What the server says.
    pub async fn list(
        &self,
        path: &[&str],
        mut query: Query<'_>,
        paging: &Paging,
        columns: &[Column],
    ) -> Result<Exit, CliError> {
        query.push(("limit", paging.limit.unwrap_or(PAGE).to_string()));
        let mut cursor = paging.cursor.clone();
        let mut whole = Vec::new();
        let mut is_first = true;
        loop {
            let mut page = query.clone();
            page.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let (items, next) = items(self.client.get(path, &page).await?);
            // One JSON document holds every page; lines are written as they come.
            match self.output.format {
                Format::Json | Format::Yaml if paging.all => whole.extend(items),
                _ => self.output.list(&items, columns, is_first)?,
            }
            is_first = false;
            match next {
                Some(next) if paging.all => cursor = Some(next),
                next => return self.end_of_list(whole, paging.all, next),
            }
        }
    }

    fn end_of_list(
        &self,
        whole: Vec<Value>,
        all: bool,
        next: Option<String>,
    ) -> Result<Exit, CliError> {
        if all && matches!(self.output.format, Format::Json | Format::Yaml) {
            self.output.list(&whole, &[], true)?;
        }
        if let Some(next) = next {
            self.say(&format!("more: --cursor {next}, or --all"));
        }
        Ok(Exit::Done)
    }
}

/// The items of a page and where the next begins; a plain array is a page too.
pub fn items(answer: Value) -> (Vec<Value>, Option<String>) {
    match answer {
        Value::Array(items) => (items, None),
        Value::Object(mut fields) => {
            let next = fields
                .get("next_cursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            match fields.remove("items") {
                Some(Value::Array(items)) => (items, next),
                _ => (Vec::new(), next),
            }
        }
        _ => (Vec::new(), None),
    }
}

/// The pairs whose value is there.
pub fn query<'a>(pairs: &[(&'a str, &Option<String>)]) -> Query<'a> {
    let given = pairs
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value).clone()?)));
    given.collect()
}
