//! `windlass api`: a call as it is, for what has no command.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::context::Context;
use super::error::CliError;
use super::files;
use super::run::inputs;
use crate::exit::Exit;

/// `windlass api METHOD PATH`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass api GET /v1/jobs?state=failed\n  windlass api POST /v1/clock --field advance=1h"
)]
pub struct ApiArgs {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = method)]
    method: Method,
    /// Address below the server, such as /v1/jobs
    path: String,
    /// A field of the JSON body: text, or JSON where it is JSON
    #[arg(long, value_name = "K=V")]
    field: Vec<String>,
    /// The JSON body, from a file (`-` is standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "field")]
    input: Option<String>,
}

fn method(text: &str) -> Result<Method, String> {
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let wanted = text.to_uppercase();
    known
        .into_iter()
        .find(|method| method.as_str() == wanted)
        .ok_or_else(|| "one of GET, POST, PUT, PATCH, DELETE".to_owned())
}

impl ApiArgs {
    /// Calls.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let body = match &self.input {
            Some(path) => Some(files::json(path)?),
            None if self.field.is_empty() => None,
            None => Some(Value::Object(inputs(&self.field)?)),
        };
        let answer = context
            .client
            .call(self.method, &self.path, body.as_ref())
            .await?;
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }
}
