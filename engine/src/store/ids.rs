//! Job ids come in blocks of 1,000, so that a bulk submission is a few contiguous ranges.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::Mutex;

use crate::Error;

/// Ids in a block; an extent never leaves its block.
pub const BLOCK: i64 = 1_000;

/// A process keeps a block for single submissions no longer than this, so that ids follow time.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// The block that this process hands out to single submissions.
#[derive(Debug, Default)]
pub(crate) struct Ids(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    next: i64,
    end: i64,
    since: Instant,
}

impl Ids {
    /// `count` ids, ascending, from the kept block while it lasts.
    ///
    /// # Cancel safety
    /// Ids taken and not used are skipped for ever; nothing else changes.
    pub(crate) async fn take(
        &self,
        connection: &mut PgConnection,
        count: usize,
    ) -> Result<Vec<i64>, Error> {
        let mut kept = self.0.lock().await;
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            if kept
                .as_ref()
                .is_none_or(|block| block.next == block.end || block.since.elapsed() > KEPT_MAX)
            {
                let first = next_blocks(connection, 1).await?[0];
                *kept = Some(Kept {
                    next: first,
                    end: first + BLOCK,
                    since: Instant::now(),
                });
            }
            let block = kept.as_mut().expect("filled above");
            let taken = (block.end - block.next).min((count - ids.len()) as i64);
            ids.extend(block.next..block.next + taken);
            block.next += taken;
        }
        Ok(ids)
    }
}

/// First ids of `count` fresh blocks, ascending.
pub(crate) async fn next_blocks(
    connection: &mut PgConnection,
    count: i64,
) -> Result<Vec<i64>, Error> {
    let rows = sqlx::query_file!("queries/job/next_blocks.sql", count)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.first_id).collect())
}
