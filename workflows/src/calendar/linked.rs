//! The slot before another, as selections are told it: where their window begins.

use chrono::{DateTime, Utc};

use super::open_days::Calendar;
use super::schedule::Schedule;
use super::search::{back, previous};
use super::slot::Slot;

/// A slot, and the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The slot.
    pub slot: Slot,
    /// Name of the one before it by the rule, whatever became of that one.
    pub previous: Option<DateTime<Utc>>,
}

/// Slots of a rule, in order and with none left out between the first and the last, each with the one before it: what a
/// punctual run saw. Whoever wants only some of them chooses afterwards.
pub fn linked(schedule: &Schedule, calendar: Option<&Calendar>, slots: Vec<Slot>) -> Vec<Linked> {
    let start = schedule.starts_at();
    let mut last: Option<DateTime<Utc>> = None;
    let link = |slot: Slot| {
        let at = slot.at;
        let is_first =
            |last: &DateTime<Utc>| start.is_some_and(|start| *last < start && start <= at);
        let known = last.replace(at).filter(|last| !is_first(last));
        let previous = known.or_else(|| before(schedule, calendar, at));
        Linked { slot, previous }
    };
    slots.into_iter().map(link).collect()
}

/// By the schedule; by its rule alone for a slot before its `start` or after its `end`.
fn before(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let is_begun = schedule.starts_at().is_none_or(|start| start <= at);
    let is_over = schedule.ends_at().is_some_and(|end| end <= at);
    let found = match is_begun && !is_over {
        true => previous(schedule, calendar, at, 1),
        false => back(schedule, calendar, (DateTime::<Utc>::MIN_UTC, at), 1),
    };
    found.first().map(|slot| slot.at)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;

    use super::*;
    use crate::calendar::{Bound, Daily, Rule, slots_of_rule};

    fn day(day: u32) -> DateTime<Utc> {
        format!("2026-11-{day:02}T09:00:00Z").parse().unwrap()
    }

    /// At nine, from the 10th to the 19th.
    fn daily() -> Schedule {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        let mut schedule = Schedule::new(Rule::Daily(Daily { at: vec![nine] }));
        schedule.start = Some(Bound::Instant(day(10)));
        schedule.end = Some(Bound::Instant(day(20)));
        schedule
    }

    fn links(schedule: &Schedule, range: (u32, u32)) -> Vec<Option<DateTime<Utc>>> {
        let range = (day(range.0), day(range.1));
        let slots = slots_of_rule(schedule, None, range, 100);
        let linked = linked(schedule, None, slots);
        linked.into_iter().map(|one| one.previous).collect()
    }

    #[test]
    fn the_slot_before_is_the_same_wherever_a_list_begins() {
        let schedule = daily();
        let all = links(&schedule, (5, 25));

        let apart = (5..25).flat_map(|n| links(&schedule, (n, n + 1)));
        assert_eq!(apart.collect::<Vec<_>>(), all);
        let first = (10 - 5) as usize;
        assert_eq!(all[first], None, "as a punctual run saw it");
        for (n, previous) in (5..25).zip(all).filter(|(n, _)| *n != 10) {
            assert_eq!(previous, Some(day(n - 1)), "{n}");
        }
    }
}
