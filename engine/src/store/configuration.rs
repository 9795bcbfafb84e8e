//! Configuration documents: every revision kept, the newest in force.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::configuration::{Content, restore};
use windlass_workflows::policy::step::StepRetry;
use windlass_workflows::value::Value;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;
use crate::vocabulary::ConfigurationKind;

/// One revision of a document.
#[derive(Clone, Debug, Serialize)]
pub struct Revision {
    /// `purpose`, `category`, `job_configuration`, `connection` or `limit`.
    pub kind: String,
    /// Unique within tenant and kind.
    pub name: String,
    /// From 1.
    pub revision: i32,
    /// The canonical form, JSON text.
    pub document: String,
    /// Its SHA-256.
    pub hash: String,
    /// The file that it came from.
    pub source_file: Option<String>,
    /// Who applied it.
    pub applied_by: String,
    /// When.
    pub applied_at: DateTime<Utc>,
}

impl Revision {
    /// The document, typed.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when another release wrote what this one cannot read.
    pub fn content(&self) -> Result<Content, Error> {
        content(&self.kind, &self.name, &self.document)
    }
}

fn content(kind: &str, name: &str, document: &str) -> Result<Content, Error> {
    let unreadable = |message: String| Error::Unreadable {
        noun: "document",
        name: format!("{kind} {name}"),
        message,
    };
    let value = Value::parse(document).map_err(|error| unreadable(error.to_string()))?;
    restore(&value).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        unreadable(first.unwrap_or_default())
    })
}

impl Store {
    /// The newest revision of a document.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was never applied in this tenant.
    pub async fn configuration(
        &self,
        tenant: i32,
        kind: ConfigurationKind,
        name: &str,
    ) -> Result<Revision, Error> {
        let mut connection = self.pool().acquire().await?;
        let found = latest(&mut connection, tenant, kind, name).await?;
        found.ok_or_else(|| Error::not_found(kind.as_str(), name))
    }

    /// One revision of a document.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such revision in this tenant.
    pub async fn configuration_revision(
        &self,
        tenant: i32,
        kind: ConfigurationKind,
        name: &str,
        revision: i32,
    ) -> Result<Revision, Error> {
        let mut connection = self.pool().acquire().await?;
        let row = self::revision(&mut connection, tenant, kind, name, revision).await?;
        row.ok_or_else(|| Error::not_found(kind.as_str(), format!("{name} revision {revision}")))
    }

    /// What a revision of its purpose says of failed steps of a lane's jobs; nothing where it says nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the lane's purpose has no such revision; [`Error::Unreadable`] when another release
    /// wrote what this one cannot read.
    pub async fn step_retry(&self, lane: i32, revision: i32) -> Result<Option<StepRetry>, Error> {
        let row = sqlx::query_file!("queries/configuration/of_lane.sql", lane, revision);
        let row = row.fetch_optional(self.pool()).await?;
        let name = format!("of lane {lane} revision {revision}");
        let row = row.ok_or_else(|| Error::not_found("purpose", &name))?;
        match content("purpose", &name, &row.document)? {
            Content::Purpose(purpose) => Ok(purpose.retry.map(|retry| *retry)),
            _ => Err(Error::not_found("purpose", name)),
        }
    }

    /// A page of the revisions of a document, the latest first, before one of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was never applied in this tenant.
    pub async fn configuration_revisions(
        &self,
        tenant: i32,
        (kind, name): (ConfigurationKind, &str),
        before: Option<i32>,
        limit: u32,
    ) -> Result<Page<Revision, i32>, Error> {
        let rows = sqlx::query_file_as!(
            Revision,
            "queries/configuration/revisions.sql",
            tenant,
            kind.as_str(),
            name,
            before.unwrap_or(i32::MAX),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        match rows.is_empty() && before.is_none() {
            true => Err(Error::not_found(kind.as_str(), name)),
            false => Ok(Page::cut(rows, limit, |row| row.revision)),
        }
    }

    /// A page of documents of one kind after a name, each in its newest revision.
    pub async fn configurations(
        &self,
        tenant: i32,
        kind: ConfigurationKind,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Revision, String>, Error> {
        let mut connection = self.pool().acquire().await?;
        page(&mut connection, tenant, kind, after, limit).await
    }
}

/// A page of documents of one kind after a name, each in its newest revision.
pub(crate) async fn page(
    connection: &mut Session,
    tenant: i32,
    kind: ConfigurationKind,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Revision, String>, Error> {
    let after = after.unwrap_or("");
    let rows = sqlx::query_file_as!(
        Revision,
        "queries/configuration/list.sql",
        tenant,
        kind.as_str(),
        after,
        fetch(limit)
    )
    .fetch_all(connection)
    .await?;
    Ok(Page::cut(rows, limit, |row| row.name.clone()))
}

/// The newest revision of a document.
pub(crate) async fn latest(
    connection: &mut Session,
    tenant: i32,
    kind: ConfigurationKind,
    name: &str,
) -> Result<Option<Revision>, Error> {
    let row = sqlx::query_file_as!(
        Revision,
        "queries/configuration/latest.sql",
        tenant,
        kind.as_str(),
        name
    )
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// One revision of a document.
pub(crate) async fn revision(
    connection: &mut Session,
    tenant: i32,
    kind: ConfigurationKind,
    name: &str,
    revision: i32,
) -> Result<Option<Revision>, Error> {
    let row = sqlx::query_file_as!(
        Revision,
        "queries/configuration/revision.sql",
        tenant,
        kind.as_str(),
        name,
        revision
    )
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// The names of all documents of one kind.
pub(crate) async fn names(
    connection: &mut Session,
    tenant: i32,
    kind: ConfigurationKind,
) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_file!("queries/configuration/names.sql", tenant, kind.as_str())
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// A revision to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRevision<'a> {
    pub kind: ConfigurationKind,
    pub name: &'a str,
    pub revision: i32,
    pub document: &'a str,
    pub hash: &'a str,
    pub source_file: &'a str,
    pub applied_by: &'a str,
}

/// Keeps the next revision; the caller holds the tenant's apply lock.
pub(crate) async fn insert(
    connection: &mut Session,
    tenant: i32,
    new: NewRevision<'_>,
) -> Result<(), Error> {
    super::template::note_change(connection).await?;
    sqlx::query_file!(
        "queries/configuration/insert.sql",
        tenant,
        new.kind.as_str(),
        new.name,
        new.revision,
        new.document,
        new.hash,
        new.source_file,
        new.applied_by,
    )
    .execute(&mut *connection)
    .await?;
    if new.kind == ConfigurationKind::Purpose {
        super::lane::prepare(connection, tenant, None, Some(new.name)).await?;
    }
    Ok(())
}

/// Makes this tenant's applies wait for each other until the transaction ends.
pub(crate) async fn lock(connection: &mut Session, tenant: i32) -> Result<(), Error> {
    sqlx::query_file!("queries/configuration/lock.sql", tenant)
        .fetch_one(connection)
        .await?;
    Ok(())
}
