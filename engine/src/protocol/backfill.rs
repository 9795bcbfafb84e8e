//! Backfills: slots of the past that did not run, by today's rule, one after another, each of them its own row of the
//! ledger.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::calendar::{Alerts, Schedule, Slot, ZONE_DATA, linked, slots_of_rule};
use windlass_workflows::problem::Problem;

use super::start::Start;
use crate::store::schedule::tenant_name;
use crate::store::slot_run::take_out;
use crate::store::{Planning, Session, calendar, write_slots};
use crate::{Error, Store};

/// A longer one is cut into several by whoever wants it.
const SLOTS_MAX: usize = 1_000;
/// Reason of a slot that waits for its turn.
const ASKED: &str = "backfill";

/// Which slots are wanted.
#[derive(Clone, Debug)]
pub struct Backfill {
    /// The schedule.
    pub schedule: String,
    /// The first instant that counts.
    pub from: DateTime<Utc>,
    /// The first that counts no more; not after now.
    pub to: DateTime<Utc>,
    /// Who wants them.
    pub who: String,
    /// Say what would happen and do nothing.
    pub dry_run: bool,
}

/// One slot of the range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackfillSlot {
    /// Its name.
    pub at: DateTime<Utc>,
    /// Whether it is run.
    pub runs: bool,
    /// What the ledger said of it before; nothing where it has no row.
    pub was: Option<String>,
}

impl Store {
    /// Runs the slots of a range that did not run, by today's rule, before its `start` and after its `end` too and
    /// whether it is paused or not; each when nothing of the schedule is open and no slot of today wants to start.
    /// A slot that ran, or that is still to be decided, is left alone. Repeated, it finds nothing to do.
    ///
    /// # Errors
    /// `invalid` for a range that is empty, not over, or has more than 1,000 slots; `illegal_state` for a schedule that
    /// has none, or is off.
    ///
    /// # Cancel safety
    /// Dropped, either all of it has happened or nothing.
    pub async fn backfill(
        &self,
        tenant: i32,
        backfill: Backfill,
    ) -> Result<Vec<BackfillSlot>, Error> {
        let name = backfill.schedule.as_str();
        let view = self.schedule(tenant, name).await?;
        let start = self.start_of(tenant, name).await?;
        if start.schedule().is_none() || start.is_after() || !view.enabled {
            return Err(Error::Conflict {
                code: "illegal_state",
                message: format!("`{name}` has no slots to run"),
                hint: Some("one that is off, or that events or ended jobs start, has none".into()),
            });
        }
        let now = self.clock().await?.now;
        if backfill.from >= backfill.to || backfill.to > now {
            let message = "`from` must lie before `to`, and `to` not after now";
            return Err(Error::invalid(Problem::new("wrong_value", "/to", message)));
        }
        let filling = Filling {
            tenant,
            start,
            backfill,
        };
        self.transaction(move |connection| Box::pin(filling.run(connection)))
            .await
    }

    /// The slots that a backfill still has to run, oldest first, with who wants each.
    pub async fn backfilling(
        &self,
        tenant: i32,
        name: &str,
    ) -> Result<Vec<(DateTime<Utc>, String)>, Error> {
        self.schedule(tenant, name).await?;
        let found = sqlx::query_file!("queries/slot/asked.sql", tenant, name);
        let rows = found.fetch_all(self.pool()).await?;
        Ok(rows.into_iter().map(|row| (row.at, row.asked_by)).collect())
    }

    /// Takes back what a backfill has not run yet; how many slots. What runs goes on.
    ///
    /// # Errors
    /// `not_found` when there is no such schedule.
    pub async fn cancel_backfill(&self, tenant: i32, name: &str) -> Result<i64, Error> {
        self.schedule(tenant, name).await?;
        let name = name.to_owned();
        self.transaction(move |connection| {
            Box::pin(async move {
                sqlx::query_file!("queries/schedule/lock.sql", tenant, name)
                    .fetch_optional(&mut *connection)
                    .await?;
                let row = sqlx::query_file!("queries/slot/unask.sql", tenant, name)
                    .fetch_one(connection)
                    .await?;
                Ok(row.taken_back)
            })
        })
        .await
    }
}

struct Filling {
    tenant: i32,
    start: Start,
    backfill: Backfill,
}

