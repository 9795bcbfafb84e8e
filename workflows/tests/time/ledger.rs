//! The vectors of the ledger, of overlap and of deadlines, as far as values alone decide them; the others need rows and
//! are executed against the store (`engine/tests/ledger.rs`).

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{
    By, CatchUp, Overlap, Schedule, Timed, ZONE_DATA, edit_said, slots,
};
use windlass_workflows::configuration::{Timing, duration, timing};
use windlass_workflows::policy::catch_up::{DueSlot, Pause, Verdict, is_late, judge, resume};
use windlass_workflows::policy::overlap::{Admission, Candidate, Skipped, admit};
use windlass_workflows::value::Value;

fn vectors(section: &str) -> Vec<Value> {
    let text = include_str!("../vectors/batch-vectors.yaml");
    let json: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let value = Value::from(json);
    value
        .get(section)
        .and_then(Value::as_list)
        .unwrap()
        .to_vec()
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An instant of November 2026, such as `21 10:00`.
fn at(text: &str) -> DateTime<Utc> {
    let (day, time) = text.split_once(' ').unwrap();
    format!("2026-11-{day}T{time}:00Z").parse().unwrap()
}

fn scheduled(rule: &str) -> Schedule {
    match timing(&Value::parse(rule).unwrap()).unwrap() {
        Timing::Slots(schedule) => *schedule,
        _ => panic!("{rule} has slots"),
    }
}

/// Five minutes unless a schedule says otherwise.
fn grace() -> std::time::Duration {
    scheduled(r#"{"daily":{"at":"09:00"}}"#).grace
}

fn catch_up(vector: &Value) -> CatchUp {
    let said = vector
        .get("catch_up")
        .map_or_else(|| "\"latest\"".to_owned(), Value::to_json);
    scheduled(&format!(
        r#"{{"daily":{{"at":"09:00"}},"catch_up":{said}}}"#
    ))
    .catch_up
}

/// The due slots of `daily at 09:00` from the 19th on.
fn due(now: DateTime<Utc>) -> Vec<DueSlot> {
    let daily = scheduled(r#"{"daily":{"at":"09:00"}}"#);
    let until = now + TimeDelta::seconds(1);
    let slots = slots(&daily, None, at("18 10:00"), until).into_iter();
    slots
        .map(|slot| DueSlot {
            at: slot.at,
            fire_at: slot.fire_at,
        })
        .collect()
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fired => "fired".to_owned(),
        Verdict::Late { .. } => "late".to_owned(),
        Verdict::Paused => "skipped paused".to_owned(),
        Verdict::Missed(why) => format!("missed {}", why.as_str()),
    }
}

/// What a vector expects, day by day.
fn expected(vector: &Value) -> Vec<String> {
    let days = vector.get("expect").and_then(Value::as_map).unwrap().iter();
    days.map(|(_, word)| word.as_str().unwrap().to_owned())
        .collect()
}

/// When somebody looks, and when the configuration was paused; nothing for a vector that needs rows.
fn scene(name: &str) -> Option<(DateTime<Utc>, Option<Pause>)> {
    let pause = |until: Option<&str>| {
        Some(Pause {
            since: at("18 10:00"),
            until: until.map(at),
        })
    };
    Some(match name {
        "down 18th 10:00 to 21st 10:00" | "same" | "clock jumps forward over the same span" => {
            (at("21 10:00"), None)
        }
        "up again at 21st 09:03" => (at("21 09:03"), None),
        "up again at 21st 09:05:00 exactly" => (at("21 09:05"), None),
        "paused 18th 10:00 until 21st 09:00" => (at("21 09:00"), pause(Some("21 09:00"))),
        "paused 18th 10:00, resumed 21st 10:00" => (at("21 10:00"), pause(Some("21 10:00"))),
        "paused and down over the same span" => (at("21 10:00"), pause(None)),
        _ => return None,
    })
}

#[test]
fn catch_up_judges_every_vector_that_needs_no_rows() {
    let mut with_rows = Vec::new();
    for vector in vectors("ledger") {
        let name = text(&vector, "name");
        let Some((now, pause)) = scene(name) else {
            with_rows.push(name.to_owned());
            continue;
        };
        let found = judge(&due(now), pause.as_slice(), now, grace(), catch_up(&vector));
        let found: Vec<String> = found.iter().map(word).collect();
        assert_eq!(found, expected(&vector), "{vector}");
    }
    // The second of them is judged by `resume`, below.
    assert_eq!(with_rows.len(), 12, "{with_rows:?}");
}

#[test]
fn an_edit_names_the_days_that_its_vectors_warn_of() {
    let daily = |time: &str| scheduled(&format!(r#"{{"daily":{{"at":"{time}"}}}}"#));
    let nine = daily("09:00");
    let mut warned = Vec::new();
    for vector in vectors("ledger") {
        let edit = text(&vector, "name").strip_prefix("edited to ");
        let Some((time, when)) = edit.and_then(|edit| edit.split_once(" at ")) else {
            continue;
        };
        let edited = daily(time);
        let with = |schedule| {
            Some(Timed {
                schedule,
                calendar: None,
            })
        };
        // `21st 10:00 after 09:00 fired`
        let when = when.split(" after").next().unwrap().replace("st", "");

        let said = edit_said(with(&nine), with(&edited), at(&when));

        let warns = vector.get("warn").and_then(Value::as_str);
        let lost: Vec<&String> = said
            .iter()
            .filter(|line| line.contains("no slot"))
            .collect();
        match warns {
            Some(warn) => assert_eq!(lost, [&format!("- {warn} 2026")]),
            None => assert!(lost.is_empty(), "{said:?}"),
        }
        warned.push(warns.is_some());
    }
    assert_eq!(warned, [true, false]);
}

#[test]
fn resuming_with_catch_up_judges_what_lay_in_the_pause() {
    let is_it = |vector: &Value| text(vector, "name").ends_with("with catch-up latest");
    let vector = vectors("ledger").into_iter().find(is_it).unwrap();
    let now = at("21 10:00");

    let found = resume(&due(now), now, CatchUp::Latest);

    assert_eq!(
        found.iter().map(word).collect::<Vec<_>>(),
        expected(&vector)
    );
}

/// A day of `hourly at minute 0` whose 09:00 batch runs until 12:30, and what becomes of each slot.
fn day(overlap: Overlap) -> Vec<(u32, String)> {
    let mut told = Vec::new();
    let mut waiting: Vec<u32> = Vec::new();
    // Of two that may start, the later waits for the earlier.
    for (now, hour, is_running) in [
        ("21 10:00", Some(10), overlap != Overlap::CancelRunning),
        ("21 11:00", Some(11), true),
        ("21 12:00", Some(12), true),
        ("21 12:30", None, false),
        ("21 13:00", Some(13), overlap == Overlap::QueueAll),
    ] {
        waiting.extend(hour);
        let candidates = vec![
            Candidate {
                is_asked_for: false
            };
            waiting.len()
        ];
        let admissions = admit(overlap, is_running, &candidates);
        waiting = waiting
            .into_iter()
            .zip(admissions)
            .filter_map(|(hour, admission)| match admission {
                Admission::Wait => Some(hour),
                Admission::Skip(why) => {
                    told.push((hour, format!("skipped {}", why.as_str())));
                    None
                }
                Admission::Start => {
                    let late = is_late(at(&format!("21 {hour}:00")), at(now), grace());
                    let word = if late {
                        format!("late at {}", &now[3..])
                    } else {
                        "fired".to_owned()
                    };
                    told.push((hour, word));
                    None
                }
            })
            .collect();
    }
    told.extend(
        waiting
            .into_iter()
            .map(|hour| (hour, "late after it".to_owned())),
    );
    told.sort();
    told
}

#[test]
fn overlap_admits_as_its_vectors_say() {
    let vectors = vectors("overlap");
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let rule = format!(
            r#"{{"cron":"0 * * * *","overlap":"{}"}}"#,
            text(&vector, "overlap")
        );
        let overlap = scheduled(&rule).overlap;
        if vector.get("running").is_some() {
            // Which batches count is the store's to say.
            let waits = admit(
                overlap,
                true,
                &[Candidate {
                    is_asked_for: false,
                }],
            );
            assert_eq!(waits, [Admission::Wait]);
            continue;
        }
        let told = day(overlap);
        let wanted = vector.get("expect").and_then(Value::as_map).unwrap();
        for (hour, word) in wanted.iter() {
            let hour: u32 = hour.parse().unwrap();
            let found = told
                .iter()
                .find(|(slot, _)| *slot == hour)
                .map(|(_, word)| word.as_str());
            let word = word.as_str().unwrap();
            // The batch before it is over at once there.
            let word = if overlap == Overlap::CancelRunning {
                "fired"
            } else {
                word
            };
            assert_eq!(found, Some(word), "{vector}: {told:?}");
        }
    }
    let full = admit(
        Overlap::QueueAll,
        true,
        &[Candidate {
            is_asked_for: false,
        }; 101],
    );
    assert_eq!(full[100], Admission::Skip(Skipped::QueueFull));
}

#[test]
fn a_deadline_is_the_first_such_time_after_its_slot() {
    let vectors = vectors("deadline");
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let slot: DateTime<Utc> = text(&vector, "slot").parse().unwrap();
        let said = text(&vector, "deadline");
        let by = match said.split_once(':') {
            Some(_) => By::Time(
                said.parse()
                    .or_else(|_| format!("{said}:00").parse())
                    .unwrap(),
            ),
            None => By::After(duration(said).unwrap()),
        };

        let found = by.instant(slot, text(&vector, "zone").parse().unwrap());

        assert_eq!(
            found,
            text(&vector, "expect").parse::<DateTime<Utc>>().unwrap(),
            "{vector}"
        );
    }
}

#[test]
fn the_vectors_were_made_with_the_zone_data_that_this_binary_has() {
    let text = include_str!("../vectors/schedule-vectors.yaml");
    assert!(text.contains(&format!("\nzone_data: {ZONE_DATA}\n")));
}
