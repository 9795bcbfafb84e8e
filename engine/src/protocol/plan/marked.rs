//! The members of a category that one of its indexes finds: as many are read as have the values that a filter keeps.
//!
//! An index is a help that may be gone at any moment: a look that finds it dropped says so, and its reader goes on from
//! the same place as if there had been none. Both ways give rows in the same order.

use windlass_workflows::plan::{Narrow, Sought};

use super::members::Row;
use crate::store::CategoryIndex;
use crate::{Error, Store};

/// Rows that are always few: reading them one by one, or sorting them for a page, takes some hundredths of a second.
const FEW: i64 = 10_000;

/// One in so many rows: where an index finds more, passing over all of them costs less.
const SPARSE: i64 = 10;

/// An index with what is looked for in it.
pub(super) struct Marked {
    index: i32,
    probes: Vec<String>,
    found: i64,
}

/// What one look at an index gave.
pub(super) struct Look {
    /// The members, in order.
    pub rows: Vec<Row>,
    /// Where the next look begins; none at the end.
    pub next: Option<Next>,
    /// Marks met, of rows of other versions too.
    pub met: i64,
}

/// A place in the order of rows: behind this row, and behind what a load brought for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub n: i64,
    pub added: i32,
    /// Whether what stands at `n` in this version has been met.
    pub is_past: bool,
}

impl Next {
    /// Behind all of a row.
    pub fn behind(n: i64) -> Self {
        let (added, is_past) = (i32::MAX, true);
        Self { n, added, is_past }
    }
}

struct MarkedRow {
    n: Option<i64>,
    added: Option<i32>,
    key: Option<String>,
    object: Option<String>,
    document: Option<String>,
}

impl MarkedRow {
    /// The member, where its version is the one that is read.
    fn row(self) -> Option<Row> {
        Some(Row {
            n: self.n?,
            key: self.key?,
            object: self.object,
            document: self.document?,
        })
    }
}

impl Marked {
    /// The whole index of a category that finds the fewest rows for a filter, where that is worth it.
    pub async fn of(store: &Store, category: i32, narrow: &Narrow) -> Result<Option<Self>, Error> {
        if narrow.fields.is_empty() {
            return Ok(None);
        }
        let indexes = store.category_indexes(category).await?;
        let mut best: Option<Self> = None;
        for index in indexes.into_iter().filter(|index| index.is_whole) {
            let bound = FEW.max(index.items / SPARSE);
            for sought in narrow.fields.iter().filter(|one| one.field == index.field) {
                let found = count(store, &index, sought, bound).await?;
                if found < best.as_ref().map_or(bound, |best| best.found) {
                    best = Some(Self {
                        index: index.id,
                        probes: sought.probes.clone(),
                        found,
                    });
                }
            }
        }
        Ok(best)
    }

    /// The same, where it finds so few rows that all of them may be sorted for each page.
    pub async fn few(store: &Store, category: i32, narrow: &Narrow) -> Result<Option<Self>, Error> {
        let best = Self::of(store, category, narrow).await?;
        Ok(best.filter(|best| best.found < FEW))
    }

    /// Up to `limit` marks behind a place, in the order of rows; none where the index is gone.
    pub async fn look(
        &self,
        store: &Store,
        (category, version): (i32, i32),
        objects: Option<&[String]>,
        from: Next,
        limit: i64,
    ) -> Result<Option<Look>, Error> {
        let rows = sqlx::query_file_as!(
            MarkedRow,
            "queries/category/members_marked.sql",
            category,
            version,
            self.index,
            &self.probes,
            from.n,
            from.added,
            limit,
            objects
        )
        .fetch_all(store.pool())
        .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        let place = last.n.zip(last.added).map(|(n, added)| Next {
            n,
            added,
            is_past: last.key.is_some(),
        });
        let met = rows.iter().filter(|row| row.n.is_some()).count();
        let met = i64::try_from(met).unwrap_or(limit);
        Ok(Some(Look {
            rows: rows.into_iter().filter_map(MarkedRow::row).collect(),
            next: place.filter(|_| met >= limit),
            met,
        }))
    }

    /// Up to `limit` members behind an object and a row, those without an object first; none where the index is gone.
    pub async fn by_object(
        &self,
        store: &Store,
        (category, version): (i32, i32),
        (object, n): (&str, i64),
        limit: i64,
    ) -> Result<Option<Vec<Row>>, Error> {
        let rows = sqlx::query_file_as!(
            MarkedRow,
            "queries/category/members_marked_by_object.sql",
            category,
            version,
            self.index,
            &self.probes,
            object,
            n,
            limit
        )
        .fetch_all(store.pool())
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(rows.into_iter().filter_map(MarkedRow::row).collect()))
    }
}

/// Marks that a reader would meet, up to a bound.
async fn count(
    store: &Store,
    index: &CategoryIndex,
    sought: &Sought,
    bound: i64,
) -> Result<i64, Error> {
    let row = sqlx::query_file!(
        "queries/category/count_marked.sql",
        index.id,
        &sought.probes,
        bound
    )
    .fetch_one(store.pool())
    .await?;
    Ok(row.marks)
}
