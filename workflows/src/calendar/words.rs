//! A schedule in words, such as "every Monday at 06:00 America/New_York".

use std::time::Duration;

use chrono::{NaiveTime, Timelike, Weekday};

use super::schedule::Schedule;
use super::{Interval, Monthly, MonthlyDay, Pattern, Rule, Weekly};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The rule and its zone in words.
pub fn words(schedule: &Schedule) -> String {
    let zone = schedule.zone.name();
    match &schedule.rule {
        Rule::Daily(rule) => format!("every day at {} {zone}", times(&rule.at)),
        Rule::Weekly(rule) => format!("{} at {} {zone}", weekly(rule), times(&rule.at)),
        Rule::Monthly(rule) => format!("{} at {} {zone}", monthly(rule), times(&rule.at)),
        Rule::Interval(rule) => interval(rule),
        Rule::Pattern(rule) => format!("{} {zone}", pattern(rule)),
    }
}

fn weekly(rule: &Weekly) -> String {
    let mut days = rule.days.clone();
    days.sort_by_key(Weekday::num_days_from_monday);
    let days = listed(&days.into_iter().map(weekday).collect::<Vec<_>>());
    match rule.every {
        0 | 1 => format!("every {days}"),
        2 => format!("every second week on {days}"),
        weeks => format!("every {weeks} weeks on {days}"),
    }
}

fn monthly(rule: &Monthly) -> String {
    let day = match rule.day {
        MonthlyDay::Last => "the last day".to_owned(),
        MonthlyDay::Day(day) => format!("day {day}"),
        MonthlyDay::Nth(nth, day) => format!("the {}", [place(nth), weekday(day).into()].join(" ")),
        MonthlyDay::BusinessDay(nth) => format!("the {} business day", place(nth)),
    };
    let names = rule
        .months
        .iter()
        .filter_map(|month| MONTHS.get(*month as usize - 1));
    let months = listed(&names.copied().collect::<Vec<_>>());
    let months = if months.is_empty() {
        "every month"
    } else {
        &months
    };
    format!("on {day} of {months}")
}

fn place(nth: i32) -> String {
    match nth {
        -1 => "last".to_owned(),
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        nth if nth < 0 => format!("{} last", ordinal(nth.unsigned_abs())),
        nth => ordinal(nth.unsigned_abs()),
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn interval(rule: &Interval) -> String {
    format!("every {}", length(rule.every))
}

fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size))
        .unwrap_or((1, "second"));
    match seconds / size {
        1 => unit.to_owned(),
        count => format!("{count} {unit}s"),
    }
}

/// The pattern itself: a description of it that is wrong in one case is worse than none.
fn pattern(rule: &Pattern) -> String {
    let dialect = if rule.is_quartz() { "quartz" } else { "cron" };
    format!("{dialect} `{}`", rule.text())
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

fn times(times: &[NaiveTime]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    listed(&times.into_iter().map(time).collect::<Vec<_>>())
}

fn time(time: NaiveTime) -> String {
    let form = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.format(form).to_string()
}

/// "a", "a and b", "a, b and c".
fn listed<T: AsRef<str>>(parts: &[T]) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Daily;

    fn at(hours: &[u32]) -> Vec<NaiveTime> {
        let time = |hour: &u32| NaiveTime::from_hms_opt(*hour, 0, 0).unwrap();
        hours.iter().map(time).collect()
    }

    fn in_new_york(rule: Rule) -> String {
        let mut schedule = Schedule::new(rule);
        schedule.zone = chrono_tz::America::New_York;
        words(&schedule)
    }

    #[test]
    fn days_and_times_are_listed_in_order() {
        let weekly = Weekly {
            days: vec![Weekday::Thu, Weekday::Mon],
            at: at(&[18, 6]),
            every: 1,
        };
        assert_eq!(
            in_new_york(Rule::Weekly(weekly)),
            "every Monday and Thursday at 06:00 and 18:00 America/New_York"
        );
        let daily = Rule::Daily(Daily { at: at(&[6]) });
        assert_eq!(words(&Schedule::new(daily)), "every day at 06:00 UTC");
    }

    #[test]
    fn months_tell_their_day() {
        let told = |day, months| {
            in_new_york(Rule::Monthly(Monthly {
                day,
                months,
                at: at(&[7]),
                clamp: true,
            }))
        };
        assert_eq!(
            told(MonthlyDay::BusinessDay(-2), vec![]),
            "on the 2nd last business day of every month at 07:00 America/New_York"
        );
        assert_eq!(
            told(MonthlyDay::Nth(-1, Weekday::Fri), vec![2, 12]),
            "on the last Friday of February and December at 07:00 America/New_York"
        );
    }

    #[test]
    fn intervals_use_the_largest_whole_unit() {
        let told = |seconds| {
            words(&Schedule::new(Rule::Interval(Interval {
                every: Duration::from_secs(seconds),
                anchor: None,
            })))
        };
        assert_eq!(told(86_400), "every day");
        assert_eq!(told(129_600), "every 36 hours");
        assert_eq!(told(90), "every 90 seconds");
    }
}
