//! Redrive: stopped work comes back at a pace, and stops again if its error returns.
//!
//! A pass takes one redrive, judges what it let go before, and lets go what its rate allows: the batches
//! first, which expect more settlements from now on, then the jobs. The canary goes alone; the others
//! follow when all of it did well.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::warn;

use super::pass::Pass;
use super::restart;
use crate::store::Session;
use crate::store::ids::next_blocks;
use crate::{Error, Store};

/// Jobs of one pass: a block of ids.
const PASS_MAX: i64 = 1_000;
/// After a pause of the keeper the rate is not caught up for longer.
const CATCH_UP_SECONDS: f64 = 5.0;
/// One whose pass failed waits so long for those that fare well: as long as a statement may take that fails by its time.
const PUT_OFF: Duration = Duration::from_mins(1);

/// A redrive under its lock.
struct Running {
    id: i64,
    tenant: i32,
    fingerprint: Option<String>,
    batch: Option<i64>,
    jobs: Option<Vec<i64>>,
    rate: i32,
    canary: i32,
    failed_too: bool,
    phase: String,
    cursor_id: i64,
    upto_id: i64,
    moved: i64,
    seconds: f64,
}

impl Store {
    /// One pass of the redrive that waited longest; how many jobs it let go, `None` when none runs.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn pace_redrives(&self) -> Result<Option<i64>, Error> {
        self.pace(false).await
    }

    /// One pass of the redrive, or restart, that waited longest. Where that fails by itself it waits for a while, and the next
    /// one has its pass.
    pub(super) async fn pace(&self, restarts: bool) -> Result<Option<i64>, Error> {
        let running = sqlx::query_file!("queries/redrive/running.sql", restarts)
            .fetch_all(self.pool())
            .await?;
        let mut failed = Pass::default();
        for id in running.into_iter().map(|row| row.id) {
            let passed = self.transaction(move |connection| {
                Box::pin(async move {
                    match restarts {
                        true => restart::pass(connection, id).await,
                        false => pass(connection, id).await,
                    }
                })
            });
            let passed = passed.await;
            let said = passed.as_ref().err().map(ToString::to_string);
            if let Some(moved) = failed.over(passed)? {
                return Ok(Some(moved));
            }
            if let Some(error) = said {
                warn!(redrive = id, error, "a pass failed; others go first");
                failed.over(self.put_off(id).await)?;
            }
        }
        failed.end(None)
    }

    async fn put_off(&self, id: i64) -> Result<(), Error> {
        self.transaction(move |connection| {
            Box::pin(async move {
                let Some(redrive) = lock(connection, id).await? else {
                    return Ok(());
                };
                let (phase, cursor) = (&redrive.phase, redrive.cursor_id);
                note(connection, redrive.id, phase, (cursor, 0), PUT_OFF).await
            })
        })
        .await
    }
}

async fn lock(connection: &mut Session, id: i64) -> Result<Option<Running>, Error> {
    let found = sqlx::query_file_as!(Running, "queries/redrive/lock.sql", id);
    Ok(found.fetch_optional(connection).await?)
}

async fn pass(connection: &mut Session, id: i64) -> Result<Option<i64>, Error> {
    let Some(redrive) = lock(connection, id).await? else {
        return Ok(None);
    };
    let judged = sqlx::query_file!("queries/redrive/judge.sql", redrive.id)
        .fetch_one(&mut *connection)
        .await?;
    if let Some(job) = judged.bad {
        let reason = format!("the error returned: job j_{job}");
        end(connection, &redrive, "stopped", Some(&reason)).await?;
        return Ok(Some(0));
    }
    let room = redrive.room(judged.open);
    if room == 0 {
        // A rate's credit adds up; only who waits for its canary lets others go first.
        if redrive.awaits_canary(judged.open) {
            advance(connection, &redrive, &redrive.phase, redrive.cursor_id, 0).await?;
        }
        return Ok(Some(0));
    }
    let found = redrive.candidates(connection, room).await?;
    let Some((last, _)) = found.last().copied() else {
        return redrive.no_more(connection, judged.open).await;
    };
    let moved = redrive.let_go(connection, &found).await?;
    advance(connection, &redrive, &redrive.phase, last, moved).await?;
    Ok(Some(moved))
}

impl Running {
    /// Whether the canary has gone and is not judged.
    fn awaits_canary(&self, open: i64) -> bool {
        self.canary > 0 && self.moved == i64::from(self.canary) && open > 0
    }

    /// How many may go now.
    fn room(&self, open: i64) -> i64 {
        let canary = i64::from(self.canary);
        if self.moved < canary {
            return (canary - self.moved).min(PASS_MAX);
        }
        if self.awaits_canary(open) {
            return 0;
        }
        let seconds = self.seconds.clamp(0.0, CATCH_UP_SECONDS);
        ((f64::from(self.rate) * seconds) as i64).min(PASS_MAX)
    }

