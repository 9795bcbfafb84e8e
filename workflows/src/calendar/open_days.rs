//! Open and closed dates. Holidays are data, never code.
//!
//! `open` beats `closed` beats the weekend; without a calendar the weekend is Saturday and Sunday. In a blackout
//! nothing starts, whatever the day.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc, Weekday};
use chrono_tz::Tz;

use super::daylight;
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
    /// Stretches of time in which nothing starts.
    pub blackout: Vec<Blackout>,
}

/// A stretch of time in which nothing starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blackout {
    /// The first instant of it.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// In people's words.
    pub reason: String,
}

impl Default for Calendar {
    fn default() -> Calendar {
        Calendar {
            weekend: vec![Weekday::Sat, Weekday::Sun],
            closed: BTreeMap::new(),
            open: BTreeMap::new(),
            blackout: Vec::new(),
        }
    }
}

impl Calendar {
    /// Is this date open?
    pub fn is_open(&self, date: NaiveDate) -> bool {
        self.open.contains_key(&date)
            || !(self.closed.contains_key(&date) || self.weekend.contains(&date.weekday()))
    }

    /// Why a closed date is closed: its name, or that it is a day of the weekend.
    pub fn name_of(&self, date: NaiveDate) -> &str {
        self.closed.get(&date).map_or("weekend", String::as_str)
    }

    /// The blackout that an instant lies in.
    pub fn blackout_at(&self, at: DateTime<Utc>) -> Option<&Blackout> {
        let mut blackouts = self.blackout.iter();
        blackouts.find(|blackout| blackout.from <= at && at < blackout.to)
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

/// Where the closed-day rule puts a nominal time; `fixed` is the instant of one that the wall clock has no say in.
pub(super) fn settle(
    rule: ClosedDay,
    calendar: Option<&Calendar>,
    (wall, fixed): (NaiveDateTime, Option<DateTime<Utc>>),
    zone: Tz,
) -> Result<NaiveDateTime, Reason> {
    let is_dark = |wall: NaiveDateTime| {
        calendar
            .filter(|calendar| !calendar.blackout.is_empty())
            .is_some_and(|calendar| {
                let at = fixed.unwrap_or_else(|| daylight::first(wall, zone));
                calendar.blackout_at(at).is_some()
            })
    };
    let (opens, dark) = (is_open(calendar, wall.date()), is_dark(wall));
    let step = match rule {
        ClosedDay::Run | ClosedDay::Skip if dark => return Err(Reason::Blackout),
        ClosedDay::Run => return Ok(wall),
        _ if opens && !dark => return Ok(wall),
        ClosedDay::Skip => return Err(Reason::Closed),
        ClosedDay::NextOpen => 1,
        ClosedDay::PreviousOpen => -1,
    };
    (1..=REACH_DAYS)
        .map(|days| wall + chrono::TimeDelta::days(step * days))
        .find(|moved| is_open(calendar, moved.date()) && !is_dark(*moved))
        .ok_or(Reason::NoOpenDay)
}
