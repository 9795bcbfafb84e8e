//! Who touched which context: from a context to the jobs and batches that changed or read it, and back.
//!
//! Rows are written where the touch is: with a change (`context/store.sql`), with a read of a job, and never again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ContextView;
use crate::Error;
use crate::store::Store;
use crate::store::page::{Page, fetch};

/// Who can touch a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toucher {
    /// Some job of this batch.
    Batch(i64),
    /// This job.
    Job(i64),
}

/// A batch or job that has touched a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextReference {
    /// Who.
    pub who: Toucher,
    /// `change` or `read`.
    pub what: String,
    /// When it first did.
    pub at: DateTime<Utc>,
}

/// A context that a batch or job has touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedContext {
    /// Its key.
    pub key: String,
    /// `change` or `read`.
    pub what: String,
    /// When it was first.
    pub at: DateTime<Utc>,
}

/// Where a page of references ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceCursor {
    at: DateTime<Utc>,
    id: i64,
    kind: String,
    what: String,
}

impl Toucher {
    /// The words for those that batches and jobs are.
    pub const KINDS: [&str; 2] = ["batch", "job"];

    /// `batch` or `job`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Batch(_) => Self::KINDS[0],
            Self::Job(_) => Self::KINDS[1],
        }
    }

    /// Its number.
    pub const fn id(self) -> i64 {
        match self {
            Self::Batch(id) | Self::Job(id) => id,
        }
    }

    fn of(kind: &str, id: i64) -> Self {
        match kind == Self::KINDS[0] {
            true => Self::Batch(id),
            false => Self::Job(id),
        }
    }
}

impl ReferenceCursor {
    /// Before everything that was noted.
    fn start() -> Self {
        Self {
            at: DateTime::<Utc>::MAX_UTC,
            id: i64::MAX,
            kind: String::new(),
            what: String::new(),
        }
    }

    fn of(reference: &ContextReference) -> Self {
        Self {
            at: reference.at,
            id: reference.who.id(),
            kind: reference.who.kind().to_owned(),
            what: reference.what.clone(),
        }
    }
}

impl Store {
    /// A context, if there is one, as a job reads it: that it did is noted.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, the read may have been noted.
    pub async fn read_context(
        &self,
        tenant: i32,
        key: &str,
        job: i64,
    ) -> Result<Option<ContextView>, Error> {
        let row = sqlx::query_file_as!(ContextView, "queries/context/read.sql", tenant, key, job);
        Ok(row.fetch_optional(self.pool()).await?)
    }

    /// The batches and jobs that have touched a context, those that came last first: all, or one of [`Toucher::KINDS`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing is known of such a context.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn context_references(
        &self,
        (tenant, key): (i32, &str),
        kind: Option<&str>,
        before: Option<ReferenceCursor>,
        limit: u32,
    ) -> Result<Page<ContextReference, ReferenceCursor>, Error> {
        let is_first = before.is_none();
        let last = before.unwrap_or_else(ReferenceCursor::start);
        let rows = sqlx::query_file!(
            "queries/context/references.sql",
            tenant,
            key,
            kind,
            last.at,
            last.id,
            last.kind,
            last.what,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        if rows.is_empty() && is_first {
            self.context_history(tenant, key, None, 1).await?;
        }
        let references = rows.into_iter().map(|row| ContextReference {
            who: Toucher::of(&row.kind, row.id),
            what: row.what,
            at: row.at,
        });
        let references = references.collect();
        Ok(Page::cut(references, limit, ReferenceCursor::of))
    }

    /// The contexts that a batch or job has touched, after a key and a word.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn touched_contexts(
        &self,
        tenant: i32,
        by: Toucher,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Page<TouchedContext, (String, String)>, Error> {
        let (key, what) = after.unwrap_or_default();
        let rows = sqlx::query_file_as!(
            TouchedContext,
            "queries/context/touched.sql",
            by.kind(),
            by.id(),
            tenant,
            key,
            what,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        let last = |one: &TouchedContext| (one.key.clone(), one.what.clone());
        Ok(Page::cut(rows, limit, last))
    }

    /// Forgets who touched contexts longer than `retention` ago, a page a pass; how many.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, they may have been forgotten.
    pub async fn forget_references(&self, retention: Duration) -> Result<u64, Error> {
        let seconds = retention.as_secs_f64();
        let done = sqlx::query_file!("queries/context/forget_references.sql", seconds)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
