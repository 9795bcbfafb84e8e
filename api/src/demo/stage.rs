//! What the demo does through the API: batches by a call, and one by a slot.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::cli::Context;
use crate::cli::batch;
use crate::cli::context::items;
use crate::cli::error::CliError;
use crate::exit::Exit;

/// Between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(100);

/// What was made.
#[derive(Debug, Default)]
pub struct Stage {
    /// Ids of the batches, in the order of their making.
    pub batches: Vec<String>,
    /// The schedule that fired, and its slot.
    fired: Option<(String, String)>,
}

impl Stage {
    /// Makes a batch of a job configuration.
    pub async fn create(&mut self, context: &Context, configuration: &str) -> Result<(), CliError> {
        let created = batch::create(context, configuration, None).await?;
        let id = created
            .get("id")
            .and_then(Value::as_str)
            .ok_or_else(|| strange("the answer names no batch"))?;
        self.batches.push(id.to_owned());
        Ok(())
    }

    /// Moves the development clock to the next slot of a schedule, and waits for its batch.
    pub async fn fire(&mut self, context: &Context, schedule: &str) -> Result<String, CliError> {
        let next = context
            .client
            .get(
                &["schedules", schedule, "next"],
                &[("count", "1".to_owned())],
            )
            .await?;
        let next = items(next).0;
        let text = |name: &str| {
            next.first()
                .and_then(|slot| slot.get(name))
                .and_then(Value::as_str)
        };
        let at = text("at")
            .ok_or_else(|| strange("the schedule has no next slot"))?
            .to_owned();
        // With a spread the slot fires a little after its name.
        let moment = text("fire_at").unwrap_or(&at);
        context
            .client
            .post(&["clock"], &[], &json!({"set": moment}), None)
            .await?;
        self.fired = Some((schedule.to_owned(), at));
        loop {
            let decided = self
                .slots(context)
                .await?
                .into_iter()
                .find(|slot| slot["batch"].is_string());
            if let Some(batch) = decided.as_ref().and_then(|slot| slot["batch"].as_str()) {
                return Ok(batch.to_owned());
            }
            sleep(LOOK).await;
        }
    }

    /// The slot that was fired, as the ledger tells it.
    pub async fn slots(&self, context: &Context) -> Result<Vec<Value>, CliError> {
        let Some((schedule, at)) = &self.fired else {
            return Ok(Vec::new());
        };
        let query = [("since", at.clone()), ("limit", "10".to_owned())];
        let slots = items(
            context
                .client
                .get(&["schedules", schedule, "slots"], &query)
                .await?,
        )
        .0;
        let decided = slots.into_iter().filter(|slot| slot["state"] != "planned");
        Ok(decided.map(|slot| told(schedule, &slot)).collect())
    }
}

fn told(schedule: &str, slot: &Value) -> Value {
    json!({"schedule": schedule, "at": slot["at"], "state": slot["state"], "batch": slot["batch"]})
}

pub(super) fn strange(message: &str) -> CliError {
    CliError::new(Exit::Failed, "strange_answer", message)
}
