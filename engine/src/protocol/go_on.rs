//! Going on: a person resumes a batch. One that its own rules stopped goes on when they are kept again, because they were
//! changed or what failed was restarted, or when the person accepts what came of it.

use windlass_workflows::plan::{Hold, trips};

use super::course::{OnCourse, count, locked, stored_count};
use crate::store::{PauseView, Session};
use crate::vocabulary::PauseScope;
use crate::{Error, Store};

/// The scope of the pause by which a batch's own rules stop it; only they make such.
pub(crate) const HALT: &str = "halt";

impl Store {
    /// Lets a paused batch go on, whoever stopped it; the pause that ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not paused by itself; `tolerance_tripped`, `canary_failed` or
    /// `canary_inconclusive` when that still holds and is not accepted.
    ///
    /// # Cancel safety
    /// Dropped, it may go on; a repeat answers `not_found` then.
    pub async fn resume_batch(
        &self,
        tenant: i32,
        batch: i64,
        accept: bool,
    ) -> Result<PauseView, Error> {
        let resumed = self
            .transaction(move |connection| {
                Box::pin(async move { resume(connection, tenant, batch, accept).await })
            })
            .await?;
        self.forget_rejects();
        Ok(resumed)
    }
}

async fn resume(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    accept: bool,
) -> Result<PauseView, Error> {
    let found = locked(connection, tenant, batch).await?;
    let halt = of_scope(connection, tenant, HALT, batch).await?;
    let paused = of_scope(connection, tenant, PauseScope::Batch.as_str(), batch).await?;
    if halt.is_some() {
        go_on(connection, &found, accept).await?;
    }
    if let Some(pause) = &paused {
        sqlx::query_file!("queries/pause/end.sql", pause.id)
            .execute(connection)
            .await?;
    }
    let missing = || Error::not_found("pause of batch", format!("b_{batch}"));
    halt.or(paused).ok_or_else(missing)
}

async fn of_scope(
    connection: &mut Session,
    tenant: i32,
    scope: &str,
    batch: i64,
) -> Result<Option<PauseView>, Error> {
    let batch = batch.to_string();
    let row = sqlx::query_file_as!(
        PauseView,
        "queries/pause/of_subject.sql",
        tenant,
        scope,
        batch
    )
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

async fn go_on(connection: &mut Session, batch: &OnCourse, accept: bool) -> Result<(), Error> {
    let accepted = accepted(batch, accept)?;
    let staged = staged(batch, accept)?;
    sqlx::query_file!(
        "queries/batch/go_on.sql",
        batch.row.id,
        stored_count(accepted),
        stored_count(staged),
        batch.stored.to_json()
    )
    .execute(&mut *connection)
    .await?;
    let subject = batch.row.id.to_string();
    sqlx::query_file!(
        "queries/pause/end_of_batch.sql",
        batch.row.tenant,
        HALT,
        subject
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many bad endings are accepted from now on.
fn accepted(batch: &OnCourse, accept: bool) -> Result<u64, Error> {
    let (now, accepted) = (batch.totals.now(), count(batch.row.accepted));
    let open = batch.totals.open();
    let tolerance = batch.rules.tolerance;
    let trip = tolerance.and_then(|tolerance| trips(&tolerance, now, accepted, open));
    match trip {
        None => Ok(accepted),
        Some(_) if accept => Ok(now.bad()),
        Some(trip) => Err(Error::Conflict {
            code: "tolerance_tripped",
            message: format!("too much of batch b_{} failed: {trip}", batch.row.id),
            hint: Some("restart what failed, raise its tolerance, or accept it".into()),
        }),
    }
}

/// So many releases are let through from now on.
fn staged(batch: &OnCourse, accept: bool) -> Result<u64, Error> {
    let may = batch.allowed();
    let code = match &may.hold {
        Some(Hold::CanaryFailed { .. }) => "canary_failed",
        Some(Hold::CanaryInconclusive) => "canary_inconclusive",
        _ => return Ok(may.staged),
    };
    if accept {
        return Ok(batch.course.released);
    }
    let said = may.hold.map(|hold| hold.to_string()).unwrap_or_default();
    Err(Error::Conflict {
        code,
        message: format!("the canary of batch b_{} did not do: {said}", batch.row.id),
        hint: Some("restart what failed, lower `require_ok`, or accept it".into()),
    })
}
