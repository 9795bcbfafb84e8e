//! The members of a category that a filter may keep: the database drops what it certainly does not.
//!
//! A look reaches a bounded number of rows, however few of them come back, so that no statement lasts.

use windlass_workflows::plan::Narrow;

use super::members::Row;
use crate::{Error, Store};

/// Rows that one look passes over at most.
const REACH: i64 = 50_000;

/// A category at one version, and what must hold of its members.
pub(in crate::protocol) struct Narrowed {
    id: i32,
    version: i32,
    after: i64,
    last: Option<i64>,
    is_over: bool,
    narrow: Narrow,
}

impl Narrowed {
    pub(in crate::protocol) fn new((id, version): (i32, i32), narrow: Narrow) -> Self {
        Self {
            id,
            version,
            after: 0,
            last: None,
            is_over: false,
            narrow,
        }
    }

    /// The same, from behind a row on.
    pub(in crate::protocol) fn behind(self, after: i64) -> Self {
        Self { after, ..self }
    }

    /// The row behind which the next look begins.
    pub(in crate::protocol) fn reached(&self) -> i64 {
        self.after
    }

    /// Whether the last look came to the end.
    pub(in crate::protocol) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The next members, at most `limit`; none at the end.
    pub(super) async fn page(&mut self, store: &Store, limit: i64) -> Result<Vec<Row>, Error> {
        loop {
            let page = self.look(store, limit).await?;
            if self.is_over || !page.is_empty() {
                return Ok(page);
            }
        }
    }

    /// The members of the next rows, at most `limit`; perhaps none, and more behind them.
    pub(in crate::protocol) async fn look(
        &mut self,
        store: &Store,
        limit: i64,
    ) -> Result<Vec<Row>, Error> {
        let is_full = |page: &[Row]| i64::try_from(page.len()).unwrap_or(limit) >= limit;
        if let Some(keys) = &self.narrow.keys {
            let page = of_keys(store, self, keys, limit).await?;
            self.is_over = !is_full(&page);
            self.after = page.last().map_or(self.after, |row| row.n);
            return Ok(page);
        }
        let last = self.last(store).await?;
        if self.after >= last {
            self.is_over = true;
            return Ok(Vec::new());
        }
        let to = self.after.saturating_add(REACH);
        let page = between(store, self, to, limit).await?;
        let reached = page.last().filter(|_| is_full(&page)).map(|row| row.n);
        self.after = reached.unwrap_or(to);
        self.is_over = self.after >= last;
        Ok(page)
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
