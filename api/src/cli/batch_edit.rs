//! `windlass batch edit`: what a batch goes by from now on.

use clap::Args;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::CliError;
use crate::exit::Exit;

/// The word that takes a rule away.
const NONE: &str = "none";

/// `windlass batch edit`
#[derive(Debug, Args)]
pub struct BatchEdit {
    /// b_…
    id: String,
    /// Jobs that may be under way at once
    #[arg(long, value_name = "N")]
    window: Option<u64>,
    /// Releases in a time, such as 20/s; `none` takes it away
    #[arg(long, value_name = "R")]
    rate: Option<String>,
    /// When jobs are let go, such as 05:00-22:00, repeatable; `none` for always
    #[arg(long, value_name = "RANGE")]
    hours: Vec<String>,
    /// How many may fail, or which part: 50 or 2%
    #[arg(long, value_name = "N|N%")]
    max_failed: Option<String>,
    /// Which part of a stage must be good, such as 95%
    #[arg(long, value_name = "N%")]
    require_ok: Option<String>,
    /// When it is to be done: 07:00 or 4h; `none` takes it away
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
    /// Of what is not released yet
    #[arg(long, value_name = "P")]
    priority: Option<String>,
    /// What its jobs get beside others of their purpose or template, 1 unless said otherwise
    #[arg(long, value_name = "W")]
    weight: Option<f64>,
}

impl BatchEdit {
    /// Sends what is to change.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let id = self.id.clone();
        let patch = self.patch();
        if patch.is_empty() {
            return Err(CliError::usage("nothing is to change")
                .hint("give --window, --rate, --hours, --max-failed, --require-ok, --deadline, --priority or --weight"));
        }
        let path = ["batches", id.as_str()];
        let body = Value::Object(patch);
        let sent = context.client.send(Method::PATCH, &path, Some(&body));
        context.output.item(&sent.await?)?;
        Ok(Exit::Done)
    }

    fn patch(self) -> Map<String, Value> {
        let hours = match self.hours.as_slice() {
            [] => None,
            [one] if one == NONE => Some(Value::Null),
            many => Some(json!(many)),
        };
        let parts = [
            ("window", self.window.map(Value::from)),
            ("rate", self.rate.map(word)),
            ("hours", hours),
            ("tolerance", self.max_failed.map(tolerance)),
            (
                "canary",
                self.require_ok.map(|part| json!({ "require_ok": part })),
            ),
            ("deadline", self.deadline.map(word)),
            ("priority", self.priority.map(Value::from)),
            ("weight", self.weight.map(Value::from)),
        ];
        let given = parts
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        given.collect()
    }
}

fn word(text: String) -> Value {
    match text.as_str() {
        NONE => Value::Null,
        _ => Value::from(text),
    }
}

/// A number, or a part of what is judged.
fn tolerance(text: String) -> Value {
    match text.parse::<u64>() {
        Ok(number) => json!({ "max_failed": number }),
        Err(_) if text == NONE => Value::Null,
        Err(_) => json!({ "max_failed_ratio": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_changed_and_none_takes_away() {
        let edit = BatchEdit {
            id: "b_7".into(),
            window: Some(5),
            rate: Some(NONE.into()),
            hours: Vec::new(),
            max_failed: Some("2%".into()),
            require_ok: None,
            deadline: None,
            priority: None,
            weight: None,
        };

        let wanted =
            json!({ "window": 5, "rate": null, "tolerance": { "max_failed_ratio": "2%" } });
        assert_eq!(Value::Object(edit.patch()), wanted);
        assert_eq!(tolerance("50".into()), json!({ "max_failed": 50 }));
    }
}
