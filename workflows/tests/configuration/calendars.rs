//! `Calendar` documents: what they say, what they refuse, and the files that they import.

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::{Content, Document, SourceFile, read, restore};
use windlass_workflows::problem::Problem;

const SAMPLE: &str = "windlass: v1
kind: Calendar
name: us-federal
title: US federal holidays as observed
weekend: [ sat, sun ]
closed:
  2026-11-26: Thanksgiving Day
  2026-12-25: Christmas Day
open:
  2026-12-19: Saturday worked before the holidays
blackout:
  - { from: 2026-12-23T18:00, to: 2026-12-27T06:00, zone: America/New_York, reason: year-end freeze }
";
const HEAD: &str = "windlass: v1\nkind: Calendar\nname: a\n";

fn documents(text: &str) -> Result<Vec<Document>, Vec<String>> {
    let file = SourceFile {
        name: "a.yaml",
        text,
    };
    let told = |one: Problem| format!("{} {}", one.code, one.pointer);
    let read = read(&[file], DateTime::<Utc>::UNIX_EPOCH);
    read.map_err(|problems| problems.into_iter().map(told).collect())
}

fn only(text: &str) -> Document {
    documents(text).expect("sound").remove(0)
}

#[test]
fn a_calendar_says_which_days_are_open_and_when_nothing_starts() {
    let document = only(SAMPLE);
    let Content::Calendar(calendar) = &document.content else {
        panic!("a calendar was written");
    };
    let is_open = |date: &str| calendar.days.is_open(date.parse().expect("a date"));

    assert!(!is_open("2026-11-26") && is_open("2026-11-27"));
    assert!(is_open("2026-12-19") && !is_open("2026-12-20"));
    let dark = &calendar.days.blackout[0];
    assert_eq!(dark.from.to_rfc3339(), "2026-12-23T23:00:00+00:00");
    assert_eq!(dark.to.to_rfc3339(), "2026-12-27T11:00:00+00:00");
    let again = restore(document.canonical()).expect("readable");
    assert!(matches!(again, Content::Calendar(again) if again == *calendar));
    assert!(document.canonical().get("weekend").is_none(), "a default");
}

#[test]
fn what_makes_no_sense_is_refused_at_its_place() {
    for (rest, told) in [
        (
            "weekend: [ mon, tue, wed, thu, fri, sat, sun ]",
            "configuration.value /weekend",
        ),
        ("weekend: [ monday ]", "configuration.value /weekend/0"),
        (
            "closed: { 2026-02-30: a }",
            "configuration.value /closed/2026-02-30",
        ),
        (
            "open: { 2026-02-01: 7 }",
            "configuration.type /open/2026-02-01",
        ),
        (
            "blackout: [ { from: 2026-01-02T00:00, to: 2026-01-01T00:00, reason: a } ]",
            "configuration.value /blackout/0",
        ),
        (
            "blackout: [ { from: 2026-01-02T00:00, to: 2026-01-03T00:00 } ]",
            "configuration.missing_key /blackout/0",
        ),
        (
            "blackout: [ { from: 2026-01-02T00:00, to: 2026-01-03T00:00, reason: a, zone: Mars } ]",
            "configuration.value /blackout/0/zone",
        ),
        ("holidays: {}", "configuration.unknown_key /holidays"),
    ] {
        let found = documents(&format!("{HEAD}{rest}\n")).expect_err(rest);
        assert_eq!(found, [told], "{rest}");
    }
}

#[test]
fn a_file_of_holidays_is_imported_and_kept_without_the_file() {
    let mut document = only(&format!(
        "{HEAD}closed: {{ 2026-12-25: ours }}\nical: days.ics\n"
    ));
    let file = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nSUMMARY:theirs\nEND:VEVENT\n\
        BEGIN:VEVENT\nDTSTART;VALUE=DATE:20270101\nSUMMARY:New Year\nEND:VEVENT\nEND:VCALENDAR\n";

    let broken = document.import("no calendar").expect_err("refused");
    document.import(file).expect("imported");

    assert_eq!(
        (broken.code.as_str(), broken.pointer.as_str()),
        ("calendar.ical", "/ical")
    );
    let wanted = r#"{"windlass":"v1","kind":"Calendar","name":"a","closed":{"2026-12-25":"ours"},"imported":{"2026-12-25":"theirs","2027-01-01":"New Year"}}"#;
    assert_eq!(document.canonical().to_json(), wanted);
    let (Content::Calendar(now), Ok(Content::Calendar(kept))) =
        (&document.content, restore(document.canonical()))
    else {
        panic!("a calendar was written");
    };
    assert_eq!(*now, kept);
    assert_eq!(kept.ical, None);
    let names: Vec<&str> = kept.days.closed.values().map(String::as_str).collect();
    assert_eq!(names, ["ours", "New Year"]);
}
