//! Cancelling a batch: what nobody has begun ends with the word, and every other open job is asked to
//! end as a person would ask it.
//!
//! The word is one transaction: the batch is marked, its plan is dropped or its unstarted jobs end.
//! Asking goes range by range of the batch's ids, from a cursor that a duty moves on when the caller
//! is gone. The batch ends `cancelled` when the last job has settled.

use super::Store;
use super::cancel::Cancelled;
use super::gate::Session;
use crate::Error;
use crate::vocabulary::PauseScope;

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
    /// What the batch says of its end.
    reason: String,
}

impl Store {
    /// Ends a batch: jobs that nobody has begun end at once, leased ones are asked as [`Store::cancel`]
    /// asks one, and it is `cancelled` when the last has settled. A pause of it ends. Repeating it is
    /// harmless.
    ///
    /// # Errors
    /// `not_found`, or `illegal_state` when the batch ended otherwise.
    ///
    /// # Cancel safety
    /// Dropped, the batch may be cancelled; a duty then asks the jobs that were not asked.
    pub async fn cancel_batch(
        &self,
        tenant: i32,
        batch: i64,
        who: &str,
        why: &str,
    ) -> Result<Cancelled, Error> {
        let reason = match why {
            "" => format!("cancelled by {who}"),
            why => format!("cancelled by {who}: {why}"),
        };
        self.cancel_batch_for(tenant, batch, (who, why), &reason)
            .await
    }

    /// As [`Store::cancel_batch`], with the reason that the batch bears.
    pub(crate) async fn cancel_batch_for(
        &self,
        tenant: i32,
        batch: i64,
        (who, why): (&str, &str),
        reason: &str,
    ) -> Result<Cancelled, Error> {
        let asking = Asking {
            batch,
            tenant,
            who: who.to_owned(),
            why: why.to_owned(),
            reason: reason.to_owned(),
        };
        let has_ended = self
            .transaction(|connection| Box::pin(async move { asking.begin(connection).await }))
            .await?;
        self.rejects.forget();
        if has_ended {
            return Ok(Cancelled::Ended);
        }
        self.ask_cancelled(Some(batch)).await?;
        Ok(Cancelled::Asked)
    }

    /// Asks jobs of cancelled batches that were not asked yet, of one of them or of all; whether there was
    /// one. What is left to ask then, the next pass asks.
    pub async fn ask_cancelled(&self, only: Option<i64>) -> Result<bool, Error> {
        let rows = sqlx::query_file!("queries/batch/cancelling.sql")
            .fetch_all(self.pool())
            .await?;
        let mut any = false;
        for row in rows {
            if only.is_some_and(|only| only != row.id) {
                continue;
            }
            let asking = Asking {
                batch: row.id,
                tenant: row.tenant,
                who: row.cancelled_by,
                why: row.cancelled_why,
                reason: String::new(),
            };
            self.ask_ranges(&asking, row.cancel_cursor).await?;
            any = true;
        }
        Ok(any)
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

impl Asking {
    fn order(&self) -> String {
        serde_json::json!({ "order": "cancel", "who": self.who, "why": self.why }).to_string()
    }

    /// Marks the batch and ends what nobody has begun; whether that was all.
    async fn begin(&self, connection: &mut Session) -> Result<bool, Error> {
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
            self.reason
        )
        .execute(&mut *connection)
        .await?;
        let scope = PauseScope::Batch.as_str();
        sqlx::query_file!(
            "queries/pause/end_of_batch.sql",
            tenant,
            scope,
            batch.to_string()
        )
        .execute(&mut *connection)
        .await?;
        if found.sealed {
            sqlx::query_file!("queries/batch/end_unstarted.sql", batch)
                .fetch_one(connection)
                .await?;
        } else {
            sqlx::query_file!("queries/batch/drop_planned.sql", batch, "plan_cancelled")
                .execute(connection)
                .await?;
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
