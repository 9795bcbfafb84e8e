//! Contexts: durable JSON documents under a key that jobs and people share.
//!
//! Whoever changes one holds its spot (`post/meeting.rs`) from before it reads until it has committed, so the
//! changes of one context come one after the other, whether a person makes them or a turn of a job.

mod change;
mod reference;
mod save;
mod view;

use std::time::Duration;

pub use self::change::{CONTEXT_BYTES_MAX, CONTEXT_DEPTH_MAX, ContextChange, Expected};
pub use self::reference::{ContextReference, ReferenceCursor, TouchedContext, Toucher};
pub(super) use self::save::save;
pub use self::save::{COMPUTED_MAX, NewSave, SaveEdit};
pub use self::view::{ContextChangeView, ContextSummary, ContextView};

use self::change::{Edited, Standing};
use super::Store;
use super::gate::Session;
use super::post::{Meeting, Spot};
use crate::Error;

/// Versions of a context of which it is kept what made them.
const VERSIONS_KEPT: i64 = 100;

impl Store {
    /// Changes a context, or makes it, under the name of `who`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the key or what it would become is not allowed, a conflict
    /// `precondition_failed` when it is not as expected.
    ///
    /// # Cancel safety
    /// Dropped, it may have been changed.
    pub async fn change_context(
        &self,
        tenant: i32,
        key: &str,
        change: ContextChange,
        who: &str,
    ) -> Result<ContextView, Error> {
        change::check(key, change.subject())?;
        let (key, who) = (key.to_owned(), who.to_owned());
        self.transaction(move |connection| {
            Box::pin(async move {
                let standing = meet(connection, tenant, &key).await?;
                let edited = change.of(&standing).map_err(|fault| fault.error(&key))?;
                put(connection, tenant, &key, &edited, (change.kind(), &who)).await?;
                let row = view::read(connection, tenant, &key).await?;
                row.ok_or_else(|| Error::not_found("context", key))
            })
        })
        .await
    }

    /// Deletes a context under the name of `who`. What made its versions is kept for a while.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, a conflict `precondition_failed` when it is not as expected.
    ///
    /// # Cancel safety
    /// Dropped, it may have been deleted.
    pub async fn delete_context(
        &self,
        tenant: i32,
        key: &str,
        expected: Expected,
        who: &str,
    ) -> Result<(), Error> {
        let (key, who) = (key.to_owned(), who.to_owned());
        self.transaction(move |connection| {
            Box::pin(async move {
                let standing = meet(connection, tenant, &key).await?;
                expected
                    .holds(&standing)
                    .map_err(|fault| fault.error(&key))?;
                if standing.document.is_none() {
                    return Err(Error::not_found("context", key));
                }
                sqlx::query_file!(
                    "queries/context/remove.sql",
                    &[tenant],
                    &[key],
                    "delete",
                    who,
                    false
                )
                .fetch_one(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes contexts whose time is over, a page a pass; how many.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, they may have been deleted.
    pub async fn expire_contexts(&self) -> Result<u64, Error> {
        let over = sqlx::query_file!("queries/context/overdue.sql")
            .fetch_all(self.pool())
            .await?;
        if over.is_empty() {
            return Ok(0);
        }
        self.transaction(move |connection| {
            Box::pin(async move {
                let mut meeting = Meeting::default();
                for row in &over {
                    meeting.alone(row.tenant, Spot::Context(&row.key));
                }
                meeting.hold(connection).await?;
                let (tenants, keys): (Vec<i32>, Vec<String>) =
                    over.into_iter().map(|row| (row.tenant, row.key)).unzip();
                let gone = sqlx::query_file!(
                    "queries/context/remove.sql",
                    &tenants,
                    &keys,
                    "expire",
                    "keeper",
                    true
                )
                .fetch_one(connection)
                .await?;
                Ok(u64::try_from(gone.contexts).unwrap_or_default())
            })
        })
        .await
    }

    /// Forgets what made versions of contexts longer than `retention` ago, a page a pass; how many.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, they may have been forgotten.
    pub async fn forget_context_changes(&self, retention: Duration) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/context/forget.sql", retention.as_secs_f64())
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}

/// Has a context to itself until the transaction ends; how it stands.
async fn meet(connection: &mut Session, tenant: i32, key: &str) -> Result<Standing, Error> {
    let mut meeting = Meeting::default();
    meeting.alone(tenant, Spot::Context(key));
    meeting.hold(connection).await?;
    let mut standing = standing(connection, &[tenant], &[key]).await?;
    Ok(standing.pop().unwrap_or_default())
}

/// How contexts stand, in the order in which they are named.
async fn standing(
    connection: &mut Session,
    tenants: &[i32],
    keys: &[&str],
) -> Result<Vec<Standing>, Error> {
    let rows = sqlx::query_file!("queries/context/standing.sql", tenants, keys as &[&str])
        .fetch_all(connection)
        .await?;
    let stands = |(tenant, key): (&i32, &&str)| {
        let row = rows
            .iter()
            .find(|row| row.tenant == *tenant && row.key == **key);
        row.map_or_else(Standing::default, |row| Standing {
            version: row.version,
            document: row.document.clone(),
            subject: row.subject.clone().filter(|_| row.document.is_some()),
            expires_at: row.expires_at.filter(|_| row.document.is_some()),
            now: row.now,
        })
    };
    Ok(tenants.iter().zip(keys).map(stands).collect())
}

async fn put(
    connection: &mut Session,
    tenant: i32,
    key: &str,
    edited: &Edited,
    (kind, who): (&str, &str),
) -> Result<(), Error> {
    let Edited { now, data } = edited;
    let keys = [key.to_owned()];
    sqlx::query_file!(
        "queries/context/store.sql",
        &[tenant],
        &keys,
        &[now.version],
        &[now.document.as_deref().unwrap_or_default()] as &[&str],
        &[now.subject.as_deref()] as &[Option<&str>],
        &[now.expires_at] as &[Option<chrono::DateTime<chrono::Utc>>],
        VERSIONS_KEPT,
        &[tenant],
        &keys,
        &[now.version],
        &[kind] as &[&str],
        &[data.as_str()] as &[&str],
        &[who] as &[&str],
        &[None] as &[Option<i64>],
        &[None] as &[Option<&str>],
        &[] as &[i64],
        &[] as &[String],
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}
