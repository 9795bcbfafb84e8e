//! The loads of a category as people see them, its deletion, and the end of items that nobody may ask for any more.
//!
//! What a load ended, and what stood in a deleted category, stays readable for the category's retention.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// Items that one pass deletes.
const FORGOTTEN_MAX: i64 = 10_000;

/// One load of a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryVersion {
    /// Counts loads, from 1.
    pub version: i32,
    /// Items of it.
    pub items: i64,
    /// Items that were new; none where nobody compared.
    pub added: Option<i64>,
    /// Items that say something else.
    pub changed: Option<i64>,
    /// Items that were gone.
    pub removed: Option<i64>,
    /// Rows that were no items and that it went on without.
    pub left_out: i64,
    /// The file, or `document` for items of the category's document.
    pub origin: Option<String>,
    /// Who loaded it.
    pub loaded_by: String,
    /// When.
    pub loaded_at: DateTime<Utc>,
}

/// How a load differs from what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Differences {
    pub added: i64,
    pub changed: i64,
    pub removed: i64,
    /// Items that stand in another row and say the same.
    pub moved: i64,
}

impl Differences {
    /// Of a load into a category that has nothing to compare with.
    pub(crate) fn all_new(items: i64) -> Self {
        Self {
            added: items,
            changed: 0,
            removed: 0,
            moved: 0,
        }
    }

    /// Whether the load says what the category says already.
    pub(crate) fn is_none(&self) -> bool {
        self.added + self.changed + self.removed + self.moved == 0
    }
}

/// A load to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewVersion<'a> {
    pub category: i32,
    pub version: i32,
    pub items: i64,
    pub differences: Differences,
    pub left_out: i64,
    pub origin: &'a str,
    pub who: &'a str,
    /// Hash of what was loaded and how it was read.
    pub checksum: &'a str,
    /// How the keys of its items were made.
    pub key_rule: &'a str,
}

impl Store {
    /// A page of the loads of a category, the latest first, before a version.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the category does not exist in this tenant.
    pub async fn category_versions(
        &self,
        tenant: i32,
        name: &str,
        before: Option<i32>,
        limit: u32,
    ) -> Result<Page<CategoryVersion, i32>, Error> {
        let category = self.category(tenant, name).await?;
        let rows = sqlx::query_file_as!(
            CategoryVersion,
            "queries/category/versions.sql",
            category.id,
            before.unwrap_or(i32::MAX),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |row| row.version))
    }

    /// Where the items of a category's version come from, where somebody noted it.
    pub(crate) async fn category_origin(
        &self,
        category: i32,
        version: i32,
    ) -> Result<Option<String>, Error> {
        let row = sqlx::query_file!("queries/category/origin.sql", category, version)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.and_then(|row| row.origin))
    }

    /// Brings a deleted category back; false when there is nothing to bring back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn undelete_category(&self, tenant: i32, name: &str) -> Result<bool, Error> {
        let done = sqlx::query_file!("queries/category/undelete.sql", tenant, name)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Deletes a piece of the items that no version, plan or undo may ask for any more; how many went. Zero when there
    /// are none left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_items(&self, now: Option<DateTime<Utc>>) -> Result<u64, Error> {
        let row = sqlx::query_file!("queries/category/forget.sql", now, FORGOTTEN_MAX)
            .fetch_optional(self.pool())
            .await?;
        // Where the last ones went, another category may have some.
        Ok(row.map_or(0, |row| row.items.unsigned_abs() + u64::from(row.is_last)))
    }
}

/// Keeps what a category's document says of its row; whether it had been deleted.
pub(crate) async fn keep(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    retention: Duration,
) -> Result<bool, Error> {
    let row = sqlx::query_file!(
        "queries/category/keep.sql",
        tenant,
        name,
        retention.as_secs_f64()
    )
    .fetch_one(connection)
    .await?;
    Ok(row.was_deleted)
}

/// Marks a category as deleted; false when it was.
pub(crate) async fn delete(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    who: &str,
    now: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let done = sqlx::query_file!("queries/category/delete.sql", tenant, name, who, now)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// How the rows of a load differ from those that are current.
pub(crate) async fn compare(
    connection: &mut Session,
    category: i32,
    version: i32,
) -> Result<Differences, Error> {
    let row = sqlx::query_file_as!(
        Differences,
        "queries/category/compare.sql",
        category,
        version
    )
    .fetch_one(connection)
    .await?;
    Ok(row)
}

/// Takes back the rows of a load that changes nothing, and knows its bytes from then on.
pub(crate) async fn take_back(connection: &mut Session, new: NewVersion<'_>) -> Result<(), Error> {
    sqlx::query_file!("queries/category/take_back.sql", new.category, new.version)
        .execute(&mut *connection)
        .await?;
    sqlx::query_file!(
        "queries/category/recognise.sql",
        new.category,
        new.checksum,
        new.key_rule
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes a load the current version, and keeps what it did.
pub(crate) async fn publish(connection: &mut Session, new: NewVersion<'_>) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/category/publish.sql",
        new.category,
        new.version,
        new.items,
        new.checksum,
        new.key_rule
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_file!(
        "queries/category/note_version.sql",
        new.category,
        new.version,
        new.items,
        new.differences.added,
        new.differences.changed,
        new.differences.removed,
        new.origin,
        new.who,
        new.left_out
    )
    .execute(connection)
    .await?;
    Ok(())
}
