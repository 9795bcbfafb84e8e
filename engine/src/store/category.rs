//! Categories: their versions, their items by page, and the rows of a load on their way in.
//!
//! A load becomes visible when its writer commits under the category's row lock, so versions commit
//! in order and no item appears under a running plan.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::mpsc;
use windlass_workflows::value::Value;

use super::Store;
use super::gate::Session;
use super::page::{PAGE_MAX, Page, fetch};
use crate::Error;

/// Deepest document that is stored; one that was stored can be read.
const DEPTH_MAX: u32 = 64;

/// A category as it is loaded.
#[derive(Clone, Debug, Serialize)]
pub struct CategoryView {
    /// Row number.
    #[serde(skip)]
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Counts loads; 0 before the first.
    pub version: i32,
    /// Items of that version.
    pub items: i64,
    /// Hash of what was loaded and how it was read.
    pub checksum: Option<String>,
    /// When.
    pub loaded_at: Option<DateTime<Utc>>,
    /// The oldest version whose items are all there.
    pub kept_from: i32,
    /// Since when it is deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// By whom.
    pub deleted_by: Option<String>,
    /// Until when it can be brought back.
    pub kept_until: Option<DateTime<Utc>>,
}

impl CategoryView {
    /// Whether every item of a version is there.
    fn has(&self, version: i32) -> bool {
        (self.kept_from..=self.version).contains(&version)
    }
}

/// One item of a category.
#[derive(Clone, Debug, Serialize)]
pub struct ItemView {
    /// Its row, from 1.
    pub n: i64,
    /// What tells it apart.
    pub key: String,
    /// What it belongs to.
    pub object: Option<String>,
    /// What it says, JSON text.
    pub document: String,
}

/// A category whose row is locked.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub id: i32,
    pub version: i32,
    pub items: i64,
    pub checksum: Option<String>,
    pub key_rule: Option<String>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A key that a load brings twice.
#[derive(Clone, Debug)]
pub(crate) struct Duplicate {
    pub key: String,
    pub first_n: i64,
    pub n: i64,
}

impl Store {
    /// One category.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn category(&self, tenant: i32, name: &str) -> Result<CategoryView, Error> {
        let mut connection = self.pool().acquire().await?;
        let found = find(&mut connection, tenant, name).await?;
        found.ok_or_else(|| Error::not_found("category", name))
    }

    /// A page of categories after a name.
    pub async fn categories(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<CategoryView, String>, Error> {
        let after = after.unwrap_or("");
        let rows = sqlx::query_file_as!(
            CategoryView,
            "queries/category/list.sql",
            tenant,
            after,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |category| category.name.clone()))
    }

    /// The item of a category's current version that has this key, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the category does not exist in this tenant.
    pub async fn item(
        &self,
        tenant: i32,
        category: &str,
        key: &str,
    ) -> Result<Option<Value>, Error> {
        let row = sqlx::query_file!("queries/category/item.sql", tenant, category, key)
            .fetch_optional(self.pool())
            .await?;
        let row = row.ok_or_else(|| Error::not_found("category", category))?;
        let found = row.n.zip(row.document);
        found
            .map(|(n, document)| read(category, n, &document))
            .transpose()
    }

    /// A page of the items of a category's current version, after row `after`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the category does not exist in this tenant.
    pub async fn items(
        &self,
        tenant: i32,
        name: &str,
        after: i64,
        limit: u32,
    ) -> Result<Page<ItemView>, Error> {
        self.items_of(tenant, name, None, after, limit).await
    }

    /// The documents of up to a thousand items after a row as they are stored, each behind its row.
    ///
    /// # Errors
    /// As [`Store::items_of`].
    pub async fn item_texts(
        &self,
        category: &CategoryView,
        version: Option<i32>,
        after: i64,
    ) -> Result<Vec<(i64, String)>, Error> {
        let Some(version) = readable(category, version)? else {
            return Ok(Vec::new());
        };
        let limit = i64::from(PAGE_MAX);
        let rows = sqlx::query_file!(
            "queries/category/items.sql",
            category.id,
            version,
            after,
            limit
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| (row.n, row.document)).collect())
    }

    /// The same of one of its versions, while that is kept.
    ///
    /// # Errors
    /// As [`Store::items`]; `version_gone` for a version that is not kept any more.
    pub async fn items_of(
        &self,
        tenant: i32,
        name: &str,
        version: Option<i32>,
        after: i64,
        limit: u32,
    ) -> Result<Page<ItemView>, Error> {
        let category = self.category(tenant, name).await?;
        let Some(version) = readable(&category, version)? else {
            return Ok(Page::cut(Vec::new(), limit, |item: &ItemView| item.n));
        };
        let items = sqlx::query_file_as!(
            ItemView,
            "queries/category/items.sql",
            category.id,
            version,
            after,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(items, limit, |item| item.n))
    }
}

/// The version that is asked for, or the current one; none where there are no items yet.
pub(crate) fn readable(
    category: &CategoryView,
    version: Option<i32>,
) -> Result<Option<i32>, Error> {
    let wanted = version.unwrap_or(category.version);
    if category.has(wanted) {
        return Ok(Some(wanted));
    }
    let name = &category.name;
    match version {
        None => Ok(None),
        Some(version) if (1..=category.version).contains(&version) => Err(Error::Conflict {
            code: "version_gone",
            message: format!("the items of version {version} of `{name}` are not kept any more"),
            hint: Some(format!("the oldest that is kept is {}", category.kept_from)),
        }),
        Some(version) => Err(Error::not_found(
            "category",
            format!("{name} version {version}"),
        )),
    }
}

fn read(category: &str, n: i64, document: &str) -> Result<Value, Error> {
    Value::parse_within(document, DEPTH_MAX).map_err(|error| Error::Unreadable {
        noun: "item",
        name: format!("{category} {n}"),
        message: error.to_string(),
    })
}

/// A category's row, where there is one.
pub(crate) async fn find(
    connection: &mut Session,
    tenant: i32,
    name: &str,
) -> Result<Option<CategoryView>, Error> {
    let row = sqlx::query_file_as!(CategoryView, "queries/category/show.sql", tenant, name)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// The category's row, made if it is missing, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut Session,
    tenant: i32,
    name: &str,
) -> Result<Locked, Error> {
    sqlx::query_file!("queries/category/open.sql", tenant, name)
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query_file_as!(Locked, "queries/category/lock.sql", tenant, name)
        .fetch_one(connection)
        .await?;
    Ok(row)
}

/// Copies rows, already in Postgres' text form, until their sender is gone.
pub(crate) async fn copy(
    connection: &mut Session,
    rows: mpsc::Receiver<Vec<u8>>,
) -> Result<u64, Error> {
    sqlx::query_file!("queries/category/patience.sql")
        .fetch_one(&mut *connection)
        .await?;
    let statement = include_str!("../../queries/category/copy.sql");
    Ok(connection.copy(statement, rows).await?)
}

/// Keys that stand more than once in the load of a version.
pub(crate) async fn duplicates(
    connection: &mut Session,
    category: i32,
    version: i32,
    limit: i64,
) -> Result<Vec<Duplicate>, Error> {
    let rows = sqlx::query_file_as!(
        Duplicate,
        "queries/category/duplicates.sql",
        category,
        version,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Ends the items of the versions before this one.
pub(crate) async fn replace(
    connection: &mut Session,
    category: i32,
    version: i32,
) -> Result<(), Error> {
    sqlx::query_file!("queries/category/replace.sql", category, version)
        .execute(connection)
        .await?;
    Ok(())
}
