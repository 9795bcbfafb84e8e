//! Release: planned jobs become ready while the batch's window has room.

use windlass_workflows::plan::room;

use crate::store::Session;
use crate::{Error, Store};

/// Extents moved in one pass of one batch: a million jobs of full blocks.
const EXTENTS_MAX: i64 = 1_000;

impl Store {
    /// Releases what the windows of open batches have room for; how many jobs.
    ///
    /// # Cancel safety
    /// Each batch is a transaction of its own.
    pub async fn release(&self) -> Result<u64, Error> {
        let (mut released, mut after) = (0, 0);
        // Page by page: batches with a full window must not stand before the others.
        loop {
            let rows = sqlx::query_file!("queries/batch/to_release.sql", after)
                .fetch_all(self.pool())
                .await?;
            let Some(last) = rows.last() else {
                return Ok(released);
            };
            after = last.id;
            for row in rows {
                let batch = row.id;
                released += self
                    .transaction(move |connection| {
                        Box::pin(async move { release_one(connection, batch).await })
                    })
                    .await?;
            }
        }
    }
}

async fn release_one(connection: &mut Session, batch: i64) -> Result<u64, Error> {
    // The lock first, what it guards in the next statement: a snapshot is older than the lock it waits for.
    let Some(row) = sqlx::query_file!("queries/batch/lock_for_release.sql", batch)
        .fetch_optional(&mut *connection)
        .await?
    else {
        return Ok(0);
    };
    let settled = sqlx::query_file!("queries/batch/settled.sql", batch)
        .fetch_one(&mut *connection)
        .await?
        .settled;
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    let free = room(
        count(row.release_window),
        count(row.released),
        count(settled),
        None,
    );
    let free = i64::try_from(free).unwrap_or(i64::MAX);
    let moved = sqlx::query_file!("queries/batch/release.sql", batch, free, EXTENTS_MAX)
        .fetch_one(&mut *connection)
        .await?
        .jobs;
    sqlx::query_file!("queries/batch/note_release.sql", batch, moved)
        .execute(connection)
        .await?;
    Ok(count(moved))
}
