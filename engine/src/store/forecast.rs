//! When batches are to be done and will be, as people see it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use crate::Error;

/// What is said of a batch; looked at once a minute while it is released and runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForecastView {
    /// When it is to be done.
    pub deadline: Option<DateTime<Utc>>,
    /// The last look.
    pub seen_at: Option<DateTime<Utc>>,
    /// When it will be done at the best speed of late; with most of it at rest, when the first of that is due.
    pub early: Option<DateTime<Utc>>,
    /// At the worst.
    pub late: Option<DateTime<Utc>>,
    /// `finished`, `on_time`, `at_risk`, `late`, `missed`, `unknown` or `waiting`.
    pub light: String,
    /// What keeps it from being faster.
    pub binding: String,
    /// How many times its share it has for that.
    pub lift: i32,
    /// Workers of the size of today's that it needs to be done by its deadline; none where that is not known.
    pub desired_workers: Option<i32>,
}

/// An open batch that may not be done in time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreatenedBatch {
    /// Its id.
    pub id: i64,
    /// For people.
    pub name: String,
    /// `at_risk`, `late` or `missed`.
    pub light: String,
    /// When it is to be done.
    pub deadline: Option<DateTime<Utc>>,
    /// What keeps it from being faster.
    pub binding: String,
    /// The last look.
    pub seen_at: Option<DateTime<Utc>>,
}

impl Store {
    /// What is said of a batch; none before its first look when it has no deadline.
    pub async fn forecast(&self, tenant: i32, batch: i64) -> Result<Option<ForecastView>, Error> {
        let row = sqlx::query_file_as!(ForecastView, "queries/forecast/show.sql", tenant, batch)
            .fetch_optional(self.pool())
            .await?;
        Ok(row)
    }

    /// Open batches that will not be done in time, or may not; at most 50.
    pub async fn threatened_batches(&self, tenant: i32) -> Result<Vec<ThreatenedBatch>, Error> {
        let rows = sqlx::query_file_as!(ThreatenedBatch, "queries/forecast/threatened.sql", tenant)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }
}
