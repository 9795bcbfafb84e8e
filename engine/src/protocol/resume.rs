//! Letting a paused schedule go on, and with it the slots that its pause skipped, as far as catch-up wants them.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{Alerts, CatchUp, Linked, Schedule, ZONE_DATA, linked};
use windlass_workflows::policy::catch_up::{DueSlot, Verdict, resume};
use windlass_workflows::policy::skim::newest;

use super::start::Start;
use crate::store::schedule::tenant_name;
use crate::store::slot_run::take_out;
use crate::store::{PauseView, Planning, Session, calendar, write_slots};
use crate::vocabulary::PauseScope;
use crate::{Error, Store};

/// Reason of a planned slot that a pause had skipped.
const LET_GO: &str = "late: let go after a pause";

impl Store {
    /// Ends the pause of a schedule now. Of the slots that it skipped those run late that `catch_up` chooses, by the
    /// schedule's own rule where it is `None`; the others stay skipped. Returns the pause as it was, and their number.
    ///
    /// # Errors
    /// `not_found` when there is no such schedule, or it is not paused by itself; as resolving what it starts.
    ///
    /// # Cancel safety
    /// Dropped, either all of it has happened or nothing.
    pub async fn resume_schedule(
        &self,
        tenant: i32,
        name: &str,
        catch_up: Option<CatchUp>,
    ) -> Result<(PauseView, usize), Error> {
        let scope = PauseScope::Configuration;
        let pause = self.pause_of(tenant, scope, name).await?;
        let start = self.start_of(tenant, name).await?;
        let said = start.schedule().map(|schedule| schedule.catch_up);
        let catch_up = catch_up.or(said).unwrap_or_default();
        let now = self.clock().await?.now;
        // What nobody has decided yet lies in the pause too.
        self.fire_schedule(tenant, name.to_owned(), now).await?;
        let resuming = Resuming {
            tenant,
            name: name.to_owned(),
            pause: pause.id,
            since: pause.since,
            now,
            catch_up,
            start,
        };
        let late = self.transaction(move |connection| Box::pin(resuming.run(connection)));
        let late = late.await?;
        self.forget_rejects();
        Ok((pause, late))
    }
}

struct Resuming {
    tenant: i32,
    name: String,
    pause: i64,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    catch_up: CatchUp,
    start: Start,
}

impl Resuming {
    async fn run(self, connection: &mut Session) -> Result<usize, Error> {
        let (tenant, name) = (self.tenant, self.name.as_str());
        sqlx::query_file!("queries/schedule/lock.sql", tenant, name)
            .fetch_optional(&mut *connection)
            .await?;
        let ended = sqlx::query_file!("queries/pause/end.sql", self.pause)
            .execute(&mut *connection)
            .await?;
        // Another has ended it since it was found, and has let its slots go.
        if ended.rows_affected() == 0 {
            return Err(Error::not_found("pause", format!("configuration:{name}")));
        }
        let schedule = self.schedule(connection).await?;
        let calendar = match &schedule {
            Some(schedule) => calendar::of(connection, tenant, schedule).await?,
            None => None,
        };
        let planning = schedule.as_ref().map(|schedule| Planning {
            tenant,
            name,
            revision: self.start.revision().unwrap_or(1),
            zone_data: ZONE_DATA,
            schedule,
            calendar: calendar.as_ref(),
        });
        let paused = self.paused(connection, planning).await?;
        let due: Vec<DueSlot> = paused.iter().map(|paused| paused.due).collect();
        let verdicts = resume(&due, self.now, self.catch_up);
        let chosen = paused.into_iter().zip(verdicts);
        let late = chosen.filter_map(|(paused, verdict)| match verdict {
            Verdict::Late { not_before } => Some((paused, not_before)),
            _ => None,
        });
        self.let_go(connection, planning, late.collect()).await
    }

    /// Its rule, where it still has one.
    async fn schedule(&self, connection: &mut Session) -> Result<Option<Schedule>, Error> {
        let Some(schedule) = self.start.schedule().filter(|_| !self.start.is_after()) else {
            return Ok(None);
        };
        let tenant = tenant_name(connection, self.tenant).await?;
        let key = format!("{tenant}/{}", self.name);
        let mut schedule = schedule.clone().spread_for(&key);
        // What lies behind is late by intent.
        schedule.alerts = Alerts::default();
        Ok(Some(schedule))
    }

    /// The slots that the pause skipped, in order; of a row that stands for many, those that catch-up can choose.
    async fn paused(
        &self,
        connection: &mut Session,
        planning: Option<Planning<'_>>,
    ) -> Result<Vec<Paused>, Error> {
        let (tenant, name) = (self.tenant, self.name.as_str());
        let rows = sqlx::query_file!("queries/slot/paused.sql", tenant, name, self.since)
            .fetch_all(connection)
            .await?;
        let mut paused = Vec::new();
        for row in rows {
            let Some(until) = row.until else {
                let (at, fire_at) = (row.at, row.fire_at);
                paused.push(Paused {
                    due: DueSlot { at, fire_at },
                    of_many: None,
                });
                continue;
            };
            let Some(planning) = planning else {
                continue;
            };
            let from = row.at.max(self.since);
            let range = (from, until + TimeDelta::microseconds(1));
            let wanted = wanted(self.catch_up);
            let found = newest(planning.schedule, planning.calendar, range, wanted);
            let found = linked(planning.schedule, planning.calendar, found);
            paused.extend(found.into_iter().map(|one| Paused {
                due: DueSlot {
                    at: one.slot.at,
                    fire_at: one.slot.fire_at,
                },
                of_many: Some(one),
            }));
        }
        Ok(paused)
    }

    /// Lets slots run late, each not before its instant; how many.
    async fn let_go(
        &self,
        connection: &mut Session,
        planning: Option<Planning<'_>>,
        late: Vec<(Paused, DateTime<Utc>)>,
    ) -> Result<usize, Error> {
        let (ats, starts): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) = late
            .iter()
            .map(|(paused, start)| (paused.due.at, *start))
            .unzip();
        if let Some(planning) = planning {
            let slots: Vec<Linked> = late
                .into_iter()
                .filter_map(|(paused, _)| paused.of_many)
                .collect();
            let taken: Vec<_> = slots.iter().map(|one| one.slot.at).collect();
            take_out(connection, planning, &taken).await?;
            write_slots(connection, planning, &slots, &[]).await?;
        }
        let done = sqlx::query_file!(
            "queries/slot/let_go.sql",
            self.tenant,
            self.name,
            &ats,
            &starts,
            LET_GO
        )
        .execute(connection)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or_default())
    }
}

/// A slot that the pause skipped.
struct Paused {
    due: DueSlot,
    /// It stands in a row with many others.
    of_many: Option<Linked>,
}

/// How many slots catch-up chooses at most: the newest.
fn wanted(catch_up: CatchUp) -> u64 {
    match catch_up {
        CatchUp::None => 0,
        CatchUp::Latest => 1,
        CatchUp::All { max, .. } => u64::from(max),
    }
}
