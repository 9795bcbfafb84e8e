//! `windlass schedule`: when batches and jobs start by themselves, and what became of every slot.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::{Column, Format};
use super::pause::{How, pause};
use crate::exit::Exit;

/// `windlass schedule`
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List many
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// Its name: the job configuration's, or namespace/name of a template
        name: String,
    },
    /// The slots to come
    Next {
        /// Its name
        name: String,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 12)]
        count: u32,
    },
    /// The ledger: every slot and what became of it
    Slots {
        /// Its name
        name: String,
        /// planned, fired, late, skipped, missed or manual
        #[arg(long)]
        state: Option<String>,
        /// Not before (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Before (RFC 3339)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Start its work now: beside the slots, or a slot by name
    #[command(visible_alias = "run")]
    Trigger {
        /// Its name
        name: String,
        /// The slot to run
        #[arg(long, value_name = "TIME", required_unless_present = "extra")]
        slot: Option<String>,
        /// Beside all slots
        #[arg(long, conflicts_with = "slot")]
        extra: bool,
        /// A repeat with the same key starts nothing twice
        #[arg(long)]
        key: Option<String>,
    },
    /// Skip its slots, with what it has made standing still
    Pause {
        /// Its name
        name: String,
        /// Why and until when.
        #[command(flatten)]
        how: How,
    },
    /// Go on; what the pause skipped stays skipped, unless catch-up wants it
    Resume {
        /// Its name
        name: String,
        /// none, latest or all of the slots that the pause skipped
        #[arg(long, value_name = "WHICH")]
        catch_up: Option<String>,
    },
    /// Run the slots of a range that did not run, one after another
    Backfill {
        /// Its name
        name: String,
        /// The first instant that counts (RFC 3339)
        #[arg(long, value_name = "TIME", required_unless_present = "cancel")]
        from: Option<String>,
        /// The first that counts no more (RFC 3339)
        #[arg(long, value_name = "TIME", required_unless_present = "cancel")]
        to: Option<String>,
        /// Say what would run, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Take back what has not run yet
        #[arg(long, conflicts_with_all = ["from", "to", "dry_run"])]
        cancel: bool,
    },
}

const SCHEDULES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("RULE", &["/words"]),
    Column("NEXT", &["/next_at"]),
    Column("LAST", &["/last_at"]),
    Column("STATE", &["/last_state"]),
    Column("STARTED", &["/last_batch", "/last_job"]),
];

const NEXT: &[Column] = &[
    Column("AT", &["/at"]),
    Column("LOCAL", &["/local"]),
    Column("FIRES", &["/fire_at"]),
    Column("FLAGS", &["/flags"]),
];

const BACKFILL: &[Column] = &[
    Column("AT", &["/at"]),
    Column("RUNS", &["/runs"]),
    Column("WAS", &["/was"]),
];

const SLOTS: &[Column] = &[
    Column("AT", &["/at"]),
    Column("UNTIL", &["/until"]),
    Column("SLOTS", &["/n"]),
    Column("STATE", &["/state"]),
    Column("STARTED", &["/batch", "/job"]),
    Column("REASON", &["/reason"]),
    Column("DECIDED", &["/decided_at"]),
];

impl ScheduleCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                context
                    .list(&["schedules"], Vec::new(), &paging, SCHEDULES)
                    .await
            }
            Self::Show { name } => context.show(&["schedules", &name]).await,
            Self::Next { name, count } => next(context, &name, count.to_string()).await,
            Self::Slots {
                name,
                state,
                since,
                until,
                paging,
            } => {
                let query = query(&[("since", &since), ("until", &until), ("state", &state)]);
                context
                    .list(&["schedules", &name, "slots"], query, &paging, SLOTS)
                    .await
            }
            Self::Pause { name, how } => pause(context, ("configuration", name), how, false).await,
            Self::Resume { name, catch_up } => resume(context, &name, catch_up).await,
            Self::Backfill {
                name,
                from,
                to,
                dry_run,
                cancel,
            } => {
                let body = json!({ "from": from, "to": to, "dry_run": dry_run });
                backfill(context, &name, (!cancel).then_some(body)).await
            }
            Self::Trigger {
                name, slot, key, ..
            } => trigger(context, &name, slot, key).await,
        }
    }
}

