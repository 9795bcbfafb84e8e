//! The reference vectors of schedules: computed by another program on other zone data.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc, Weekday};
use windlass_workflows::calendar::{
    Calendar, Dropped, DroppedAt, Schedule, Slot, preview, slots_of_rule, spread_offset,
};
use windlass_workflows::configuration::{Content, SourceFile, duration, read, restore};
use windlass_workflows::document::tree::{self, Format};
use windlass_workflows::value::Value;

fn vectors() -> Value {
    let text = include_str!("vectors/schedule-vectors.yaml");
    tree::read_one(text, Format::Yaml).unwrap().to_value()
}

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

fn instant(vector: &Value, key: &str) -> DateTime<Utc> {
    let text = vector.get(key).and_then(Value::as_str).unwrap();
    text.parse().unwrap()
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
    let vectors = vectors();
    let vectors = vectors.get("slots").and_then(Value::as_list).unwrap();
    assert!(vectors.len() > 50);
    for vector in vectors {
        let name = vector.get("name").unwrap();
        let schedule = schedule(vector.get("schedule").unwrap());
        let calendar = vector.get("calendar").map(calendar);
        let (from, until) = (instant(vector, "from"), instant(vector, "until"));

        let preview = preview(&schedule, calendar.as_ref(), from, until);

        let slots = Value::list(preview.slots.iter().map(|slot| told(slot, &schedule)));
        assert_eq!(Some(&slots), vector.get("expect"), "{name}");
        let dropped = Value::list(preview.dropped.iter().map(told_dropped));
        let none = Value::list([]);
        let wanted = vector.get("dropped").unwrap_or(&none);
        assert_eq!(&dropped, wanted, "{name}");
    }
}

#[test]
fn windows_can_be_cut_anywhere() {
    let vectors = vectors();
    for vector in vectors.get("slots").and_then(Value::as_list).unwrap() {
        let schedule = schedule(vector.get("schedule").unwrap());
        let calendar = vector.get("calendar").map(calendar);
        let (from, until) = (instant(vector, "from"), instant(vector, "until"));
        let whole = preview(&schedule, calendar.as_ref(), from, until).slots;

        for part in 1..8 {
            let cut = from + (until - from) * part / 8;
            let mut pieces = preview(&schedule, calendar.as_ref(), from, cut).slots;
            pieces.extend(preview(&schedule, calendar.as_ref(), cut, until).slots);
            assert_eq!(pieces, whole, "{:?} cut at {cut}", vector.get("name"));
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
    let vectors = vectors();
    for vector in vectors.get("spread").and_then(Value::as_list).unwrap() {
        let text = |key: &str| vector.get(key).and_then(Value::as_str).unwrap();
        let offset = spread_offset(text("key"), duration(text("spread")).unwrap());
        let wanted = vector.get("offset_ms").and_then(Value::as_u64).unwrap();
        assert_eq!(offset.as_millis(), u128::from(wanted), "{}", text("key"));
    }
}
