//! `windlass lane`: who gets how much of the workers.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass lane`
#[derive(Debug, Subcommand)]
pub enum LaneCommand {
    /// List many: groups and queues with work, jobs in flight or a share
    List,
    /// Show one
    Show {
        /// A purpose or template, or queue:NAME
        key: String,
    },
    /// Change how much it gets; acts on queued work within a second
    Edit {
        /// A purpose or template, or queue:NAME
        key: String,
        /// Its part beside the others, 1 to 1000
        #[arg(long, value_name = "W")]
        weight: Option<i32>,
        /// With fewer jobs in flight it goes first
        #[arg(long, value_name = "N")]
        min: Option<i32>,
        /// With so many jobs in flight it gets no more; 'none' takes it away
        #[arg(long, value_name = "N")]
        max: Option<String>,
    },
    /// Back to weight 1 without bounds
    Reset {
        /// A purpose or template, or queue:NAME
        key: String,
    },
}

const LANES: &[Column] = &[
    Column("KEY", &["/key"]),
    Column("WEIGHT", &["/weight"]),
    Column("MIN", &["/minimum"]),
    Column("MAX", &["/maximum"]),
    Column("IN FLIGHT", &["/in_flight"]),
    Column("HAS WORK", &["/has_work"]),
    Column("PAUSED", &["/is_paused"]),
];

impl LaneCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List => context.whole(&["lanes"], LANES).await,
            Self::Show { key } => context.show(&["lanes", &key]).await,
            Self::Edit {
                key,
                weight,
                min,
                max,
            } => {
                let body = edit(weight, min, max)?;
                let path = ["lanes", key.as_str()];
                let sent = context.client.send(Method::PATCH, &path, Some(&body));
                context.output.item(&sent.await?)?;
                Ok(Exit::Done)
            }
            Self::Reset { key } => {
                let path = ["lanes", key.as_str()];
                context.client.send(Method::DELETE, &path, None).await?;
                Ok(Exit::Done)
            }
        }
    }
}

fn edit(weight: Option<i32>, min: Option<i32>, max: Option<String>) -> Result<Value, CliError> {
    let mut body = Map::new();
    body.extend(weight.map(|weight| ("weight".to_owned(), json!(weight))));
    body.extend(min.map(|min| ("minimum".to_owned(), json!(min))));
    if let Some(max) = max {
        let value = match max.as_str() {
            "none" => Value::Null,
            number => json!(number.parse::<i32>().map_err(|_| {
                CliError::usage(format!("`{number}` is no number")).hint("a number, or none")
            })?),
        };
        body.insert("maximum".into(), value);
    }
    Ok(Value::Object(body))
}