async fn next(context: &Context, name: &str, count: String) -> Result<Exit, CliError> {
    let path = ["schedules", name, "next"];
    let answer = context.client.get(&path, &[("count", count)]).await?;
    let slots = match context.output.format {
        Format::Table => flagged(&answer),
        _ => super::context::items(answer).0,
    };
    context.output.list(&slots, NEXT, true)?;
    Ok(Exit::Done)
}

/// Slots and the times that become none, in the order of the wall clock, each with all that is to be said of it.
fn flagged(answer: &Value) -> Vec<Value> {
    let all = |key: &str| {
        answer
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let slots = all("items").map(|slot| {
        let mut slot = slot.clone();
        slot["flags"] = Value::from(flags(&slot));
        slot
    });
    let left_out = all("left_out").map(|one| {
        let reason = one["reason"].as_str().unwrap_or_default();
        json!({ "local": one["local"], "flags": format!("left out: {reason}") })
    });
    let mut rows: Vec<Value> = slots.chain(left_out).collect();
    // The local time without its zone; of a month that has no day, the month.
    rows.sort_by_key(|row| {
        let local = row["local"].as_str().unwrap_or_default();
        local.chars().take(19).collect::<String>()
    });
    rows
}

/// Clock changes, days that a calendar moved it from, a pause that will skip it.
fn flags(slot: &Value) -> String {
    let notes = slot["notes"].as_array().into_iter().flatten();
    let notes = notes.filter_map(Value::as_str).map(str::to_owned);
    // In words, where there are words: they name the day.
    let said = slot["note"].as_str().map(str::to_owned);
    let mut flags: Vec<String> = said.map_or_else(|| notes.collect(), |said| vec![said]);
    if slot["paused"] == true {
        flags.push("paused".to_owned());
    }
    flags.join(", ")
}

async fn resume(context: &Context, name: &str, catch_up: Option<String>) -> Result<Exit, CliError> {
    let body = json!({ "catch_up": catch_up });
    let path = ["schedules", name, "resume"];
    let answer = context.client.post(&path, &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// A slot by name, or beside all slots.
async fn trigger(
    context: &Context,
    name: &str,
    slot: Option<String>,
    key: Option<String>,
) -> Result<Exit, CliError> {
    let body = slot.map_or_else(|| json!({"extra": true}), |slot| json!({"slot": slot}));
    let key = key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let path = ["schedules", name, "trigger"];
    let answer = context.client.post(&path, &[], &body, Some(&key)).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// Asks for what a body says, or takes it back.
async fn backfill(context: &Context, name: &str, body: Option<Value>) -> Result<Exit, CliError> {
    let path = ["schedules", name, "backfills"];
    let Some(body) = body else {
        let answer = context.client.send(Method::DELETE, &path, None).await?;
        context.output.item(&answer)?;
        return Ok(Exit::Done);
    };
    let answer = context.client.post(&path, &[], &body, None).await?;
    let items = super::context::items(answer).0;
    context.output.list(&items, BACKFILL, true)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_become_no_slot_stand_among_the_slots() {
        let answer = json!({
            "items": [
                { "at": "a", "local": "2026-03-28T02:30:00+01:00", "notes": [], "note": null, "paused": true },
                { "at": "b", "local": "2026-03-30T02:30:00+02:00", "notes": ["gap"], "note": null, "paused": false },
            ],
            "left_out": [{ "local": "2026-03-29T02:30:00", "reason": "gap_skip" }],
        });

        let rows = flagged(&answer);

        let told: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["flags"].as_str())
            .collect();
        assert_eq!(told, ["paused", "left out: gap_skip", "gap"]);
    }
}
