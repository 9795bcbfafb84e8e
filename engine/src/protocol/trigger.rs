//! Starting a schedule by hand: as one of its slots, or beside them.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{ZONE_DATA, linked, slots};
use windlass_workflows::problem::Problem;

use super::start::{Start, Started};
use crate::store::schedule::tenant_name;
use crate::store::slot_run::take_out;
use crate::store::{Planning, Session, calendar, write_slots};
use crate::{Error, Store};

/// What a person starts by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// As this slot: fills its row.
    Slot(DateTime<Utc>),
    /// Beside the schedule: no row.
    Extra,
}

impl Trigger {
    fn slot(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Slot(at) => Some(at),
            Self::Extra => None,
        }
    }
}

/// Whose hand starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    /// Who.
    pub who: String,
    /// At most one start of a schedule per key.
    pub idempotency_key: Option<String>,
}

impl From<&str> for Hand {
    fn from(who: &str) -> Self {
        Self {
            who: who.to_owned(),
            idempotency_key: None,
        }
    }
}

impl Store {
    /// Starts a schedule by hand; the batch, or the job.
    ///
    /// # Errors
    /// `slot_already_ran` when the slot has run, `illegal_state` when events start it, `invalid` (`not_a_slot`) when the
    /// rule does not name it, `limit_full` when a limit takes no more, `key_reused` when the key started something else.
    ///
    /// # Cancel safety
    /// One transaction; a repeat with the same key finds what it started.
    pub async fn trigger(
        &self,
        tenant: i32,
        schedule: &str,
        trigger: Trigger,
        hand: impl Into<Hand>,
    ) -> Result<Started, Error> {
        let name = schedule.to_owned();
        self.schedule(tenant, schedule).await?;
        let start = self.start_of(tenant, &name).await?;
        if matches!(start, Start::Job(_)) && start.schedule().is_none() {
            return Err(Error::Conflict {
                code: "illegal_state",
                message: format!("events start `{name}`"),
                hint: Some("publish what it waits for, or submit a request".into()),
            });
        }
        let by_hand = ByHand {
            tenant,
            name,
            start,
            hand: hand.into(),
        };
        self.transaction(move |connection| {
            Box::pin(async move { by_hand.run(connection, trigger).await })
        })
        .await
    }
}

struct ByHand {
    tenant: i32,
    name: String,
    start: Start,
    hand: Hand,
}

impl ByHand {
    async fn run(self, connection: &mut Session, trigger: Trigger) -> Result<Started, Error> {
        sqlx::query_file!("queries/schedule/lock.sql", self.tenant, self.name)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(earlier) = self.before(connection, trigger).await? {
            return Ok(earlier);
        }
        let started = match trigger {
            Trigger::Slot(at) => self.run_slot(connection, at).await,
            Trigger::Extra => self.make(connection, None).await,
        }?;
        self.keep_key(connection, trigger, started).await?;
        Ok(started)
    }

    /// What an earlier call under the same key started.
    async fn before(
        &self,
        connection: &mut Session,
        trigger: Trigger,
    ) -> Result<Option<Started>, Error> {
        let Some(key) = &self.hand.idempotency_key else {
            return Ok(None);
        };
        let row = sqlx::query_file!("queries/schedule/of_key.sql", self.tenant, self.name, key)
            .fetch_optional(connection)
            .await?;
        match row {
            Some(row) if row.slot != trigger.slot() => Err(key_reused(&self.name)),
            row => Ok(row.map(|row| Started {
                batch: row.batch,
                job: row.job,
                is_repeat: true,
            })),
        }
    }

    async fn keep_key(
        &self,
        connection: &mut Session,
        trigger: Trigger,
        started: Started,
    ) -> Result<(), Error> {
        let Some(key) = &self.hand.idempotency_key else {
            return Ok(());
        };
        sqlx::query_file!(
            "queries/schedule/keep_key.sql",
            self.tenant,
            self.name,
            key,
            trigger.slot(),
            started.batch,
            started.job
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn make(
        &self,
        connection: &mut Session,
        slot: Option<DateTime<Utc>>,
    ) -> Result<Started, Error> {
        let made = self
            .start
            .make(connection, self.tenant, slot, &self.hand.who);
        made.await?.map_err(|message| Error::Conflict {
            code: "limit_full",
            message,
            hint: Some("start it again when others have ended".into()),
        })
    }

    /// Writes the row of a slot that the rule names and that has none of its own: the ledger has not reached it, or one row
    /// stands for it and many others. Whether the rule does.
    async fn write(&self, connection: &mut Session, at: DateTime<Utc>) -> Result<bool, Error> {
        let (tenant, name) = (self.tenant, self.name.as_str());
        let Some(schedule) = self.start.schedule().filter(|_| !self.start.is_after()) else {
            return Ok(false);
        };
        let calendar = calendar::of(connection, tenant, schedule).await?;
        let key = format!("{}/{name}", tenant_name(connection, tenant).await?);
        let schedule = schedule.clone().spread_for(&key);
        let after = at + TimeDelta::microseconds(1);
        let calendar = calendar.as_ref();
        let found = linked(&schedule, calendar, slots(&schedule, calendar, at, after));
        let planning = Planning {
            tenant,
            name,
            revision: self.start.revision().unwrap_or(1),
            zone_data: ZONE_DATA,
            schedule: &schedule,
            calendar,
        };
        let ats: Vec<_> = found.iter().map(|one| one.slot.at).collect();
        take_out(connection, planning, &ats).await?;
        Ok(write_slots(connection, planning, &found, &[]).await? > 0)
    }

    /// Fills the row of a slot that has not run.
    async fn run_slot(
        &self,
        connection: &mut Session,
        at: DateTime<Utc>,
    ) -> Result<Started, Error> {
        let (tenant, name) = (self.tenant, self.name.as_str());
        let slot = sqlx::query_file!("queries/slot/state.sql", tenant, name, at)
            .fetch_optional(&mut *connection)
            .await?;
        if slot.is_none() && !self.write(connection, at).await? {
            return Err(Error::invalid(not_a_slot(name, at)));
        }
        let ran = slot.and_then(|slot| {
            let batch = slot.batch.map(|batch| format!("batch b_{batch}"));
            batch.or_else(|| slot.job.map(|job| format!("job j_{job}")))
        });
        if let Some(ran) = ran {
            return Err(Error::Conflict {
                code: "slot_already_ran",
                message: format!("the slot ran already, as {ran}"),
                hint: Some("run it extra, or restart what failed in it".into()),
            });
        }
        if self.start.schedule().is_none() {
            return Err(Error::not_found("schedule", name));
        }
        let started = self.make(connection, Some(at)).await?;
        let reason = format!("run by {}", self.hand.who);
        sqlx::query_file!(
            "queries/slot/decide.sql",
            tenant,
            name,
            at,
            "manual",
            reason,
            started.batch,
            started.job,
            None::<DateTime<Utc>>
        )
        .execute(connection)
        .await?;
        Ok(started)
    }
}

fn key_reused(schedule: &str) -> Error {
    Error::Conflict {
        code: "key_reused",
        message: format!("the idempotency key started something else of `{schedule}`"),
        hint: Some("send a new key to start another slot, or one more beside them".into()),
    }
}

fn not_a_slot(name: &str, at: DateTime<Utc>) -> Problem {
    let message = format!("schedule `{name}` has no slot at {}", at.to_rfc3339());
    let hint = "`windlass schedule next NAME` and `windlass schedule slots NAME` list them";
    Problem::new("not_a_slot", "/slot", message).hint(hint)
}
