//! The dead letter and redrives as people see them: what is parked, and what they let go on.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::problem::Problem;

use super::Store;
use super::job::JobView;
use super::page::{Page, fetch};
use crate::Error;

/// Jobs that one redrive may name.
pub const REDRIVE_JOBS_MAX: usize = 10_000;
/// Jobs a second that one redrive may let go.
pub const REDRIVE_RATE_MAX: i32 = 1_000;
/// A count that stops here means "more".
pub const DEAD_COUNT_MAX: i64 = 10_000;

/// Parked jobs that were stopped by the same error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadGroup {
    /// Identity of the error; empty for what was parked without one.
    pub fingerprint: String,
    /// Its code.
    pub code: Option<String>,
    /// The reason of the first of them.
    pub why: String,
    /// How many, at most [`DEAD_COUNT_MAX`] and one.
    pub jobs: i64,
    /// The first five.
    pub sample: Vec<i64>,
    /// When the first of them was parked.
    pub first_at: DateTime<Utc>,
    /// Templates whose breaker is open, or probes, for this error.
    pub breakers: Vec<String>,
}

/// Which stopped work should run again, and how fast.
#[derive(Clone, Debug, Default)]
pub struct NewRedrive {
    /// All with this fingerprint.
    pub fingerprint: Option<String>,
    /// All of this batch.
    pub batch: Option<i64>,
    /// These.
    pub jobs: Option<Vec<i64>>,
    /// Jobs a second.
    pub rate: i32,
    /// So many go first, and must do well.
    pub canary: i32,
    /// Failed jobs too, each as a new job.
    pub failed_too: bool,
    /// Who wants it.
    pub who: String,
    /// In their words.
    pub why: String,
}

/// A redrive and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedriveView {
    /// Its number.
    pub id: i64,
    /// All with this fingerprint.
    pub fingerprint: Option<String>,
    /// All of this batch.
    pub batch: Option<i64>,
    /// These.
    pub jobs: Option<Vec<i64>>,
    /// Jobs a second.
    pub rate: i32,
    /// So many go first.
    pub canary: i32,
    /// Failed jobs too.
    pub failed_too: bool,
    /// The generation of its batch that it begins, where it is a restart: those go at the pace of their batch.
    pub generation: Option<i32>,
    /// `running`, `stopped`, `completed` or `cancelled`.
    pub state: String,
    /// Why it stopped.
    pub reason: Option<String>,
    /// Jobs that it let go.
    pub moved: i64,
    /// Those that did well.
    pub good: i64,
    /// Those that came back with the same error.
    pub bad: i64,
    /// Who wanted it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Store {
    /// What is parked, grouped by error, in order of fingerprint.
    pub async fn dead_letter(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<DeadGroup, String>, Error> {
        let groups = sqlx::query_file_as!(
            DeadGroup,
            "queries/redrive/groups.sql",
            tenant,
            after.unwrap_or_default(),
            after.is_none(),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(groups, limit, |group| group.fingerprint.clone()))
    }

    /// What is parked with one fingerprint, oldest number first.
    pub async fn dead_jobs(
        &self,
        tenant: i32,
        fingerprint: &str,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<JobView>, Error> {
        let rows = sqlx::query_file!(
            "queries/redrive/jobs_of_group.sql",
            tenant,
            fingerprint,
            after.unwrap_or_default(),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        let ids = rows.into_iter().map(|row| row.id).collect();
        let page = Page::cut(ids, limit, |id| *id);
        let mut items = self.jobs_by_id(tenant, &page.items, false).await?;
        items.sort_by_key(|job| job.id);
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// Begins a redrive; a duty paces it.
    ///
    /// # Errors
    /// `invalid` when it names nothing or too much, or a rate out of bounds.
    pub async fn redrive(&self, tenant: i32, new: &NewRedrive) -> Result<RedriveView, Error> {
        check(new)?;
        let row = sqlx::query_file!(
            "queries/redrive/create.sql",
            tenant,
            new.fingerprint,
            new.batch,
            new.jobs.as_deref(),
            new.rate,
            new.canary,
            new.failed_too,
            new.who,
            new.why
        )
        .fetch_one(self.pool())
        .await?;
        self.redrive_view(tenant, row.id).await
    }

    /// One redrive.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn redrive_view(&self, tenant: i32, id: i64) -> Result<RedriveView, Error> {
        sqlx::query_file_as!(RedriveView, "queries/redrive/show.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::not_found("redrive", id.to_string()))
    }

    /// A page of redrives, newest first.
    pub async fn redrives(
        &self,
        tenant: i32,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<RedriveView>, Error> {
        let rows = sqlx::query_file_as!(
            RedriveView,
            "queries/redrive/list.sql",
            tenant,
            before.unwrap_or(i64::MAX),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |redrive| redrive.id))
    }

    /// Lets nothing more go; what went stays gone. Repeating it is harmless.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn cancel_redrive(
        &self,
        tenant: i32,
        id: i64,
        why: &str,
    ) -> Result<RedriveView, Error> {
        let stopped = sqlx::query_file!("queries/redrive/stop.sql", tenant, id, "cancelled", why);
        stopped.fetch_optional(self.pool()).await?;
        self.redrive_view(tenant, id).await
    }
}

/// All that is wrong with it.
fn check(new: &NewRedrive) -> Result<(), Error> {
    let mut problems = Vec::new();
    if new.fingerprint.is_none() && new.batch.is_none() && new.jobs.is_none() {
        problems.push(Problem::new(
            "missing_field",
            "",
            "say which jobs: by fingerprint, batch or number",
        ));
    }
    let mut bound = |pointer: &str, value: usize, least: usize, most: usize| {
        if !(least..=most).contains(&value) {
            let message = format!("between {least} and {most}, please");
            problems.push(Problem::new("wrong_value", pointer, message));
        }
    };
    let count = |number: i32| usize::try_from(number).unwrap_or(usize::MAX);
    bound("/rate", count(new.rate), 1, count(REDRIVE_RATE_MAX));
    bound("/canary", count(new.canary), 0, REDRIVE_JOBS_MAX);
    if let Some(jobs) = &new.jobs {
        bound("/jobs", jobs.len(), 1, REDRIVE_JOBS_MAX);
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid { problems }),
    }
}
