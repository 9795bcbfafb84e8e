//! `windlass webhook`: who is told outside, what they were told, and telling them again.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::apply::{CHANGES, changes};
use super::context::{Context, Paging};
use super::error::CliError;
use super::files::Bundle;
use super::output::Column;
use crate::exit::Exit;

/// `windlass webhook`
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Make webhooks like a file
    Apply {
        /// A file of documents (`-` is standard input)
        file: String,
    },
    /// List many, with how they fare
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
    /// List what one was told, the latest first
    Deliveries {
        /// Its name
        name: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Send an event once more under the same id, and show what came of it so far
    Redeliver {
        /// v_…
        delivery: String,
    },
    /// Send one an event `webhook.test`
    Test {
        /// Its name
        name: String,
    },
    /// Delete one with its deliveries
    Delete {
        /// Its name
        name: String,
    },
}

const WEBHOOKS: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("STATE", &["/state"]),
    Column("EVENTS", &["/events"]),
    Column("WAITING", &["/waiting"]),
    Column("FAILING SINCE", &["/failing_since"]),
    Column("WHY", &["/disabled_why"]),
];

const DELIVERIES: &[Column] = &[
    Column("ID", &["/id"]),
    Column("KIND", &["/kind"]),
    Column("STATE", &["/state"]),
    Column("TRIES", &["/tries"]),
    Column("STATUS", &["/status"]),
    Column("ERROR", &["/error"]),
    Column("DUE", &["/due"]),
    Column("CREATED", &["/created_at"]),
    Column("EVENT", &["/event"]),
];

impl WebhookCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Apply { file } => apply(context, file).await,
            Self::List { paging } => {
                let path = ["webhooks"];
                context.list(&path, Vec::new(), &paging, WEBHOOKS).await
            }
            Self::Show { name } => context.show(&["webhooks", &name]).await,
            Self::Deliveries { name, paging } => {
                let path = ["webhooks", &name, "deliveries"];
                context.list(&path, Vec::new(), &paging, DELIVERIES).await
            }
            Self::Redeliver { delivery } => {
                post(context, &["deliveries", &delivery, "redeliver"]).await?;
                context.show(&["deliveries", &delivery]).await
            }
            Self::Test { name } => post(context, &["webhooks", &name, "test"]).await,
            Self::Delete { name } => delete(context, &name).await,
        }
    }
}

async fn apply(context: &Context, file: String) -> Result<Exit, CliError> {
    let body = Bundle::read(&[file])?.body();
    let answer = context.client.post(&["apply"], &[], &body, None).await?;
    context.output.list(&changes(&answer), CHANGES, true)?;
    Ok(Exit::Done)
}

async fn post(context: &Context, path: &[&str]) -> Result<Exit, CliError> {
    let answer = context.client.post(path, &[], &json!({}), None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

async fn delete(context: &Context, name: &str) -> Result<Exit, CliError> {
    let question = format!("delete webhook `{name}` with its deliveries?");
    if !context.confirm(&question)? {
        return Ok(Exit::Done);
    }
    let path = ["webhooks", name];
    context.client.send(Method::DELETE, &path, None).await?;
    context.say(&format!("deleted {name}"));
    Ok(Exit::Done)
}
