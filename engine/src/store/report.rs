//! Figures for the front page and for scaling: sums over extents, tallies and bounded tails of
//! indexes. Nothing here counts jobs one by one.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Store;
use super::batch::BatchView;
use super::slot::SlotView;
use crate::Error;

/// Bad endings looked at for "failed recently"; beyond it the figure says "at least".
const FAILED_LOOK_BACK_MAX: i64 = 10_000;
/// Open batches on the front page.
const HOME_BATCHES: u32 = 50;
/// Slots of one day on the front page.
const HOME_SLOTS: i64 = 500;

/// How much work a queue has.
#[derive(Clone, Debug, Serialize)]
pub struct QueueFigures {
    /// Its name.
    pub queue: String,
    /// Due jobs.
    pub ready: i64,
    /// Jobs with a start or a retry in the future.
    pub later: i64,
    /// Those of them that are due within a minute.
    pub due_soon: i64,
    /// Planned, paused and parked jobs.
    pub held: i64,
    /// Jobs under lease.
    pub leased: i64,
    /// Age of the oldest due job.
    pub oldest_ready_seconds: f64,
}

/// A count that stopped at a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BoundedCount {
    /// As far as was counted.
    pub jobs: i64,
    /// Whether there may be more.
    pub at_least: bool,
}

/// What the front page shows.
#[derive(Clone, Debug, Serialize)]
pub struct HomeFigures {
    /// The time that schedules and timers go by.
    pub now: DateTime<Utc>,
    /// Batches that are not final, newest first.
    pub open_batches: Vec<BatchView>,
    /// Jobs that failed or expired in the last 24 hours.
    pub failed_last_day: BoundedCount,
    /// Every slot of today, UTC.
    pub slots_today: Vec<SlotView>,
    /// Work per queue.
    pub queues: Vec<QueueFigures>,
}

impl Store {
    /// Work per queue, present even when zero.
    pub async fn queues(&self, tenant: i32) -> Result<Vec<QueueFigures>, Error> {
        let rows = sqlx::query_file_as!(QueueFigures, "queries/report/queues.sql", tenant)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// Jobs that failed or expired since an instant, counted up to a bound.
    pub async fn failed_since(
        &self,
        tenant: i32,
        since: DateTime<Utc>,
    ) -> Result<BoundedCount, Error> {
        let row = sqlx::query_file!(
            "queries/report/failed_recently.sql",
            tenant,
            since,
            FAILED_LOOK_BACK_MAX
        )
        .fetch_one(self.pool())
        .await?;
        Ok(BoundedCount {
            jobs: row.jobs,
            at_least: row.reached,
        })
    }

    /// The front page in one call.
    pub async fn home(&self, tenant: i32) -> Result<HomeFigures, Error> {
        let clock = self.clock().await?;
        let day = clock
            .now
            .date_naive()
            .and_time(chrono::NaiveTime::MIN)
            .and_utc();
        let real_now = clock.now - TimeDelta::seconds(clock.offset_seconds);
        Ok(HomeFigures {
            open_batches: self.open_batches(tenant, HOME_BATCHES).await?,
            failed_last_day: self
                .failed_since(tenant, real_now - TimeDelta::days(1))
                .await?,
            slots_today: self
                .slots_between(tenant, day, day + TimeDelta::days(1))
                .await?,
            queues: self.queues(tenant).await?,
            now: clock.now,
        })
    }

    async fn slots_between(
        &self,
        tenant: i32,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<SlotView>, Error> {
        let rows = sqlx::query_file_as!(
            SlotView,
            "queries/report/slots_between.sql",
            tenant,
            from,
            until,
            HOME_SLOTS
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows)
    }
}
