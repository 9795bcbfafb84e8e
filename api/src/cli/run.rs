//! `windlass run`: start a job and follow it to its end.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::CliError;
use super::{files, template, watch};
use crate::exit::Exit;

/// What a job is asked for with.
#[derive(Debug, Args)]
pub struct Asked {
    /// Template: name, namespace.name or namespace.name@version
    template: Option<String>,
    /// A purpose instead of a template
    #[arg(long, value_name = "NAME", conflicts_with = "template")]
    purpose: Option<String>,
    /// A field of the input: text, or JSON where it is JSON; `@FILE` is the whole input
    #[arg(short, long, value_name = "K=V|@FILE")]
    input: Vec<String>,
    /// At most one job per key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Not started by this time (RFC 3339), it ends expired
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// `windlass run TEMPLATE`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass run hello --input name=Ada\n  windlass run hello --input @input.json --detach -o name"
)]
pub struct RunArgs {
    #[command(flatten)]
    asked: Asked,
    /// Start it and let go
    #[arg(long, conflicts_with = "wait")]
    detach: bool,
    /// Wait no longer than this, such as 30s
    #[arg(long, value_name = "DUR", value_parser = length)]
    wait: Option<Duration>,
}

impl Asked {
    /// Asks; answers with the request.
    pub async fn submit(&self, context: &Context) -> Result<Value, CliError> {
        if self.template.is_none() && self.purpose.is_none() {
            return Err(CliError::usage("name a template, or `--purpose NAME`"));
        }
        let mut body = Map::new();
        body.insert("input".to_owned(), Value::Object(inputs(&self.input)?));
        let template = match &self.template {
            Some(name) => Some(template::resolved(context, name).await?),
            None => None,
        };
        let fields = [
            ("template", &template),
            ("purpose", &self.purpose),
            ("start_at", &self.at),
            ("expires_at", &self.expires),
            ("idempotency_key", &self.key),
        ];
        for (name, value) in fields {
            body.extend(
                value
                    .clone()
                    .map(|value| (name.to_owned(), Value::String(value))),
            );
        }
        let answer = context
            .client
            .post(&["requests"], &[], &Value::Object(body), None)
            .await?;
        Ok(answer)
    }
}

impl RunArgs {
    /// Starts and follows.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let request = self.asked.submit(context).await?;
        let job = job_of(&request)?;
        if self.detach {
            context
                .output
                .item(&json!({"id": job, "request": request.get("id")}))?;
            return Ok(Exit::Done);
        }
        watch::job(context, &job, self.wait).await
    }
}

/// The job that a request became.
pub fn job_of(request: &Value) -> Result<String, CliError> {
    let places = ["/job/id", "/id"];
    let found = places
        .iter()
        .find_map(|place| request.pointer(place).and_then(Value::as_str));
    let Some(id) = found else {
        return Err(CliError::new(
            Exit::Failed,
            "strange_answer",
            "the answer names no job",
        ));
    };
    // A request and its job share one number.
    Ok(id
        .strip_prefix("r_")
        .map_or_else(|| id.to_owned(), |number| format!("j_{number}")))
}

/// `K=V` pairs and `@FILE`s as one object; later ones win.
pub fn inputs(given: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut input = Map::new();
    for text in given {
        if let Some(path) = text.strip_prefix('@') {
            let Value::Object(fields) = files::json(path)? else {
                return Err(CliError::usage(format!("{path} holds no JSON object")));
            };
            input.extend(fields);
            continue;
        }
        let Some((name, value)) = text.split_once('=') else {
            return Err(CliError::usage(format!(
                "`{text}` is neither NAME=VALUE nor @FILE"
            )));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        input.insert(name.to_owned(), value);
    }
    Ok(input)
}

/// `90s`, `5m`, `1h30m`, `2d` or ISO 8601.
pub fn length(text: &str) -> Result<Duration, String> {
    let read = windlass_workflows::configuration::duration(text);
    read.ok_or_else(|| "write a length such as 30s, 5m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn values_are_json_where_they_are_json() {
        let input = inputs(&given(&[
            "name=Ada",
            "n=3",
            "on=true",
            "list=[1]",
            "zip=01234",
            "eq=a=b",
        ]))
        .expect("all right");

        let wanted =
            json!({"name": "Ada", "n": 3, "on": true, "list": [1], "zip": "01234", "eq": "a=b"});
        assert_eq!(Value::Object(input), wanted);
    }

    #[test]
    fn pair_without_a_value_is_refused() {
        let refused = inputs(&given(&["name"])).expect_err("no value");

        assert_eq!(refused.exit, Exit::Usage);
    }

    #[test]
    fn request_and_job_share_their_number() {
        assert_eq!(job_of(&json!({"id": "r_7"})).ok().as_deref(), Some("j_7"));
        assert_eq!(
            job_of(&json!({"id": "r_7", "job": {"id": "j_7"}}))
                .ok()
                .as_deref(),
            Some("j_7")
        );
        assert!(job_of(&json!({})).is_err());
    }
}
