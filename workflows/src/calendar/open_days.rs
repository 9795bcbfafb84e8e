//! Open and closed dates. Holidays are data, never code.
//!
//! `open` beats `closed` beats the weekend; without a calendar the weekend is Saturday and Sunday. A blackout moves and
//! leaves out no slot: what a slot starts is held until it is over.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc, Weekday};

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

    /// When what would start now may start, where it lies in a blackout: one may follow on another.
    pub fn dark_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut until = self.blackout_at(at)?.to;
        while let Some(next) = self.blackout_at(until) {
            until = next.to;
        }
        Some(until)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn dark(from: &str, to: &str) -> Blackout {
        Blackout {
            from: at(from),
            to: at(to),
            reason: "freeze".to_owned(),
        }
    }

    #[test]
    fn a_blackout_that_follows_on_another_is_waited_for_too() {
        let calendar = Calendar {
            blackout: vec![
                dark("2026-12-24T00:00:00Z", "2026-12-25T00:00:00Z"),
                dark("2026-12-23T00:00:00Z", "2026-12-24T00:00:00Z"),
            ],
            ..Calendar::default()
        };

        let until = calendar.dark_until(at("2026-12-23T08:00:00Z"));

        assert_eq!(until, Some(at("2026-12-25T00:00:00Z")));
        assert_eq!(calendar.dark_until(at("2026-12-25T00:00:00Z")), None);
    }
}
