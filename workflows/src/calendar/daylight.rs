//! The one function between wall clock and instant, with a stated policy for local times that do not
//! exist (gap) or exist twice (fold).

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc, offset::LocalResult};
use chrono_tz::{GapInfo, Tz};

use super::schedule::{Fold, Gap};
use super::slot::Note;

/// The instants that a local time means: none, one or two, in order, each with what was decided.
pub fn instants(
    wall: NaiveDateTime,
    zone: Tz,
    gap: Gap,
    fold: Fold,
) -> Vec<(DateTime<Utc>, Option<Note>)> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) => vec![(at.to_utc(), None)],
        LocalResult::Ambiguous(early, late) => {
            let first = (early.to_utc(), Some(Note::FoldFirst));
            let second = (late.to_utc(), Some(Note::FoldSecond));
            match fold {
                Fold::First => vec![first],
                Fold::Second => vec![second],
                Fold::Both => vec![first, second],
            }
        }
        LocalResult::None => in_gap(wall, zone, gap).into_iter().collect(),
    }
}

/// The first instant that a local time means, or the end of the gap it falls in.
pub(crate) fn first(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let found = instants(wall, zone, Gap::Next, Fold::First);
    found
        .first()
        .map_or_else(|| wall.and_utc(), |found| found.0)
}

fn in_gap(wall: NaiveDateTime, zone: Tz, gap: Gap) -> Option<(DateTime<Utc>, Option<Note>)> {
    let info = GapInfo::new(&wall, &zone)?;
    match gap {
        Gap::Skip => None,
        Gap::Next => Some((info.end?.to_utc(), Some(Note::GapNext))),
        Gap::Shift => {
            let (_, before) = info.begin?;
            let seconds = before.fix().local_minus_utc();
            let at = wall - TimeDelta::seconds(i64::from(seconds));
            Some((at.and_utc(), Some(Note::GapShift)))
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn every_local_minute_of_a_year_comes_back_from_its_instants() {
        let zone = chrono_tz::Australia::Lord_Howe;
        let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let mut wall = day.and_hms_opt(0, 0, 0).unwrap();

        for _ in 0..365 * 24 * 6 {
            for (at, note) in instants(wall, zone, Gap::Skip, Fold::Both) {
                assert_eq!(at.with_timezone(&zone).naive_local(), wall);
                assert!(note.is_none_or(|note| note != Note::GapNext));
            }
            wall += TimeDelta::minutes(10);
        }
    }

    #[test]
    fn order_on_the_wall_clock_is_kept_outside_folds() {
        let zone = chrono_tz::Europe::Berlin;
        let day = NaiveDate::from_ymd_opt(2026, 3, 28).unwrap();
        let mut wall = day.and_hms_opt(0, 0, 0).unwrap();
        let mut last = first(wall, zone);

        for _ in 0..3 * 24 * 60 {
            wall += TimeDelta::minutes(1);
            assert!(first(wall, zone) >= last, "{wall}");
            last = first(wall, zone);
        }
    }
}
