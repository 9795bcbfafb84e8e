//! Cancelling a batch: what nobody has begun ends, and every other open job is asked to end as a person
//! would ask it.
//!
//! The word is one transaction: the batch is marked, or ends with its unfinished plan. What nobody has begun ends page
//! by page; asking goes range by range of the batch's ids, from a cursor. A duty does what the caller has
//! not done. The batch ends `cancelled` when all were asked and the last job has settled.

use std::time::Instant;

use tracing::warn;

use super::Store;
use super::cancel::Cancelled;
use super::gate::Session;
use super::mail::PASS_MAX;
use crate::Error;
use crate::protocol::go_on::HALT;
use crate::vocabulary::PauseScope;

/// Extents of a kind that one transaction ends: its locks are held for some hundredths of a second.
pub(crate) const EXTENTS_MAX: i64 = 1_000;
/// Jobs that one pass asks one by one.
const ASKED_MAX: usize = 500;
/// Ranges of ids that one pass looks at.
const RANGES_MAX: usize = 100;

/// A cancelled batch whose jobs are being asked.
struct Asking {
    batch: i64,
    tenant: i32,
    who: String,
    why: String,
}

impl Store {
    /// Ends a batch: no more of it is released, jobs that nobody has begun end, others are asked as
    /// [`Store::cancel`] asks one, and it is `cancelled` when the last has settled. A pause of it ends. Repeating it
    /// is harmless.
    ///
    /// # Errors
    /// `not_found`, or `illegal_state` when the batch ended otherwise.
    ///
    /// # Cancel safety
    /// Dropped, the batch may be cancelled; a duty then does what is left, as it does beyond a second's work.
    pub async fn cancel_batch(
        &self,
        tenant: i32,
        batch: i64,
        who: &str,
        why: &str,
    ) -> Result<Cancelled, Error> {
        let asking = Asking::new(tenant, batch, (who, why));
        let cancelled = self.mark(asking, reason(who, why)).await?;
        if cancelled == Cancelled::Asked {
            self.ask_cancelled(Some(batch)).await?;
        }
        Ok(cancelled)
    }

    /// Gives the word alone: all that follows from it a duty does.
    pub(super) async fn mark_cancelled(
        &self,
        tenant: i32,
        batch: i64,
        who: &str,
        why: &str,
    ) -> Result<Cancelled, Error> {
        let asking = Asking::new(tenant, batch, (who, why));
        self.mark(asking, reason(who, why)).await
    }

    /// Cancels a batch that nobody approved, with the reason that it bears; whether it still asked, and its time was over.
    pub(crate) async fn cancel_unapproved(
        &self,
        tenant: i32,
        batch: i64,
        (who, why): (&str, &str),
        reason: &str,
    ) -> Result<bool, Error> {
        let (asking, reason) = (Asking::new(tenant, batch, (who, why)), reason.to_owned());
        let marked = self.transaction(move |connection| {
            Box::pin(async move {
                // An approval that began in time may have been given since the batch was looked for.
                if asking.is_unapproved(connection).await? {
                    asking.begin(connection, &reason).await?;
                    return Ok(true);
                }
                Ok(false)
            })
        });
        let is_marked = marked.await?;
        if is_marked {
            self.rejects.forget();
            self.ask_cancelled(Some(batch)).await?;
        }
        Ok(is_marked)
    }

    async fn mark(&self, asking: Asking, reason: String) -> Result<Cancelled, Error> {
        let has_ended = self
            .transaction(|connection| {
                Box::pin(async move { asking.begin(connection, &reason).await })
            })
            .await?;
        self.rejects.forget();
        Ok(match has_ended {
            true => Cancelled::Ended,
            false => Cancelled::Asked,
        })
    }

    /// Ends or asks jobs of cancelled batches, of one of them or of all; whether there was one. What is left then, the
    /// next pass does.
    pub async fn ask_cancelled(&self, only: Option<i64>) -> Result<bool, Error> {
        let rows = sqlx::query_file!("queries/batch/cancelling.sql")
            .fetch_all(self.pool())
            .await?;
        let mut any = false;
        for row in rows {
            if only.is_some_and(|only| only != row.id) {
                continue;
            }
            let said = (&*row.cancelled_by, &*row.cancelled_why);
            let asking = Asking::new(row.tenant, row.id, said);
            match self.ask(&asking, row.cancel_cursor).await {
                Ok(()) => any = true,
                Err(error) if only.is_some() => return Err(error),
                // The others do not wait for it; the next pass meets it again.
                Err(error) => {
                    warn!(batch = row.id, error = %error, "a cancelled batch could not ask its jobs");
                }
            }
        }
        Ok(any)
    }

    /// What nobody has begun goes first, so that few are left to be asked.
    async fn ask(&self, asking: &Asking, cursor: i64) -> Result<(), Error> {
        if cursor == 0 && !self.end_unstarted(asking).await? {
            return Ok(());
        }
        self.ask_ranges(asking, cursor).await
    }

