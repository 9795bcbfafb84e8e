//! What an edit of a schedule does to its days: which of them lose a slot, and which gain one.
//!
//! Slots that are due stay when a schedule is edited, and none of the new rule lies before the edit. So a day may end without
//! its slot although either rule has one: the old one at nine, the new one at eight, the edit at half past eight.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::daylight;
use super::open_days::Calendar;
use super::schedule::Schedule;
use super::slot::{Slot, piecewise, slots};

/// So far an edit is looked at: every day of a year is met once.
const AHEAD: TimeDelta = TimeDelta::days(366);
/// Slots of one rule that are looked at: those of each hour in a year, of each minute in six days.
const SLOTS_MAX: usize = 10_000;
/// Days that are named; beyond them they are counted.
const DAYS_MAX: usize = 10;

/// A schedule with the calendar that it names.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a> {
    /// Its rule, and all that bends it.
    pub schedule: &'a Schedule,
    /// Which dates are closed.
    pub calendar: Option<&'a Calendar>,
}

/// How many slots a day had, and has.
struct Day {
    date: NaiveDate,
    was: usize,
    is: usize,
}

/// What an edit at an instant does to days, a line each: `- no slot on 21 November 2026`, `+ a slot on 24 November 2026`,
/// `- 1 slot in place of 2 on …`. Days whose slots are as many as before are not named. Nothing on a side stands for no
/// schedule; one that is off has no slots.
///
/// Dates are those of the new schedule's zone. Looks at a year and at 10,000 slots of each side, whichever ends first, and
/// of a day that is not seen to its end says nothing.
pub fn edit_said(
    before: Option<Timed<'_>>,
    after: Option<Timed<'_>>,
    at: DateTime<Utc>,
) -> Vec<String> {
    let Some(zone) = after.or(before).map(|timed| timed.schedule.zone) else {
        return Vec::new();
    };
    let date = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let midnight = daylight::first(date(at).and_time(NaiveTime::MIN), zone);
    let old = looked_at(before, midnight, at + AHEAD);
    let new = looked_at(after, at + TimeDelta::nanoseconds(1), at + AHEAD);
    let ends = [&old, &new]
        .into_iter()
        .filter_map(|found| cut(found, zone));
    let end = ends.fold(date(at + AHEAD), NaiveDate::min);
    let due = old.iter().take_while(|slot| slot.at <= at);
    let was = per_day(old.iter(), zone);
    let is = per_day(due.chain(&new), zone);
    let dates = was.keys().chain(is.keys()).copied();
    let dates: BTreeSet<NaiveDate> = dates.filter(|date| *date < end).collect();
    let of = |days: &BTreeMap<NaiveDate, usize>, date| days.get(date).copied().unwrap_or(0);
    let days = dates.iter().map(|date| Day {
        date: *date,
        was: of(&was, date),
        is: of(&is, date),
    });
    lines(
        &days.filter(|day| day.was != day.is).collect::<Vec<_>>(),
        end,
    )
}

fn looked_at(timed: Option<Timed<'_>>, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Slot> {
    let Some(timed) = timed.filter(|timed| timed.schedule.enabled) else {
        return Vec::new();
    };
    piecewise((from, until), SLOTS_MAX, |from, until| {
        slots(timed.schedule, timed.calendar, from, until)
    })
}

/// The day that is not seen to its end, where not all slots were looked at.
fn cut(found: &[Slot], zone: Tz) -> Option<NaiveDate> {
    let last = found.last().filter(|_| found.len() >= SLOTS_MAX)?;
    Some(last.at.with_timezone(&zone).date_naive())
}

fn per_day<'a>(slots: impl Iterator<Item = &'a Slot>, zone: Tz) -> BTreeMap<NaiveDate, usize> {
    let mut days = BTreeMap::new();
    for slot in slots {
        let date = slot.at.with_timezone(&zone).date_naive();
        *days.entry(date).or_default() += 1;
    }
    days
}

fn lines(days: &[Day], end: NaiveDate) -> Vec<String> {
    let mut lines: Vec<String> = days.iter().take(DAYS_MAX).map(line).collect();
    let further = days.get(DAYS_MAX..).unwrap_or_default();
    if !further.is_empty() {
        let fewer = further.iter().filter(|day| day.is < day.was).count();
        let end = end.pred_opt().unwrap_or(end).format("%-d %B %Y");
        let (all, more) = (further.len(), further.len() - fewer);
        lines.push(format!(
            "… {all} further days until {end}: {fewer} with fewer slots, {more} with more"
        ));
    }
    lines
}

