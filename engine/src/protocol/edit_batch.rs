//! Edits of a batch under way: window, rate, hours, canary, tolerance, deadline, weight, and the priority of what is to come.

use windlass_workflows::configuration::{RulesEdit, edit_rules, read_rules};
use windlass_workflows::value::Value;

use super::course::{OnCourse, locked, stored_count};
use super::work::priority_seconds;
use crate::store::{self, BatchView, Session, lane};
use crate::{Error, Store};

impl Store {
    /// Changes what an open batch goes by, by a merge patch: a key that is null is taken away. What was released stays
    /// released. The batch as it is then is read before the change is final, so an error says that there was none.
    ///
    /// # Errors
    /// `invalid` with every problem of the patch; `illegal_state` for a batch that has ended or is being cancelled.
    ///
    /// # Cancel safety
    /// Dropped, the change may have happened; a repeat is harmless.
    pub async fn edit_batch(
        &self,
        tenant: i32,
        batch: i64,
        patch: &Value,
    ) -> Result<BatchView, Error> {
        let patch = patch.clone();
        self.transaction(move |connection| {
            Box::pin(async move {
                edit(connection, tenant, batch, &patch).await?;
                store::batch::show(connection, tenant, batch).await
            })
        })
        .await
    }
}

async fn edit(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    patch: &Value,
) -> Result<(), Error> {
    let found = locked(connection, tenant, batch).await?;
    if found.row.has_ended || found.row.is_cancelling {
        return Err(over(&found));
    }
    let invalid = |problems| Error::Invalid { problems };
    let edit = edit_rules(&found.stored, patch).map_err(invalid)?;
    let rules = read_rules(&edit.rules).map_err(invalid)?;
    sqlx::query_file!(
        "queries/batch/edit.sql",
        batch,
        edit.rules.to_json(),
        rules.tolerance.is_some() || found.row.tripped.is_some(),
        edit.window.map(stored_count),
        edit.priority.map(priority_seconds)
    )
    .execute(&mut *connection)
    .await?;
    lane::weigh(connection, batch, rules.weight).await?;
    set_deadline(connection, &found, &edit).await
}

async fn set_deadline(
    connection: &mut Session,
    batch: &OnCourse,
    edit: &RulesEdit,
) -> Result<(), Error> {
    let Some(deadline) = edit.deadline else {
        return Ok(());
    };
    let (from, zone) = (batch.row.from, batch.rules.zone);
    let deadline = deadline.map(|deadline| deadline.instant(from, zone));
    sqlx::query_file!("queries/forecast/edit.sql", batch.row.id, deadline)
        .execute(connection)
        .await?;
    Ok(())
}

fn over(batch: &OnCourse) -> Error {
    let (id, state) = (batch.row.id, &batch.row.state);
    Error::Conflict {
        code: "illegal_state",
        message: format!(
            "batch b_{id} is {state}, or about to be cancelled: nothing of it changes"
        ),
        hint: Some("change its job configuration for the batches to come".into()),
    }
}
