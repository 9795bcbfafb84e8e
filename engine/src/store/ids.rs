//! Job ids come in blocks of 1,000, so that a bulk submission is a few contiguous ranges.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::gate::Session;
use crate::Error;

/// Ids in a block; an extent never leaves its block.
pub const BLOCK: i64 = 1_000;

/// A process keeps a block for single submissions no longer than this, so that ids follow time.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// Blocks that are fetched at once, at most: what a stream uses up in a fraction of a second.
const FETCHED_MAX: i64 = 64;
/// Blocks used up faster than this ask for twice as many the next time.
const FAST: Duration = Duration::from_millis(500);

/// The blocks that this process hands out.
#[derive(Debug, Default)]
pub(crate) struct Ids(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    next: i64,
    end: i64,
    /// First ids of whole blocks behind this one, the nearest last.
    behind: Vec<i64>,
    fetched: i64,
    since: Option<Instant>,
}

impl Kept {
    /// Goes to the next block, fetching more as fast as they are used up.
    async fn renew(&mut self, connection: &mut Session) -> Result<(), Error> {
        let age = self.since.map(|since| since.elapsed());
        let is_old = age.is_none_or(|age| age > KEPT_MAX);
        if self.next < self.end && !is_old {
            return Ok(());
        }
        if self.behind.is_empty() || is_old {
            let is_fast = age.is_some_and(|age| age < FAST);
            self.fetched = if is_fast {
                (self.fetched * 2).min(FETCHED_MAX)
            } else {
                1
            };
            self.behind = next_blocks(connection, self.fetched).await?;
            self.behind.sort_unstable_by(|left, right| right.cmp(left));
            self.since = Some(Instant::now());
        }
        if let Some(first) = self.behind.pop() {
            (self.next, self.end) = (first, first + BLOCK);
        }
        Ok(())
    }
}

impl Ids {
    /// `count` ids, ascending, from the kept block while it lasts.
    ///
    /// # Cancel safety
    /// Ids taken and not used are skipped for ever; nothing else changes.
    pub(crate) async fn take(
        &self,
        connection: &mut Session,
        count: usize,
    ) -> Result<Vec<i64>, Error> {
        let mut kept = self.0.lock().await;
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            kept.renew(connection).await?;
            let taken = (kept.end - kept.next).min((count - ids.len()) as i64);
            ids.extend(kept.next..kept.next + taken);
            kept.next += taken;
        }
        Ok(ids)
    }
}

/// First ids of `count` fresh blocks, ascending.
pub(crate) async fn next_blocks(connection: &mut Session, count: i64) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query_file!("queries/job/next_blocks.sql", count)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.first_id).collect())
}
