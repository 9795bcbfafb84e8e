//! Fire: due slots of a schedule become batches, or jobs, once, and always leave a row that says what happened.
//!
//! Whoever decides holds the schedule's row: the verdicts of catch-up and overlap, the slots' states
//! and what it starts commit together.

mod decide;
mod room;
mod zones;

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{Overlap, Schedule, ZONE_DATA};
use windlass_workflows::policy::catch_up::{DueSlot, Pause};

use self::decide::{Decision, Due, Sight, decide};
use super::pass::Pass;
use super::start::{Start, Started};
use crate::store::Session;
use crate::store::calendar;
use crate::store::schedule::tenant_name;
use crate::store::{Planning, plan_slots};
use crate::{Error, Store};

/// How far ahead the ledger is written.
const AHEAD: TimeDelta = TimeDelta::hours(24);
/// What one pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// Batches that were made.
    pub batches: Vec<i64>,
    /// Jobs that were started.
    pub jobs: Vec<i64>,
    /// Slots that were decided.
    pub decided: usize,
    /// Whether a slot waits for what runs.
    pub is_waiting: bool,
}

impl Store {
    /// Plans slots ahead and fires what is due, schedule by schedule.
    ///
    /// # Cancel safety
    /// Each schedule is a transaction of its own.
    pub async fn fire(&self) -> Result<Fired, Error> {
        let now = self.clock().await?.now;
        let (mut fired, mut pass) = (Fired::default(), Pass::default());
        let mut after = (0, String::new());
        // Page by page: schedules whose slots wait stay due, and must not stand before the others.
        loop {
            let due = sqlx::query_file!(
                "queries/schedule/due.sql",
                now,
                now + AHEAD - TimeDelta::hours(1),
                after.0,
                after.1,
                ZONE_DATA
            )
            .fetch_all(self.pool())
            .await?;
            let Some(last) = due.last() else {
                return pass.end(fired);
            };
            after = (last.tenant, last.name.clone());
            for row in due {
                let one = self.fire_schedule(row.tenant, row.name, now);
                let one = pass.over(one.await)?;
                fired.batches.extend(one.batches);
                fired.jobs.extend(one.jobs);
                fired.decided += one.decided;
            }
        }
    }

    /// Plans the slots of one schedule ahead and fires what is due.
    pub(super) async fn fire_schedule(
        &self,
        tenant: i32,
        name: String,
        now: DateTime<Utc>,
    ) -> Result<Fired, Error> {
        let start = match self.start_of(tenant, &name).await {
            Ok(start) => start,
            Err(error) if error.is_permanent() => {
                return self.miss_due(tenant, &name, now, &error).await;
            }
            Err(error) => return Err(error),
        };
        // A pause of the configuration itself skips its slots; another that refuses work misses them.
        match self.refuse_paused(&start.lane(tenant), None).await {
            Err(error) if error.is_permanent() => {
                return self.miss_due(tenant, &name, now, &error).await;
            }
            answer => answer?,
        }
        let schedule = start.schedule();
        let cancels = schedule.is_some_and(|schedule| schedule.overlap == Overlap::CancelRunning);
        let firing = Firing {
            tenant,
            name: name.clone(),
            start,
            now,
        };
        let fired = self.transaction(move |connection| Box::pin(firing.run(connection)));
        match fired.await {
            Err(error) if error.is_permanent() => self.miss_due(tenant, &name, now, &error).await,
            Ok(fired) => {
                if fired.is_waiting && cancels {
                    self.make_room(tenant, &name).await?;
                }
                Ok(fired)
            }
            answer => answer,
        }
    }

    /// A recipe that cannot be followed leaves its due slots missed, with the reason.
    async fn miss_due(
        &self,
        tenant: i32,
        name: &str,
        now: DateTime<Utc>,
        error: &Error,
    ) -> Result<Fired, Error> {
        let missed = sqlx::query_file!(
            "queries/slot/miss_due.sql",
            tenant,
            name,
            now,
            error.to_string()
        )
        .fetch_one(self.pool())
        .await?;
        Ok(Fired {
            decided: usize::try_from(missed.slots).unwrap_or_default(),
            ..Fired::default()
        })
    }
}

/// One schedule while its due slots are decided.
struct Firing {
    tenant: i32,
    name: String,
    start: Start,
    now: DateTime<Utc>,
}

