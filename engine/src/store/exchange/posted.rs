//! Entries with a post: a transaction around the full form.

use std::borrow::Borrow;

use sqlx::Executor;
use uuid::Uuid;

use super::{Hot, NewEntry};
use crate::Error;
use crate::store::effect;
pub use crate::store::effect::Taken;
use crate::store::post::flush;

/// What became of a try.
enum Tried {
    /// All is done but for these.
    Done(Vec<i64>),
    /// These did not land, and what was done about their effects must not be.
    Spoilt(Vec<i64>),
}

impl Hot {
    /// Records entries of any form, and beside them all that they say to others and hear from them: then
    /// it is a transaction. Gives the refused ones, and which effects were in the way.
    pub(super) async fn settle_with_post<E: Borrow<NewEntry> + Sync>(
        &mut self,
        worker: Uuid,
        entries: &[E],
    ) -> Result<(Vec<i64>, Vec<Taken>), Error> {
        if entries.iter().all(|new| new.borrow().post.is_none()) {
            return Ok((self.settle(worker, entries).await?, Vec::new()));
        }
        let mut left: Vec<&NewEntry> = entries.iter().map(Borrow::borrow).collect();
        let (mut refused, mut taken) = (Vec::new(), Vec::new());
        while !left.is_empty() {
            self.connection.execute("begin").await?;
            match self.try_to_settle(worker, &left, &mut taken).await {
                Ok(Tried::Done(more)) => {
                    self.connection.execute("commit").await?;
                    refused.extend(more);
                    break;
                }
                // Each time there is one less.
                Ok(Tried::Spoilt(more)) => {
                    self.connection.undo().await;
                    left.retain(|new| !more.contains(&new.job));
                    refused.extend(more);
                }
                Err(error) => {
                    self.connection.undo().await;
                    return Err(error);
                }
            }
        }
        Ok((refused, taken))
    }

    async fn try_to_settle(
        &mut self,
        worker: Uuid,
        entries: &[&NewEntry],
        taken: &mut Vec<Taken>,
    ) -> Result<Tried, Error> {
        let all = entries.iter().copied();
        flush::meeting(all.clone())
            .hold(&mut self.connection)
            .await?;
        // Keys before leases.
        let held = effect::hold(&mut self.connection, all.clone()).await?;
        if !held.is_empty() {
            let jobs = held.iter().map(|taken| taken.job).collect();
            taken.extend(held);
            // A turn has all its effects or none.
            return Ok(Tried::Spoilt(jobs));
        }
        let refused = self.settle(worker, entries).await?;
        let is_refused = |new: &&NewEntry| refused.contains(&new.job);
        if all
            .clone()
            .any(|new| is_refused(&new) && effect::names_some(new))
        {
            return Ok(Tried::Spoilt(refused));
        }
        let landed = all.filter(|new| !is_refused(new));
        flush::deliver(&mut self.connection, landed).await?;
        Ok(Tried::Done(refused))
    }
}
