//! Ten thousand patterns of chance, each read by two parsers of other people: as a Unix one by `croner`, as a Quartz one
//! by `cron`. What both can say must give the same times.

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use proptest::prelude::*;
use windlass_workflows::calendar::Pattern;

/// So many times of each are compared.
const TIMES: usize = 4;

/// A field: everything, or a list of numbers, ranges and steps.
fn field(low: u32, high: u32) -> BoxedStrategy<String> {
    let number = || low..=high;
    let ordered = move || (number(), number()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let part = prop_oneof![
        4 => number().prop_map(|number| number.to_string()),
        2 => ordered().prop_map(|(a, b)| format!("{a}-{b}")),
        1 => (ordered(), 2..=high / 2).prop_map(|((a, b), step)| format!("{a}-{b}/{step}")),
    ];
    let list = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(","));
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (2..=high / 2).prop_map(|step| format!("*/{step}")),
        4 => list,
    ]
    .boxed()
}

/// Days of the week as numbers from Sunday, 0, on.
fn weekdays() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(0u32..7, 1..5).prop_map(Vec::from_iter)
}

/// What days a pattern names.
#[derive(Clone, Debug)]
enum Days {
    All,
    OfMonth(String),
    OfWeek(Vec<u32>),
    /// Both at once.
    Both(String, Vec<u32>),
}

fn days() -> impl Strategy<Value = Days> {
    // Each month has these, so that no pattern is without a time.
    let of_month = || field(1, 28);
    prop_oneof![
        Just(Days::All),
        of_month().prop_map(Days::OfMonth),
        weekdays().prop_map(Days::OfWeek),
        (of_month(), weekdays()).prop_map(|(day, week)| Days::Both(day, week)),
    ]
}

/// A day of the month that must be a weekday as well comes in all months: some come once in ten years otherwise.
fn days_and_month() -> impl Strategy<Value = (Days, String)> {
    (days(), field(1, 12)).prop_map(|(days, month)| match days {
        Days::Both(..) => (days, "*".to_owned()),
        days => (days, month),
    })
}

fn numbers(days: &[u32], from: u32) -> String {
    let days = days.iter().map(|day| (day + from).to_string());
    days.collect::<Vec<_>>().join(",")
}

impl Days {
    /// Day of month and weekday as Unix writes them.
    fn unix(&self) -> (String, String) {
        let all = || "*".to_owned();
        match self {
            Days::All => (all(), all()),
            Days::OfMonth(day) => (day.clone(), all()),
            Days::OfWeek(week) => (all(), numbers(week, 0)),
            Days::Both(day, week) => (day.clone(), format!("+{}", numbers(week, 0))),
        }
    }

    /// The same as Quartz writes them: Sunday is 1.
    fn quartz(&self) -> (String, String) {
        let any = || "?".to_owned();
        match self {
            Days::All => ("*".to_owned(), any()),
            Days::OfMonth(day) => (day.clone(), any()),
            Days::OfWeek(week) => (any(), numbers(week, 1)),
            Days::Both(day, week) => (day.clone(), numbers(week, 1)),
        }
    }
}

fn times(pattern: &Pattern, from: NaiveDateTime) -> Vec<NaiveDateTime> {
    let first = pattern.first_from(from);
    let after = |wall: &NaiveDateTime| pattern.first_from(*wall + TimeDelta::seconds(1));
    std::iter::successors(first, after).take(TIMES).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_parsers_give_the_same_times(
        clock in (field(0, 59), field(0, 59), field(0, 23)),
        (days, month) in days_and_month(),
        seconds in 0i64..20 * 365 * 86_400,
    ) {
        let (second, minute, hour) = clock;
        let from = DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap().naive_utc();
        let (day, week) = days.unix();
        let unix = format!("{second} {minute} {hour} {day} {month} {week}");
        let (day, week) = days.quartz();
        let quartz = format!("{second} {minute} {hour} {day} {month} {week}");

        let unix_times = times(&Pattern::unix(&unix).unwrap(), from);
        let quartz_times = times(&Pattern::quartz(&quartz).unwrap(), from);

        prop_assert_eq!(unix_times.len(), TIMES, "{}", unix);
        prop_assert!(unix_times[0] >= from && unix_times.is_sorted(), "{unix}");
        prop_assert_eq!(unix_times, quartz_times, "{} against {}", unix, quartz);
    }
}
