//! The members of a category that a filter may keep: the database drops what it certainly does not.
//!
//! A look reaches a bounded number of rows, however few of them come back, so that no statement lasts.

use windlass_workflows::plan::Narrow;

use super::members::Row;
use crate::{Error, Store};

/// Rows that one look passes over at most.
const REACH: i64 = 50_000;

/// A category at one version, and what must hold of its members.
pub(super) struct Narrowed {
    id: i32,
    version: i32,
    after: i64,
    last: Option<i64>,
    narrow: Narrow,
}

impl Narrowed {
    pub(super) fn new((id, version): (i32, i32), narrow: Narrow) -> Self {
        Self {
            id,
            version,
            after: 0,
            last: None,
            narrow,
        }
    }

    /// The next members, at most `limit`; none at the end.
    pub(super) async fn page(&mut self, store: &Store, limit: i64) -> Result<Vec<Row>, Error> {
        if let Some(keys) = &self.narrow.keys {
            let page = of_keys(store, self, keys, limit).await?;
            self.after = page.last().map_or(self.after, |row| row.n);
            return Ok(page);
        }
        let last = self.last(store).await?;
        while self.after < last {
            let to = self.after.saturating_add(REACH);
            let page = between(store, self, to, limit).await?;
            let is_full = i64::try_from(page.len()).unwrap_or(limit) >= limit;
            self.after = page.last().filter(|_| is_full).map_or(to, |row| row.n);
            if !page.is_empty() {
                return Ok(page);
            }
        }
        Ok(Vec::new())
    }

    async fn last(&mut self, store: &Store) -> Result<i64, Error> {
        if let Some(last) = self.last {
            return Ok(last);
        }
        let row = sqlx::query_file!("queries/category/last_row.sql", self.id)
            .fetch_one(store.pool())
            .await?;
        Ok(*self.last.insert(row.last.unwrap_or_default()))
    }
}

async fn of_keys(
    store: &Store,
    of: &Narrowed,
    keys: &[String],
    limit: i64,
) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query_file_as!(
        Row,
        "queries/category/members_of_keys.sql",
        of.id,
        of.version,
        of.after,
        limit,
        keys
    );
    Ok(rows.fetch_all(store.pool()).await?)
}

async fn between(store: &Store, of: &Narrowed, to: i64, limit: i64) -> Result<Vec<Row>, Error> {
    let narrow = &of.narrow;
    let rows = sqlx::query_file_as!(
        Row,
        "queries/category/members_narrowed.sql",
        of.id,
        of.version,
        of.after,
        to,
        limit,
        narrow.key_from.as_deref(),
        narrow.key_to.as_deref(),
        narrow.objects.as_deref(),
        narrow.object_from.as_deref(),
        narrow.object_to.as_deref(),
        narrow.document.as_deref(),
        narrow.text.as_deref(),
    );
    Ok(rows.fetch_all(store.pool()).await?)
}
