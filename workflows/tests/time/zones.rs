//! Every change of every clock from 2025 to 2040: wall clock to instant, compared with a walk over UTC in steps of five
//! minutes, which all changes of these years are multiples of, and with the seconds beside the change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use chrono::{DateTime, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use windlass_workflows::calendar::{Daily, Fold, Gap, Rule, Schedule, instants, slots};

/// Around a change so much is walked.
const AROUND: TimeDelta = TimeDelta::hours(4);
/// And so much of it is asked about.
const ASKED: TimeDelta = TimeDelta::minutes(70);
/// In steps as long as this.
const STEP: TimeDelta = TimeDelta::minutes(5);

const GAPS: [Gap; 3] = [Gap::Next, Gap::Shift, Gap::Skip];
const FOLDS: [Fold; 3] = [Fold::First, Fold::Second, Fold::Both];

fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    TimeDelta::seconds(offset.local_minus_utc().into())
}

/// Every zone with the first instants of its new offsets.
fn all() -> &'static [(Tz, Vec<DateTime<Utc>>)] {
    static ALL: OnceLock<Vec<(Tz, Vec<DateTime<Utc>>)>> = OnceLock::new();
    ALL.get_or_init(|| TZ_VARIANTS.map(|zone| (zone, changes(zone))).to_vec())
}

/// Found by looking once a day and halving.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let (mut at, end) = (instant(2025), instant(2041));
    let (mut found, mut last) = (Vec::new(), offset(zone, at));
    while at < end {
        let next = at + TimeDelta::hours(24);
        let before = std::mem::replace(&mut last, offset(zone, next));
        if before != last {
            let (mut low, mut high) = (at, next);
            while high - low > TimeDelta::seconds(1) {
                let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
                match offset(zone, middle) == offset(zone, low) {
                    true => low = middle,
                    false => high = middle,
                }
            }
            found.push(high);
        }
        at = next;
    }
    found
}

fn instant(year: i32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap()
}

/// What clocks on the wall showed, minute by minute, and when.
struct Walk {
    shown: BTreeMap<NaiveDateTime, Vec<DateTime<Utc>>>,
    change: DateTime<Utc>,
    before: TimeDelta,
    after: TimeDelta,
}

impl Walk {
    fn around(zone: Tz, change: DateTime<Utc>) -> Walk {
        let mut shown: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut at = change - AROUND;
        assert_eq!(at.timestamp() % STEP.num_seconds(), 0, "{zone} {change}");
        while at < change + AROUND {
            let wall = at.naive_utc() + offset(zone, at);
            shown.entry(wall).or_default().push(at);
            at += STEP;
        }
        Walk {
            shown,
            change,
            before: offset(zone, change - TimeDelta::seconds(1)),
            after: offset(zone, change),
        }
    }

    /// Times of day from some time before the hands are moved to some time after.
    fn asked(&self) -> impl Iterator<Item = NaiveDateTime> {
        let ends = [self.before, self.after].map(|offset| self.change.naive_utc() + offset);
        let (low, high) = (ends[0].min(ends[1]) - ASKED, ends[0].max(ends[1]) + ASKED);
        std::iter::successors(Some(low), |wall| Some(*wall + STEP))
            .take_while(move |wall| *wall <= high)
    }

    /// What is meant, from nothing but what was shown.
    fn meant(&self, wall: NaiveDateTime, gap: Gap, fold: Fold) -> Vec<DateTime<Utc>> {
        match (self.shown.get(&wall).map(Vec::as_slice), gap, fold) {
            (None, Gap::Skip, _) => Vec::new(),
            (None, Gap::Next, _) => vec![self.change],
            // As far behind the change as the time stood behind the last one that was shown.
            (None, Gap::Shift, _) => {
                let shown = self.shown.range(..wall).next_back().unwrap();
                vec![shown.1[0] + (wall - *shown.0)]
            }
            (Some([one]), ..) => vec![*one],
            (Some([first, _]), _, Fold::First) => vec![*first],
            (Some([_, second]), _, Fold::Second) => vec![*second],
            (Some(both), ..) => both.to_vec(),
        }
    }
}

fn told(wall: NaiveDateTime, zone: Tz, gap: Gap, fold: Fold) -> Vec<DateTime<Utc>> {
    let found = instants(wall, zone, gap, fold);
    found.into_iter().map(|(at, _)| at).collect()
}

