//! Cancelling and killing one job: whoever takes its holder row has the right to end it.
//!
//! A job without a journal ends at once. One with a journal must end through its machine, which may
//! have things to undo: it gets an order in its inbox and becomes ready. A leased job is told by its
//! worker's heartbeat; one that does not obey within the grace is cut from its lease by a duty.
//!
//! A kill asks nobody: whatever holds the job lets it go, and it ends. Either goes to the jobs that a
//! job started first, unless they go on alone; a cancel leaves those to their parent that it waits for.

use std::time::Duration;

use super::Store;
use super::gate::Session;
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

/// What somebody wants of a job, and in which words.
#[derive(Clone, Copy, Debug)]
struct Wish<'a> {
    who: &'a str,
    why: &'a str,
    at_once: bool,
}

/// What a wish says to those who carry it out.
#[derive(Debug)]
struct Words {
    order: String,
    problem: String,
    at_once: bool,
}

impl Wish<'_> {
    fn words(&self) -> Words {
        Words {
            order: self.order(),
            problem: self.problem(),
            at_once: self.at_once,
        }
    }

    fn order(&self) -> String {
        serde_json::json!({ "order": "cancel", "who": self.who, "why": self.why }).to_string()
    }

    /// The result of a job that it ends.
    fn problem(&self) -> String {
        let title = if self.at_once { "killed" } else { "cancelled" };
        serde_json::json!({ "title": title, "detail": self.why, "who": self.who }).to_string()
    }
}

