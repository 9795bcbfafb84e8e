//! Facts about a lane that `explain` speaks from: who could take its jobs, what people want of it.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;

use super::Store;
use crate::Error;
use crate::explain::{Capacity, Intent};

impl Store {
    /// What people want of a job and of its lane.
    pub(crate) async fn intents(&self, job: i64, lane: i32) -> Result<Vec<Intent>, Error> {
        let rows = sqlx::query_file!("queries/job/intents.sql", job, lane)
            .fetch_all(self.pool())
            .await?;
        let intents = rows.into_iter().map(|row| Intent {
            verb: row.verb,
            who: row.who,
            why: row.why,
            whole_lane: row.whole_lane,
        });
        Ok(intents.collect())
    }

    /// Who could take the jobs of a lane.
    pub(crate) async fn capacity(&self, lane: i32, ttl: Duration) -> Result<Capacity, Error> {
        let row = sqlx::query_file!("queries/lane/capacity.sql", lane, interval(ttl))
            .fetch_one(self.pool())
            .await?;
        Ok(Capacity {
            queue: row.queue,
            capability: row.capability,
            workers: row.workers,
            able: row.able,
            oldest: row.oldest,
        })
    }
}

/// A length of time as Postgres takes it.
pub(crate) fn interval(length: Duration) -> PgInterval {
    let microseconds = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    PgInterval {
        months: 0,
        days: 0,
        microseconds,
    }
}
