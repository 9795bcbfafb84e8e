//! Bounded search for slots: the next, the previous, and whether a schedule ever fires.
//!
//! A window grows until enough slots are found or the horizon is reached, so that dense patterns stay
//! cheap and rules that never match end.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::open_days::{self, Calendar, SEARCH_DAYS};
use super::rule::Rule;
use super::schedule::{ClosedDay, Except, Schedule};
use super::slot::{Slot, slots, slots_of_rule, window};
use super::{MonthlyDay, daylight};

/// A schedule without a slot in 30 years never fires.
const HORIZON: TimeDelta = TimeDelta::days(30 * 366);

/// The first window; a pattern of seconds gives 3,600 slots in it.
const FIRST_WINDOW: TimeDelta = TimeDelta::hours(1);

/// Each window is this many times as wide as the one before.
const GROWTH: i32 = 4;

/// The window for dense patterns when going back; a pattern of seconds gives 86,400 slots in it.
const DENSE_WINDOW: TimeDelta = TimeDelta::days(1);

/// How many slots the spread is compared with.
const SPREAD_SLOTS: usize = 1_000;

/// Why a schedule is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleProblem {
    /// Stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The next `count` slots strictly after an instant, or fewer if 30 years or `end` come first.
pub fn next(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    after: DateTime<Utc>,
    count: usize,
) -> Vec<Slot> {
    let after = after + TimeDelta::nanoseconds(1);
    let mut from = schedule.starts_at().map_or(after, |start| start.max(after));
    let horizon = from + HORIZON;
    let last = schedule.ends_at().map_or(horizon, |end| end.min(horizon));
    let (mut found, mut width) = (Vec::new(), FIRST_WINDOW);
    while found.len() < count && from < last {
        let nearer = skip_silence(schedule, calendar, from, last);
        if nearer > from {
            (from, width) = (nearer, FIRST_WINDOW);
            continue;
        }
        let until = (from + width).min(last);
        found.extend(slots(schedule, calendar, from, until));
        (from, width) = (until, width * GROWTH);
    }
    found.truncate(count);
    found
}

/// The last `count` slots strictly before an instant, newest first, or fewer if 30 years or `start`
/// come first. By the rule, not by the ledger, so that a backfill sees what a punctual run saw.
pub fn previous(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    before: DateTime<Utc>,
    count: usize,
) -> Vec<Slot> {
    let until = schedule.ends_at().map_or(before, |end| end.min(before));
    let first = schedule.starts_at().unwrap_or(DateTime::<Utc>::MIN_UTC);
    back(schedule, calendar, (first, until), count)
}

/// The last `count` slots of its rule with `first ≤ at < until`, newest first, before its `start` and after its `end` too;
/// or fewer if 30 years come first.
pub(super) fn back(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    (first, mut until): (DateTime<Utc>, DateTime<Utc>),
    count: usize,
) -> Vec<Slot> {
    let first = first.max(until - HORIZON);
    let (mut found, mut width) = (Vec::new(), FIRST_WINDOW);
    while found.len() < count && first < until {
        let from = (until - width).max(first);
        if !is_silent(schedule, calendar, from, until) {
            let slots = slots_of_rule(schedule, calendar, (from, until), usize::MAX);
            found.extend(slots.into_iter().rev());
        }
        until = from;
        width = if is_dense(schedule) {
            DENSE_WINDOW
        } else {
            width * GROWTH
        };
    }
    found.truncate(count);
    found
}

/// May a wide window of this schedule hold millions of times? Those of a moved or an included time are
/// left alone: their place has nothing to do with the pattern's silence.
pub(super) fn is_dense(schedule: &Schedule) -> bool {
    let stays = matches!(schedule.closed_day, ClosedDay::Run | ClosedDay::Skip);
    schedule.rule.is_beat() && stays && schedule.include.is_empty()
}

/// The first nominal time of a dense rule at or after a local time.
fn first_from(schedule: &Schedule, wall: NaiveDateTime) -> Option<NaiveDateTime> {
    match &schedule.rule {
        Rule::Pattern(pattern) => pattern.first_from(wall),
        Rule::Interval(rule) => rule.first_from(wall, schedule),
        _ => None,
    }
}

/// Goes over the time in which a dense pattern names nothing, or only what is excluded or closed: a wide
/// window would end in the middle of millions of times.
fn skip_silence(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    from: DateTime<Utc>,
    last: DateTime<Utc>,
) -> DateTime<Utc> {
    if !is_dense(schedule) {
        return from;
    }
    let mut wall = window(schedule, from, from).from;
    for _ in 0..=schedule.exclude.len() + SEARCH_DAYS {
        let Some(first) = first_from(schedule, wall) else {
            return last;
        };
        let at = daylight::first(first, schedule.zone);
        if !is_left_out(schedule, calendar, first.date()) {
            return from.max(at).min(last);
        }
        wall = (first.date() + Days::new(1)).and_time(NaiveTime::MIN);
    }
    from.max(daylight::first(wall, schedule.zone)).min(last)
}

