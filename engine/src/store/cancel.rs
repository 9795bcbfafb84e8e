//! Cancelling one job: whoever takes its holder row has the right to end it.
//!
//! A job without a journal ends at once. One with a journal must end through its machine, which may
//! have things to undo: it gets an order in its inbox and becomes ready. A leased job is told by its
//! worker's heartbeat.

use super::Store;
use crate::Error;

/// Rounds in which a job may change hands under our eyes before the intent alone stays.
const ROUNDS_MAX: usize = 20;

/// What a cancel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It has its outcome.
    Ended,
    /// Its worker or its machine will end it.
    Asked,
}

impl Store {
    /// Asks a job to end. Repeating it is harmless.
    ///
    /// # Errors
    /// `not_found`, or `illegal_state` when the job is final.
    pub async fn cancel(
        &self,
        tenant: i32,
        job: i64,
        who: &str,
        why: &str,
    ) -> Result<Cancelled, Error> {
        for _ in 0..ROUNDS_MAX {
            if let Some(answer) = self.cancel_once(tenant, job, who, why).await? {
                return Ok(answer);
            }
        }
        sqlx::query_file!("queries/job/intend_cancel.sql", job, who, why)
            .execute(self.pool())
            .await?;
        Ok(Cancelled::Asked)
    }

    /// Tries again what was asked for while a job changed hands too fast; how many wishes came true.
    pub async fn fulfil_cancels(&self) -> Result<usize, Error> {
        let wishes = sqlx::query_file!("queries/job/intended_cancels.sql")
            .fetch_all(self.pool())
            .await?;
        let mut fulfilled = 0;
        for wish in wishes {
            let is_over = match self
                .cancel_once(wish.tenant, wish.job, &wish.who, &wish.why)
                .await
            {
                Ok(Some(Cancelled::Ended))
                | Err(Error::Conflict { .. } | Error::NotFound { .. }) => true,
                // Its worker or its machine forgets the wish when it has obeyed.
                Ok(Some(Cancelled::Asked) | None) => false,
                Err(error) => return Err(error),
            };
            if is_over {
                sqlx::query_file!("queries/job/fulfil_intent.sql", wish.id)
                    .execute(self.pool())
                    .await?;
                fulfilled += 1;
            }
        }
        Ok(fulfilled)
    }

    /// One look at every holder. `None`: the job changed hands; look again.
    async fn cancel_once(
        &self,
        tenant: i32,
        job: i64,
        who: &str,
        why: &str,
    ) -> Result<Option<Cancelled>, Error> {
        let order = serde_json::json!({ "order": "cancel", "who": who, "why": why }).to_string();
        let problem =
            serde_json::json!({ "title": "cancelled", "detail": why, "who": who }).to_string();
        let extent =
            sqlx::query_file!("queries/job/cancel_extent.sql", tenant, job, order, problem)
                .fetch_one(self.pool())
                .await?;
        if extent.hit {
            return Ok(Some(if extent.journaled {
                Cancelled::Asked
            } else {
                Cancelled::Ended
            }));
        }
        let waiting = sqlx::query_file!("queries/job/cancel_waiting.sql", tenant, job, order)
            .fetch_one(self.pool())
            .await?;
        if waiting.hit {
            return Ok(Some(Cancelled::Asked));
        }
        let leased = sqlx::query_file!(
            "queries/job/cancel_leased.sql",
            tenant,
            job,
            order,
            who,
            why
        )
        .fetch_one(self.pool())
        .await?;
        if leased.hit {
            return Ok(Some(Cancelled::Asked));
        }
        let known = sqlx::query_file!("queries/job/is_final.sql", tenant, job)
            .fetch_optional(self.pool())
            .await?;
        match known {
            None => Err(Error::not_found("job", format!("j_{job}"))),
            Some(row) if row.is_final => Err(Error::Conflict {
                code: "illegal_state",
                message: format!("job j_{job} has already ended"),
                hint: Some("a final outcome never changes".into()),
            }),
            Some(_) => Ok(None),
        }
    }
}
