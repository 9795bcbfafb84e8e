//! The sums of a batch: expected, settled, and how it ends.
//!
//! Tallies only grow. A restart, a redrive or an addition raises `expected` and is tallied on its own,
//! so that a kind *now* is its tally less its restarts, and nothing is ever subtracted in place.

/// A count for each kind of settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Completed.
    pub completed: u64,
    /// Failed.
    pub failed: u64,
    /// Waiting for a person.
    pub parked: u64,
    /// Ran out of time before it started.
    pub expired: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Held back by a rule about its subject.
    pub suppressed: u64,
}

impl Tallies {
    /// All kinds together.
    pub fn sum(&self) -> u64 {
        self.judged() + self.cancelled + self.suppressed
    }

    /// Failed, parked and expired.
    pub fn bad(&self) -> u64 {
        self.failed + self.parked + self.expired
    }

    /// What says how well a batch does: what was cancelled or suppressed does not.
    pub fn judged(&self) -> u64 {
        self.completed + self.bad()
    }

    /// The tallies of a batch by kind, and those that were restarted: of `failed` and `restarted_failed`, for one.
    pub fn of_kinds(kinds: impl IntoIterator<Item = (impl AsRef<str>, u64)>) -> (Tallies, Tallies) {
        let (mut all, mut restarted) = (Tallies::default(), Tallies::default());
        for (kind, count) in kinds {
            match kind.as_ref().strip_prefix("restarted_") {
                Some(kind) => restarted.add(kind, count),
                None => all.add(kind.as_ref(), count),
            }
        }
        (all, restarted)
    }

    fn add(&mut self, kind: &str, count: u64) {
        let field = match kind {
            "completed" => &mut self.completed,
            "failed" => &mut self.failed,
            "parked" => &mut self.parked,
            "expired" => &mut self.expired,
            "cancelled" => &mut self.cancelled,
            "suppressed" => &mut self.suppressed,
            // Members of finished chunks settle nothing.
            _ => return,
        };
        *field += count;
    }

    fn less(&self, other: &Tallies) -> Tallies {
        Tallies {
            completed: self.completed.saturating_sub(other.completed),
            failed: self.failed.saturating_sub(other.failed),
            parked: self.parked.saturating_sub(other.parked),
            expired: self.expired.saturating_sub(other.expired),
            cancelled: self.cancelled.saturating_sub(other.cancelled),
            suppressed: self.suppressed.saturating_sub(other.suppressed),
        }
    }
}

/// The sums of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Planned, added and restarted.
    pub expected: u64,
    /// Ever settled, by kind.
    pub tallies: Tallies,
    /// Of those, started anew since.
    pub restarted: Tallies,
}

/// How a batch ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is bad.
    Completed,
    /// Something is failed, parked or expired.
    CompletedWithErrors,
}

impl Ending {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Completed => "completed",
            Ending::CompletedWithErrors => "completed_with_errors",
        }
    }
}

impl Totals {
    /// Ever settled.
    pub fn settled(&self) -> u64 {
        self.tallies.sum()
    }

    /// Not settled yet.
    pub fn open(&self) -> u64 {
        self.expected.saturating_sub(self.settled())
    }

    /// Each kind now.
    pub fn now(&self) -> Tallies {
        self.tallies.less(&self.restarted)
    }

    /// Failed, parked and expired now.
    pub fn bad(&self) -> u64 {
        self.now().bad()
    }

    /// How it ends, if all is settled. The caller knows whether all is planned and released.
    pub fn ending(&self) -> Option<Ending> {
        match (self.open(), self.bad()) {
            (0, 0) => Some(Ending::Completed),
            (0, _) => Some(Ending::CompletedWithErrors),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_again_after_every_restart() {
        let mut totals = Totals {
            expected: 10,
            ..Totals::default()
        };
        assert_eq!(totals.ending(), None);

        totals.tallies.completed = 7;
        totals.tallies.failed = 3;
        assert_eq!(totals.ending(), Some(Ending::CompletedWithErrors));

        totals.expected = 13;
        totals.restarted.failed = 3;
        assert_eq!((totals.settled(), totals.now().failed), (10, 0));
        assert_eq!(totals.ending(), None);

        totals.tallies.completed = 9;
        totals.tallies.parked = 1;
        assert_eq!(totals.ending(), Some(Ending::CompletedWithErrors));

        totals.expected = 14;
        totals.restarted.parked = 1;
        assert_eq!((totals.settled(), totals.ending()), (13, None));

        totals.tallies.completed = 10;
        assert_eq!(totals.ending(), Some(Ending::Completed));
    }

    #[test]
    fn kinds_are_counted_and_restarted_ones_apart() {
        let kinds = [
            ("completed", 1),
            ("failed", 2),
            ("parked", 3),
            ("expired", 4),
            ("cancelled", 5),
            ("suppressed", 6),
            ("members", 7),
            ("restarted_failed", 1),
        ];

        let (all, restarted) = Tallies::of_kinds(kinds);

        assert_eq!((all.bad(), all.judged(), all.sum()), (9, 10, 21));
        assert_eq!((restarted.failed, restarted.sum()), (1, 1));
        assert_eq!(Ending::Completed.as_str(), "completed");
    }

    #[test]
    fn cancelled_and_suppressed_are_not_bad() {
        let totals = Totals {
            expected: 12,
            tallies: Tallies {
                completed: 10,
                cancelled: 1,
                suppressed: 1,
                ..Tallies::default()
            },
            ..Totals::default()
        };
        assert_eq!(totals.ending(), Some(Ending::Completed));
    }
}
