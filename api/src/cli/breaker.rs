//! `windlass breaker`: templates that one error stopped, and what stops them.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::context::{Context, Paging};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass breaker`
#[derive(Debug, Subcommand)]
pub enum BreakerCommand {
    /// List many: those that ever opened
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// namespace.name
        template: String,
    },
    /// Start nothing more of a template until a job that goes to see does well
    Open {
        /// namespace.name
        template: String,
        /// Why, for everybody whom it stops
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let everything go on at once; what failed before counts no more
    Close {
        /// namespace.name
        template: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show what opens it, or change that; heeded within a second or two
    Rule(RuleArgs),
}

/// What opens a breaker.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// namespace.name; all: those that have no rule of their own
    #[arg(default_value = "all")]
    template: String,
    /// So many jobs stopped by one error within the window
    #[arg(long, value_name = "N")]
    failures: Option<i32>,
    /// Which part of what ended beside them that must be, 0 to 1
    #[arg(long, value_name = "PART")]
    share: Option<f64>,
    /// The window, in seconds
    #[arg(long, value_name = "SECONDS")]
    window: Option<i32>,
    /// Seconds before the first probe; twice as long after each one that failed
    #[arg(long, value_name = "SECONDS")]
    rest: Option<i32>,
    /// Let it open by itself
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Never let it open by itself
    #[arg(long)]
    off: bool,
}

const BREAKERS: &[Column] = &[
    Column("TEMPLATE", &["/template"]),
    Column("STATE", &["/state"]),
    Column("ERROR", &["/fingerprint"]),
    Column("STOPPED", &["/failures"]),
    Column("STEP", &["/step"]),
    Column("SINCE", &["/since"]),
    Column("NEXT PROBE", &["/due"]),
    Column("WHO", &["/who"]),
];

impl BreakerCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                let query = Vec::new();
                context.list(&["breakers"], query, &paging, BREAKERS).await
            }
            Self::Show { template } => context.show(&["breakers", &template]).await,
            Self::Open { template, reason } => moved(context, &template, "open", reason).await,
            Self::Close { template, reason } => moved(context, &template, "close", reason).await,
            Self::Rule(rule) => rule.run(context).await,
        }
    }
}

async fn moved(
    context: &Context,
    template: &str,
    verb: &str,
    reason: Option<String>,
) -> Result<Exit, CliError> {
    let body = json!({ "reason": reason.unwrap_or_default() });
    let path = ["breakers", template, verb];
    let answer = context.client.post(&path, &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

impl RuleArgs {
    async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let template = self.template.clone();
        let path = ["breakers", template.as_str(), "rule"];
        let edit = self.edit();
        if edit.is_empty() {
            return context.show(&path).await;
        }
        let body = Value::Object(edit);
        let sent = context.client.send(Method::PATCH, &path, Some(&body));
        context.output.item(&sent.await?)?;
        Ok(Exit::Done)
    }

    fn edit(self) -> Map<String, Value> {
        let is_on = (self.on || self.off).then_some(self.on);
        let given = [
            ("is_on", is_on.map(Value::from)),
            ("failures", self.failures.map(Value::from)),
            ("share", self.share.map(Value::from)),
            ("window_seconds", self.window.map(Value::from)),
            ("rest_seconds", self.rest.map(Value::from)),
        ];
        let given = given
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        given.collect()
    }
}
