//! The reference vectors of schedules: computed by another program on other zone data.

#[path = "vectors/kit.rs"]
mod kit;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc, Weekday};
use kit::{Case, of_schedules};
use serde_json::Value as Json;
use windlass_workflows::calendar::{
    Calendar, Dropped, DroppedAt, Preview, Schedule, Slot, preview, slots_of_rule, spread_offset,
};
use windlass_workflows::configuration::{Content, SourceFile, duration, read, restore};
use windlass_workflows::value::Value;

/// The schedule of a vector, under a calendar where it asks one.
fn schedule(rule: &Value) -> Schedule {
    let asks = rule.get("closed_day").is_some();
    let named = asks.then(|| ("calendar".into(), Value::from("days")));
    let members = rule.as_map().unwrap().iter();
    let members = members.map(|(key, value)| (key.clone(), value.clone()));
    let written = Value::map(members.chain(named));
    let text = format!(
        r#"{{"windlass":"v1","kind":"JobConfiguration","name":"a","purpose":"b",
        "selection":{{"category":"c"}},"strategy":"individual","schedule":{written}}}"#
    );
    let file = SourceFile {
        name: "vector.json",
        text: &text,
    };
    let before_all = "2011-01-01T00:00:00Z".parse().unwrap();
    let documents = read(&[file], before_all).unwrap_or_else(|found| panic!("{rule}: {found:?}"));
    let Content::JobConfiguration(job) = &documents[0].content else {
        panic!("a job configuration was written");
    };
    job.schedule.clone().unwrap()
}

fn calendar(value: &Value) -> Calendar {
    let header = r#"{"windlass":"v1","kind":"Calendar","name":"days"}"#;
    let document = Value::parse(header).unwrap().merged(value);
    match restore(&document) {
        Ok(Content::Calendar(calendar)) => calendar.days,
        // No document can say it: a calendar opens on one day of the week.
        _ => Calendar {
            weekend: (0..7).map(|day| Weekday::try_from(day).unwrap()).collect(),
            ..Calendar::default()
        },
    }
}

/// What a vector of slots is about.
struct Asked {
    name: String,
    schedule: Schedule,
    calendar: Option<Calendar>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Asked {
    fn of(case: &mut Case) -> Self {
        let mut instant = |field: &str| case.text(field).parse().unwrap();
        let (from, until) = (instant("from"), instant("until"));
        Self {
            name: case.text("name"),
            schedule: schedule(&case.need("schedule").into()),
            calendar: case.take("calendar").map(|days| calendar(&days.into())),
            from,
            until,
        }
    }

    fn preview(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Preview {
        preview(&self.schedule, self.calendar.as_ref(), from, until)
    }
}

fn minutes(wall: NaiveDateTime) -> String {
    wall.format("%Y-%m-%dT%H:%M").to_string()
}

/// A slot as the vectors write it.
fn told(slot: &Slot, schedule: &Schedule) -> Value {
    let local = slot.at.with_timezone(&schedule.zone);
    let mut members = vec![
        (
            "at",
            slot.at.format("%Y-%m-%dT%H:%M:%SZ").to_string().into(),
        ),
        ("local", local.to_rfc3339().into()),
    ];
    if slot.covers != [local.naive_local()] {
        let covers = slot.covers.iter().map(|wall| minutes(*wall).into());
        members.push(("covers", Value::list(covers)));
    }
    if !slot.notes.is_empty() {
        let notes = slot.notes.iter().map(|note| note.as_str().into());
        members.push(("notes", Value::list(notes)));
    }
    Value::map(members)
}

fn told_dropped(dropped: &Dropped) -> Value {
    let wall = match dropped.at {
        DroppedAt::Time(wall) => minutes(wall),
        DroppedAt::Month(first) => first.format("%Y-%m").to_string(),
    };
    Value::map([
        ("wall", wall.into()),
        ("reason", dropped.reason.as_str().into()),
    ])
}

#[test]
fn every_vector_gives_its_slots_and_what_is_dropped() {
    let cases = of_schedules("slots");
    assert!(cases.len() > 50);
    for mut case in cases {
        let asked = Asked::of(&mut case);

        let preview = asked.preview(asked.from, asked.until);

        let slots = preview.slots.iter();
        let slots = Value::list(slots.map(|slot| told(slot, &asked.schedule)));
        assert_eq!(slots, Value::from(case.need("expect")), "{}", asked.name);
        let dropped = Value::list(preview.dropped.iter().map(told_dropped));
        let wanted = case
            .take("dropped")
            .unwrap_or_else(|| Json::Array(Vec::new()));
        assert_eq!(dropped, Value::from(wanted), "{}", asked.name);
    }
}

#[test]
fn windows_can_be_cut_anywhere() {
    for mut case in of_schedules("slots") {
        let asked = Asked::of(&mut case);
        let (from, until) = (asked.from, asked.until);
        let whole = asked.preview(from, until).slots;
        for field in ["expect", "dropped"] {
            case.leave(field, "workflows/tests/schedules.rs");
        }

        for part in 1..8 {
            let cut = from + (until - from) * part / 8;
            let mut pieces = asked.preview(from, cut).slots;
            pieces.extend(asked.preview(cut, until).slots);
            assert_eq!(pieces, whole, "{} cut at {cut}", asked.name);
        }
    }
}

#[test]
fn the_first_slots_of_a_long_range_are_found_without_writing_out_the_rest() {
    let (from, until) = ("1970-01-01T00:00:00Z", "2026-11-22T00:00:00Z");
    let range: (DateTime<Utc>, DateTime<Utc>) = (from.parse().unwrap(), until.parse().unwrap());
    let each_second = Value::parse(r#"{"cron":"* * * * * *"}"#).unwrap();
    let yearly = Value::parse(r#"{"cron":"0 9 1 7 *"}"#).unwrap();

    let many = slots_of_rule(&schedule(&each_second), None, range, 1_001);
    let few = slots_of_rule(&schedule(&yearly), None, range, 1_001);

    assert_eq!(many.len(), 1_001);
    assert_eq!(many[1_000].at, range.0 + TimeDelta::seconds(1_000));
    assert_eq!(few.len(), 57);
    assert_eq!(
        few,
        preview(&schedule(&yearly), None, range.0, range.1).slots
    );
}

#[test]
fn every_key_has_its_place_in_the_spread() {
    for mut case in of_schedules("spread") {
        let (key, spread) = (case.text("key"), duration(&case.text("spread")).unwrap());
        let offset = spread_offset(&key, spread);
        assert_eq!(
            offset.as_millis(),
            u128::from(case.number("offset_ms")),
            "{key}"
        );
    }
}
