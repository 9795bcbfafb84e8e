//! Contexts as they are read: one, a page of them, what made the versions of one.

use chrono::{DateTime, Utc};

use crate::Error;
use crate::store::gate::Session;
use crate::store::page::{Page, fetch};
use crate::store::{PAGE_MAX, Store};

/// A context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextView {
    /// Its key.
    pub key: String,
    /// Grows with every change.
    pub version: i64,
    /// JSON text: an object.
    pub document: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A context in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextSummary {
    /// Its key.
    pub key: String,
    /// Grows with every change.
    pub version: i64,
    /// What it is about.
    pub subject: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// Bytes of its document.
    pub bytes: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What made a version of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextChangeView {
    /// The version that it made.
    pub version: i64,
    /// `put`, `patch`, `change`, `delete` or `expire`.
    pub kind: String,
    /// JSON text: the whole document, what was merged into it, or `{ change, input }` that computed it; nothing at its
    /// end.
    pub data: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// A job, `j_7`, or whoever else it was.
    pub who: String,
    /// The job.
    pub job: Option<i64>,
    /// Pointer of its task.
    pub step: Option<String>,
    /// Its batch.
    pub batch: Option<i64>,
}

impl Store {
    /// A context, if there is one.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn context(&self, tenant: i32, key: &str) -> Result<Option<ContextView>, Error> {
        let row = sqlx::query_file_as!(ContextView, "queries/context/show.sql", tenant, key)
            .fetch_optional(self.pool())
            .await?;
        Ok(row)
    }

    /// A page of contexts after a key: all, or those about one subject.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn contexts(
        &self,
        tenant: i32,
        subject: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ContextSummary, String>, Error> {
        let (after, count) = (after.unwrap_or(""), fetch(limit));
        let rows = match subject {
            None => {
                sqlx::query_file_as!(
                    ContextSummary,
                    "queries/context/list.sql",
                    tenant,
                    after,
                    count
                )
                .fetch_all(self.pool())
                .await?
            }
            Some(subject) => {
                sqlx::query_file_as!(
                    ContextSummary,
                    "queries/context/list_subject.sql",
                    tenant,
                    subject,
                    after,
                    count
                )
                .fetch_all(self.pool())
                .await?
            }
        };
        Ok(Page::cut(rows, limit, |context| context.key.clone()))
    }

    /// What made the versions of a context before one, the newest first. A page ends once it has eight megabytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing is known of such a context.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn context_history(
        &self,
        tenant: i32,
        key: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ContextChangeView>, Error> {
        let count = i64::from(limit.clamp(1, PAGE_MAX));
        let first = before.unwrap_or(i64::MAX);
        let rows = sqlx::query_file!("queries/context/history.sql", tenant, key, first, count)
            .fetch_all(self.pool())
            .await?;
        let is_known = before.is_some() || !rows.is_empty();
        if !is_known && self.context(tenant, key).await?.is_none() {
            return Err(Error::not_found("context", key));
        }
        let more = rows.first().is_some_and(|row| row.more);
        let items: Vec<ContextChangeView> = rows
            .into_iter()
            .map(|row| ContextChangeView {
                version: row.version,
                kind: row.kind,
                data: row.data,
                at: row.at,
                who: row.who,
                job: row.job,
                step: row.step,
                batch: row.batch,
            })
            .collect();
        let next = items.last().map(|change| change.version);
        Ok(Page {
            next: next.filter(|_| more),
            items,
        })
    }
}

/// The context as it is inside a transaction.
pub(super) async fn read(
    connection: &mut Session,
    tenant: i32,
    key: &str,
) -> Result<Option<ContextView>, Error> {
    let row = sqlx::query_file_as!(ContextView, "queries/context/show.sql", tenant, key)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}
