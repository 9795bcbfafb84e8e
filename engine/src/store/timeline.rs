//! Whether the database is still the one that it was: a promoted standby goes on with another timeline.
//!
//! A standby that was behind lacks what was acknowledged last. Leases that it does not know refuse what
//! their workers record, and a worker that it does not know enters anew, so nothing wrong lands. What
//! remains is to say so, to give no id twice, and to mark nobody dead who had no time to come back.

use super::Store;
use crate::Error;

/// Blocks of jobs that a lost history may have drawn: two whole ranges of ids.
const BLOCKS_SKIPPED: i64 = 32_000;
/// The same of batches, lanes and all else that has a number.
const OTHERS_SKIPPED: i64 = 100_000;

/// Another server, or another history, than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The timeline that was known.
    pub timeline_before: i32,
    /// The one that goes on.
    pub timeline: i32,
    /// Whether it is no copy of the server that was known.
    pub is_other_server: bool,
    /// The next transaction of this history. It or a later one, acknowledged before, is gone.
    pub position: i64,
}

impl Moved {
    /// Whether it is certain that what was acknowledged is gone: this history has not come as far as a
    /// transaction that was acknowledged before. One that has may lack the end all the same. Another server
    /// counts its transactions from anywhere.
    pub fn went_back_behind(&self, acknowledged: Option<i64>) -> bool {
        !self.is_other_server && acknowledged.is_some_and(|seen| self.position <= seen)
    }
}

impl Store {
    /// Compares the server with what the cluster knows of it, and follows it: from then on workers have a
    /// lease time to come back, and ids go on behind all that may have been given out.
    ///
    /// # Errors
    /// What the database says; a standby refuses.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn follow_server(&self) -> Result<Option<Moved>, Error> {
        self.transaction(|session| {
            Box::pin(async move {
                let moved = sqlx::query_file!("queries/cluster/follow.sql")
                    .fetch_optional(&mut *session)
                    .await?;
                let Some(moved) = moved.filter(|moved| moved.was_known) else {
                    return Ok(None);
                };
                sqlx::query_file!(
                    "queries/cluster/skip_ids.sql",
                    BLOCKS_SKIPPED,
                    OTHERS_SKIPPED
                )
                .fetch_one(session)
                .await?;
                Ok(Some(Moved {
                    timeline_before: moved.timeline_before,
                    timeline: moved.timeline,
                    is_other_server: moved.is_other_server,
                    position: moved.position,
                }))
            })
        })
        .await
    }
}
