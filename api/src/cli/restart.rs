//! `windlass batch restart`: what failed in a batch runs again inside of it.

use clap::Args;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::context::Context;
use super::error::CliError;
use super::files;
use crate::exit::Exit;

/// Which members run again.
#[derive(Clone, Debug, Args)]
pub struct Restart {
    /// b_…
    id: String,
    /// Only those that this error stopped, as `batch errors` shows it
    #[arg(long, value_name = "FINGERPRINT")]
    error: Option<String>,
    /// Only this member or object; repeatable; `@FILE` has a key a line
    #[arg(long = "member", value_name = "KEY")]
    members: Vec<String>,
    /// Another version of its template, for what failed or expired
    #[arg(long, value_name = "NAME@VERSION")]
    template: Option<String>,
    /// Kept with it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// A repeat with the same key restarts nothing twice
    #[arg(long)]
    key: Option<String>,
}

impl Restart {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let key = self.key.unwrap_or_else(|| Uuid::now_v7().to_string());
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        put("fingerprint", self.error.map(Value::from));
        put("template", self.template.map(Value::from));
        put("reason", self.reason.map(Value::from));
        let members = keys(&self.members)?;
        put("members", (!members.is_empty()).then(|| json!(members)));
        let path = ["batches", &self.id, "restart"];
        let answer = context
            .client
            .post(&path, &[], &Value::Object(body), Some(&key))
            .await?;
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }
}

/// Keys as they stand, or a line each from a file.
fn keys(members: &[String]) -> Result<Vec<String>, CliError> {
    let mut keys = Vec::new();
    for member in members {
        match member.strip_prefix('@') {
            Some(file) => keys.extend(files::text(file)?.lines().map(str::to_owned)),
            None => keys.push(member.clone()),
        }
    }
    Ok(keys)
}
