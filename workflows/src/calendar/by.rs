//! `by`: until when something is to have happened that a slot begins.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::daylight;

/// Until when, as people say it: a time of day, or so long after the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The first such time on the wall clock strictly after the slot.
    Time(NaiveTime),
    /// Elapsed time from the slot on.
    After(Duration),
}

impl By {
    /// The instant that is meant for a slot. A time that the clocks jump over is the first instant after it, of one that
    /// they pass twice the first pass.
    pub fn instant(self, slot: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        match self {
            By::After(span) => {
                let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
                slot.checked_add_signed(span)
                    .unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
            By::Time(time) => {
                let today = slot.with_timezone(&zone).date_naive();
                // Where a country leaves a day out, tomorrow's time may be the slot itself.
                (0..3)
                    .map(|days| daylight::first((today + Days::new(days)).and_time(time), zone))
                    .find(|at| *at > slot)
                    .unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
        }
    }
}

/// Until when what a slot begins is to have started and to have finished; later than that, people are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Until when its first job is let go.
    pub not_started_by: Option<By>,
    /// Until when its batch has ended.
    pub not_finished_by: Option<By>,
}
