//! Hours: stretches of every day in which jobs are let go, on a wall clock.

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;

use crate::calendar::first_instant;
use crate::configuration::Hours;

/// Is any of these stretches open at an instant? Without any, all of the time is.
pub fn is_open(hours: &[Hours], zone: Tz, at: DateTime<Utc>) -> bool {
    let wall = at.with_timezone(&zone).time();
    let holds = |one: &Hours| match one.from < one.to {
        true => one.from <= wall && wall < one.to,
        false => one.from <= wall || wall < one.to,
    };
    hours.is_empty() || hours.iter().any(holds)
}

/// When one of them opens next; nothing where none ever does.
pub fn opens(hours: &[Hours], zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = at.with_timezone(&zone).date_naive();
    // The day after tomorrow, where a country leaves tomorrow out or its clocks jump over a stretch.
    let days = (0..4).map(|days| today + Days::new(days));
    let starts = days.flat_map(|day| {
        hours
            .iter()
            .map(move |one| first_instant(day.and_time(one.from), zone))
    });
    starts
        .filter(|start| *start > at && is_open(hours, zone, *start))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveTime;

    fn hours(stretches: &[(u32, u32)]) -> Vec<Hours> {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        let one = |(from, to): &(u32, u32)| Hours {
            from: time(*from),
            to: time(*to),
        };
        stretches.iter().map(one).collect()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    #[test]
    fn a_stretch_goes_by_the_wall_clock_and_its_end_is_outside() {
        let day = hours(&[(5, 22)]);

        assert!(!is_open(&day, BERLIN, at("2026-11-22T03:59:59Z")));
        assert!(is_open(&day, BERLIN, at("2026-11-22T04:00:00Z")));
        assert!(is_open(&day, BERLIN, at("2026-11-22T20:59:59Z")));
        assert!(!is_open(&day, BERLIN, at("2026-11-22T21:00:00Z")));
        // In summer the same times are an hour earlier.
        assert!(is_open(&day, BERLIN, at("2026-07-22T03:00:00Z")));
        assert!(is_open(&[], BERLIN, at("2026-11-22T03:00:00Z")));
    }

    #[test]
    fn a_stretch_may_cross_midnight_and_several_add_up() {
        let night = hours(&[(22, 5)]);
        assert!(is_open(&night, BERLIN, at("2026-11-22T23:30:00Z")));
        assert!(is_open(&night, BERLIN, at("2026-11-22T21:00:00Z")));
        assert!(!is_open(&night, BERLIN, at("2026-11-22T12:00:00Z")));

        let both = hours(&[(22, 5), (12, 13)]);
        assert!(is_open(&both, BERLIN, at("2026-11-22T11:30:00Z")));
        let next = opens(&both, BERLIN, at("2026-11-22T12:00:00Z"));
        assert_eq!(next, Some(at("2026-11-22T21:00:00Z")));
    }

    #[test]
    fn what_the_clocks_jump_over_opens_with_the_first_instant_after_it() {
        let early = hours(&[(2, 4)]);

        let next = opens(&early, BERLIN, at("2026-03-28T12:00:00Z"));
        assert_eq!(next, Some(at("2026-03-29T01:00:00Z")));
        let gone = opens(&hours(&[(2, 3)]), BERLIN, at("2026-03-28T12:00:00Z"));
        assert_eq!(gone, Some(at("2026-03-30T00:00:00Z")));
    }
}
