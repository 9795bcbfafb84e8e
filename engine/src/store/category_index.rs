//! Indexes of categories: which fields have one, the marks that loads write, and the making and going of an index for
//! items that are there already.
//!
//! A mark stands for what an item has under a field (`item_mark` in the database). Whoever writes marks holds the
//! category's row.

use serde::Serialize;

use super::Store;
use super::gate::Session;
use crate::Error;

/// Items that one pass marks.
const MARKED_MAX: i64 = 5_000;

/// Marks that one pass deletes.
const DROPPED_MAX: i64 = 10_000;

/// A field of a category by whose values items are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryIndex {
    #[serde(skip)]
    pub(crate) id: i32,
    /// The field.
    pub field: String,
    /// Whether every item is in it, so that filters use it.
    pub is_whole: bool,
    /// Items of the category.
    #[serde(skip)]
    pub(crate) items: i64,
}

impl Store {
    /// The indexes of a category that its document names.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn category_indexes(&self, category: i32) -> Result<Vec<CategoryIndex>, Error> {
        let rows = sqlx::query_file_as!(CategoryIndex, "queries/category/indexes.sql", category)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// Marks a piece of the items that were there before an index of them, and deletes a piece of the marks that nobody
    /// reads any more; how many of both. Zero when there is nothing left, or somebody else has it.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, the next call does the piece again.
    pub async fn keep_indexes(&self) -> Result<u64, Error> {
        let built = self.build_index().await?;
        let row = sqlx::query_file!("queries/category/drop_index.sql", DROPPED_MAX)
            .fetch_optional(self.pool())
            .await?;
        // Where the last marks went, another index may have some.
        let dropped = row.map_or(0, |row| row.marks.unsigned_abs() + u64::from(row.is_last));
        Ok(built + dropped)
    }

    /// The category is locked by a statement of its own: the next one sees what was loaded and forgotten until then.
    async fn build_index(&self) -> Result<u64, Error> {
        self.transaction(move |connection| {
            Box::pin(async move {
                let next = sqlx::query_file!("queries/category/next_index.sql")
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(next) = next else {
                    return Ok(0);
                };
                let row =
                    sqlx::query_file!("queries/category/build_index.sql", next.id, MARKED_MAX)
                        .fetch_one(connection)
                        .await?;
                // Where the last items were marked, another index may lack some.
                Ok(row.items.unsigned_abs().max(1))
            })
        })
        .await
    }
}

/// Gives a category indexes of these fields and of no others.
pub(crate) async fn keep(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    fields: &[String],
) -> Result<(), Error> {
    let kept = sqlx::query_file!("queries/category/keep_indexes.sql", tenant, name, fields);
    kept.execute(connection).await?;
    Ok(())
}

/// Marks the items of a version that is being loaded, where the category has indexes.
pub(crate) async fn mark(
    connection: &mut Session,
    category: i32,
    version: i32,
) -> Result<(), Error> {
    let indexes = sqlx::query_file_as!(CategoryIndex, "queries/category/indexes.sql", category)
        .fetch_all(&mut *connection)
        .await?;
    if !indexes.is_empty() {
        sqlx::query_file!("queries/category/mark.sql", category, version)
            .execute(connection)
            .await?;
    }
    Ok(())
}