/// Is every date that such a window touches left out?
fn is_silent(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> bool {
    is_dense(schedule)
        && window(schedule, from, until)
            .dates()
            .all(|date| is_left_out(schedule, calendar, date))
}

/// Is a date excluded, or closed where closed dates are skipped?
fn is_left_out(schedule: &Schedule, calendar: Option<&Calendar>, date: NaiveDate) -> bool {
    let is_skipped = schedule.closed_day == ClosedDay::Skip;
    is_excluded(schedule, date) || (is_skipped && !open_days::is_open(calendar, date))
}

fn is_excluded(schedule: &Schedule, date: NaiveDate) -> bool {
    schedule.exclude.contains(&Except::Date(date))
}

/// Everything that is wrong with a schedule as seen from `now`; an ended one is past, not wrong.
pub fn check(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    now: DateTime<Utc>,
) -> Vec<ScheduleProblem> {
    if schedule.ends_at().is_some_and(|end| end <= now) {
        return Vec::new();
    }
    let today = now.with_timezone(&schedule.zone).date_naive();
    if calendar.is_some_and(|calendar| asks_calendar(schedule) && !calendar.ever_opens(today)) {
        return vec![ScheduleProblem {
            code: "calendar_never_open",
            message: "the calendar has no open day in the next 400 days".to_owned(),
            hint: Some("correct its weekend and closed dates".to_owned()),
        }];
    }
    let found = next(schedule, calendar, now, SPREAD_SLOTS);
    if found.is_empty() {
        return vec![ScheduleProblem {
            code: "schedule_never_fires",
            message: "the schedule has no slot in the next 30 years".to_owned(),
            hint: Some("check day against month, and `start` against `end`".to_owned()),
        }];
    }
    too_wide(schedule, &found).into_iter().collect()
}

fn asks_calendar(schedule: &Schedule) -> bool {
    let counts_business_days = matches!(&schedule.rule,
        Rule::Monthly(rule) if matches!(rule.day, MonthlyDay::BusinessDay(_)));
    counts_business_days || schedule.closed_day != ClosedDay::Run
}

/// A spread as wide as the distance of two slots would let them change places.
fn too_wide(schedule: &Schedule, found: &[Slot]) -> Option<ScheduleProblem> {
    let spread = TimeDelta::from_std(schedule.spread).ok()?;
    let distances = found.windows(2).map(|pair| pair[1].at - pair[0].at);
    let smallest = distances.min().filter(|smallest| spread >= *smallest)?;
    Some(ScheduleProblem {
        code: "spread_too_wide",
        message: format!(
            "the spread of {} s must be below the smallest distance of two slots, {} s",
            spread.num_seconds(),
            smallest.num_seconds()
        ),
        hint: Some("choose a shorter spread".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::calendar::{Blackout, Bound, Daily, Interval, Pattern, slot_said};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(text: &str) -> Schedule {
        Schedule::new(Rule::Pattern(Box::new(Pattern::unix(text).unwrap())))
    }

    fn daily() -> Schedule {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        Schedule::new(Rule::Daily(Daily { at: vec![nine] }))
    }

    #[test]
    fn next_is_strictly_after_and_previous_strictly_before() {
        let nine = at("2026-11-21T09:00:00Z");

        let next = next(&daily(), None, nine, 2);
        let previous = previous(&daily(), None, nine, 2);

        assert_eq!(next[0].at, at("2026-11-22T09:00:00Z"));
        assert_eq!(next[1].at, at("2026-11-23T09:00:00Z"));
        assert_eq!(previous[0].at, at("2026-11-20T09:00:00Z"));
        assert_eq!(previous[1].at, at("2026-11-19T09:00:00Z"));
    }

    #[test]
    fn nothing_lies_before_start_or_after_end() {
        let mut schedule = daily();
        schedule.start = Some(Bound::Instant(at("2026-11-21T00:00:00Z")));
        schedule.end = Some(Bound::Instant(at("2026-11-23T00:00:00Z")));

        let next = next(&schedule, None, at("2020-01-01T00:00:00Z"), 10);
        let previous = previous(&schedule, None, at("2030-01-01T00:00:00Z"), 10);

        assert_eq!(next.len(), 2);
        assert_eq!(previous.len(), 2);
        assert_eq!(next[0], previous[1]);
    }

    #[test]
    fn rare_and_dense_patterns_are_both_found() {
        let now = at("2026-11-21T00:00:00Z");

        let leap_day = next(&cron("0 0 29 2 *"), None, now, 2);
        let seconds = next(&cron("* * * * * *"), None, now, 3);

        assert_eq!(leap_day[1].at, at("2032-02-29T00:00:00Z"));
        assert_eq!(seconds[2].at, at("2026-11-21T00:00:03Z"));
    }

    #[test]
    fn a_year_of_excluded_seconds_is_skipped_in_both_directions() {
        let every = Duration::from_secs(1);
        let interval = Rule::Interval(Interval {
            every,
            anchor: None,
        });
        for mut schedule in [cron("* * * * * *"), Schedule::new(interval)] {
            let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
            let dates = day.iter_days().take(365).map(Except::Date);
            schedule.exclude = dates.collect();

            let next = next(&schedule, None, at("2026-01-01T00:00:00Z"), 2);
            let previous = previous(&schedule, None, at("2027-01-01T00:00:00Z"), 1);

            assert_eq!(next[0].at, at("2027-01-01T00:00:00Z"));
            assert_eq!(next[1].at, at("2027-01-01T00:00:01Z"));
            assert_eq!(previous[0].at, at("2025-12-31T23:59:59Z"));
        }
    }

    #[test]
    fn a_year_that_a_calendar_leaves_out_is_skipped_in_both_directions() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let closed = day.iter_days().take(365).map(|day| (day, String::new()));
        let closed = Calendar {
            weekend: Vec::new(),
            closed: closed.collect(),
            ..Calendar::default()
        };
        let mut schedule = cron("* * * * * *");
        schedule.closed_day = ClosedDay::Skip;
        let calendar = Some(&closed);

        let next = next(&schedule, calendar, at("2026-01-01T00:00:00Z"), 2);
        let previous = previous(&schedule, calendar, at("2027-01-01T00:00:00Z"), 1);

        assert_eq!(next[0].at, at("2027-01-01T00:00:00Z"));
        assert_eq!(next[1].at, at("2027-01-01T00:00:01Z"));
        assert_eq!(previous[0].at, at("2025-12-31T23:59:59Z"));
    }

    #[test]
    fn slots_fire_in_a_blackout_and_none_is_moved() {
        let calendar = Calendar {
            weekend: Vec::new(),
            blackout: vec![Blackout {
                from: at("2026-11-21T08:00:00Z"),
                to: at("2026-11-23T09:00:00Z"),
                reason: "freeze".to_owned(),
            }],
            ..Calendar::default()
        };
        let of = |rule: ClosedDay| {
            let mut schedule = daily();
            schedule.closed_day = rule;
            let next = next(&schedule, Some(&calendar), at("2026-11-20T00:00:00Z"), 2);
            let said = slot_said(&schedule, Some(&calendar), &next[1]);
            (next[1].at, said.unwrap_or_default())
        };
        let inside = at("2026-11-21T09:00:00Z");
        for rule in [ClosedDay::Run, ClosedDay::Skip, ClosedDay::NextOpen] {
            assert_eq!(of(rule), (inside, String::new()));
        }
    }

    #[test]
    fn a_schedule_that_never_fires_is_refused() {
        let problems = check(&cron("0 0 31 2 *"), None, at("2026-11-21T00:00:00Z"));
        assert_eq!(problems[0].code, "schedule_never_fires");
    }

    #[test]
    fn a_schedule_that_has_ended_is_not_refused() {
        let mut schedule = daily();
        schedule.end = Some(Bound::Instant(at("2026-11-01T00:00:00Z")));
        assert!(check(&schedule, None, at("2026-11-21T00:00:00Z")).is_empty());
    }

    #[test]
    fn a_calendar_that_never_opens_is_refused_when_it_is_asked() {
        use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let calendar = Calendar {
            weekend: vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun],
            ..Calendar::default()
        };
        let now = at("2026-11-21T00:00:00Z");
        let mut schedule = daily();
        assert!(check(&schedule, Some(&calendar), now).is_empty());

        schedule.closed_day = ClosedDay::NextOpen;
        let problems = check(&schedule, Some(&calendar), now);

        assert_eq!(problems[0].code, "calendar_never_open");
    }

    #[test]
    fn a_spread_stays_below_the_distance_of_slots() {
        let mut schedule = cron("0 * * * *");
        schedule.spread = Duration::from_secs(3_599);
        assert!(check(&schedule, None, at("2026-11-21T00:00:00Z")).is_empty());

        schedule.spread = Duration::from_secs(3_600);
        let problems = check(&schedule, None, at("2026-11-21T00:00:00Z"));

        assert_eq!(problems[0].code, "spread_too_wide");
    }
}
