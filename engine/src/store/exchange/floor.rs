//! Where a claim begins in a lane whose head is dead.
//!
//! While anybody keeps an old snapshot open, the index entries of all that was claimed since stay where they
//! were, at the head of their lane, and a claim that began there would walk over every one of them. So a
//! claim that had far to walk leaves a floor, and the next ones of this connection begin there. Rows may come
//! to stand before it: urgent ones, those that a slow transaction made, what was given back. They are seen
//! when the floor has run out, which it does the sooner the less it saves, and within two seconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// A shorter walk, of some ten thousand dead entries, is not worth a floor.
const WALK_MIN: Duration = Duration::from_millis(2);
/// How long a floor holds: a walk again takes at most a twentieth of the time.
const HOLD_WALKS: u32 = 20;
/// And at least so long.
const HOLD_MIN: Duration = Duration::from_millis(250);
/// And at most so long, however far it was: what stands before it is found as soon as by polling.
const HOLD_MAX: Duration = Duration::from_secs(2);

/// The first extent that a claim found in a lane, or something before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) eff: DateTime<Utc>,
    pub(super) first_id: i64,
    /// From the beginning of the scan to the first extent.
    pub(super) walked: Duration,
}

/// The floors of one connection, by lane.
#[derive(Debug, Default)]
pub(super) struct Floors(HashMap<i32, Floor>);

#[derive(Debug)]
struct Floor {
    eff: DateTime<Utc>,
    first_id: i64,
    until: Instant,
}

impl Floors {
    /// What stands anywhere is to be seen.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A claim begins: floors that have run out are no more.
    pub(super) fn begin(&mut self, now: Instant) {
        self.0.retain(|_, floor| floor.until > now);
    }

    /// Where to begin in a lane, if not at its head.
    pub(super) fn of(&self, lane: i32) -> Option<(DateTime<Utc>, i64)> {
        self.0.get(&lane).map(|floor| (floor.eff, floor.first_id))
    }

    /// What the claim that began found first in a lane. A floor goes on with it, for as long as it was to hold.
    pub(super) fn found(&mut self, lane: i32, head: Head, now: Instant) {
        if let Some(floor) = self.0.get_mut(&lane) {
            (floor.eff, floor.first_id) = (head.eff, head.first_id);
        } else if head.walked >= WALK_MIN {
            let floor = Floor {
                eff: head.eff,
                first_id: head.first_id,
                until: now + (head.walked * HOLD_WALKS).clamp(HOLD_MIN, HOLD_MAX),
            };
            self.0.insert(lane, floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(first_id: i64, walked: Duration) -> Head {
        Head {
            eff: DateTime::UNIX_EPOCH,
            first_id,
            walked,
        }
    }

    #[test]
    fn a_short_walk_leaves_no_floor() {
        let mut floors = Floors::default();

        floors.found(1, head(7, WALK_MIN / 2), Instant::now());

        assert_eq!(floors.of(1), None);
    }

    #[test]
    fn a_floor_goes_on_with_the_work_and_runs_out_all_the_same() {
        let (mut floors, now) = (Floors::default(), Instant::now());
        let walked = Duration::from_millis(100);

        floors.found(1, head(7, walked), now);
        floors.begin(now + walked * 19);
        floors.found(1, head(9, Duration::ZERO), now + walked * 19);

        assert_eq!(floors.of(1), Some((DateTime::UNIX_EPOCH, 9)));
        assert_eq!(floors.of(2), None);
        floors.begin(now + walked * HOLD_WALKS);
        assert_eq!(floors.of(1), None);
    }

    #[test]
    fn however_far_the_walk_was_a_floor_runs_out() {
        let (mut floors, now) = (Floors::default(), Instant::now());

        floors.found(1, head(7, Duration::from_secs(9)), now);
        floors.begin(now + HOLD_MAX);

        assert_eq!(floors.of(1), None);
    }

    #[test]
    fn what_stands_before_a_floor_waits_for_a_quarter_of_a_second_at_least() {
        let (mut floors, now) = (Floors::default(), Instant::now());

        floors.found(1, head(7, WALK_MIN), now);
        floors.begin(now + HOLD_MIN - Duration::from_millis(1));

        assert!(floors.of(1).is_some());
        floors.begin(now + HOLD_MIN);
        assert!(floors.of(1).is_none());
    }
}
