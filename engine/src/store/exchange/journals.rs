//! Which journals this connection has not seen yet. A lossy failover leaves gaps, and to look for one costs
//! a quarter of the rate of short steps: so it is done once for each job that an older connection claimed.

use std::borrow::Borrow;
use std::collections::HashSet;

use uuid::Uuid;

use super::NewEntry;

/// Jobs claimed over other connections, as far as their turns came over this one.
#[derive(Debug)]
pub(super) struct Journals {
    /// Claims are named in the order in which a process makes them (RFC 9562, version 7): an earlier one
    /// was made over another connection.
    since: Uuid,
    seen: HashSet<i64>,
}

impl Journals {
    /// Of a connection that was opened now.
    pub(super) fn new() -> Self {
        Self {
            since: Uuid::now_v7(),
            seen: HashSet::new(),
        }
    }

    /// Whether this turn's number must be compared with those that are there.
    pub(super) fn is_unseen(&self, new: &NewEntry) -> bool {
        new.entry.is_some() && new.lease.claim < self.since && !self.seen.contains(&new.job)
    }

    /// These turns are durable by now, but for the refused ones.
    pub(super) fn see<E: Borrow<NewEntry>>(&mut self, entries: &[E], refused: &[i64]) {
        let all = entries.iter().map(Borrow::borrow);
        let unseen = all.filter(|new| self.is_unseen(new) && !refused.contains(&new.job));
        let jobs: Vec<i64> = unseen.map(|new| new.job).collect();
        self.seen.extend(jobs);
    }
}
