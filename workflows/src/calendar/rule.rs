//! The rules that give nominal times, and what they have in common.
//!
//! All but `interval` speak of the wall clock; an interval speaks of instants, and its local times are
//! only how they look there.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::open_days::Calendar;
use super::schedule::{Except, Schedule};
use super::slot::{Dropped, DroppedAt, Reason};
use super::{Daily, Interval, Monthly, Pattern, Weekly};

/// What gives the nominal times of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Every day at the given times.
    Daily(Daily),
    /// On days of the week.
    Weekly(Weekly),
    /// On one day of the month.
    Monthly(Monthly),
    /// By elapsed time.
    Interval(Interval),
    /// A cron pattern, Unix or Quartz.
    Pattern(Box<Pattern>),
}

impl Rule {
    /// A pattern whose second, minute or hour repeats; its slots are beats, not appointments.
    pub fn is_below_a_day(&self) -> bool {
        matches!(self, Rule::Pattern(pattern) if pattern.is_below_a_day())
    }
}

impl Rule {
    /// A rule that names more than one time a day on and on: a pattern below a day, or an interval below one.
    pub fn is_beat(&self) -> bool {
        match self {
            Rule::Interval(rule) => rule.every < Duration::from_secs(86_400),
            rule => rule.is_below_a_day(),
        }
    }
}

/// One time that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nominal {
    pub wall: NaiveDateTime,
    /// Set by intervals: the wall clock has no say.
    pub instant: Option<DateTime<Utc>>,
}

impl From<NaiveDateTime> for Nominal {
    fn from(wall: NaiveDateTime) -> Nominal {
        Nominal {
            wall,
            instant: None,
        }
    }
}

/// A half-open stretch of the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub from: NaiveDateTime,
    pub until: NaiveDateTime,
}

impl Window {
    pub fn holds(&self, wall: NaiveDateTime) -> bool {
        self.from <= wall && wall < self.until
    }

    /// Every date that the window touches.
    pub fn dates(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last = self.until.date();
        self.from
            .date()
            .iter_days()
            .take_while(move |date| *date <= last)
    }
}

/// The nominal times of `schedule` in `window`, in order, each once.
pub(super) fn nominals(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    window: Window,
    dropped: &mut Vec<Dropped>,
) -> Vec<Nominal> {
    let walls = match &schedule.rule {
        Rule::Daily(rule) => rule.walls(window),
        Rule::Weekly(rule) => rule.walls(window, schedule),
        Rule::Monthly(rule) => rule.walls(window, calendar, dropped),
        Rule::Pattern(rule) => rule.walls(window),
        Rule::Interval(rule) => return rule.nominals(window, schedule),
    };
    let mut found: Vec<Nominal> = walls
        .into_iter()
        .filter(|wall| window.holds(*wall))
        .map(Nominal::from)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Takes out what `exclude` names.
pub(super) fn without_excluded(
    schedule: &Schedule,
    mut found: Vec<Nominal>,
    dropped: &mut Vec<Dropped>,
) -> Vec<Nominal> {
    if schedule.exclude.is_empty() {
        return found;
    }
    let (mut dates, mut times) = (HashSet::new(), HashSet::new());
    for except in &schedule.exclude {
        match except {
            Except::Date(date) => dates.insert(*date),
            Except::Time(time) => times.insert(*time),
        };
    }
    found.retain(|nominal| {
        let excluded = dates.contains(&nominal.wall.date()) || times.contains(&nominal.wall);
        if excluded {
            dropped.push(Dropped {
                at: DroppedAt::Time(nominal.wall),
                reason: Reason::Excluded,
            });
        }
        !excluded
    });
    found
}
