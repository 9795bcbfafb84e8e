//! `interval`: by elapsed time, so it drifts on the wall clock when the clocks change.
//!
//! It counts from `anchor`, else from `start`, else from 1970-01-01T00:00Z, never from the instant at
//! which it was published: applying twice must not move slots.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};

use super::daylight;
use super::rule::{Nominal, Window};
use super::schedule::Schedule;

/// By elapsed time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The distance; at least one second.
    pub every: Duration,
    /// An instant that is on the beat.
    pub anchor: Option<DateTime<Utc>>,
}

impl Interval {
    pub(super) fn nominals(&self, window: Window, schedule: &Schedule) -> Vec<Nominal> {
        let Some(every) = TimeDelta::from_std(self.every)
            .ok()
            .filter(|t| !t.is_zero())
        else {
            return Vec::new();
        };
        let anchor = self.counted_from(schedule);
        let from = daylight::first(window.from, schedule.zone);
        let until = daylight::first(window.until, schedule.zone);
        std::iter::successors(first_beat(anchor, every, from), |at| {
            at.checked_add_signed(every)
        })
        .take_while(|at| *at < until)
        .map(|at| Nominal {
            wall: at.with_timezone(&schedule.zone).naive_local(),
            instant: Some(at),
        })
        .collect()
    }

    /// The first beat at or after a local time.
    pub(super) fn first_from(
        &self,
        wall: NaiveDateTime,
        schedule: &Schedule,
    ) -> Option<NaiveDateTime> {
        let every = TimeDelta::from_std(self.every).ok()?;
        let from = daylight::first(wall, schedule.zone);
        let at = first_beat(self.counted_from(schedule), every, from)?;
        Some(at.with_timezone(&schedule.zone).naive_local())
    }

    /// How many beats lie in `from ≤ at < until`.
    pub(super) fn beats(
        &self,
        schedule: &Schedule,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> u64 {
        let step = i64::try_from(self.every.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let anchor = self.counted_from(schedule);
        let before = |at: DateTime<Utc>| {
            let past = (at - anchor).num_milliseconds();
            past.div_euclid(step) + i64::from(past.rem_euclid(step) != 0)
        };
        u64::try_from(before(until) - before(from)).unwrap_or_default()
    }

    fn counted_from(&self, schedule: &Schedule) -> DateTime<Utc> {
        self.anchor
            .or_else(|| schedule.starts_at())
            .unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// The first beat at or after `from`.
fn first_beat(
    anchor: DateTime<Utc>,
    every: TimeDelta,
    from: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let step = every.num_milliseconds().max(1);
    let past = (from - anchor).num_milliseconds();
    let beats = past.div_euclid(step) + i64::from(past.rem_euclid(step) != 0);
    let at = anchor
        .timestamp_millis()
        .checked_add(beats.checked_mul(step)?)?;
    Utc.timestamp_millis_opt(at).single()
}