impl Filling {
    async fn run(self, connection: &mut Session) -> Result<Vec<BackfillSlot>, Error> {
        let (tenant, name) = (self.tenant, self.backfill.schedule.as_str());
        sqlx::query_file!("queries/schedule/lock.sql", tenant, name)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(schedule) = self.start.schedule() else {
            return Ok(Vec::new());
        };
        let key = format!("{}/{name}", tenant_name(connection, tenant).await?);
        let mut schedule = schedule.clone().spread_for(&key);
        // What lies behind is late by intent.
        schedule.alerts = Alerts::default();
        let calendar = calendar::of(connection, tenant, &schedule).await?;
        let planning = Planning {
            tenant,
            name,
            revision: self.start.revision().unwrap_or(1),
            zone_data: ZONE_DATA,
            schedule: &schedule,
            calendar: calendar.as_ref(),
        };
        let (from, to) = (self.backfill.from, self.backfill.to);
        let found = slots_of_rule(&schedule, calendar.as_ref(), (from, to), SLOTS_MAX + 1);
        let known = self.known(connection).await?;
        let told = told(&schedule, &found, &known)?;
        if !self.backfill.dry_run {
            self.ask(connection, planning, found, (&told, &known))
                .await?;
        }
        Ok(told)
    }

    /// The rows of the range.
    async fn known(&self, connection: &mut Session) -> Result<Vec<Known>, Error> {
        let (from, to) = (self.backfill.from, self.backfill.to);
        let name = self.backfill.schedule.as_str();
        let rows = sqlx::query_file!("queries/slot/around.sql", self.tenant, name, from, to)
            .fetch_all(connection)
            .await?;
        let rows = rows.into_iter().map(|row| Known {
            at: row.at,
            until: row.until,
            state: row.state,
            reason: row.reason,
        });
        Ok(rows.collect())
    }

    async fn ask(
        &self,
        connection: &mut Session,
        planning: Planning<'_>,
        found: Vec<Slot>,
        (told, known): (&[BackfillSlot], &[Known]),
    ) -> Result<(), Error> {
        let wanted = || told.iter().filter(|slot| slot.runs).map(|slot| slot.at);
        let was = wanted()
            .map(|at| row_of(known, at).map(Known::was))
            .collect::<Vec<_>>();
        let ats: Vec<DateTime<Utc>> = wanted().collect();
        // What ran between them is the slot before one of them all the same.
        let mut slots = linked(planning.schedule, planning.calendar, found);
        slots.retain(|one| ats.binary_search(&one.slot.at).is_ok());
        take_out(connection, planning, &ats).await?;
        // Those that have a row of their own keep it.
        write_slots(connection, planning, &slots, &[]).await?;
        sqlx::query_file!(
            "queries/slot/ask.sql",
            planning.tenant,
            planning.name,
            &ats,
            &was as &[Option<String>],
            ASKED,
            self.backfill.who
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// A row of the ledger.
struct Known {
    at: DateTime<Utc>,
    /// The last slot that it stands for.
    until: DateTime<Utc>,
    state: String,
    reason: Option<String>,
}

impl Known {
    /// What it says, as it is kept for who takes a backfill back.
    fn was(&self) -> String {
        format!(
            "{}: {}",
            self.state,
            self.reason.as_deref().unwrap_or_default()
        )
    }

    /// The same as people read it.
    fn words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state),
            None => self.state.clone(),
        }
    }
}

/// The row that stands for a slot, among those of the range, which are in order.
fn row_of(known: &[Known], at: DateTime<Utc>) -> Option<&Known> {
    let next = known.partition_point(|row| row.at <= at);
    known[..next].last().filter(|row| at <= row.until)
}

/// What becomes of each slot of the range.
fn told(schedule: &Schedule, found: &[Slot], known: &[Known]) -> Result<Vec<BackfillSlot>, Error> {
    if found.len() > SLOTS_MAX {
        let message = format!("the range has more than {SLOTS_MAX} slots");
        let zone = schedule.zone.name();
        let hint = format!("backfill it piece by piece; its zone is {zone}");
        return Err(Error::invalid(
            Problem::new("too_large", "/to", message).hint(hint),
        ));
    }
    let slots = found.iter().map(|slot| {
        let row = row_of(known, slot.at);
        BackfillSlot {
            at: slot.at,
            runs: row.is_none_or(|row| matches!(row.state.as_str(), "missed" | "skipped")),
            was: row.map(Known::words),
        }
    });
    Ok(slots.collect())
}
