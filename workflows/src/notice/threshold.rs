//! When so many jobs of a batch failed that somebody wants to know.

use crate::plan::Ratio;

/// From how many failed jobs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// So many.
    Count(u64),
    /// Such a share of what was judged.
    Share(Ratio),
}

/// Before so many are judged a share says nothing, unless nothing is open any more.
const SAMPLE_MIN: u64 = 100;

/// How the jobs of a batch ended so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Failed, parked or expired, less what runs again.
    pub bad: u64,
    /// Completed.
    pub completed: u64,
    /// Whether it has ended.
    pub is_over: bool,
}

impl Judged {
    /// Whether any failed; where it is told at all, one is enough.
    pub fn has_failed(&self) -> bool {
        self.bad > 0
    }
}

impl Threshold {
    /// Whether so many failed. None never do.
    pub fn is_reached(self, judged: &Judged) -> bool {
        let whole = judged.bad + judged.completed;
        judged.has_failed()
            && match self {
                Threshold::Count(count) => judged.bad >= count,
                Threshold::Share(share) => {
                    (whole >= SAMPLE_MIN || judged.is_over) && share.is_reached(judged.bad, whole)
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bad: u64, completed: u64, is_over: bool) -> Judged {
        Judged {
            bad,
            completed,
            is_over,
        }
    }

    #[test]
    fn a_count_is_reached_by_as_many_and_nothing_by_none() {
        let three = Threshold::Count(3);
        assert!(!three.is_reached(&judged(2, 500, true)));
        assert!(three.is_reached(&judged(3, 0, false)));
        assert!(!Threshold::Count(0).is_reached(&judged(0, 9, true)));
    }

    #[test]
    fn a_share_waits_for_a_sample_or_the_end() {
        let tenth = Threshold::Share(Ratio::parse("10%").unwrap());
        assert!(!tenth.is_reached(&judged(9, 1, false)));
        assert!(tenth.is_reached(&judged(9, 1, true)));
        assert!(tenth.is_reached(&judged(10, 90, false)));
        assert!(!tenth.is_reached(&judged(9, 91, false)));
    }
}
