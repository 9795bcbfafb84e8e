//! `monthly`: one day of the month, by its number, its weekday or its place among the business days.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

use super::open_days::{self, Calendar};
use super::rule::Window;
use super::slot::{Dropped, DroppedAt, Reason};

/// On one day of the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monthly {
    /// Which day.
    pub day: MonthlyDay,
    /// In these months only, 1 to 12; empty: all.
    pub months: Vec<u32>,
    /// Times of day.
    pub at: Vec<NaiveTime>,
    /// A day that the month lacks becomes its last one.
    pub clamp: bool,
}

/// Which day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthlyDay {
    /// By number, from 1.
    Day(u32),
    /// The last one.
    Last,
    /// The nth weekday; -1 is the last.
    Nth(i32, Weekday),
    /// The nth business day; negative ones count from the end.
    BusinessDay(i32),
}

impl Monthly {
    pub(super) fn walls(
        &self,
        window: Window,
        calendar: Option<&Calendar>,
        dropped: &mut Vec<Dropped>,
    ) -> Vec<NaiveDateTime> {
        let mut walls = Vec::new();
        for first in firsts(window).filter(|first| self.names(first.month())) {
            match self.hit(&days_of(first), calendar) {
                Some(date) => walls.extend(self.at.iter().map(|time| date.and_time(*time))),
                None => dropped.push(Dropped {
                    at: DroppedAt::Month(first),
                    reason: Reason::NoSuchDay,
                }),
            }
        }
        walls
    }

    fn names(&self, month: u32) -> bool {
        self.months.is_empty() || self.months.contains(&month)
    }

    fn hit(&self, days: &[NaiveDate], calendar: Option<&Calendar>) -> Option<NaiveDate> {
        match self.day {
            MonthlyDay::Last => days.last().copied(),
            MonthlyDay::Day(number) => days
                .get(number as usize - 1)
                .or_else(|| days.last().filter(|_| self.clamp))
                .copied(),
            MonthlyDay::Nth(nth, weekday) => {
                let matching = days.iter().filter(|day| day.weekday() == weekday);
                at(&matching.copied().collect::<Vec<_>>(), nth)
            }
            MonthlyDay::BusinessDay(nth) => {
                let open = |day: &&NaiveDate| open_days::is_open(calendar, **day);
                let open: Vec<_> = days.iter().filter(open).copied().collect();
                at(&open, nth).or_else(|| self.nearest(&open, nth))
            }
        }
    }

    fn nearest(&self, open: &[NaiveDate], nth: i32) -> Option<NaiveDate> {
        let edge = if nth > 0 { open.last() } else { open.first() };
        edge.filter(|_| self.clamp).copied()
    }
}

/// Element `nth` of `days`, counted from 1, or from the end when negative.
fn at(days: &[NaiveDate], nth: i32) -> Option<NaiveDate> {
    let place = nth.unsigned_abs() as usize;
    let index = if nth > 0 {
        place.checked_sub(1)?
    } else {
        days.len().checked_sub(place)?
    };
    days.get(index).copied()
}

fn firsts(window: Window) -> impl Iterator<Item = NaiveDate> {
    let first = window.from.date().with_day(1);
    std::iter::successors(first, |date| date.checked_add_months(Months::new(1)))
        .take_while(move |date| *date <= window.until.date())
}

fn days_of(first: NaiveDate) -> Vec<NaiveDate> {
    first
        .iter_days()
        .take_while(|day| day.month() == first.month())
        .collect()
}
