//! Batches as people see them: what was planned, how far it is, what failed.
//!
//! Progress is read from tallies and never counted from jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::batch_ask::AsksView;
use super::batch_row::BatchRow;
use super::page::{PAGE_MAX, Page, fetch};
use crate::Error;

/// States in which a batch is not over.
const OPEN_STATES: [&str; 5] = ["planning", "planned", "releasing", "running", "paused"];

/// One batch.
#[derive(Clone, Debug, Serialize)]
pub struct BatchView {
    /// Its number.
    pub id: i64,
    /// For people.
    pub name: String,
    /// The job configuration that it runs.
    pub configuration: Option<String>,
    /// Revision of that, fixed when it was created.
    pub revision: Option<i32>,
    /// `planning` … `cancelled`.
    pub state: String,
    /// Why it stands or how it ended, where the state alone does not say.
    pub reason: Option<String>,
    /// `individual`, `object` or `combined`.
    pub strategy: String,
    /// `namespace.name@version`, pinned.
    pub template: String,
    /// Row of that version.
    pub template_version: i32,
    /// Its purpose; empty without.
    pub purpose: String,
    /// The lane of its jobs.
    pub lane: Option<i32>,
    /// Seconds by which its jobs overtake later ones.
    pub priority: i32,
    /// The category that it selects from.
    pub category: Option<String>,
    /// The version of the category that was current when planning began.
    pub category_version: Option<i32>,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// The slot that it is.
    pub slot_at: Option<DateTime<Utc>>,
    /// Key of the context that its jobs share.
    pub context: Option<String>,
    /// Raised by every restart.
    pub generation: i32,
    /// Members, jobs, chunks and rows left out, as planned.
    pub planned: PlannedCounts,
    /// Hash of the selected keys and documents.
    pub selection_hash: Option<String>,
    /// Hash of all that the plan fixed.
    pub plan_hash: Option<String>,
    /// Whether its plan is complete.
    pub sealed: bool,
    /// Jobs let go so far.
    pub released: i64,
    /// Jobs that may be under way at once.
    pub release_window: i64,
    /// What its plan asks a person, or asked before it was approved.
    pub asks: Option<AsksView>,
    /// Who approved the plan.
    pub approved_by: Option<String>,
    /// Approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Progress,
    /// The job that made it.
    pub parent: Option<i64>,
    /// Who made it.
    pub created_by: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Plan sealed.
    pub planned_at: Option<DateTime<Utc>>,
    /// First job let go.
    pub started_at: Option<DateTime<Utc>>,
    /// Last job let go.
    pub released_at: Option<DateTime<Utc>>,
    /// Whether it takes more members; it does not end while it does.
    pub open: bool,
    /// Somebody closed it: it takes no more members.
    pub closed_at: Option<DateTime<Utc>>,
    /// Jobs that were added after the plan was sealed; `planned` counts them too.
    pub added: i64,
    /// Somebody cancelled it: its jobs are asked to end.
    pub cancelling_at: Option<DateTime<Utc>>,
    /// Over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What a plan counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedCounts {
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Chunks of the jobs.
    pub chunks: i32,
    /// Rows that were refused or repeated.
    pub left_out: i64,
}

/// How far a batch is, from its tallies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Jobs that must settle, restarts included.
    pub expected: i64,
    /// Jobs that have settled.
    pub settled: i64,
    /// Jobs that have not.
    pub open: i64,
    /// To one decimal, rounded down: 100 only at the end.
    pub percent: f64,
    /// Endings that stand now, by kind: `completed`, `failed`, `parked` …
    pub now: BTreeMap<String, i64>,
    /// Endings that a restart took back.
    pub restarted: i64,
}

/// Jobs of a batch by where they stand; summed from extents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CurrentJobs {
    /// Due.
    pub ready: i64,
    /// Under lease.
    pub running: i64,
    /// Waiting for a person.
    pub parked: i64,
}

/// Which batches; at most one of the two, each has its index.
#[derive(Clone, Debug, Default)]
pub struct BatchFilter {
    /// Only those that are not final; with these states when given.
    pub open_states: Option<Vec<String>>,
    /// Of this job configuration.
    pub configuration: Option<String>,
}

