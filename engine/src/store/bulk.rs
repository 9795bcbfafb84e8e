//! Changes of many jobs: their rows, and the pages of jobs that are still to be changed.
//!
//! Here is what people ask; `keep` has what a start and a pass need.

mod keep;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub(crate) use self::keep::{BulkPage, LaneChoice, NewBulkRow, Places, RunningBulk, Ticket};
use super::Store;
use super::page::{Page, fetch};
use crate::Error;

/// A change of many jobs and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BulkView {
    /// Its number.
    pub id: i64,
    /// What is done, as JSON.
    pub change: String,
    /// Of which jobs, as JSON.
    pub filter: String,
    /// Jobs a second.
    pub rate: i32,
    /// `running`, `paused`, `done` or `cancelled`.
    pub state: String,
    /// So many jobs it began with.
    pub total: i64,
    /// Those that were changed.
    pub done: i64,
    /// Those that could not be.
    pub refused: i64,
    /// Those that were on their way when their turn came, and are asked again.
    pub put_off: i64,
    /// Who wanted it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When a keeper last looked after it.
    pub passed_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A job that could not be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedJob {
    /// Its number.
    pub job: i64,
    /// Stable: what a change of just this job would have answered.
    pub code: String,
    /// Why not.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Store {
    /// A change of many jobs.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn bulk(&self, tenant: i32, id: i64) -> Result<BulkView, Error> {
        sqlx::query_file_as!(BulkView, "queries/bulk/show.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::not_found("change", format!("c_{id}")))
    }

    /// A page of changes of many jobs, newest first.
    pub async fn bulks(
        &self,
        tenant: i32,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<BulkView>, Error> {
        let rows = sqlx::query_file_as!(
            BulkView,
            "queries/bulk/list.sql",
            tenant,
            before.unwrap_or(i64::MAX),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |bulk| bulk.id))
    }

    /// A page of the jobs that it could not change, in order of their numbers.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn bulk_refused(
        &self,
        tenant: i32,
        id: i64,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<RefusedJob>, Error> {
        let rows = sqlx::query_file_as!(
            RefusedJob,
            "queries/bulk/refused.sql",
            tenant,
            id,
            after.unwrap_or_default(),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        if rows.is_empty() {
            self.bulk(tenant, id).await?;
        }
        Ok(Page::cut(rows, limit, |refused| refused.job))
    }

    /// Lets it change nothing more for now, or go on. Repeating either is harmless.
    ///
    /// # Errors
    /// `not_found`; `illegal_state` once it has ended.
    pub async fn pause_bulk(&self, tenant: i32, id: i64, paused: bool) -> Result<BulkView, Error> {
        let state = if paused { "paused" } else { "running" };
        let hit = sqlx::query_file!("queries/bulk/control.sql", tenant, id, state)
            .fetch_optional(self.pool())
            .await?;
        let view = self.bulk(tenant, id).await?;
        match hit {
            Some(_) => Ok(view),
            None => Err(Error::Conflict {
                code: "illegal_state",
                message: format!("change c_{id} has ended: it is {}", view.state),
                hint: Some("start another one".into()),
            }),
        }
    }

    /// Changes none of those that are left; what was changed stays so. Repeating it is harmless.
    ///
    /// # Errors
    /// `not_found`.
    ///
    /// # Cancel safety
    /// One statement.
    pub async fn cancel_bulk(&self, tenant: i32, id: i64) -> Result<BulkView, Error> {
        sqlx::query_file!("queries/bulk/cancel.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?;
        self.bulk(tenant, id).await
    }

    /// Forgets changes that ended so long ago; how many rows it deleted.
    pub async fn forget_bulks(&self, kept: Duration) -> Result<u64, Error> {
        let refused = sqlx::query_file!("queries/bulk/forget_refused.sql", kept.as_secs_f64())
            .execute(self.pool())
            .await?;
        let changes = sqlx::query_file!("queries/bulk/forget.sql", kept.as_secs_f64())
            .execute(self.pool())
            .await?;
        Ok(refused.rows_affected() + changes.rows_affected())
    }
}
