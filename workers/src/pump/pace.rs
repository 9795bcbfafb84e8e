//! How many jobs a pump holds: enough for 50 ms of its present speed, no more.

use std::time::{Duration, Instant};

/// Fewest jobs a pump holds.
const HOLD_MIN: usize = 8;
/// Most jobs a pump holds; also the largest claim.
pub(crate) const HOLD_MAX: usize = 1_000;
/// Jobs in hand should last this long.
const HORIZON_SECONDS: f64 = 0.05;
/// A lease of slow jobs is settled one by one, and each settlement rewrites it: keep it small.
const CLAIM_MAX_WHEN_SLOW: usize = 64;
/// Service time from which jobs count as slow: longer than a few flushes take, for which the steps of a
/// fast job wait. A shorter one has its neighbours end with it.
const SLOW: Duration = Duration::from_millis(100);
/// Weight of the newest sample.
const NEWEST: f64 = 0.2;

/// A pump's present speed.
#[derive(Debug)]
pub(crate) struct Pace {
    ends_per_second: f64,
    service_seconds: f64,
    since: Instant,
    ends: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ends_per_second: 0.0,
            service_seconds: 0.0,
            since: Instant::now(),
            ends: 0,
        }
    }
}

impl Pace {
    /// So many jobs ended, having been held for so long in the mean.
    pub(crate) fn ended(&mut self, count: usize, held: Duration) {
        self.ends += count;
        self.service_seconds += NEWEST * (held.as_secs_f64() - self.service_seconds);
        let elapsed = self.since.elapsed();
        if elapsed < Duration::from_millis(20) {
            return;
        }
        let rate = self.ends as f64 / elapsed.as_secs_f64();
        self.ends_per_second += NEWEST * (rate - self.ends_per_second);
        self.ends = 0;
        self.since = Instant::now();
    }

    /// How many jobs are to be in hand.
    pub(crate) fn hold(&self, permits: usize) -> usize {
        let lasting = (self.ends_per_second * HORIZON_SECONDS) as usize;
        (permits + lasting).clamp(HOLD_MIN, HOLD_MAX)
    }

    /// How many more to claim, given how many are held and may run at once; 0 for none yet.
    pub(crate) fn want(&self, held: usize, permits: usize) -> usize {
        let hold = self.hold(permits);
        if held > hold / 2 {
            return 0;
        }
        let most = if self.service_seconds > SLOW.as_secs_f64() {
            CLAIM_MAX_WHEN_SLOW
        } else {
            HOLD_MAX
        };
        (hold - held).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pump_wants_nothing() {
        assert_eq!(Pace::default().want(1_000, 64), 0);
    }

    #[test]
    fn slow_jobs_are_claimed_few_at_a_time() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            pace.ended(1, Duration::from_millis(200));
        }

        assert_eq!(pace.want(0, 500), CLAIM_MAX_WHEN_SLOW);
    }

    #[test]
    fn an_idle_pump_fills_its_permits() {
        assert_eq!(Pace::default().want(0, 64), 64);
        assert_eq!(Pace::default().want(0, 1), HOLD_MIN);
    }
}
