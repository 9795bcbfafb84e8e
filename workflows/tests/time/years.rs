//! Five years of two hundred schedules in virtual time, compared instant by instant with the lists that
//! `tests/oracle/slots.py` computed with Python's zoneinfo on zone data of the same version; and what becomes of the slots of
//! three quarters of them, judged as keepers judge them, who come and go.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use windlass_workflows::calendar::{Calendar, CatchUp, Overlap, Schedule, Slot, ZONE_DATA, slots};
use windlass_workflows::configuration::{Content, SourceFile, Timing, read, timing};
use windlass_workflows::policy::catch_up::{DueSlot, Missed, Verdict, is_late, judge};
use windlass_workflows::policy::overlap::{Admission, Candidate, admit};
use windlass_workflows::value::Value;

const SLOTS: &str = include_str!("../vectors/five-years.txt");

/// A slot as the other program tells it: its instant, and `notes<local times` where there is something to be said.
type Row = (DateTime<Utc>, String);

/// A schedule, its calendar, and the rows that the other program has.
struct Listed {
    line: Value,
    calendar: Option<usize>,
    rows: Vec<Row>,
}

fn listed() -> (Vec<Calendar>, Vec<Listed>) {
    let mut lines = SLOTS.lines();
    let header = Value::parse(lines.next().unwrap()).unwrap();
    assert_eq!(
        header.get("zone_data").and_then(Value::as_str),
        Some(ZONE_DATA)
    );
    let mut all: Vec<Listed> = Vec::new();
    for line in lines {
        if line.starts_with('{') {
            let line = Value::parse(line).unwrap();
            let calendar = line.get("calendar").and_then(Value::as_u64);
            let calendar = calendar.map(|number| usize::try_from(number).unwrap());
            all.push(Listed {
                line,
                calendar,
                rows: Vec::new(),
            });
        } else {
            all.last_mut().unwrap().rows.extend(year(line));
        }
    }
    (calendars(&header), all)
}

/// The rows of one line, in order: a year, then times of day, each with its dates.
fn year(line: &str) -> Vec<Row> {
    let mut words = line.split(' ');
    let year: i32 = words.next().unwrap().parse().unwrap();
    let (mut rows, mut last) = (Vec::new(), "");
    while let Some(word) = words.next() {
        let said = words.next().unwrap();
        last = if said == "=" { last } else { said };
        let (time, told) = word.split_once('!').unwrap_or((word, ""));
        let time = NaiveTime::parse_from_str(&format!("{time:0<6}"), "%H%M%S").unwrap();
        let dates = last.split(',').flat_map(|run| dates(year, run));
        rows.extend(dates.map(|date| (date.and_time(time).and_utc(), told.to_owned())));
    }
    rows.sort();
    rows
}

/// `MMDD`, or `MMDD-MMDD` with a step behind `/`.
fn dates(year: i32, run: &str) -> Vec<NaiveDate> {
    let date = |text: &str| {
        let number: u32 = text.parse().unwrap();
        NaiveDate::from_ymd_opt(year, number / 100, number % 100).unwrap()
    };
    let (run, step) = run.split_once('/').unwrap_or((run, "1"));
    let (first, last) = run.split_once('-').unwrap_or((run, run));
    let days = date(first).iter_days().take_while(|day| *day <= date(last));
    days.step_by(step.parse().unwrap()).collect()
}

/// A slot as the other program tells it.
fn row(slot: &Slot, schedule: &Schedule) -> Row {
    let local = slot.at.with_timezone(&schedule.zone).naive_local();
    let minute = |wall: &NaiveDateTime| wall.format("%Y-%m-%dT%H:%M").to_string();
    let notes: Vec<&str> = slot.notes.iter().map(|note| note.as_str()).collect();
    let mut told = notes.join(",");
    if slot.covers != [local] {
        let covers: Vec<String> = slot.covers.iter().map(minute).collect();
        told = format!("{told}<{}", covers.join(","));
    }
    (slot.at, told)
}

fn calendars(header: &Value) -> Vec<Calendar> {
    let list = header.get("calendars").and_then(Value::as_list).unwrap();
    let calendars = list.iter().map(|days| {
        let head = r#"{"windlass":"v1","kind":"Calendar","name":"days"}"#;
        let text = Value::parse(head).unwrap().merged(days).to_json();
        let file = SourceFile {
            name: "days.json",
            text: &text,
        };
        let read = read(&[file], instant(2024, 1)).unwrap();
        match &read[0].content {
            Content::Calendar(calendar) => calendar.days.clone(),
            _ => panic!("a calendar was written"),
        }
    });
    calendars.collect()
}

fn schedule(line: &Value) -> Schedule {
    let rule = line.get("schedule").unwrap();
    let asks = rule.get("closed_day").is_some();
    let named = asks.then(|| ("calendar".into(), Value::from("days")));
    let members = rule.as_map().unwrap().iter();
    let members = members.map(|(key, value)| (key.clone(), value.clone()));
    match timing(&Value::map(members.chain(named))).unwrap() {
        Timing::Slots(schedule) => *schedule,
        _ => panic!("{rule} has slots"),
    }
}

fn instant(year: i32, month: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, month, 1, 0, 0, 0).unwrap()
}