impl Store {
    /// Asks a job to end, and before it the jobs that it started. Repeating it is harmless.
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
        let at_once = false;
        self.end_tree(tenant, job, Wish { who, why, at_once }).await
    }

    /// Ends a job at once, whatever it does, and before it the jobs that it started: nothing is undone,
    /// and what its worker still makes of it is refused.
    ///
    /// # Errors
    /// `not_found`, or `illegal_state` when the job is final.
    pub async fn kill(
        &self,
        tenant: i32,
        job: i64,
        who: &str,
        why: &str,
    ) -> Result<Cancelled, Error> {
        let at_once = true;
        self.end_tree(tenant, job, Wish { who, why, at_once }).await
    }

    async fn end_tree(&self, tenant: i32, job: i64, wish: Wish<'_>) -> Result<Cancelled, Error> {
        // One that ends makes the next of its group, unless there is to be none.
        self.stop_groups(job).await?;
        self.end_descendants(tenant, job, wish).await?;
        let answer = self.end_one(tenant, job, wish).await?;
        // What it started while its children ended. From now on it starts nothing.
        self.end_descendants(tenant, job, wish).await?;
        Ok(answer)
    }

    /// A page at a time, the deepest first; one that ends meanwhile needs nothing more.
    async fn end_descendants(&self, tenant: i32, job: i64, wish: Wish<'_>) -> Result<(), Error> {
        let open = sqlx::query_file!(
            "queries/job/open_descendants.sql",
            tenant,
            job,
            wish.at_once
        )
        .fetch_all(self.pool())
        .await?;
        for row in open {
            match self.end_one(tenant, row.id, wish).await {
                Ok(_) | Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn end_one(&self, tenant: i32, job: i64, wish: Wish<'_>) -> Result<Cancelled, Error> {
        for _ in 0..ROUNDS_MAX {
            if let Some(answer) = self.end_once(tenant, job, wish).await? {
                return Ok(answer);
            }
        }
        let noted = sqlx::query_file!("queries/job/intend_cancel.sql", job, wish.who, wish.why);
        noted.execute(self.pool()).await?;
        Ok(Cancelled::Asked)
    }

    /// Cuts jobs from their leases that somebody cancelled longer than `grace` ago and whose worker did
    /// not end them; how many. [`Store::end_cancelling`] ends them.
    pub async fn cut_disobedient(&self, grace: Duration) -> Result<i64, Error> {
        let row = sqlx::query_file!("queries/job/cut_disobedient.sql", grace.as_secs_f64())
            .fetch_one(self.pool())
            .await?;
        Ok(row.jobs)
    }

    /// Tries again what was asked for while a job changed hands too fast; how many wishes came true.
    pub async fn fulfil_cancels(&self) -> Result<usize, Error> {
        let wishes = sqlx::query_file!("queries/job/intended_cancels.sql")
            .fetch_all(self.pool())
            .await?;
        let mut fulfilled = 0;
        for row in wishes {
            let wish = Wish {
                who: &row.who,
                why: &row.why,
                at_once: false,
            };
            let is_over = match self.end_once(row.tenant, row.job, wish).await {
                Ok(Some(Cancelled::Ended))
                | Err(Error::Conflict { .. } | Error::NotFound { .. }) => true,
                // Its worker or its machine forgets the wish when it has obeyed.
                Ok(Some(Cancelled::Asked) | None) => false,
                Err(error) => return Err(error),
            };
            if is_over {
                sqlx::query_file!("queries/job/fulfil_intent.sql", row.id)
                    .execute(self.pool())
                    .await?;
                fulfilled += 1;
            }
        }
        Ok(fulfilled)
    }

    /// One look at every holder. `None`: the job changed hands; look again.
    async fn end_once(
        &self,
        tenant: i32,
        job: i64,
        wish: Wish<'_>,
    ) -> Result<Option<Cancelled>, Error> {
        let cut = match self.is_job_paused(tenant, job).await? {
            true => self.cut_paused(tenant, job, wish).await?,
            false => {
                let mut connection = self.pool().acquire().await?;
                cut_extent(&mut connection, tenant, job, &wish.words()).await?
            }
        };
        if cut.is_some() {
            return Ok(cut);
        }
        let hit = match wish.at_once {
            true => self.kill_held(tenant, job, wish).await?,
            false => self.ask_holder(tenant, job, wish).await?,
        };
        if hit.is_some() {
            return Ok(hit);
        }
        self.open_job(tenant, job).await?;
        Ok(None)
    }

    /// Fails unless the job exists and has not ended.
    pub(crate) async fn open_job(&self, tenant: i32, job: i64) -> Result<(), Error> {
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
            Some(_) => Ok(()),
        }
    }

    /// A cancel is stronger than a pause: what stands still may go on to its end. Both in one transaction,
    /// since nobody looks for a job that stands still for a pause that is gone.
    async fn cut_paused(
        &self,
        tenant: i32,
        job: i64,
        wish: Wish<'_>,
    ) -> Result<Option<Cancelled>, Error> {
        let words = wish.words();
        self.transaction(move |connection| {
            Box::pin(async move {
                sqlx::query_file!("queries/pause/forget_job.sql", tenant, job)
                    .execute(&mut *connection)
                    .await?;
                cut_extent(connection, tenant, job, &words).await
            })
        })
        .await
    }

    async fn ask_holder(
        &self,
        tenant: i32,
        job: i64,
        wish: Wish<'_>,
    ) -> Result<Option<Cancelled>, Error> {
        let order = wish.order();
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
            wish.who,
            wish.why
        )
        .fetch_one(self.pool())
        .await?;
        Ok(leased.hit.then_some(Cancelled::Asked))
    }

    async fn kill_held(
        &self,
        tenant: i32,
        job: i64,
        wish: Wish<'_>,
    ) -> Result<Option<Cancelled>, Error> {
        let problem = wish.problem();
        let waiting = sqlx::query_file!("queries/job/kill_waiting.sql", tenant, job, problem)
            .fetch_one(self.pool())
            .await?;
        if waiting.hit {
            return Ok(Some(Cancelled::Ended));
        }
        let leased = sqlx::query_file!("queries/job/kill_leased.sql", tenant, job, problem)
            .fetch_one(self.pool())
            .await?;
        Ok(leased.hit.then_some(Cancelled::Ended))
    }
}

/// Takes a job out of the extent that holds it, and ends or wakes it. `None`: no extent does.
async fn cut_extent(
    connection: &mut Session,
    tenant: i32,
    job: i64,
    words: &Words,
) -> Result<Option<Cancelled>, Error> {
    let extent = sqlx::query_file!(
        "queries/job/cancel_extent.sql",
        tenant,
        job,
        words.order,
        words.problem,
        words.at_once
    )
    .fetch_one(connection)
    .await?;
    Ok(match (extent.hit, extent.goes_on) {
        (false, _) => None,
        (true, true) => Some(Cancelled::Asked),
        (true, false) => Some(Cancelled::Ended),
    })
}