    /// The next jobs and their batches; batch 0 for none.
    async fn candidates(
        &self,
        connection: &mut Session,
        room: i64,
    ) -> Result<Vec<(i64, i64)>, Error> {
        let jobs = self.jobs.as_deref();
        if self.phase == "parked" {
            let rows = sqlx::query_file!(
                "queries/redrive/candidates.sql",
                self.tenant,
                self.fingerprint,
                self.batch,
                jobs,
                self.cursor_id,
                self.upto_id,
                room
            )
            .fetch_all(connection)
            .await?;
            return Ok(rows.into_iter().map(|row| (row.job, row.batch)).collect());
        }
        let rows = sqlx::query_file!(
            "queries/redrive/failed_candidates.sql",
            self.tenant,
            self.fingerprint,
            self.batch,
            jobs,
            self.cursor_id,
            self.upto_id,
            room
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(|row| (row.job, row.batch)).collect())
    }

    /// Batches first, then jobs; how many came back.
    async fn let_go(&self, connection: &mut Session, found: &[(i64, i64)]) -> Result<i64, Error> {
        let jobs = those_that_may(connection, found).await?;
        let per_batch = match self.phase.as_str() {
            "parked" => self.move_parked(connection, &jobs).await?,
            _ => self.renew_failed(connection, &jobs).await?,
        };
        let mut moved = 0;
        for (batch, count) in per_batch {
            moved += count;
            if batch != 0 {
                let is_named = self.batch == Some(batch);
                sqlx::query_file!("queries/redrive/raise_batch.sql", batch, count, is_named)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        Ok(moved)
    }

    async fn move_parked(
        &self,
        connection: &mut Session,
        jobs: &[i64],
    ) -> Result<Vec<(i64, i64)>, Error> {
        let rows = sqlx::query_file!("queries/redrive/move_parked.sql", self.id, jobs)
            .fetch_all(connection)
            .await?;
        Ok(rows.into_iter().map(|row| (row.batch, row.jobs)).collect())
    }

    async fn renew_failed(
        &self,
        connection: &mut Session,
        jobs: &[i64],
    ) -> Result<Vec<(i64, i64)>, Error> {
        let first = next_blocks(&mut *connection, 1).await?;
        let first = first.first().copied().unwrap_or_default();
        let rows = sqlx::query_file!("queries/redrive/renew_failed.sql", self.id, jobs, first)
            .fetch_all(connection)
            .await?;
        Ok(rows.into_iter().map(|row| (row.batch, row.jobs)).collect())
    }

    /// Nothing parked is left: the failed ones, if they were wanted; then it is done once all is known.
    async fn no_more(&self, connection: &mut Session, open: i64) -> Result<Option<i64>, Error> {
        if self.phase == "parked" && self.failed_too {
            advance(connection, self, "failed", 0, 0).await?;
        } else if open == 0 {
            end(connection, self, "completed", None).await?;
        } else {
            advance(connection, self, &self.phase, self.cursor_id, 0).await?;
        }
        Ok(Some(0))
    }
}

/// Locks the batches; the jobs of those that were not cancelled since they were looked for.
async fn those_that_may(connection: &mut Session, found: &[(i64, i64)]) -> Result<Vec<i64>, Error> {
    let batches: Vec<i64> = found.iter().map(|(_, batch)| *batch).collect();
    let locked = sqlx::query_file!("queries/redrive/lock_batches.sql", &batches)
        .fetch_all(connection)
        .await?;
    let over = locked.iter().filter(|row| !row.goes_on);
    let over: BTreeSet<i64> = over.map(|row| row.id).collect();
    let may = found.iter().filter(|(_, batch)| !over.contains(batch));
    Ok(may.map(|(job, _)| *job).collect())
}

async fn advance(
    connection: &mut Session,
    redrive: &Running,
    phase: &str,
    cursor: i64,
    moved: i64,
) -> Result<(), Error> {
    note(
        connection,
        redrive.id,
        phase,
        (cursor, moved),
        Duration::ZERO,
    )
    .await
}

/// Writes down how far one has come, and for how long it stands behind the others.
pub(super) async fn note(
    connection: &mut Session,
    id: i64,
    phase: &str,
    (cursor, moved): (i64, i64),
    put_off: Duration,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/redrive/advance.sql",
        id,
        phase,
        cursor,
        moved,
        put_off.as_secs_f64()
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn end(
    connection: &mut Session,
    redrive: &Running,
    state: &str,
    reason: Option<&str>,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/redrive/stop.sql",
        redrive.tenant,
        redrive.id,
        state,
        reason
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}
