//! When the next try may begin (ruling 21): growth, cap, jitter and limits, from values only.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::document::step::Backoff;

/// No delay is longer than a year: a doubled delay would overflow the calendar.
pub const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// No instant lies later: RFC 3339, in which the journal keeps instants, ends with the year 9999.
pub const TIME_MAX: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(end) => end,
    None => DateTime::<Utc>::UNIX_EPOCH,
};

/// What bounds the retries of one `try`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Retries after the first try.
    pub count: Option<u32>,
    /// Counted from the first try; a retry that would begin later is not made.
    pub duration: Option<Duration>,
}

/// The wait before retry `number`, counted from 1, without jitter.
pub fn delay(base: Duration, backoff: Backoff, number: u32) -> Duration {
    // Nothing stays nothing however it grows; a factor that overflowed would make it no number.
    if base.is_zero() {
        return base;
    }
    let grown = match backoff {
        Backoff::Constant => base,
        Backoff::Linear => base.saturating_mul(number),
        Backoff::Exponential { factor, max } => {
            let seconds = base.as_secs_f64() * factor.powf(f64::from(number.saturating_sub(1)));
            let grown = Duration::try_from_secs_f64(seconds).unwrap_or(DELAY_MAX);
            max.map_or(grown, |max| grown.min(max))
        }
    };
    grown.min(DELAY_MAX)
}

/// A uniform draw from the range that is the same for the same try of the same job.
pub fn jitter(
    range: (Duration, Duration),
    nonce: i64,
    path: &str,
    visit: u32,
    attempt: u32,
) -> Duration {
    let (from, to) = range;
    let width = to.saturating_sub(from).min(DELAY_MAX);
    let mut hash = Sha256::new();
    hash.update(nonce.to_be_bytes());
    hash.update(visit.to_be_bytes());
    hash.update(attempt.to_be_bytes());
    hash.update(path.as_bytes());
    let digest = hash.finalize();
    let draw = digest
        .iter()
        .take(8)
        .fold(0_u64, |draw, byte| draw << 8 | u64::from(*byte));
    let share = (u128::from(draw) * width.as_nanos()) >> 64;
    from.min(DELAY_MAX) + Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
}

/// When retry `number` may begin, or nothing if the limits forbid it.
pub fn begins(
    limits: Limits,
    number: u32,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
    wait: Duration,
) -> Option<DateTime<Utc>> {
    if limits.count.is_some_and(|count| number > count) {
        return None;
    }
    let at = later(now, wait);
    match limits.duration {
        Some(duration) if at > later(first, duration) => None,
        _ => Some(at),
    }
}

/// An instant moved forward; [`TIME_MAX`] if it lies beyond.
pub fn later(at: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| at.checked_add_signed(wait))
        .map_or(TIME_MAX, |later| later.min(TIME_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_delay_stays_none_however_often_it_doubles() {
        let backoff = Backoff::Exponential {
            factor: 2.0,
            max: None,
        };

        assert_eq!(delay(Duration::ZERO, backoff, 5_000), Duration::ZERO);
        assert_eq!(delay(Duration::from_secs(1), backoff, 5_000), DELAY_MAX);
    }

    #[test]
    fn an_instant_never_passes_what_the_journal_can_write() {
        let end = later(DateTime::<Utc>::UNIX_EPOCH, Duration::MAX);

        assert_eq!(end, TIME_MAX);
        assert_eq!(end.to_rfc3339(), "9999-12-31T23:59:59+00:00");
    }
}
