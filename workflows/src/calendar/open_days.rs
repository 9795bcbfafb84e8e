//! Open and closed dates. Holidays are data, never code.
//!
//! `open` beats `closed` beats the weekend; without a calendar the weekend is Saturday and Sunday.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};

use super::schedule::ClosedDay;
use super::slot::Reason;

/// How far a nominal time may move to find an open day.
pub(super) const REACH_DAYS: i64 = 31;

/// How far ahead an open day must exist.
pub(super) const SEARCH_DAYS: usize = 400;

/// Which dates are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Days of the week that are closed.
    pub weekend: Vec<Weekday>,
    /// Closed dates, with their names.
    pub closed: BTreeMap<NaiveDate, String>,
    /// Dates that are open all the same, with their reasons.
    pub open: BTreeMap<NaiveDate, String>,
}

impl Default for Calendar {
    fn default() -> Calendar {
        Calendar {
            weekend: vec![Weekday::Sat, Weekday::Sun],
            closed: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }
}

impl Calendar {
    /// Is this date open?
    pub fn is_open(&self, date: NaiveDate) -> bool {
        self.open.contains_key(&date)
            || !(self.closed.contains_key(&date) || self.weekend.contains(&date.weekday()))
    }

    /// Is there an open day in the 400 days from `from` on?
    pub fn ever_opens(&self, from: NaiveDate) -> bool {
        from.iter_days()
            .take(SEARCH_DAYS)
            .any(|date| self.is_open(date))
    }
}

pub(super) fn is_open(calendar: Option<&Calendar>, date: NaiveDate) -> bool {
    match calendar {
        Some(calendar) => calendar.is_open(date),
        None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
    }
}

/// Where the closed-day rule puts a nominal time.
pub(super) fn settle(
    rule: ClosedDay,
    calendar: Option<&Calendar>,
    wall: NaiveDateTime,
) -> Result<NaiveDateTime, Reason> {
    let step = match rule {
        ClosedDay::Run => return Ok(wall),
        _ if is_open(calendar, wall.date()) => return Ok(wall),
        ClosedDay::Skip => return Err(Reason::Closed),
        ClosedDay::NextOpen => 1,
        ClosedDay::PreviousOpen => -1,
    };
    (1..=REACH_DAYS)
        .map(|days| wall + chrono::TimeDelta::days(step * days))
        .find(|moved| is_open(calendar, moved.date()))
        .ok_or(Reason::NoOpenDay)
}
