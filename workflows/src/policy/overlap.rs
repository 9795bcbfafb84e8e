//! What becomes of slots that are to start while a batch of their configuration is open.
//!
//! Any batch that is not final counts: paused, waiting for approval, extra or backfilled. Waiting is
//! not lateness, so a slot that waited is never judged by catch-up again.

use crate::calendar::Overlap;

/// At most this many slots wait; a queue that grows beyond it is a schedule faster than its work.
pub const WAITING_MAX: usize = 100;

/// A slot that is to start, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `catch_up: all` asked for this very slot: a newer one does not replace it.
    pub is_asked_for: bool,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It starts now.
    Start,
    /// It waits, with the reason in the ledger.
    Wait,
    /// It does not run.
    Skip(Skipped),
}

/// Why a candidate does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A batch was open.
    Overlap,
    /// A newer slot waits in its place.
    Superseded,
    /// Too many wait.
    QueueFull,
}

impl Skipped {
    /// Its word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Skipped::Overlap => "overlap",
            Skipped::Superseded => "superseded",
            Skipped::QueueFull => "queue_full",
        }
    }
}

/// One admission for each candidate, those that already wait among them.
pub fn admit(overlap: Overlap, is_running: bool, candidates: &[Candidate]) -> Vec<Admission> {
    if overlap == Overlap::Allow {
        return vec![Admission::Start; candidates.len()];
    }
    let starting = usize::from(!is_running && !candidates.is_empty());
    let behind = &candidates[starting..];
    let mut admissions = vec![Admission::Start; starting];
    match overlap {
        Overlap::Skip => admissions.extend(behind.iter().map(|_| SKIP)),
        Overlap::QueueOne | Overlap::CancelRunning => admissions.extend(newest_waits(behind)),
        _ => admissions.extend((0..behind.len()).map(waits)),
    }
    admissions
}

const SKIP: Admission = Admission::Skip(Skipped::Overlap);

fn newest_waits(behind: &[Candidate]) -> impl Iterator<Item = Admission> {
    let last = behind.len().saturating_sub(1);
    behind.iter().enumerate().map(move |(place, candidate)| {
        if place == last || candidate.is_asked_for {
            waits(place)
        } else {
            Admission::Skip(Skipped::Superseded)
        }
    })
}

fn waits(place: usize) -> Admission {
    if place < WAITING_MAX {
        Admission::Wait
    } else {
        Admission::Skip(Skipped::QueueFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGULAR: Candidate = Candidate {
        is_asked_for: false,
    };
    const ASKED_FOR: Candidate = Candidate { is_asked_for: true };

    #[test]
    fn skip_skips_while_a_batch_is_open() {
        assert_eq!(admit(Overlap::Skip, true, &[REGULAR]), [SKIP]);
        assert_eq!(admit(Overlap::Skip, false, &[REGULAR]), [Admission::Start]);
    }

    #[test]
    fn queue_one_lets_the_newest_wait_and_start_when_the_batch_is_over() {
        let superseded = Admission::Skip(Skipped::Superseded);
        let waiting = admit(Overlap::QueueOne, true, &[REGULAR; 3]);
        assert_eq!(waiting, [superseded, superseded, Admission::Wait]);
        let over = admit(Overlap::QueueOne, false, &[REGULAR]);
        assert_eq!(over, [Admission::Start]);
    }

    #[test]
    fn slots_that_catch_up_asked_for_are_not_replaced() {
        let admissions = admit(Overlap::QueueOne, false, &[ASKED_FOR; 3]);
        assert_eq!(
            admissions,
            [Admission::Start, Admission::Wait, Admission::Wait]
        );
    }

    #[test]
    fn queue_all_lets_a_hundred_wait() {
        let admissions = admit(Overlap::QueueAll, true, &[REGULAR; 101]);
        assert!(admissions[..100].iter().all(|one| *one == Admission::Wait));
        assert_eq!(admissions[100], Admission::Skip(Skipped::QueueFull));
    }

    #[test]
    fn allow_starts_every_one() {
        let admissions = admit(Overlap::Allow, true, &[REGULAR; 3]);
        assert_eq!(admissions, [Admission::Start; 3]);
    }
}
