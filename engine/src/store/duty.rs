//! Single statements that a keeper repeats: dead workers, due work, tallies, old keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{BreakerRule, Store};
use crate::Error;

/// What one pass of [`Store::expire`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Workers marked dead.
    pub workers: usize,
    /// Leases taken back; a full page means that there may be more.
    pub leases: i64,
    /// Jobs that are ready again.
    pub jobs: i64,
    /// Jobs parked as poison.
    pub parked: i64,
}

/// What a keeper's look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DutiesDue {
    /// Names of the duties that have something to do.
    pub duties: Vec<String>,
    /// Whether work is ready, whoever made it.
    pub is_ready: bool,
    /// Whether work is ready or leased.
    pub is_busy: bool,
    /// Time until the next timer, slot, or end of a rest or pause.
    pub next: Option<Duration>,
    /// Changes with every block of ids that is drawn.
    pub ids: i64,
    /// When the server began.
    pub server_since: DateTime<Utc>,
    /// A late transaction that it acknowledged, if any worker is about: that of a heartbeat.
    pub acknowledged: Option<i64>,
}

/// A timer may be years away; nobody sleeps for so long.
const NEXT_SECONDS_MAX: f64 = 3_600.0;

impl Store {
    /// One look for all duties: which of them have something to do, and when the next one will.
    pub async fn duties_due(&self, lease_time: Duration) -> Result<DutiesDue, Error> {
        let window = BreakerRule::default().window_seconds;
        let row = sqlx::query_file!("queries/cluster/due.sql", lease_time.as_secs_f64(), window)
            .fetch_one(self.pool())
            .await?;
        let seconds = |left: f64| Duration::from_secs_f64(left.clamp(0.0, NEXT_SECONDS_MAX));
        Ok(DutiesDue {
            duties: row.duties,
            is_ready: row.is_ready,
            is_busy: row.is_busy,
            next: row.next_seconds.map(seconds),
            ids: row.ids,
            server_since: row.server_since,
            acknowledged: row.acknowledged,
        })
    }

    /// Marks silent workers dead and takes back up to 100 of their leases.
    pub async fn expire(&self, lease_time: Duration) -> Result<Expired, Error> {
        let dead = sqlx::query_file!("queries/worker/mark_dead.sql", lease_time.as_secs_f64())
            .fetch_all(self.pool())
            .await?;
        let row = sqlx::query_file!("queries/lease/expire.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(Expired {
            workers: dead.len(),
            leases: row.leases,
            jobs: row.jobs,
            parked: row.parked,
        })
    }

    /// Makes future work and waiting jobs ready whose time has come; how many rows it moved.
    pub async fn wake(&self, now: Option<DateTime<Utc>>) -> Result<i64, Error> {
        let later = sqlx::query_file!("queries/later/promote.sql", now)
            .fetch_one(self.pool())
            .await?;
        let waiting = sqlx::query_file!("queries/wait/wake_due.sql", now)
            .fetch_one(self.pool())
            .await?;
        Ok(later.extents + waiting.jobs)
    }

    /// Ends jobs that were to be cancelled when their worker died; how many.
    pub async fn end_cancelling(&self) -> Result<i64, Error> {
        let row = sqlx::query_file!("queries/job/end_cancelling.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(row.jobs)
    }

    /// Ends up to 500 jobs that nobody started in time; how many.
    pub async fn expire_jobs(&self, now: Option<DateTime<Utc>>) -> Result<i64, Error> {
        let row = sqlx::query_file!("queries/job/expire_due.sql", now)
            .fetch_one(self.pool())
            .await?;
        Ok(row.jobs)
    }

    /// Folds the tallies of a batch that has many rows into one a kind; how many rows it folded.
    pub async fn compact_tallies(&self) -> Result<i64, Error> {
        let row = sqlx::query_file!("queries/tally/compact.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(row.folded)
    }

    /// Forgets idempotency keys whose hold has run out; how many. One that was held while its job was
    /// open is free when the job ends, whoever ends it; here it goes for good, a page a pass.
    pub async fn prune_keys(&self) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/request/prune_keys.sql")
            .execute(self.pool())
            .await?;
        let behind = self.freed_behind.load(Ordering::Relaxed);
        let row = sqlx::query_file!("queries/request/free_keys.sql", behind)
            .fetch_one(self.pool())
            .await?;
        self.freed_behind
            .store(row.last.unwrap_or(0), Ordering::Relaxed);
        Ok(done.rows_affected() + u64::try_from(row.freed).unwrap_or_default())
    }

    /// Forgets losses, deferrals and counts of failure that nothing reads any more; how many rows.
    pub async fn prune_failures(&self) -> Result<u64, Error> {
        let row = sqlx::query_file!("queries/failure/prune.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(u64::try_from(row.rows).unwrap_or_default())
    }
}