/// One batch, as a transaction sees it.
pub(crate) async fn show(
    connection: impl sqlx::PgExecutor<'_>,
    tenant: i32,
    id: i64,
) -> Result<BatchView, Error> {
    let row = sqlx::query_file_as!(BatchRow, "queries/batch/show.sql", tenant, id);
    let row = row.fetch_optional(connection).await?;
    let missing = || Error::not_found("batch", id.to_string());
    row.map(BatchView::from).ok_or_else(missing)
}

impl Store {
    /// One batch.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn batch(&self, tenant: i32, id: i64) -> Result<BatchView, Error> {
        show(self.pool(), tenant, id).await
    }

    /// The batch of the same configuration that ended before this one.
    pub async fn batch_before(
        &self,
        tenant: i32,
        batch: &BatchView,
    ) -> Result<Option<BatchView>, Error> {
        let Some(configuration) = &batch.configuration else {
            return Ok(None);
        };
        let row = sqlx::query_file_as!(
            BatchRow,
            "queries/batch/last.sql",
            tenant,
            configuration,
            batch.id
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(BatchView::from))
    }

    /// A page of batches with numbers below `before`, newest first.
    ///
    /// # Errors
    /// `filter_not_indexed` for both filters at once.
    pub async fn batches(
        &self,
        tenant: i32,
        filter: &BatchFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<BatchView>, Error> {
        let (before, rows) = (before.unwrap_or(i64::MAX), fetch(limit));
        let found = match (&filter.open_states, &filter.configuration) {
            (None, None) => self.all_batches(tenant, before, rows).await?,
            (Some(states), None) => self.batches_in(tenant, before, rows, states).await?,
            (None, Some(name)) => self.batches_of(tenant, before, rows, name).await?,
            (Some(_), Some(_)) => return Err(both_filters()),
        };
        Ok(Page::cut(found, limit, |row| row.id).map(BatchView::from))
    }

    /// The newest batches that are not final.
    pub async fn open_batches(&self, tenant: i32, limit: u32) -> Result<Vec<BatchView>, Error> {
        let filter = BatchFilter {
            open_states: Some(Vec::new()),
            configuration: None,
        };
        let page = self
            .batches(tenant, &filter, None, limit.min(PAGE_MAX))
            .await?;
        Ok(page.items)
    }

    /// Where the jobs of a batch stand now; zero before it has a lane.
    pub async fn batch_current(&self, batch: &BatchView) -> Result<CurrentJobs, Error> {
        if batch.lane.is_none() {
            return Ok(CurrentJobs {
                ready: 0,
                running: 0,
                parked: 0,
            });
        };
        let row = sqlx::query_file_as!(CurrentJobs, "queries/batch/current.sql", batch.id)
            .fetch_one(self.pool())
            .await?;
        Ok(row)
    }

    async fn all_batches(
        &self,
        tenant: i32,
        before: i64,
        rows: i64,
    ) -> Result<Vec<BatchRow>, Error> {
        let found = sqlx::query_file_as!(BatchRow, "queries/batch/list.sql", tenant, before, rows);
        let found = found.fetch_all(self.pool()).await?;
        Ok(found)
    }

    async fn batches_in(
        &self,
        tenant: i32,
        before: i64,
        rows: i64,
        states: &[String],
    ) -> Result<Vec<BatchRow>, Error> {
        let all: Vec<String> = OPEN_STATES.map(str::to_owned).to_vec();
        let states = if states.is_empty() {
            all.as_slice()
        } else {
            states
        };
        let found = sqlx::query_file_as!(
            BatchRow,
            "queries/batch/list_open.sql",
            tenant,
            before,
            rows,
            states
        )
        .fetch_all(self.pool())
        .await?;
        Ok(found)
    }

    async fn batches_of(
        &self,
        tenant: i32,
        before: i64,
        rows: i64,
        configuration: &str,
    ) -> Result<Vec<BatchRow>, Error> {
        let found = sqlx::query_file_as!(
            BatchRow,
            "queries/batch/list_configuration.sql",
            tenant,
            before,
            rows,
            configuration
        )
        .fetch_all(self.pool())
        .await?;
        Ok(found)
    }
}

fn both_filters() -> Error {
    Error::Conflict {
        code: "filter_not_indexed",
        message: "no index carries states and configuration together".to_owned(),
        hint: Some("a configuration has few batches: list them and read their states".to_owned()),
    }
}
