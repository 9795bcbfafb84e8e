//! `windlass job rewind`, `fork`, `patch`, `migrate`, `skip`: what a change of a job in flight would do, a
//! question, then just that.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::error::CliError;
use super::files;
use crate::exit::Exit;

/// Changes of a job in flight.
#[derive(Debug, Subcommand)]
pub enum FlightCommand {
    /// Take it back to a step: what ran since runs again
    Rewind {
        /// Which job, and how.
        #[command(flatten)]
        change: Change,
        /// Its name or pointer; the last visit, or #N behind it
        #[arg(long, value_name = "STEP")]
        to: String,
    },
    /// Begin a new job where this one was at a step
    Fork {
        /// Which job, and how.
        #[command(flatten)]
        change: Change,
        /// Its name or pointer; the last visit, or #N behind it
        #[arg(long, value_name = "STEP")]
        from: String,
    },
    /// Change its context: a merge patch, null removes
    Patch {
        /// Which job, and how.
        #[command(flatten)]
        change: Change,
        /// What is merged into it
        #[arg(long, value_name = "JSON|@FILE")]
        with: String,
    },
    /// Move it to another version of its template
    Migrate {
        /// Which job, and how.
        #[command(flatten)]
        change: Change,
        /// Such as 1.1.0
        #[arg(long, value_name = "VERSION")]
        to: String,
        /// A task that goes on as another, by pointers; repeatable
        #[arg(long, value_name = "OLD=NEW")]
        map: Vec<String>,
    },
    /// Let a parked step count as done
    Skip {
        /// Which job, and how.
        #[command(flatten)]
        change: Change,
        /// What it gave
        #[arg(long, value_name = "JSON|@FILE")]
        with: String,
        /// Where several are parked
        #[arg(long, value_name = "STEP")]
        step: Option<String>,
    },
}

/// Which job, and whether it is only looked at.
#[derive(Debug, Args)]
pub struct Change {
    /// j_…
    id: String,
    /// Show what would happen and stop
    #[arg(long)]
    dry_run: bool,
    /// Kept in its journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl FlightCommand {
    /// Shows what would happen, asks, and does it.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let (verb, change, mut body) = self.asked()?;
        let path = ["jobs", &change.id, verb];
        let query = [("preview", "true".to_owned())];
        let preview = context.client.post(&path, &query, &body, None).await?;
        if change.dry_run {
            context.output.item(&preview)?;
            return Ok(Exit::Done);
        }
        context.say(&told(verb, &change.id, &preview));
        if !context.confirm(&format!("{verb} {}?", change.id))? {
            return Ok(Exit::Usage);
        }
        body["token"] = preview["token"].clone();
        body["reason"] = json!(change.reason.unwrap_or_default());
        let answer = context.client.post(&path, &[], &body, None).await?;
        context.output.item(&answer)?;
        Ok(Exit::Done)
    }

    fn asked(self) -> Result<(&'static str, Change, Value), CliError> {
        Ok(match self {
            Self::Rewind { change, to } => ("rewind", change, json!({ "to": to })),
            Self::Fork { change, from } => ("fork", change, json!({ "from": from })),
            Self::Patch { change, with } => {
                ("patch", change, json!({ "context": files::given(&with)? }))
            }
            Self::Migrate { change, to, map } => {
                let steps = pairs(map)?;
                ("migrate", change, json!({ "to": to, "steps": steps }))
            }
            Self::Skip { change, with, step } => {
                let output = files::given(&with)?;
                ("skip", change, json!({ "step": step, "output": output }))
            }
        })
    }
}

pub(super) fn pairs(map: Vec<String>) -> Result<Map<String, Value>, CliError> {
    let pairs = map.into_iter().map(|pair| {
        let split = pair.split_once('=');
        let (old, new) = split.ok_or_else(|| {
            CliError::usage(format!("`{pair}` is no pair")).hint("write --map /do/0/old=/do/0/new")
        })?;
        Ok((old.to_owned(), json!(new)))
    });
    pairs.collect()
}

/// A preview in words.
pub(super) fn told(verb: &str, id: &str, preview: &Value) -> String {
    let text = |key: &str| preview[key].as_str().unwrap_or_default();
    let list = |key: &str| -> Vec<String> {
        let items = preview[key].as_array().into_iter().flatten();
        items
            .map(|item| item.as_str().map_or_else(|| again(item), str::to_owned))
            .collect()
    };
    let mut lines = vec![format!("{verb} {id}: {}", text("what"))];
    let goes_on = match list("goes_on_at").as_slice() {
        [] => String::new(),
        places => format!(", goes on at {}", places.join(", ")),
    };
    let now = match verb {
        "fork" => String::from("  the new job"),
        _ => format!("  it is {} now", text("state")),
    };
    lines.push(format!("{now}, {} then{goes_on}", text("then")));
    for (title, key) in [
        ("runs again; what it did outside has happened", "again"),
        ("ends", "stops"),
        ("stays done, nobody undoes it any more", "lost_undos"),
        ("is not in the other version", "removed"),
        ("the context", "context"),
    ] {
        let items = list(key);
        if !items.is_empty() {
            lines.push(format!("  {title}:"));
            lines.extend(items.into_iter().map(|item| format!("    {item}")));
        }
    }
    lines.join("\n")
}

/// A task that runs again, with what speaks for care.
fn again(item: &Value) -> String {
    let path = item["path"].as_str().unwrap_or_default();
    let kind = item["kind"].as_str().unwrap_or_default();
    let times = match item["times"].as_u64() {
        Some(1) | None => "once".to_owned(),
        Some(times) => format!("{times} times"),
    };
    let mut words = format!("{path}  ({kind}, ran {times}");
    if item["has_effect"] == true {
        words.push_str(", declares an effect");
    }
    if item["has_undo"] == true {
        words.push_str(", declares an undo");
    }
    words + ")"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_reads_as_what_would_happen() {
        let preview = json!({
            "what": "back to /do/0/pay", "state": "waiting", "then": "ready", "goes_on_at": ["/do/0/pay"],
            "again": [{"path": "/do/0/pay", "kind": "call", "times": 2, "has_effect": true, "has_undo": false}],
            "stops": [], "lost_undos": ["/do/0/pay"], "removed": [], "context": [],
        });

        assert_eq!(
            told("rewind", "j_1", &preview),
            "rewind j_1: back to /do/0/pay
  it is waiting now, ready then, goes on at /do/0/pay
  runs again; what it did outside has happened:
    /do/0/pay  (call, ran 2 times, declares an effect)
  stays done, nobody undoes it any more:
    /do/0/pay"
        );
    }
}