/// The slots of five years as keepers plan them: from where the last one stopped, at times that nobody chose.
fn planned(schedule: &Schedule, calendar: Option<&Calendar>, seed: u64) -> Vec<Slot> {
    let (mut at, end) = (instant(2025, 1), instant(2030, 1));
    let (mut found, mut chance) = (Vec::new(), seed);
    while at < end {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let minutes = i64::try_from(chance >> 33).unwrap() % (20 * 24 * 60) + 7;
        let next = (at + TimeDelta::minutes(minutes)).min(end);
        found.extend(slots(schedule, calendar, at, next));
        at = next;
    }
    found
}

#[test]
fn five_years_of_two_hundred_schedules_are_those_of_another_program() {
    let (calendars, all) = listed();
    assert_eq!(all.len(), 200);
    let mut compared = 0;
    for (listed, seed) in all.iter().zip(1..) {
        let schedule = schedule(&listed.line);
        let calendar = listed.calendar.map(|number| &calendars[number]);
        let found = planned(&schedule, calendar, seed);
        let found: Vec<Row> = found.iter().map(|slot| row(slot, &schedule)).collect();
        let differs = (0..found.len().max(listed.rows.len()))
            .find(|place| found.get(*place) != listed.rows.get(*place));
        if let Some(place) = differs {
            let (found, meant) = (found.get(place), listed.rows.get(place));
            panic!(
                "schedule {seed}: {found:?} stands where {meant:?} is meant\n{}",
                listed.line
            );
        }
        compared += found.len();
    }
    assert!(compared > 100_000, "{compared}");
}

/// When keepers look: most of the time each hour, and now and then not for days.
fn looks(mut chance: u64) -> Vec<DateTime<Utc>> {
    let (mut at, end) = (instant(2025, 1), instant(2030, 1));
    let mut looks = Vec::new();
    while at < end {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let minutes = match (chance >> 33) % 20 {
            0 => 24 * 60 + i64::try_from((chance >> 40) % 20_000).unwrap(),
            _ => 1 + i64::try_from((chance >> 40) % 60).unwrap(),
        };
        at = (at + TimeDelta::minutes(minutes)).min(end);
        looks.push(at);
    }
    looks
}

/// What is to become of slots that one look finds, said once more from the rule: in time up to five minutes, of the older ones
/// the newest where nothing is in time, none, or the newest hundred of a week.
fn meant(ats: &[DateTime<Utc>], now: DateTime<Utc>, catch_up: CatchUp) -> Vec<Verdict> {
    let in_time = |at: &DateTime<Utc>| now - *at <= TimeDelta::minutes(5);
    let any_in_time = ats.iter().any(in_time);
    let late = ats.iter().filter(|at| !in_time(at)).count();
    let verdicts = ats.iter().enumerate().map(|(place, at)| match catch_up {
        _ if in_time(at) => Verdict::Fired,
        CatchUp::None => Verdict::Missed(Missed::CatchUpNone),
        CatchUp::Latest if place + 1 == late && !any_in_time => Verdict::Late { not_before: now },
        CatchUp::Latest => Verdict::Missed(Missed::Superseded),
        CatchUp::All { .. } if now - *at >= TimeDelta::days(7) => Verdict::Missed(Missed::TooOld),
        CatchUp::All { .. } if place + 100 < late => Verdict::Missed(Missed::OverLimit),
        CatchUp::All { .. } => Verdict::Late { not_before: now },
    });
    verdicts.collect()
}

fn due(found: &[Slot]) -> Vec<DueSlot> {
    let due = found.iter().map(|slot| DueSlot {
        at: slot.at,
        fire_at: slot.fire_at,
    });
    due.collect()
}

#[test]
fn keepers_who_come_and_go_judge_every_slot_of_five_years_once() {
    let (calendars, all) = listed();
    let (mut judged, mut started, mut missed) = (0, 0, 0);
    for (listed, seed) in all.iter().zip(0u64..).filter(|(_, seed)| seed % 4 != 3) {
        let schedule = schedule(&listed.line);
        let calendar = listed.calendar.map(|number| &calendars[number]);
        let catch_up =
            [CatchUp::Latest, CatchUp::None, CatchUp::ALL][usize::try_from(seed % 4).unwrap()];
        let (mut from, mut rows) = (instant(2025, 1), listed.rows.iter().peekable());
        for now in looks(seed) {
            let due = due(&slots(&schedule, calendar, from, now));
            let mut ats = Vec::new();
            while let Some((at, _)) = rows.next_if(|(at, _)| *at < now) {
                ats.push(*at);
            }
            let verdicts = judge(&due, &[], now, schedule.grace, catch_up);
            assert_eq!(
                verdicts,
                meant(&ats, now, catch_up),
                "{now}: {}",
                listed.line
            );
            let starts = verdicts
                .iter()
                .filter(|verdict| !matches!(verdict, Verdict::Missed(_)));
            let starts = starts.count();
            let candidates = vec![
                Candidate {
                    is_asked_for: false
                };
                starts
            ];
            let admitted = admit(Overlap::Allow, true, &candidates);
            assert!(admitted.iter().all(|one| *one == Admission::Start));
            let late = due
                .iter()
                .filter(|slot| is_late(slot.fire_at, now, schedule.grace));
            missed += verdicts.len() - starts;
            judged += late.count()
                + verdicts
                    .iter()
                    .filter(|one| **one == Verdict::Fired)
                    .count();
            started += admitted.len();
            from = now;
        }
        assert!(rows.next().is_none(), "{}", listed.line);
    }
    assert_eq!(judged, started + missed, "each once");
    assert!(
        started > 1_000 && missed > 1_000,
        "{started} started, {missed} missed"
    );
}
