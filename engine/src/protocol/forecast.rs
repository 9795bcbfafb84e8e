//! Forecast: once a minute, when each open batch will be done, what keeps it, and its share if it is late.
//!
//! Speeds are settlements a second over the time in which anything was under way, so a pause or a closed hour
//! does not count against a batch.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::plan::{self, Bounds, Light, Speeds, Standing, binding, lift, workers};

use super::pass::Pass;
use crate::{Error, Store};

/// Between two looks no more than so long counts as active: a keeper that was away saw nothing of it.
const LOOK_MAX: f64 = 300.0;

/// An open batch that is to be looked at.
struct Open {
    id: i64,
    tenant: i32,
    configuration: Option<String>,
    expected: i64,
    window: i64,
    deadline: Option<DateTime<Utc>>,
    active_seconds: f64,
    settled: i64,
    seen_at: Option<DateTime<Utc>>,
    lift: i32,
}

/// Where it stands now.
struct Facts {
    now: DateTime<Utc>,
    /// The time that deadlines go by.
    clock: DateTime<Utc>,
    settled: i64,
    leased: i64,
    held: i64,
    slots: Option<i64>,
    workers: i64,
    cap: Option<i64>,
}

/// How far it was before.
struct Paces {
    near_active: Option<f64>,
    near_settled: Option<i64>,
    far_active: Option<f64>,
    far_settled: Option<i64>,
}

impl Store {
    /// Looks at the open batches that were not looked at for a minute; how many.
    ///
    /// # Cancel safety
    /// What was noted stays; the next call looks at the rest.
    pub async fn forecast_batches(&self) -> Result<u64, Error> {
        let closed = sqlx::query_file!("queries/forecast/close.sql")
            .execute(self.pool())
            .await?;
        let (mut looked, mut after, mut pass) = (closed.rows_affected(), 0, Pass::default());
        loop {
            let open = sqlx::query_file_as!(Open, "queries/forecast/due.sql", after)
                .fetch_all(self.pool())
                .await?;
            let Some(last) = open.last() else {
                return pass.end(looked);
            };
            after = last.id;
            for batch in open {
                let one = self.look_at(&batch).await;
                looked += u64::from(pass.over(one.map(|()| true))?);
            }
        }
    }

    async fn look_at(&self, batch: &Open) -> Result<(), Error> {
        let facts = sqlx::query_file_as!(Facts, "queries/forecast/facts.sql", batch.id)
            .fetch_one(self.pool())
            .await?;
        let paces = sqlx::query_file_as!(Paces, "queries/forecast/paces.sql", batch.id, facts.now)
            .fetch_one(self.pool())
            .await?;
        let active = batch.active_until(&facts);
        let speeds = paces.speeds(active, facts.settled);
        let speeds = speeds.known(whole(facts.settled), self.last_speed(batch).await?);
        let standing = batch.standing(&facts);
        let left = batch
            .deadline
            .map(|deadline| seconds(deadline - facts.clock));
        let said = plan::forecast(standing, speeds, left);
        let (early, late) = match said.light {
            Light::Waiting => (self.earliest(batch.id).await?, None),
            _ => (
                after(facts.clock, said.early),
                after(facts.clock, said.late),
            ),
        };
        let wanted = facts
            .slots_of_one()
            .and_then(|slots| workers(standing, speeds, left, slots));
        let share = lift(standing.open, speeds, left).ceil() as i32;
        if share != batch.lift {
            sqlx::query_file!("queries/forecast/lift.sql", batch.id, share)
                .execute(self.pool())
                .await?;
        }
        sqlx::query_file!(
            "queries/forecast/note.sql",
            batch.id,
            facts.now,
            active,
            facts.settled,
            early,
            late,
            said.light.as_str(),
            binding(
                self.bounds(batch, &facts).await?,
                speeds,
                standing.in_flight
            ),
            share,
            wanted.map(|workers| i32::try_from(workers).unwrap_or(i32::MAX))
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    async fn last_speed(&self, batch: &Open) -> Result<Option<f64>, Error> {
        let (tenant, name) = (batch.tenant, batch.configuration.as_deref());
        let last = sqlx::query_file!("queries/forecast/last.sql", tenant, name, batch.id);
        let row = last.fetch_optional(self.pool()).await?;
        Ok(row.map(|row| row.speed))
    }

    /// What bounds a batch, and what stops it before that: a pause, or its own rules.
    async fn bounds(&self, batch: &Open, facts: &Facts) -> Result<Bounds, Error> {
        let course = self.on_course(batch.tenant, batch.id).await?;
        let row = sqlx::query_file!("queries/forecast/stopped.sql", batch.id)
            .fetch_one(self.pool())
            .await?;
        let held = || course.allowed().hold.filter(|_| course.may_release());
        let stop = match row.paused {
            true => Some("pause"),
            false => held().and_then(|hold| hold.stops()),
        };
        Ok(Bounds {
            stop,
            window: Some(whole(batch.window)),
            limit: facts.cap.map(whole),
            slots: facts.slots.map(whole),
            rate: course.rules.rate,
        })
    }

    async fn earliest(&self, batch: i64) -> Result<Option<DateTime<Utc>>, Error> {
        let row = sqlx::query_file!("queries/forecast/earliest.sql", batch)
            .fetch_one(self.pool())
            .await?;
        Ok(row.due)
    }
}

impl Facts {
    /// Slots of a worker, on average.
    fn slots_of_one(&self) -> Option<f64> {
        let slots = self.slots?;
        (self.workers > 0).then(|| slots as f64 / self.workers as f64)
    }
}

impl Open {
    /// Seconds in which anything was under way, the time since the last look included if it was so then.
    fn active_until(&self, facts: &Facts) -> f64 {
        let stirred = facts.leased > 0 || facts.settled > self.settled;
        match self.seen_at.filter(|_| stirred) {
            Some(seen) => self.active_seconds + seconds(facts.now - seen).clamp(0.0, LOOK_MAX),
            None => self.active_seconds,
        }
    }

    fn standing(&self, facts: &Facts) -> Standing {
        let open = (self.expected - facts.settled).max(0);
        Standing {
            open: whole(open),
            in_flight: whole(facts.leased),
            waiting: whole(open - facts.leased - facts.held),
        }
    }
}

impl Paces {
    fn speeds(&self, active: f64, settled: i64) -> Speeds {
        let since = |before: Option<f64>, count: Option<i64>| {
            let (before, count) = (before.unwrap_or_default(), count.unwrap_or_default());
            let seconds = active - before;
            match seconds > 0.0 {
                true => whole(settled - count) as f64 / seconds,
                false => 0.0,
            }
        };
        Speeds {
            r1: since(self.near_active, self.near_settled),
            r15: since(self.far_active, self.far_settled),
            r_all: since(None, None),
        }
    }
}

fn after(now: DateTime<Utc>, seconds: Option<f64>) -> Option<DateTime<Utc>> {
    let millis = (seconds? * 1_000.0) as i64;
    now.checked_add_signed(TimeDelta::try_milliseconds(millis)?)
}

fn seconds(length: TimeDelta) -> f64 {
    length.num_milliseconds() as f64 / 1_000.0
}

fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
