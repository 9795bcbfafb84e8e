//! `weekly`: on days of the week, every week or every nth.
//!
//! Weeks begin on Monday and are counted from the week of `start`, else from that of 1970-01-05, so
//! applying a document again never moves a slot.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

use super::rule::Window;
use super::schedule::Schedule;

/// The first Monday of the time line.
const FIRST_MONDAY: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 5).expect("a date of 1970");

/// On days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// Days of the week.
    pub days: Vec<Weekday>,
    /// Times of day.
    pub at: Vec<NaiveTime>,
    /// Every how many weeks.
    pub every: u32,
}

impl Weekly {
    pub(super) fn walls(&self, window: Window, schedule: &Schedule) -> Vec<NaiveDateTime> {
        let reference = schedule
            .start
            .map_or(FIRST_MONDAY, |bound| bound.date(schedule.zone));
        window
            .dates()
            .filter(|date| self.days.contains(&date.weekday()))
            .filter(|date| self.counts(*date, reference))
            .flat_map(|date| self.at.iter().map(move |time| date.and_time(*time)))
            .collect()
    }

    fn counts(&self, date: NaiveDate, reference: NaiveDate) -> bool {
        let weeks = (monday(date) - monday(reference)).num_weeks();
        weeks.rem_euclid(i64::from(self.every.max(1))) == 0
    }
}

fn monday(date: NaiveDate) -> NaiveDate {
    date - Days::new(u64::from(date.weekday().num_days_from_monday()))
}