fn line(day: &Day) -> String {
    let sign = if day.is < day.was { '-' } else { '+' };
    let date = day.date.format("%-d %B %Y");
    let slots = match (day.is, day.was) {
        (0, _) => "no slot".to_owned(),
        (1, 0) => "a slot".to_owned(),
        (1, _) => "1 slot".to_owned(),
        (many, _) => format!("{many} slots"),
    };
    match (day.is, day.was) {
        (0, _) | (_, 0) => format!("{sign} {slots} on {date}"),
        (_, was) => format!("{sign} {slots} in place of {was} on {date}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{ClosedDay, Daily, Except, Interval, Pattern, Rule, Weekly};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn daily(hour: u32) -> Schedule {
        let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        Schedule::new(Rule::Daily(Daily { at: vec![time] }))
    }

    fn said(before: Option<&Schedule>, after: Option<&Schedule>, now: &str) -> Vec<String> {
        let timed = |schedule| Timed {
            schedule,
            calendar: None,
        };
        edit_said(before.map(timed), after.map(timed), at(now))
    }

    #[test]
    fn a_day_between_the_old_time_and_the_new_one_has_no_slot() {
        let lines = said(Some(&daily(9)), Some(&daily(8)), "2026-11-21T08:30:00Z");

        assert_eq!(lines, ["- no slot on 21 November 2026"]);
    }

    #[test]
    fn a_day_whose_slot_is_due_gains_a_second_one() {
        let lines = said(Some(&daily(9)), Some(&daily(11)), "2026-11-21T10:00:00Z");

        assert_eq!(lines, ["+ 2 slots in place of 1 on 21 November 2026"]);
    }

    #[test]
    fn an_edit_that_moves_times_only_names_no_day() {
        assert!(said(Some(&daily(9)), Some(&daily(11)), "2026-11-21T08:00:00Z").is_empty());
        assert!(said(None, None, "2026-11-21T08:00:00Z").is_empty());
    }

    #[test]
    fn the_first_ten_days_are_named_and_the_others_counted() {
        use chrono::Weekday::{Mon, Tue};
        let weekly = |day| {
            let at = vec![NaiveTime::from_hms_opt(6, 0, 0).unwrap()];
            let days = vec![day];
            Schedule::new(Rule::Weekly(Weekly { days, at, every: 1 }))
        };

        let lines = said(
            Some(&weekly(Mon)),
            Some(&weekly(Tue)),
            "2026-11-21T08:00:00Z",
        );

        assert_eq!(lines[0], "- no slot on 23 November 2026");
        assert_eq!(lines[1], "+ a slot on 24 November 2026");
        let rest = "… 94 further days until 21 November 2027: 47 with fewer slots, 47 with more";
        assert_eq!(lines[10..], [rest]);
    }

    #[test]
    fn a_schedule_that_ends_or_is_off_loses_its_days() {
        let mut off = daily(9);
        off.enabled = false;
        for after in [None, Some(&off)] {
            let lines = said(Some(&daily(9)), after, "2026-11-21T10:00:00Z");

            assert_eq!(lines[0], "- no slot on 22 November 2026", "the 21st had it");
            assert_eq!(lines.len(), 11);
        }
        assert_eq!(
            said(Some(&off), Some(&daily(9)), "2026-11-21T10:00:00Z")[0],
            "+ a slot on 22 November 2026"
        );
    }

    #[test]
    fn an_excluded_day_a_zone_and_a_calendar_are_seen_as_well() {
        let excluded = |date: &str| {
            let mut schedule = daily(9);
            schedule.exclude = vec![Except::Date(date.parse().unwrap())];
            schedule
        };
        let lines = said(
            Some(&excluded("2027-01-02")),
            Some(&excluded("2027-01-01")),
            "2026-11-21T10:00:00Z",
        );
        assert_eq!(
            lines,
            ["- no slot on 1 January 2027", "+ a slot on 2 January 2027"]
        );

        // It is eleven in Auckland: nine is over there, and has not come in Greenwich.
        let mut far = daily(9);
        far.zone = Tz::Pacific__Auckland;
        let lines = said(Some(&daily(9)), Some(&far), "2026-11-20T22:00:00Z");
        assert_eq!(lines, ["- no slot on 21 November 2026"]);

        let mut skips = daily(9);
        skips.closed_day = ClosedDay::Skip;
        let christmas = Calendar {
            weekend: Vec::new(),
            closed: BTreeMap::from([("2026-12-25".parse().unwrap(), "Christmas".to_owned())]),
            ..Calendar::default()
        };
        let open = Calendar {
            weekend: Vec::new(),
            ..Calendar::default()
        };
        let timed = |calendar| {
            Some(Timed {
                schedule: &skips,
                calendar: Some(calendar),
            })
        };
        let now = at("2026-11-21T10:00:00Z");
        let lines = edit_said(timed(&open), timed(&christmas), now);
        assert_eq!(lines, ["- no slot on 25 December 2026"]);
    }

    #[test]
    fn a_rule_of_seconds_is_looked_at_in_bounds() {
        let every = |seconds| {
            let every = std::time::Duration::from_secs(seconds);
            Schedule::new(Rule::Interval(Interval {
                every,
                anchor: None,
            }))
        };
        let hourly = Pattern::unix("0 * * * *").unwrap();
        let hourly = Schedule::new(Rule::Pattern(Box::new(hourly)));

        assert!(said(Some(&every(1)), Some(&every(2)), "2026-11-21T10:00:00Z").is_empty());
        let lines = said(Some(&hourly), Some(&every(60)), "2026-11-21T23:30:00Z");
        assert_eq!(lines[0], "+ 53 slots in place of 24 on 21 November 2026");
        assert_eq!(lines[1], "+ 1440 slots in place of 24 on 22 November 2026");
        assert!(lines.len() < 10, "whole days only: {lines:?}");
    }
}
