//! `windlass calendar`: which days are open, and importing those that are not.

use clap::Subcommand;
use serde_json::{Value, json};

use super::apply::changes;
use super::context::{Context, Paging};
use super::error::CliError;
use super::files;
use super::output::Column;
use crate::exit::Exit;

/// `windlass calendar`
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
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
    /// Close the days of an iCalendar file, in place of those that were imported before
    Import {
        /// Its name; a new one is made
        name: String,
        /// The file, `-` for standard input
        #[arg(value_name = "FILE.ics")]
        file: String,
    },
}

const CALENDARS: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("REVISION", &["/revision"]),
    Column("TITLE", &["/document/title", "/title"]),
];

impl CalendarCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                context
                    .list(&["calendars"], Vec::new(), &paging, CALENDARS)
                    .await
            }
            Self::Show { name } => context.show(&["calendars", &name]).await,
            Self::Import { name, file } => import(context, &name, &file).await,
        }
    }
}

/// What the calendar says already stays, but for the days of an earlier import.
async fn import(context: &Context, name: &str, file: &str) -> Result<Exit, CliError> {
    let text = files::text(file)?;
    let known = context.client.get(&["calendars", name], &[]).await;
    let known = match known.map_err(CliError::from) {
        Ok(known) => known.get("document").cloned(),
        Err(error) if error.exit == Exit::NotFound => None,
        Err(error) => return Err(error),
    };
    let new = || json!({"windlass": "v1", "kind": "Calendar", "name": name});
    let mut document: Value = known.unwrap_or_else(new);
    document["ical"] = file.into();
    let body = json!({
        "files": [{"name": format!("{name}.json"), "text": document.to_string()}],
        "data": [{"calendar": name, "text": text}],
    });
    let answer = context.client.post(&["apply"], &[], &body, None).await?;
    context
        .output
        .list(&changes(&answer), super::apply::CHANGES, true)?;
    Ok(Exit::Done)
}
