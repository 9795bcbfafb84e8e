//! Starting a schedule by hand: as one of its slots, or beside them.

use chrono::{DateTime, Utc};
use windlass_workflows::problem::Problem;

use super::create::{Made, Recipe, Source, insert};
use super::fire::make;
use crate::store::Session;
use crate::{Error, Store};

/// What a person starts by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// As this slot: fills its row.
    Slot(DateTime<Utc>),
    /// Beside the schedule: no row.
    Extra,
}

impl Store {
    /// Starts a schedule by hand; the batch.
    ///
    /// # Errors
    /// `illegal_state` when the slot has run, `invalid` when there is no such slot.
    pub async fn trigger(
        &self,
        tenant: i32,
        schedule: &str,
        trigger: Trigger,
        who: &str,
    ) -> Result<i64, Error> {
        let name = schedule.to_owned();
        self.schedule(tenant, schedule).await?;
        let recipe = self.recipe(tenant, &Source::Named(name.clone())).await?;
        let who = who.to_owned();
        self.transaction(move |connection| {
            Box::pin(
                async move { run_by_hand(connection, tenant, name, recipe, trigger, who).await },
            )
        })
        .await
    }
}

async fn run_by_hand(
    connection: &mut Session,
    tenant: i32,
    name: String,
    recipe: Recipe,
    trigger: Trigger,
    who: String,
) -> Result<i64, Error> {
    sqlx::query_file!("queries/schedule/lock.sql", tenant, name)
        .fetch_optional(&mut *connection)
        .await?;
    match trigger {
        Trigger::Slot(at) => run_slot(connection, tenant, &name, &recipe, at, &who).await,
        Trigger::Extra => {
            let made = Made {
                name: None,
                who,
                idempotency_key: None,
                schedule: None,
                slot: None,
            };
            insert(connection, tenant, &recipe, &made).await
        }
    }
}

/// Fills the row of a slot that has not run.
async fn run_slot(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    recipe: &Recipe,
    at: DateTime<Utc>,
    who: &str,
) -> Result<i64, Error> {
    let slot = sqlx::query_file!("queries/slot/state.sql", tenant, name, at)
        .fetch_optional(&mut *connection)
        .await?;
    let slot = slot.ok_or_else(|| Error::invalid(no_such_slot(name, at)))?;
    if let Some(batch) = slot.batch {
        return Err(Error::Conflict {
            code: "illegal_state",
            message: format!("the slot ran already, as batch b_{batch}"),
            hint: Some("run it extra, or restart what failed in its batch".into()),
        });
    }
    let schedule = recipe.configuration.schedule.as_ref();
    let schedule = schedule.ok_or_else(|| Error::not_found("schedule", name))?;
    let batch = make(connection, tenant, recipe, schedule, at, who).await?;
    let reason = format!("run by {who}");
    sqlx::query_file!(
        "queries/slot/decide.sql",
        tenant,
        name,
        at,
        "manual",
        reason,
        batch
    )
    .execute(connection)
    .await?;
    Ok(batch)
}

fn no_such_slot(name: &str, at: DateTime<Utc>) -> Problem {
    let message = format!("schedule `{name}` has no slot at {}", at.to_rfc3339());
    Problem::new("no_such_slot", "/slot", message).hint("see `windlass schedule slots NAME`")
}
