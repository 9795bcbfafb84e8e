//! `windlass signal` and `windlass event`: what jobs are told from outside.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::files;
use crate::exit::Exit;

/// `windlass signal`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass signal j_1024 approved --data '{\"by\": \"mia\"}'\n  windlass signal order-17 paid --id payment-9"
)]
pub struct SignalArgs {
    /// j_…, or the key under which somebody waits
    to: String,
    /// Its name
    name: String,
    /// What is said
    #[command(flatten)]
    message: Message,
    /// How long it is kept until somebody takes it; 7d unless given
    #[arg(long, value_name = "LENGTH")]
    keep: Option<String>,
}

/// `windlass event`
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Tell every job that waits for it
    Publish {
        /// Its type, such as order.paid
        #[arg(value_name = "TYPE")]
        kind: String,
        /// What it is about
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
        /// What is said
        #[command(flatten)]
        message: Message,
    },
}

/// What a message says.
#[derive(Debug, Args)]
pub struct Message {
    /// Any JSON, or a file of it
    #[arg(short, long, value_name = "JSON|@FILE")]
    data: Option<String>,
    /// A second one of this id counts as the first
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
}

impl SignalArgs {
    /// Sends it.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let mut body = json!({ "key": self.to, "name": self.name });
        body["ttl"] = self.keep.into();
        self.message.send(context, "signals", body).await
    }
}

impl EventCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let Self::Publish {
            kind,
            subject,
            message,
        } = self;
        let body = json!({ "type": kind, "subject": subject });
        message.send(context, "events", body).await
    }
}

impl Message {
    async fn send(self, context: &Context, noun: &str, mut body: Value) -> Result<Exit, CliError> {
        body["id"] = self.id.into();
        body["data"] = match self.data {
            None => Value::Null,
            Some(text) => files::given(&text)?,
        };
        let answer = context.client.post(&[noun], &[], &body, None).await?;
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }
}
