//! Children: jobs that a job starts, whose end it is told.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::gate::Session;
use super::group::{self, Settled};
use super::mail::PASS_MAX;
use super::post::{Meeting, POSTS_MAX, Spot};
use super::{Cancelled, DEFAULT_TENANT, Store};
use crate::Error;

/// Children that `child/closing.sql` looks at.
const CLOSING_PAGE: usize = 100;

impl Store {
    /// Ids for jobs that a job is about to start. Those that are not used are skipped for ever.
    ///
    /// # Cancel safety
    /// As it says.
    pub async fn child_ids(&self, count: usize) -> Result<Vec<i64>, Error> {
        let mut connection = self.pool().acquire().await?;
        self.ids.take(&mut connection, count).await
    }

    /// Tells parents of children that somebody else than their worker ended; how many in a second.
    pub async fn tell_parents(&self) -> Result<i64, Error> {
        let since = Instant::now();
        let mut told = 0;
        loop {
            let behind = self.told_behind.load(Ordering::Relaxed);
            let row = sqlx::query_file!("queries/child/ended.sql", behind)
                .fetch_one(self.pool())
                .await?;
            let last = row.last.unwrap_or(0);
            self.told_behind.store(last, Ordering::Relaxed);
            let ended: Vec<(i64, i64)> = row.jobs.into_iter().zip(row.parents).collect();
            for some in ended.chunks(POSTS_MAX) {
                told += self.tell_some(some.to_vec()).await?;
            }
            if last == 0 || since.elapsed() > PASS_MAX {
                return Ok(told);
            }
        }
    }

    async fn tell_some(&self, ended: Vec<(i64, i64)>) -> Result<i64, Error> {
        self.transaction(move |connection| {
            Box::pin(async move {
                let mut meeting = Meeting::default();
                for (_, parent) in &ended {
                    meeting.alone(DEFAULT_TENANT, Spot::Job(*parent));
                }
                meeting.hold(connection).await?;
                let jobs: Vec<i64> = ended.iter().map(|(job, _)| *job).collect();
                tell(connection, &jobs).await
            })
        })
        .await
    }

    /// Activities of a job whose children have not ended as far as it knows.
    pub async fn child_activities(&self, job: i64) -> Result<Vec<u32>, Error> {
        let rows = sqlx::query_file!("queries/child/of_parent.sql", job)
            .fetch_all(self.pool())
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| row.activity.cast_unsigned())
            .collect())
    }

    /// Cancels children that their parents do not want any more; how many ended in a second.
    pub async fn close_children(&self) -> Result<usize, Error> {
        let since = Instant::now();
        let mut ended = 0;
        loop {
            let (looked_at, gone) = self.close_page().await?;
            ended += gone;
            if looked_at < CLOSING_PAGE || since.elapsed() > PASS_MAX {
                return Ok(ended);
            }
        }
    }

    /// How many it looked at, and how many ended.
    async fn close_page(&self) -> Result<(usize, usize), Error> {
        let rows = sqlx::query_file!("queries/child/closing.sql")
            .fetch_all(self.pool())
            .await?;
        let looked_at = rows.len();
        let mut ended = 0;
        for row in rows {
            let who = format!("j_{}", row.parent);
            let why = "its parent does not want it any more";
            match self.cancel(row.tenant, row.job, &who, why).await {
                Ok(Cancelled::Ended) => ended += 1,
                Ok(Cancelled::Asked) | Err(Error::Conflict { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            sqlx::query_file!("queries/child/asked.sql", row.job)
                .execute(self.pool())
                .await?;
        }
        Ok((looked_at, ended))
    }
}

/// Tells parents of these children, if they have ended; how many were told. Its caller has met the parents.
pub(super) async fn tell(connection: &mut Session, jobs: &[i64]) -> Result<i64, Error> {
    if jobs.is_empty() {
        return Ok(0);
    }
    let row = sqlx::query_file!("queries/child/tell.sql", jobs)
        .fetch_one(&mut *connection)
        .await?;
    let members = row.parents.into_iter().zip(row.activities);
    let settled = members
        .zip(row.failed)
        .map(|((parent, activity), failed)| Settled {
            parent,
            activity,
            failed,
        });
    group::feed(connection, settled.collect()).await?;
    Ok(row.told)
}
