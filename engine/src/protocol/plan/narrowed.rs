//! The members of a category that a filter may keep: the database drops what it certainly does not, or does not read it
//! where an index of the category finds the others.
//!
//! A look reaches a bounded number of rows, however few of them come back, so that no statement lasts.

use windlass_workflows::plan::Narrow;

use super::marked::{Marked, Next};
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
    passed: i64,
    is_over: bool,
    narrow: Narrow,
    way: Way,
}

/// How members are found.
enum Way {
    /// Nobody looked for an index yet.
    Unknown,
    /// By an index, from a place on.
    Index(Marked, Next),
    /// By their rows, or their keys.
    Rows,
}

impl Narrowed {
    pub(in crate::protocol) fn new((id, version): (i32, i32), narrow: Narrow) -> Self {
        Self {
            id,
            version,
            after: 0,
            last: None,
            passed: 0,
            is_over: false,
            narrow,
            way: Way::Unknown,
        }
    }

    /// The same, from behind a row on.
    pub(in crate::protocol) fn behind(self, after: i64) -> Self {
        Self { after, ..self }
    }

    /// The row behind which another reader goes on.
    pub(in crate::protocol) fn reached(&self) -> i64 {
        self.after
    }

    /// Rows that were passed over, whether they came back or not.
    pub(in crate::protocol) fn passed(&self) -> i64 {
        self.passed
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
        if self.is_over {
            return Ok(Vec::new());
        }
        let is_full = |page: &[Row]| i64::try_from(page.len()).unwrap_or(limit) >= limit;
        if let Some(keys) = &self.narrow.keys {
            let page = of_keys(store, self, keys, limit).await?;
            self.is_over = !is_full(&page);
            self.after = page.last().map_or(self.after, |row| row.n);
            self.passed += i64::try_from(page.len()).unwrap_or(limit);
            return Ok(page);
        }
        if let Some(page) = self.by_index(store, limit).await? {
            return Ok(page);
        }
        let (last, before) = (self.last(store).await?, self.after);
        if self.after >= last {
            self.is_over = true;
            return Ok(Vec::new());
        }
        let to = self.after.saturating_add(REACH);
        let page = between(store, self, to, limit).await?;
        let reached = page.last().filter(|_| is_full(&page)).map(|row| row.n);
        self.after = reached.unwrap_or(to);
        self.passed += self.after - before;
        self.is_over = self.after >= last;
        Ok(page)
    }

    /// The members of the next marks; none without an index.
    async fn by_index(&mut self, store: &Store, limit: i64) -> Result<Option<Vec<Row>>, Error> {
        if matches!(self.way, Way::Unknown) {
            let index = Marked::of(store, self.id, &self.narrow).await?;
            let from = Next::behind(self.after);
            self.way = index.map_or(Way::Rows, |index| Way::Index(index, from));
        }
        let Way::Index(index, from) = &self.way else {
            return Ok(None);
        };
        let (which, objects) = ((self.id, self.version), self.narrow.objects.as_deref());
        let look = index.look(store, which, objects, *from, limit).await?;
        let (Some(look), Way::Index(_, from)) = (look, &mut self.way) else {
            self.way = Way::Rows;
            return Ok(None);
        };
        self.passed += look.met;
        self.is_over = look.next.is_none();
        if let Some(next) = look.next {
            *from = next;
            // What stands there in this version may still come.
            self.after = if next.is_past { next.n } else { next.n - 1 };
        }
        Ok(Some(look.rows))
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
