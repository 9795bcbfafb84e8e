//! Fire: due slots of a schedule become batches, or jobs, once, and always leave a row that says what happened.
//!
//! Whoever decides holds the schedule's row: the verdicts of catch-up and overlap, the slots' states
//! and what it starts commit together.

mod decide;
mod equal;
mod room;
mod zones;

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{Overlap, Schedule, ZONE_DATA};
use windlass_workflows::policy::catch_up::{DueSlot, Pause};

use self::decide::{Decision, Due, Sight, decide};
use self::equal::{Behind, Ends};
use super::pass::Pass;
use super::start::{Start, Started};
use crate::store::Planning;
use crate::store::Session;
use crate::store::calendar;
use crate::store::schedule::tenant_name;
use crate::store::slot_run::NotRun;
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
        let (name, reason) = (name.to_owned(), error.to_string());
        let missed = self.transaction(move |connection| {
            Box::pin(equal::miss_due(connection, (tenant, name), now, reason))
        });
        Ok(Fired {
            decided: missed.await?,
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
        let pauses = self.pauses(connection).await?;
        let mut ends = Ends::default();
        // Rows of newer zone data are left to whoever knows it.
        if self.start.is_after() || locked.zone_data.as_str() <= ZONE_DATA {
            let planned = (locked.planned_until, locked.zone_data.as_str());
            ends = self
                .plan_ahead(connection, (&schedule, &pauses), planned)
                .await?;
        }
        let due = self.due(connection).await?;
        let sight = Sight {
            now: self.now,
            schedule: &schedule,
            pauses: &pauses,
            is_open: self
                .start
                .any_open(connection, self.tenant, &self.name)
                .await?,
        };
        let decisions = decide(sight, &due);
        let mut fired = Fired::default();
        let mut rest = due.as_slice();
        for equal in decisions.chunk_by(|one, next| one == next && one.not_run().is_some()) {
            let (slots, later) = rest.split_at(equal.len());
            rest = later;
            if let Some(not_run) = equal[0].not_run() {
                self.decide_many(connection, slots, not_run, &mut ends)
                    .await?;
                continue;
            }
            let started = self.carry_out(connection, &slots[0], equal[0]).await?;
            fired.decided += usize::from(equal[0].is_final());
            fired.is_waiting |= matches!(equal[0], Decision::Wait { .. });
            fired.batches.extend(started.batch);
            fired.jobs.extend(started.job);
        }
        fired.decided += ends.slots;
        if !self.start.is_after() {
            ends.fold(connection, (self.tenant, &self.name)).await?;
        }
        Ok(fired)
    }

    /// The ledger is written ahead, after a pause of ours also what lies behind: what was decided there.
    async fn plan_ahead(
        &self,
        connection: &mut Session,
        (schedule, pauses): (&Schedule, &[Pause]),
        (planned_until, zone_data): (DateTime<Utc>, &str),
    ) -> Result<Ends, Error> {
        if self.start.is_after() {
            self.plan_after(connection, planned_until).await?;
            return Ok(Ends::default());
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
        let behind = Behind {
            planning,
            pauses,
            now: self.now,
        };
        behind
            .plan(connection, planned_until, self.now + AHEAD)
            .await
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

    /// Due slots that do not run, for one reason.
    async fn decide_many(
        &self,
        connection: &mut Session,
        slots: &[Due],
        (state, reason): NotRun,
        ends: &mut Ends,
    ) -> Result<(), Error> {
        let ats: Vec<DateTime<Utc>> = slots.iter().map(|due| due.slot.at).collect();
        let (tenant, name) = (self.tenant, &self.name);
        sqlx::query_file!(
            "queries/slot/decide_many.sql",
            tenant,
            name,
            &ats,
            state,
            reason
        )
        .fetch_one(connection)
        .await?;
        ends.slots += ats.len();
        ends.rows += ats.len();
        ends.ats.extend(ats.last());
        Ok(())
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
