//! How many slots lie in a range, without writing them out: a beat has as many on every plain day that it names.
//!
//! A day is plain where no clock changes near it and nothing is added to it or taken out by the minute. All others are
//! looked at one by one, so the figure is that of `slots`.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};

use super::open_days::{self, Calendar};
use super::rule::Rule;
use super::schedule::{ClosedDay, Except, Schedule};
use super::slot::slots;
use super::{daylight, search};

/// As far as a change of the clocks reaches into the days beside it.
const REACH: TimeDelta = TimeDelta::hours(3);
/// The piece in which a rule is looked at that names few times a day, and one of any rule.
const LONG_PIECE: TimeDelta = TimeDelta::days(366);
const SHORT_PIECE: TimeDelta = TimeDelta::days(1);

/// How many slots of a schedule lie in `from ≤ at < until`.
pub fn count(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> u64 {
    let from = schedule.starts_at().map_or(from, |start| start.max(from));
    let until = schedule.ends_at().map_or(until, |end| end.min(until));
    if !search::is_dense(schedule) {
        return pieces(schedule, calendar, from, until);
    }
    let beat = Beat {
        schedule,
        calendar,
        of_a_day: None,
    };
    beat.between(from, until)
}

/// Looks at all of them, a piece at a time.
fn pieces(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    mut from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> u64 {
    let piece = match schedule.rule.is_beat() {
        true => SHORT_PIECE,
        false => LONG_PIECE,
    };
    let mut found = 0;
    while from < until {
        let end = (from + piece).min(until);
        found += slots(schedule, calendar, from, end).len() as u64;
        from = end;
    }
    found
}

/// The days of a beat.
struct Beat<'a> {
    schedule: &'a Schedule,
    calendar: Option<&'a Calendar>,
    /// What a pattern names on each day that it names at all.
    of_a_day: Option<u64>,
}

impl Beat<'_> {
    fn between(mut self, from: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
        let (mut at, mut found) = (from, 0);
        while at < until {
            let date = at.with_timezone(&self.schedule.zone).date_naive();
            let begin = self.begins(date);
            // Where the clocks pass midnight twice, a day may seem to end before it.
            let end = self
                .begins(date + Days::new(1))
                .max(at + TimeDelta::seconds(1));
            let is_whole = begin == at && end <= until;
            let end = end.min(until);
            let plain = is_whole.then(|| self.plain(date, (at, end))).flatten();
            found +=
                plain.unwrap_or_else(|| slots(self.schedule, self.calendar, at, end).len() as u64);
            at = end;
        }
        found
    }

    fn begins(&self, date: NaiveDate) -> DateTime<Utc> {
        daylight::first(date.and_time(NaiveTime::MIN), self.schedule.zone)
    }

    /// How many slots a whole day has, if it is plain.
    fn plain(&mut self, date: NaiveDate, day: (DateTime<Utc>, DateTime<Utc>)) -> Option<u64> {
        let schedule = self.schedule;
        let by_the_minute =
            |except: &Except| matches!(except, Except::Time(at) if at.date() == date);
        if !self.is_even(day) || schedule.exclude.iter().any(by_the_minute) {
            return None;
        }
        let is_closed =
            schedule.closed_day == ClosedDay::Skip && !open_days::is_open(self.calendar, date);
        if is_closed || schedule.exclude.contains(&Except::Date(date)) {
            return Some(0);
        }
        match &schedule.rule {
            Rule::Interval(rule) => Some(rule.beats(schedule, day)),
            Rule::Pattern(pattern) => {
                let named = pattern.first_from(date.and_time(NaiveTime::MIN));
                if named.is_none_or(|wall| wall.date() != date) {
                    return Some(0);
                }
                let slots = || slots(schedule, self.calendar, day.0, day.1).len() as u64;
                Some(*self.of_a_day.get_or_insert_with(slots))
            }
            _ => None,
        }
    }

    /// Does the clock run evenly from a little before a day until a little after it?
    fn is_even(&self, (begin, end): (DateTime<Utc>, DateTime<Utc>)) -> bool {
        let zone = self.schedule.zone;
        let offset = |at: &DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        let around = [begin - REACH, end, end + REACH];
        end - begin == TimeDelta::days(1) && around.iter().all(|at| offset(at) == offset(&begin))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::calendar::{Interval, Pattern};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(text: &str, zone: &str) -> Schedule {
        let mut schedule = Schedule::new(Rule::Pattern(Box::new(Pattern::unix(text).unwrap())));
        schedule.zone = zone.parse().unwrap();
        schedule
    }

    fn every(every: u64, zone: &str) -> Schedule {
        let mut schedule = Schedule::new(Rule::Interval(Interval {
            every: Duration::from_secs(every),
            anchor: Some(at("2025-01-01T00:00:07.5Z")),
        }));
        schedule.zone = zone.parse().unwrap();
        schedule
    }

    #[test]
    fn the_figure_is_that_of_the_slots_one_by_one() {
        let (from, until) = (at("2025-02-11T03:21:00Z"), at("2026-05-02T17:00:03Z"));
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let calendar = Calendar {
            closed: [(day("2025-12-24"), String::new())].into(),
            ..Calendar::default()
        };
        for zone in [
            "UTC",
            "Europe/Berlin",
            "America/Havana",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "Asia/Beirut",
        ] {
            for mut schedule in [
                cron("*/20 * * * *", zone),
                cron("30 */6 * * 1-5", zone),
                cron("*/30 2 29 2 *", zone),
                cron("0 0-3 1,15 * *", zone),
                every(1_300, zone),
                every(90_000, zone),
            ] {
                for closed_day in [ClosedDay::Run, ClosedDay::Skip] {
                    schedule.closed_day = closed_day;
                    schedule.exclude = vec![
                        Except::Date(day("2025-07-01")),
                        Except::Time(day("2025-08-01").and_hms_opt(2, 0, 0).unwrap()),
                    ];
                    let found = count(&schedule, Some(&calendar), (from, until));
                    let meant = slots(&schedule, Some(&calendar), from, until).len() as u64;
                    assert_eq!(found, meant, "{schedule:?}");
                }
            }
        }
    }

    #[test]
    fn ten_years_of_seconds_are_counted_by_the_day() {
        let ten_years = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));

        let found = count(&cron("* * * * * *", "UTC"), None, ten_years);

        assert_eq!(found, 3_652 * 86_400);
        assert_eq!(count(&every(1, "Europe/Berlin"), None, ten_years), found);
    }

    #[test]
    fn what_lies_outside_of_its_bounds_does_not_count() {
        let mut schedule = every(60, "UTC");
        schedule.start = Some(super::super::Bound::Instant(at("2026-01-02T00:00:00Z")));
        schedule.end = Some(super::super::Bound::Instant(at("2026-01-03T00:00:00Z")));

        let found = count(
            &schedule,
            None,
            (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")),
        );

        assert_eq!(found, 1_440);
    }
}
