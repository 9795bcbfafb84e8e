//! Skimming says what judging each slot says.

use super::*;
use crate::calendar::{Interval, Pattern, Rule, slots};
use crate::policy::catch_up::{DueSlot, Verdict, judge};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn every(seconds: u64, catch_up: CatchUp) -> Schedule {
    let mut schedule = Schedule::new(Rule::Interval(Interval {
        every: Duration::from_secs(seconds),
        anchor: None,
    }));
    schedule.catch_up = catch_up;
    schedule
}

/// The verdict on each slot that is due, by judging all of them, and where they end.
fn judged(skim: Skim<'_>, from: DateTime<Utc>) -> (Vec<Verdict>, DateTime<Utc>) {
    let due: Vec<DueSlot> = slots(skim.schedule, None, from, skim.now + TICK)
        .into_iter()
        .filter(|slot| slot.fire_at <= skim.now && !skim.is_known(slot.at))
        .map(|slot| DueSlot {
            at: slot.at,
            fire_at: slot.fire_at,
        })
        .collect();
    let (grace, catch_up) = (skim.schedule.grace, skim.schedule.catch_up);
    let verdicts = judge(&due, skim.pauses, skim.now, grace, catch_up);
    (verdicts, due.last().unwrap().at + TICK)
}

/// The verdict on each slot of a range, by skimming it first.
fn skimmed(skim: Skim<'_>, from: DateTime<Utc>, until: DateTime<Utc>) -> (Vec<Verdict>, usize) {
    let all = |from, until| {
        let slots = slots(skim.schedule, skim.calendar, from, until).into_iter();
        slots.filter(|slot| !skim.is_known(slot.at))
    };
    let pieces = skim.pieces(from, until);
    let open: Vec<DueSlot> = pieces
        .iter()
        .flat_map(|piece| match piece {
            Piece::Open { from, until } => all(*from, *until).collect(),
            Piece::Judged(_) => Vec::new(),
        })
        .map(|slot| DueSlot {
            at: slot.at,
            fire_at: slot.fire_at,
        })
        .collect();
    let (grace, catch_up) = (skim.schedule.grace, skim.schedule.catch_up);
    let judged = judge(&open, skim.pauses, skim.now, grace, catch_up);
    let mut judged = open.into_iter().zip(judged).peekable();
    let mut told = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Judged(run) => {
                assert!(run.n > EQUAL_MAX);
                let verdict = run.missed.map_or(Verdict::Paused, Verdict::Missed);
                told.extend((0..run.n).map(|_| verdict));
            }
            Piece::Open { until, .. } => {
                while let Some((_, verdict)) = judged.next_if(|(slot, _)| slot.at < *until) {
                    told.push(verdict);
                }
            }
        }
    }
    let runs = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Judged(_)));
    (told, runs.count())
}

#[test]
fn the_verdicts_are_those_over_each_slot() {
    let (from, now) = (at("2026-11-01T00:00:00Z"), at("2026-11-21T10:00:00Z"));
    let pauses = [
        Pause {
            since: at("2026-11-03T00:00:00Z"),
            until: Some(at("2026-11-09T12:00:30Z")),
        },
        Pause {
            since: at("2026-11-20T00:00:00Z"),
            until: None,
        },
    ];
    let all = |max, hours: u64, pace| CatchUp::All {
        max,
        within: Duration::from_secs(hours * 3_600),
        pace: Duration::from_secs(pace),
    };
    let known = ["2026-11-12T00:00:00Z", "2026-11-19T23:59:00Z"].map(|text| (at(text), at(text)));
    let rules = [
        CatchUp::None,
        CatchUp::Latest,
        all(100, 168, 0),
        all(5_000, 100, 7),
        all(0, 168, 0),
        all(u32::MAX, 400, 1),
    ];
    let mut runs = 0;
    for catch_up in rules {
        for pauses in [&pauses[..], &pauses[..1], &[]] {
            for (seconds, offset, grace) in
                [(60, 0, 300), (60, 7, 300), (3_600, 0, 300), (20, 0, 86_400)]
            {
                let mut schedule = every(seconds, catch_up);
                schedule.offset = Duration::from_secs(offset);
                schedule.grace = Duration::from_secs(grace);
                let skim = Skim {
                    schedule: &schedule,
                    calendar: None,
                    pauses,
                    known: &known,
                    now,
                };
                let (meant, until) = judged(skim, from);

                let (found, some) = skimmed(skim, from, until);

                assert!(
                    found == meant,
                    "{catch_up:?} every {seconds} s, {} pauses",
                    pauses.len()
                );
                runs += some;
            }
        }
    }
    assert!(runs > 50, "{runs}");
}

#[test]
fn a_year_of_seconds_is_a_few_pieces() {
    let now = at("2036-01-01T00:00:00Z");
    let from = at("2035-01-01T00:00:00Z");
    let rule = Rule::Pattern(Box::new(Pattern::unix("* * * * * *").unwrap()));
    for (catch_up, pieces) in [(CatchUp::None, 2), (CatchUp::Latest, 2), (CatchUp::ALL, 4)] {
        let mut schedule = Schedule::new(rule.clone());
        schedule.catch_up = catch_up;
        schedule.zone = "Europe/Berlin".parse().unwrap();
        let skim = Skim {
            schedule: &schedule,
            calendar: None,
            pauses: &[],
            known: &[],
            now,
        };

        let found = skim.pieces(from, now + TICK);

        assert_eq!(found.len(), pieces, "{found:?}");
        let Piece::Judged(run) = &found[0] else {
            panic!("{found:?}");
        };
        assert_eq!(run.first.at, from);
        let judged: u64 = found
            .iter()
            .map(|piece| match piece {
                Piece::Judged(run) => run.n,
                Piece::Open { .. } => 0,
            })
            .sum();
        assert!(judged > 365 * 86_400 - 600, "{found:?}");
    }
}

#[test]
fn a_thousand_equal_verdicts_are_rows_and_one_more_is_one() {
    let now = at("2026-11-21T10:00:00Z");
    let schedule = every(3_600, CatchUp::None);
    let skim = Skim {
        schedule: &schedule,
        calendar: None,
        pauses: &[],
        known: &[],
        now,
    };
    let pieces = |hours| skim.pieces(now - TimeDelta::hours(hours), now);

    let few = pieces(1_000);
    let many = pieces(1_001);

    assert!(matches!(few[..], [Piece::Open { .. }]), "{few:?}");
    assert!(
        matches!(
            many[..],
            [Piece::Judged(Run { n: 1_001, .. }), Piece::Open { .. }]
        ),
        "{many:?}"
    );
}
