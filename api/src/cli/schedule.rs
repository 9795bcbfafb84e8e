//! `windlass schedule`: when batches and jobs start by themselves, and what became of every slot.

use clap::Subcommand;
use serde_json::json;

use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::Column;
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
    Trigger {
        /// Its name
        name: String,
        /// The slot to run
        #[arg(long, value_name = "TIME", required_unless_present = "extra")]
        slot: Option<String>,
        /// Beside all slots
        #[arg(long, conflicts_with = "slot")]
        extra: bool,
    },
}

const SCHEDULES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("NEXT", &["/next_at"]),
    Column("LAST", &["/last_at"]),
    Column("STATE", &["/last_state"]),
    Column("STARTED", &["/last_batch", "/last_job"]),
];

const NEXT: &[Column] = &[
    Column("AT", &["/at"]),
    Column("LOCAL", &["/local"]),
    Column("FIRES", &["/fire_at"]),
    Column("NOTES", &["/notes"]),
];

const SLOTS: &[Column] = &[
    Column("AT", &["/at"]),
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
            Self::Next { name, count } => {
                let answer = context
                    .client
                    .get(
                        &["schedules", &name, "next"],
                        &[("count", count.to_string())],
                    )
                    .await?;
                context
                    .output
                    .list(&super::context::items(answer).0, NEXT, true)?;
                Ok(Exit::Done)
            }
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
            Self::Trigger { name, slot, .. } => {
                let body =
                    slot.map_or_else(|| json!({"extra": true}), |slot| json!({"slot": slot}));
                let key = uuid::Uuid::now_v7().to_string();
                let answer = context
                    .client
                    .post(&["schedules", &name, "trigger"], &[], &body, Some(&key))
                    .await?;
                context.output.item(&answer)?;
                Ok(Exit::Done)
            }
        }
    }
}
