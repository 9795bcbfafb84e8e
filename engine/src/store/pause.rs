//! Pauses: who stopped what, why, and until when. A lane that one of them covers is not discovered, so
//! nobody claims from it; a single job stands still in `held`.
//!
//! Whoever ends a pause of a job locks its row first. A flush or a pass that is about to hold the job
//! locks it too, so no job is held for a pause that is over.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;
use crate::protocol::go_on::HALT;
use crate::protocol::own::is_own;
use crate::vocabulary::{JobState, PauseMode, PauseScope};

/// Rounds in which a job may change hands under our eyes before its pause waits for its next end.
const ROUNDS_MAX: usize = 20;

/// The scope of the pause by which a breaker holds its template; only breakers make such.
const BREAKER: &str = "breaker";

/// A pause that lasts.
#[derive(Clone, Debug, Serialize)]
pub struct PauseView {
    /// Its number.
    pub id: i64,
    /// What kind of thing is paused.
    pub scope: String,
    /// Which one: a name, the number of a batch or job, or nothing for a tenant.
    pub subject: String,
    /// `hold` or `reject`.
    pub mode: String,
    /// Who paused it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// What somebody wants to pause.
#[derive(Clone, Debug)]
pub struct NewPause {
    /// What kind of thing.
    pub scope: PauseScope,
    /// Which one.
    pub subject: String,
    /// What becomes of new work.
    pub mode: PauseMode,
    /// Who wants it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// Pauses something that exists; a pause that it has already is changed. No pump claims from its
    /// lanes a second later; jobs that run go on until their next end.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a thing that does not exist, `illegal_state` for a job that has ended,
    /// is parked, or is planned in a batch.
    ///
    /// # Cancel safety
    /// Dropped, the pause may be there; a repeat changes it.
    pub async fn pause(&self, tenant: i32, new: NewPause) -> Result<PauseView, Error> {
        let subject = self.pausable(tenant, &new).await?;
        let job = match new.scope {
            PauseScope::Job => subject.parse::<i64>().ok(),
            _ => None,
        };
        let row = sqlx::query_file!(
            "queries/pause/put.sql",
            tenant,
            new.scope.as_str(),
            subject,
            job,
            new.mode.as_str(),
            new.who,
            new.why,
            new.until
        )
        .fetch_one(self.pool())
        .await?;
        self.rejects.forget();
        if let Some(job) = job {
            self.hold_paused(tenant, job).await?;
        }
        self.pause_by_id(tenant, row.id).await
    }

    /// Ends a pause now: what it held goes on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it has ended.
    ///
    /// # Cancel safety
    /// Dropped, it may have ended; a repeat answers `not_found` then.
    pub async fn resume(&self, tenant: i32, id: i64) -> Result<PauseView, Error> {
        let pause = self.pause_by_id(tenant, id).await?;
        if pause.scope == PauseScope::Job.as_str() {
            self.lift(Some(id)).await?;
        } else if pause.scope == BREAKER {
            let why = "its pause was ended";
            self.close_breaker(tenant, &pause.subject, "", why).await?;
        } else if let Some(batch) = number(&pause.subject).filter(|_| pause.scope == HALT) {
            self.resume_batch(tenant, batch, false).await?;
        } else {
            sqlx::query_file!("queries/pause/end.sql", id)
                .execute(self.pool())
                .await?;
            self.rejects.forget();
        }
        Ok(pause)
    }

    /// Who refuses new work is read anew.
    pub(crate) fn forget_rejects(&self) {
        self.rejects.forget();
    }

    /// A page of the pauses that last.
    pub async fn pauses(
        &self,
        tenant: i32,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<PauseView>, Error> {
        let rows = sqlx::query_file_as!(
            PauseView,
            "queries/pause/list.sql",
            tenant,
            after.unwrap_or(0),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |pause| pause.id))
    }