#[test]
fn every_time_around_every_change_means_what_a_clock_on_the_wall_showed() {
    let (mut changed, mut gaps, mut folds) = (0, 0, 0);
    for (zone, changes) in all() {
        for change in changes {
            let (zone, change) = (*zone, *change);
            let walk = Walk::around(zone, change);
            changed += 1;
            for wall in walk.asked() {
                let shown = walk.shown.get(&wall).map_or(0, Vec::len);
                gaps += usize::from(shown == 0);
                folds += usize::from(shown == 2);
                // A time that exists once is the same under all choices.
                let choices = if shown == 1 { 1 } else { 3 };
                for gap in &GAPS[..choices] {
                    for fold in &FOLDS[..choices] {
                        assert_eq!(
                            told(wall, zone, *gap, *fold),
                            walk.meant(wall, *gap, *fold),
                            "{wall} {zone} {gap:?} {fold:?}"
                        );
                    }
                }
            }
        }
    }
    // Some 190 names of zones change twice a year, each by an hour or by half of one.
    assert!(changed > 5_000, "{changed}");
    assert!(gaps > 25_000 && folds > 25_000, "{gaps} {folds}");
}

#[test]
fn a_second_beside_an_edge_is_on_its_own_side() {
    for (zone, changes) in all() {
        for change in changes {
            let (zone, change) = (*zone, *change);
            let second = TimeDelta::seconds(1);
            let last = change - second;
            let edges = [last, change].map(|at| (at, at.naive_utc() + offset(zone, at)));
            for (at, wall) in edges {
                let found = told(wall, zone, Gap::Skip, Fold::Both);
                assert!(found.contains(&at), "{wall} {zone}: {found:?}");
            }
            let is_gap = edges[1].1 - edges[0].1 > second;
            if is_gap {
                let inside = [edges[0].1 + second, edges[1].1 - second];
                for wall in inside {
                    assert!(told(wall, zone, Gap::Skip, Fold::Both).is_empty());
                    assert_eq!(told(wall, zone, Gap::Next, Fold::Both), [change]);
                }
            }
        }
    }
}

#[test]
fn slots_around_every_change_ascend_and_are_those_that_are_meant() {
    // Zones that differ in their names alone are one here.
    let mut seen = BTreeSet::new();
    for (zone, changes) in all() {
        for (number, change) in changes.iter().enumerate() {
            let (zone, change) = (*zone, *change);
            let walk = Walk::around(zone, change);
            if !seen.insert((change, walk.before, walk.after)) {
                continue;
            }
            for (gap, fold) in (0..3).map(|turn| (GAPS[turn], FOLDS[(turn + number) % 3])) {
                around(zone, &walk, gap, fold);
            }
        }
    }
    assert!(seen.len() > 500, "{}", seen.len());
}

/// A slot every ten minutes of the day, over the hours around a change.
fn around(zone: Tz, walk: &Walk, gap: Gap, fold: Fold) {
    let minutes = (0..1_440).step_by(10);
    let times = minutes
        .map(|minute| NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap());
    let mut schedule = Schedule::new(Rule::Daily(Daily {
        at: times.collect(),
    }));
    schedule.zone = zone;
    schedule.gap = Some(gap);
    schedule.fold = Some(fold);
    let (from, until) = (walk.change - ASKED, walk.change + ASKED);

    let found: Vec<_> = slots(&schedule, None, from, until)
        .into_iter()
        .map(|slot| slot.at)
        .collect();

    assert!(found.is_sorted_by(|one, next| one < next), "{zone}");
    // Every tenth minute that was shown or jumped over, a day around.
    let first = (walk.change.naive_utc() + walk.before - TimeDelta::hours(12)).date();
    let walls =
        (0..2 * 144).map(|ten| first.and_time(NaiveTime::MIN) + TimeDelta::minutes(ten * 10));
    let near = walk.asked().collect::<BTreeSet<_>>();
    let near = walls.filter(|wall| near.contains(wall));
    let meant: BTreeSet<_> = near
        .flat_map(|wall| walk.meant(wall, gap, fold))
        .filter(|at| from <= *at && *at < until)
        .collect();
    assert_eq!(
        found,
        Vec::from_iter(meant),
        "{zone} {} {gap:?} {fold:?}",
        walk.change
    );
}