impl Firing {
    async fn run(self, connection: &mut Session) -> Result<Fired, Error> {
        let locked = sqlx::query_file!("queries/schedule/lock_to_fire.sql", self.tenant, self.name)
            .fetch_optional(&mut *connection)
            .await?;
        let (Some(locked), Some(schedule)) = (locked, self.start.schedule().cloned()) else {
            return Ok(Fired::default());
        };
        if self
            .start
            .revision()
            .is_some_and(|revision| revision < locked.revision)
        {
            // Edited between our look and the lock: the next pass reads the new rule.
            return Ok(Fired::default());
        }
        let tenant = tenant_name(connection, self.tenant).await?;
        let schedule = schedule.spread_for(&format!("{tenant}/{}", self.name));
        // Rows of newer zone data are left to whoever knows it.
        if self.start.is_after() || locked.zone_data.as_str() <= ZONE_DATA {
            let planned = (locked.planned_until, locked.zone_data.as_str());
            self.plan_ahead(connection, &schedule, planned).await?;
        }
        let due = self.due(connection).await?;
        let sight = Sight {
            now: self.now,
            schedule: &schedule,
            pauses: &self.pauses(connection).await?,
            is_open: self
                .start
                .any_open(connection, self.tenant, &self.name)
                .await?,
        };
        let decisions = decide(sight, &due);
        let mut fired = Fired::default();
        for (due, decision) in due.iter().zip(decisions) {
            let started = self.carry_out(connection, due, decision).await?;
            fired.decided += usize::from(decision.is_final());
            fired.is_waiting |= matches!(decision, Decision::Wait { .. });
            fired.batches.extend(started.batch);
            fired.jobs.extend(started.job);
        }
        Ok(fired)
    }

    /// The ledger is written ahead, after a pause of ours also what lies behind.
    async fn plan_ahead(
        &self,
        connection: &mut Session,
        schedule: &Schedule,
        (planned_until, zone_data): (DateTime<Utc>, &str),
    ) -> Result<(), Error> {
        if self.start.is_after() {
            return self.plan_after(connection, planned_until).await;
        }
        let revision = self.start.revision().unwrap_or(1);
        // Behind the lock: who edits a calendar plans what is here anew, and then lets go.
        let calendar = calendar::of(connection, self.tenant, schedule).await?;
        let planning = Planning {
            tenant: self.tenant,
            name: &self.name,
            revision,
            zone_data: ZONE_DATA,
            schedule,
            calendar: calendar.as_ref(),
        };
        if zone_data < ZONE_DATA {
            zones::plan_anew(connection, planning, self.now).await?;
        }
        plan_slots(connection, planning, planned_until, self.now + AHEAD).await?;
        Ok(())
    }

    /// One slot at a time, once what the last one started has ended.
    async fn plan_after(
        &self,
        connection: &mut Session,
        planned: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (tenant, name) = (self.tenant, &self.name);
        let last = sqlx::query_file!("queries/slot/state.sql", tenant, name, planned)
            .fetch_optional(&mut *connection)
            .await?;
        let is_planned = last.is_some_and(|last| last.state == "planned");
        if is_planned || self.start.any_open(connection, tenant, name).await? {
            return Ok(());
        }
        sqlx::query_file!("queries/slot/plan_after.sql", tenant, name, self.now)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn due(&self, connection: &mut Session) -> Result<Vec<Due>, Error> {
        let rows = sqlx::query_file!("queries/slot/due.sql", self.tenant, self.name, self.now)
            .fetch_all(connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| Due {
                slot: DueSlot {
                    at: row.at,
                    fire_at: row.fire_at,
                },
                is_waiting: row.reason.is_some(),
                not_before: row.not_before,
                asked_by: row.asked_by,
            })
            .collect())
    }

    /// When the job configuration was, or is, paused.
    async fn pauses(&self, connection: &mut Session) -> Result<Vec<Pause>, Error> {
        let query = sqlx::query_file!("queries/pause/of_configuration.sql", self.tenant, self.name);
        let rows = query.fetch_all(connection).await?;
        let pauses = rows.into_iter().map(|row| Pause {
            since: row.since,
            until: row.until,
        });
        Ok(pauses.collect())
    }

    async fn carry_out(
        &self,
        connection: &mut Session,
        due: &Due,
        decision: Decision,
    ) -> Result<Started, Error> {
        let mut started = Started::default();
        let (mut state, mut reason) = decision.told(due);
        if matches!(decision, Decision::Leave) {
            return Ok(started);
        }
        if matches!(decision, Decision::Start(_)) {
            let who = due.asked_by.as_deref().unwrap_or("schedule");
            let made = self
                .start
                .make(connection, self.tenant, Some(due.slot.at), who);
            match made.await? {
                Ok(made) => started = made,
                Err(full) => (state, reason) = ("missed", Some(full)),
            }
        }
        sqlx::query_file!(
            "queries/slot/decide.sql",
            self.tenant,
            self.name,
            due.slot.at,
            state,
            reason,
            started.batch,
            started.job,
            decision.not_before()
        )
        .execute(connection)
        .await?;
        Ok(started)
    }
}