    /// One pause that lasts.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it has ended.
    pub async fn pause_by_id(&self, tenant: i32, id: i64) -> Result<PauseView, Error> {
        let row = sqlx::query_file_as!(PauseView, "queries/pause/show.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?;
        row.ok_or_else(|| Error::not_found("pause", format!("p_{id}")))
    }

    /// The pause of one thing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not paused by itself.
    pub async fn pause_of(
        &self,
        tenant: i32,
        scope: PauseScope,
        subject: &str,
    ) -> Result<PauseView, Error> {
        let row = sqlx::query_file_as!(
            PauseView,
            "queries/pause/of_subject.sql",
            tenant,
            scope.as_str(),
            subject
        )
        .fetch_optional(self.pool())
        .await?;
        row.ok_or_else(|| Error::not_found("pause", format!("{} {subject}", scope.as_str()).trim()))
    }

    /// Whether one job is paused by itself.
    pub(crate) async fn is_job_paused(&self, tenant: i32, job: i64) -> Result<bool, Error> {
        let (scope, job) = (PauseScope::Job.as_str(), job.to_string());
        let row = sqlx::query_file!("queries/pause/of_subject.sql", tenant, scope, job);
        Ok(row.fetch_optional(self.pool()).await?.is_some())
    }

    /// The pauses that stop a lane at this moment.
    pub(crate) async fn pauses_of_lane(&self, lane: i32) -> Result<Vec<PauseView>, Error> {
        Ok(
            sqlx::query_file_as!(PauseView, "queries/pause/of_lane.sql", lane)
                .fetch_all(self.pool())
                .await?,
        )
    }

    /// The subject as it is stored, of a thing that exists.
    async fn pausable(&self, tenant: i32, new: &NewPause) -> Result<String, Error> {
        let subject = new.subject.as_str();
        match new.scope {
            PauseScope::Tenant => return Ok(String::new()),
            PauseScope::Queue => {}
            PauseScope::Template => {
                let found = self.template(tenant, subject).await?;
                return Ok(format!("{}.{}", found.namespace, found.name));
            }
            PauseScope::Configuration if is_own(subject) => {
                self.schedule(tenant, subject).await?;
            }
            PauseScope::Purpose | PauseScope::Configuration => {
                let kind = new.scope.kind().expect("both have documents");
                self.configuration(tenant, kind, subject).await?;
            }
            PauseScope::Batch => {
                let id = number(subject).ok_or_else(|| Error::not_found("batch", subject))?;
                self.batch(tenant, id).await?;
                return Ok(id.to_string());
            }
            PauseScope::Job => {
                let id = number(subject).ok_or_else(|| Error::not_found("job", subject))?;
                return self.pausable_job(tenant, id).await;
            }
        }
        Ok(subject.to_owned())
    }

    async fn pausable_job(&self, tenant: i32, id: i64) -> Result<String, Error> {
        let job = self.job(tenant, id).await?;
        let held = job.held.as_ref().map_or("", |held| held.reason.as_str());
        let hint = match (job.state, held) {
            (state, _) if state.is_final() => "a final outcome never changes",
            (JobState::Parked, _) => "it stands still already; it needs a person",
            (_, "planned") => "it is not released yet: pause its batch",
            (_, "cancelling") => "somebody cancels it, and a cancel is stronger",
            _ => return Ok(id.to_string()),
        };
        Err(Error::Conflict {
            code: "illegal_state",
            message: format!("job j_{id} is {} and cannot be paused", job.state.as_str()),
            hint: Some(hint.into()),
        })
    }

    /// Holds a job whose pause is there; one that runs is held at its next end.
    async fn hold_paused(&self, tenant: i32, job: i64) -> Result<bool, Error> {
        for _ in 0..ROUNDS_MAX {
            if self.hold_once(tenant, job).await? {
                return Ok(true);
            }
            // One that changed hands between its two places is looked for again.
            let state = self.job(tenant, job).await?.state;
            if !matches!(
                state,
                JobState::Ready | JobState::Scheduled | JobState::Waiting
            ) {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

impl Store {
    /// One pass over pauses: those whose time is over end, jobs that came back from a worker are held,
    /// old rows go. How many jobs it moved.
    pub async fn keep_pauses(&self) -> Result<i64, Error> {
        let mut moved = self.lift(None).await?;
        let mut after = 0;
        loop {
            let late = sqlx::query_file!("queries/pause/to_hold.sql", after)
                .fetch_all(self.pool())
                .await?;
            let Some(last) = late.last() else { break };
            after = last.job;
            for pause in &late {
                moved += i64::from(self.hold_once(pause.tenant, pause.job).await?);
            }
        }
        sqlx::query_file!("queries/pause/prune.sql")
            .execute(self.pool())
            .await?;
        Ok(moved)
    }

    /// One look, without waiting for a job that changes hands.
    async fn hold_once(&self, tenant: i32, job: i64) -> Result<bool, Error> {
        let extent = sqlx::query_file!("queries/job/pause_extent.sql", tenant, job)
            .fetch_one(self.pool())
            .await?;
        if extent.hit {
            return Ok(true);
        }
        let waiting = sqlx::query_file!("queries/job/pause_waiting.sql", tenant, job)
            .fetch_one(self.pool())
            .await?;
        Ok(waiting.hit)
    }

    /// Ends one pause of a job, or all whose time is over; how many jobs go on.
    async fn lift(&self, id: Option<i64>) -> Result<i64, Error> {
        self.transaction(move |connection| Box::pin(lift(connection, id)))
            .await
    }
}

async fn lift(connection: &mut Session, id: Option<i64>) -> Result<i64, Error> {
    let over = sqlx::query_file!("queries/pause/lock_over.sql", id)
        .fetch_all(&mut *connection)
        .await?;
    if over.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = over.iter().map(|row| row.id).collect();
    let row = sqlx::query_file!("queries/pause/lift_jobs.sql", &ids)
        .fetch_one(connection)
        .await?;
    Ok(row.jobs)
}

/// The number in `b_7`, `j_7` or `7`.
fn number(subject: &str) -> Option<i64> {
    let digits = subject
        .strip_prefix("b_")
        .or_else(|| subject.strip_prefix("j_"))
        .unwrap_or(subject);
    digits.parse().ok()
}
