//! Five years of two hundred schedules in virtual time, compared with what `tests/oracle/slots.py` computed with Python's
//! zoneinfo on zone data of the same version.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Utc};
use sha2::{Digest, Sha256};
use windlass_workflows::calendar::{Calendar, Schedule, Slot, ZONE_DATA, slots};
use windlass_workflows::configuration::{Content, SourceFile, Timing, read, timing};
use windlass_workflows::value::Value;

const SLOTS: &str = include_str!("../vectors/five-years.jsonl");

/// What is known of the slots of a month: how many, the sum of their minutes since its beginning and that of the squares
/// of these, the start of a hash of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Month {
    count: i128,
    sum: i128,
    squares: i128,
    hash: i128,
}

impl Month {
    fn read(text: &str) -> Month {
        if text == "-" {
            return Month::default();
        }
        let figures: Vec<i128> = text
            .split('.')
            .map(|figure| i128::from_str_radix(figure, 36).unwrap())
            .collect();
        let [count, sum, squares, hash] = figures[..] else {
            panic!("four figures: {text}");
        };
        Month {
            count,
            sum,
            squares,
            hash,
        }
    }

    fn of(begin: DateTime<Utc>, slots: &[Slot], schedule: &Schedule) -> Month {
        if slots.is_empty() {
            return Month::default();
        }
        let minutes = minutes(begin, slots);
        let rows: String = slots.iter().map(|slot| row(slot, schedule)).collect();
        let hash = Sha256::digest(rows.as_bytes());
        Month {
            count: minutes.len() as i128,
            sum: minutes.iter().sum(),
            squares: minutes.iter().map(|minute| minute * minute).sum(),
            hash: hash[..3]
                .iter()
                .fold(0, |hash, byte| hash << 8 | i128::from(*byte)),
        }
    }
}

fn minutes(begin: DateTime<Utc>, slots: &[Slot]) -> Vec<i128> {
    let minutes = slots.iter().map(|slot| (slot.at - begin).num_minutes());
    minutes.map(i128::from).collect()
}

/// A slot as the other program writes it.
fn row(slot: &Slot, schedule: &Schedule) -> String {
    let local = slot.at.with_timezone(&schedule.zone).naive_local();
    let covers = slot
        .covers
        .iter()
        .map(|wall| wall.format("%Y-%m-%dT%H:%M").to_string());
    let covers: Vec<String> = match slot.covers == [local] {
        true => Vec::new(),
        false => covers.collect(),
    };
    let notes: Vec<&str> = slot.notes.iter().map(|note| note.as_str()).collect();
    let at = slot.at.format("%Y-%m-%dT%H:%M:%SZ");
    format!("{at} {} {}\n", covers.join(","), notes.join(","))
}

/// The first difference, computed from the sums: one slot more, one less, or one elsewhere.
fn difference(begin: DateTime<Utc>, ours: &[i128], found: Month, meant: Month) -> String {
    let at = |minute: i128| begin + TimeDelta::minutes(i64::try_from(minute).unwrap_or_default());
    let (sum, squares) = (found.sum - meant.sum, found.squares - meant.squares);
    match found.count - meant.count {
        1 if ours.contains(&sum) && sum * sum == squares => format!("{} is too much", at(sum)),
        -1 if sum * sum == -squares => format!("{} is missing", at(-sum)),
        0 if sum != 0 && squares % sum == 0 => {
            let (one, other) = ((squares / sum + sum) / 2, (squares / sum - sum) / 2);
            format!("{} stands where {} is meant", at(one), at(other))
        }
        0 if sum == 0 && squares == 0 => "seconds, nominal times or notes differ".to_owned(),
        more => format!("several differ, {more} more than are meant"),
    }
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
    let mut lines = SLOTS.lines().map(|line| Value::parse(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(
        header.get("zone_data").and_then(Value::as_str),
        Some(ZONE_DATA)
    );
    let calendars = calendars(&header);
    let (mut compared, mut seen) = (0, 0);
    for (line, seed) in lines.zip(1..) {
        let schedule = schedule(&line);
        let calendar = line.get("calendar").and_then(Value::as_u64);
        let calendar = calendar.map(|number| &calendars[usize::try_from(number).unwrap()]);
        let mut months: BTreeMap<_, Vec<Slot>> = BTreeMap::new();
        for slot in planned(&schedule, calendar, seed) {
            months
                .entry((slot.at.year(), slot.at.month()))
                .or_default()
                .push(slot);
        }
        let told = line.get("slots").and_then(Value::as_str).unwrap();
        let begins = (0u32..60).map(|month| (2025 + (month / 12) as i32, 1 + month % 12));
        for (begin, meant) in begins.zip(told.split(' ')) {
            let slots = months.remove(&begin).unwrap_or_default();
            let (begin, meant) = (instant(begin.0, begin.1), Month::read(meant));
            let found = Month::of(begin, &slots, &schedule);
            compared += 1;
            seen += slots.len();
            if found != meant {
                let what = difference(begin, &minutes(begin, &slots), found, meant);
                let rows: String = slots.iter().map(|slot| row(slot, &schedule)).collect();
                let rule = line.get("schedule").unwrap();
                panic!(
                    "schedule {seed}, {begin}: {what}\n{rule}\nfound {found:?}, meant {meant:?}\n{rows}"
                );
            }
        }
        assert!(months.is_empty());
    }
    assert_eq!(compared, 200 * 60);
    assert!(seen > 100_000, "{seen}");
}

#[test]
fn a_difference_is_named_by_the_sums() {
    let begin = instant(2026, 3);
    let month = |minutes: &[i128]| Month {
        count: minutes.len() as i128,
        sum: minutes.iter().sum(),
        squares: minutes.iter().map(|minute| minute * minute).sum(),
        hash: 0,
    };
    let told = |ours: &[i128], meant: &[i128]| difference(begin, ours, month(ours), month(meant));

    let more = told(&[60, 120, 1500], &[60, 1500]);
    let less = told(&[60], &[60, 1500]);
    let elsewhere = told(&[60, 180], &[60, 120]);

    assert_eq!(more, "2026-03-01 02:00:00 UTC is too much");
    assert_eq!(less, "2026-03-02 01:00:00 UTC is missing");
    let wanted = "2026-03-01 03:00:00 UTC stands where 2026-03-01 02:00:00 UTC is meant";
    assert_eq!(elsewhere, wanted);
}
