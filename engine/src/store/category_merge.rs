//! A load that leaves items as they are that it does not name.
//!
//! Its rows are copied beyond all others, under the version to come. Those that say nothing new are taken back, those that
//! change an item come to its place, and the rest behind the last row: nothing is written for an item that stays.

use super::category_version::Differences;
use super::gate::Session;
use crate::Error;

/// The row behind which the rows of a load stand until each has its place; no category has so many.
pub(crate) const BEYOND: i64 = 1 << 62;

/// How the rows of a load differed from the items with their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    pub added: i64,
    pub changed: i64,
    pub unchanged: i64,
}

impl From<Merged> for Differences {
    fn from(merged: Merged) -> Self {
        Self {
            added: merged.added,
            changed: merged.changed,
            removed: 0,
            moved: 0,
        }
    }
}

/// Gives the rows of a load their places; the caller holds the category's row.
pub(crate) async fn settle(
    connection: &mut Session,
    category: i32,
    version: i32,
) -> Result<Merged, Error> {
    let same = sqlx::query_file!("queries/category/merge_same.sql", category, version, BEYOND)
        .execute(&mut *connection)
        .await?;
    let changed = sqlx::query_file!(
        "queries/category/merge_changed.sql",
        category,
        version,
        BEYOND
    )
    .execute(&mut *connection)
    .await?;
    let added = sqlx::query_file!(
        "queries/category/merge_added.sql",
        category,
        version,
        BEYOND
    )
    .execute(connection)
    .await?;
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    Ok(Merged {
        added: count(added.rows_affected()),
        changed: count(changed.rows_affected()),
        unchanged: count(same.rows_affected()),
    })
}
