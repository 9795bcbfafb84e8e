//! Facts about a lane that `explain` speaks from: who could take its jobs, what people want of it.

use chrono::{DateTime, Utc};
use std::time::Duration;

use sqlx::postgres::types::PgInterval;

use super::Store;
use crate::Error;
use crate::explain::{Capacity, Intent, LimitFact, Line};

impl Store {
    /// Why a worker gave the job back unspent the last time, and until when nobody was to try.
    pub(crate) async fn deferral(
        &self,
        job: i64,
    ) -> Result<Option<(String, DateTime<Utc>)>, Error> {
        let row = sqlx::query_file!("queries/job/deferral.sql", job)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| (row.why, row.until)))
    }

    /// Wishes to cancel a job that have not come true yet.
    pub(crate) async fn intents(&self, job: i64) -> Result<Vec<Intent>, Error> {
        let rows = sqlx::query_file!("queries/job/intents.sql", job)
            .fetch_all(self.pool())
            .await?;
        let intents = rows.into_iter().map(|row| Intent {
            who: row.who,
            why: row.why,
        });
        Ok(intents.collect())
    }

    /// Where a due job stands in its lane; the beginning when it is due no more.
    pub(crate) async fn place_in_lane(&self, job: i64) -> Result<Line, Error> {
        let row = sqlx::query_file!("queries/lane/place.sql", job)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map_or_else(Line::default, |row| Line {
            jobs: row.jobs,
            is_more: row.is_more,
        }))
    }

    /// The limits of a lane, and what is in use of them.
    pub(crate) async fn limit_facts(&self, lane: i32) -> Result<Vec<LimitFact>, Error> {
        let rows = sqlx::query_file!("queries/limit/of_lane.sql", lane)
            .fetch_all(self.pool())
            .await?;
        let facts = rows.into_iter().map(|row| LimitFact {
            name: row.name,
            value: row.value,
            cap: row.cap,
            used: row.used,
            rate: row.rate,
            burst: row.burst,
            cost: row.cost,
            held_until: row.hold_until.filter(|until| *until > row.now),
            next_token_at: row.next_token_at,
        });
        Ok(facts.collect())
    }

    /// Who could take the jobs of a lane.
    pub(crate) async fn capacity(&self, lane: i32, ttl: Duration) -> Result<Capacity, Error> {
        let row = sqlx::query_file!("queries/lane/capacity.sql", lane, interval(ttl))
            .fetch_one(self.pool())
            .await?;
        let keys = row.limit_keys.iter();
        let useless = keys.filter_map(|key| key.strip_prefix('!'));
        Ok(Capacity {
            queue: row.queue,
            capability: row.capability,
            workers: row.workers,
            able: row.able,
            group: row.grp,
            preference: row.preference,
            preferred: row.preferred,
            useless: useless.map(str::to_owned).collect(),
            now: row.now,
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