    /// Ends what nobody has begun, for as long as a pass may take; whether that was all.
    async fn end_unstarted(&self, asking: &Asking) -> Result<bool, Error> {
        let since = Instant::now();
        let (tenant, batch) = (asking.tenant, asking.batch);
        loop {
            let is_all = self
                .transaction(move |connection| Box::pin(end_page(connection, tenant, batch)))
                .await?;
            if is_all || since.elapsed() > PASS_MAX {
                return Ok(is_all);
            }
        }
    }

    async fn ask_ranges(&self, asking: &Asking, mut cursor: i64) -> Result<(), Error> {
        let mut asked = 0;
        for _ in 0..RANGES_MAX {
            let range = sqlx::query_file!("queries/batch/to_cancel.sql", asking.batch, cursor)
                .fetch_optional(self.pool())
                .await?;
            cursor = range.as_ref().map_or(i64::MAX, |range| range.first_id);
            if let Some(range) = range {
                let mut jobs = self.order_resting(asking, range.resting).await?;
                jobs.extend(range.others);
                asked += jobs.len();
                self.ask_each(asking, &jobs).await?;
            }
            sqlx::query_file!("queries/batch/note_cancelled.sql", asking.batch, cursor)
                .execute(self.pool())
                .await?;
            if cursor == i64::MAX || asked >= ASKED_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Orders jobs that rest, together; those that are to be asked one by one come back.
    async fn order_resting(&self, asking: &Asking, jobs: Vec<i64>) -> Result<Vec<i64>, Error> {
        if jobs.is_empty() {
            return Ok(jobs);
        }
        let order = asking.order();
        let rows = sqlx::query_file!("queries/batch/cancel_resting.sql", &jobs, order)
            .fetch_all(self.pool())
            .await?;
        let ordered: Vec<i64> = rows.into_iter().map(|row| row.job).collect();
        let left = jobs.into_iter().filter(|job| !ordered.contains(job));
        Ok(left.collect())
    }

    async fn ask_each(&self, asking: &Asking, jobs: &[i64]) -> Result<(), Error> {
        for job in jobs {
            match self
                .cancel(asking.tenant, *job, &asking.who, &asking.why)
                .await
            {
                Ok(_) => {}
                // It has ended by itself.
                Err(error) if error.is_permanent() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a batch says of its end.
fn reason(who: &str, why: &str) -> String {
    match why {
        "" => format!("cancelled by {who}"),
        why => format!("cancelled by {who}: {why}"),
    }
}

async fn end_page(connection: &mut Session, tenant: i32, batch: i64) -> Result<bool, Error> {
    // The lock first, what it guards in the next statement: a snapshot is older than the lock it waits for.
    sqlx::query_file!("queries/batch/lock_to_cancel.sql", tenant, batch)
        .fetch_optional(&mut *connection)
        .await?;
    let page = sqlx::query_file!("queries/batch/end_unstarted.sql", batch, EXTENTS_MAX)
        .fetch_one(connection)
        .await?;
    Ok(page.is_all)
}

impl Asking {
    fn new(tenant: i32, batch: i64, (who, why): (&str, &str)) -> Self {
        Self {
            batch,
            tenant,
            who: who.to_owned(),
            why: why.to_owned(),
        }
    }

    fn order(&self) -> String {
        serde_json::json!({ "order": "cancel", "who": self.who, "why": self.why }).to_string()
    }

    /// Locks the batch, and says whether it asks for an approval whose time is over.
    async fn is_unapproved(&self, connection: &mut Session) -> Result<bool, Error> {
        let (tenant, batch) = (self.tenant, self.batch);
        let found = sqlx::query_file!("queries/batch/lock_to_cancel.sql", tenant, batch)
            .fetch_optional(connection)
            .await?;
        Ok(found.is_some_and(|found| found.is_unapproved))
    }

    /// Marks the batch; one that is still planned ends with that, whole. Whether it has ended.
    async fn begin(&self, connection: &mut Session, reason: &str) -> Result<bool, Error> {
        let (tenant, batch) = (self.tenant, self.batch);
        let found = sqlx::query_file!("queries/batch/lock_to_cancel.sql", tenant, batch)
            .fetch_optional(&mut *connection)
            .await?
            .ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
        if found.has_ended && found.state != "cancelled" {
            return Err(ended_otherwise(batch, &found.state));
        }
        if found.has_ended || found.is_cancelling {
            return Ok(found.has_ended);
        }
        sqlx::query_file!(
            "queries/batch/cancel.sql",
            batch,
            self.who,
            self.why,
            reason
        )
        .execute(&mut *connection)
        .await?;
        for scope in [PauseScope::Batch.as_str(), HALT] {
            let subject = batch.to_string();
            sqlx::query_file!("queries/pause/end_of_batch.sql", tenant, scope, subject)
                .execute(&mut *connection)
                .await?;
        }
        if !found.sealed {
            sqlx::query_file!("queries/batch/drop_planned.sql", batch, "plan_cancelled")
                .execute(&mut *connection)
                .await?;
            super::notice::note_end(connection, batch).await?;
        }
        Ok(!found.sealed)
    }
}

fn ended_otherwise(batch: i64, state: &str) -> Error {
    Error::Conflict {
        code: "illegal_state",
        message: format!("batch b_{batch} has already ended: {state}"),
        hint: Some("a batch that has ended is not cancelled any more".into()),
    }
}
