//! A batch that takes more members: opened when it is made, closed by a person.

use super::super::{PlanRow, typed};
use crate::store::Session;
use crate::{Error, Store};

/// Whether a batch takes members now.
pub(super) struct Standing {
    pub(super) state: String,
    pub(super) sealed: bool,
    pub(super) asking: bool,
    pub(super) opened: bool,
    pub(super) closed: bool,
    /// Cancelled, or about to be.
    pub(super) ends: bool,
}

/// A batch under its lock.
pub(super) struct Lock {
    pub(super) standing: Standing,
    pub(super) members: i64,
    pub(super) plan_hash: String,
    pub(super) selection_hash: String,
}

impl Standing {
    /// Refuses members that the batch does not take.
    pub(super) fn check(&self, batch: i64) -> Result<(), Error> {
        match self {
            Self { opened: false, .. } => Err(never_opened(batch)),
            Self { closed: true, .. } => Err(closed(batch)),
            Self { ends: true, .. } => Err(self.forbids(batch, "create a new batch")),
            Self { sealed: false, .. } => Err(self.forbids(batch, "wait until it is planned")),
            Self { asking: true, .. } => {
                Err(self.forbids(batch, "its plan is to be approved first"))
            }
            _ => Ok(()),
        }
    }

    fn forbids(&self, batch: i64, hint: &str) -> Error {
        Error::Conflict {
            code: "illegal_state",
            message: format!("b_{batch} is {}: it takes no members now", self.state),
            hint: Some(hint.to_owned()),
        }
    }
}

impl Store {
    /// Closes an opened batch: it takes no more members, and ends as others do. Repeating it is harmless.
    ///
    /// # Errors
    /// `batch_closed` for one that was never open; `illegal_state` for one that ended before.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn close_batch(&self, tenant: i32, batch: i64, who: &str) -> Result<(), Error> {
        let who = who.to_owned();
        self.transaction(move |connection| {
            Box::pin(async move { close(connection, tenant, batch, &who).await })
        })
        .await
    }

    /// What an addition must know of its batch.
    pub(super) async fn plan_to_add_to(
        &self,
        tenant: i32,
        batch: i64,
    ) -> Result<(PlanRow, Standing), Error> {
        let row = sqlx::query_file!("queries/addition/standing.sql", tenant, batch)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| missing(batch))?;
        let (configuration, purpose_input) =
            typed(batch, &row.document, row.purpose_input.as_deref())?;
        let plan = PlanRow {
            id: row.id,
            tenant: row.tenant,
            lane: row.lane.unwrap_or_default(),
            template_version: row.template_version,
            priority: row.priority,
            category: None,
            category_version: None,
            configuration,
            document: row.document,
            purpose: row.purpose,
            purpose_input,
            slot: row.slot_at,
            previous: row.slot_previous,
            created_at: row.created_at,
            cursor: 0,
            opened: row.opened,
            timeout: row.timeout,
            retry_revision: row.retry_revision,
        };
        let standing = Standing {
            state: row.state,
            sealed: row.sealed,
            asking: row.asking,
            opened: row.opened,
            closed: row.closed,
            ends: row.cancelling || row.finished,
        };
        Ok((plan, standing))
    }
}

/// Locks a batch that something is added to.
pub(super) async fn lock(connection: &mut Session, tenant: i32, batch: i64) -> Result<Lock, Error> {
    let row = sqlx::query_file!("queries/addition/lock.sql", tenant, batch)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| missing(batch))?;
    Ok(Lock {
        standing: Standing {
            state: row.state,
            sealed: row.sealed,
            asking: row.asking,
            opened: row.opened,
            closed: row.closed,
            ends: row.cancelling || row.finished,
        },
        members: row.members,
        plan_hash: row.plan_hash,
        selection_hash: row.selection_hash,
    })
}

async fn close(connection: &mut Session, tenant: i32, batch: i64, who: &str) -> Result<(), Error> {
    let standing = lock(connection, tenant, batch).await?.standing;
    match standing {
        Standing { opened: false, .. } => return Err(never_opened(batch)),
        Standing { closed: true, .. } => return Ok(()),
        Standing { ends: true, .. } => return Err(standing.forbids(batch, "it ends by itself")),
        _ => {}
    }
    sqlx::query_file!("queries/addition/close.sql", batch, who)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn closed(batch: i64) -> Error {
    Error::Conflict {
        code: "batch_closed",
        message: format!("b_{batch} was closed: it takes no more members"),
        hint: Some("create a new batch for them".into()),
    }
}

fn never_opened(batch: i64) -> Error {
    Error::Conflict {
        code: "batch_closed",
        message: format!("b_{batch} was not made to take more members"),
        hint: Some("create it with `open: true`".into()),
    }
}

fn missing(batch: i64) -> Error {
    Error::not_found("batch", format!("b_{batch}"))
}
