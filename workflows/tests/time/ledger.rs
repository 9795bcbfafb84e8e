//! The vectors of the ledger, of overlap and of deadlines, as far as values alone decide them; the others need rows and
//! are executed against the store (`engine/tests/ledger`).

#[path = "../vectors/kit.rs"]
mod kit;

use chrono::{DateTime, TimeDelta, Utc};
use kit::{Case, of_batches};
use windlass_workflows::calendar::{By, CatchUp, Overlap, Schedule, Timed, edit_said, slots};
use windlass_workflows::configuration::{Timing, duration, timing};
use windlass_workflows::policy::catch_up::{DueSlot, Pause, Verdict, is_late, judge, resume};
use windlass_workflows::policy::overlap::{Admission, Candidate, Skipped, admit};
use windlass_workflows::value::Value;

/// Who plays what needs rows.
const PLAYED: &str = "engine/tests/ledger/played.rs";
/// The same of overlap.
const OVERLAP: &str = "engine/tests/ledger/overlap.rs";

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

fn catch_up(case: &mut Case) -> CatchUp {
    let said = case.take("catch_up").unwrap_or_else(|| "latest".into());
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

/// What became of each day, as a vector expects it.
fn told(due: &[DueSlot], verdicts: &[Verdict]) -> serde_json::Value {
    let days = due.iter().map(|slot| slot.at.format("%d").to_string());
    let words = verdicts
        .iter()
        .map(|one| serde_json::Value::from(word(one)));
    days.zip(words).collect()
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
        // The rows of the pause go to `resume`, with what the resumption says.
        "paused 18th 10:00, resumed 21st 10:00 with catch-up latest" => (at("21 10:00"), None),
        "paused and down over the same span" => (at("21 10:00"), pause(None)),
        _ => return None,
    })
}

#[test]
fn catch_up_judges_every_vector_that_needs_no_rows() {
    let mut with_rows = 0;
    for mut case in of_batches("ledger") {
        let name = case.text("name");
        let catch_up = catch_up(&mut case);
        let Some((now, pause)) = scene(&name) else {
            case.leave_whole(&name, PLAYED);
            with_rows += 1;
            continue;
        };
        let due = due(now);
        let found = match name.ends_with("with catch-up latest") {
            true => resume(&due, now, CatchUp::Latest),
            false => judge(&due, pause.as_slice(), now, grace(), catch_up),
        };
        assert_eq!(told(&due, &found), case.need("expect"), "{}", case.told());
        if case.says("order", "oldest first") {
            let starts = found.iter().map(|verdict| match verdict {
                Verdict::Late { not_before } => *not_before,
                other => panic!("{other:?} does not start"),
            });
            assert!(starts.is_sorted(), "{found:?}");
        }
    }
    assert_eq!(with_rows, 11);
}

#[test]
fn an_edit_names_the_days_that_its_vectors_warn_of() {
    let daily = |time: &str| scheduled(&format!(r#"{{"daily":{{"at":"{time}"}}}}"#));
    let nine = daily("09:00");
    let mut warned = Vec::new();
    for mut case in of_batches("ledger") {
        let name = case.text("name");
        let warns = case.take("warn");
        case.leave_whole(&name, PLAYED);
        let edit = name.strip_prefix("edited to ");
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

        let lost = said.iter().filter(|line| line.contains("no slot"));
        let lost: Vec<&str> = lost.map(String::as_str).collect();
        let warns = warns.map(|warn| format!("- {} 2026", warn.as_str().unwrap()));
        assert_eq!(
            lost,
            warns.as_deref().into_iter().collect::<Vec<_>>(),
            "{said:?}"
        );
        warned.push(warns.is_some());
    }
    assert_eq!(warned, [true, false]);
}

/// A day of `hourly at minute 0` whose 09:00 batch runs until 12:30, and what becomes of each slot. One that is
/// cancelled for the slot of ten is final at 10:10.
fn day(overlap: Overlap) -> Vec<(u32, String)> {
    let mut told = Vec::new();
    let mut waiting: Vec<u32> = Vec::new();
    let cancels = overlap == Overlap::CancelRunning;
    // Of two that may start, the later waits for the earlier.
    for (now, hour, is_running) in [
        ("21 10:00", Some(10), true),
        ("21 10:10", None, !cancels),
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
    let waits = waiting.into_iter();
    told.extend(waits.map(|hour| (hour, "late after it".to_owned())));
    told.sort();
    told
}

#[test]
fn overlap_admits_as_its_vectors_say() {
    for mut case in of_batches("overlap") {
        let said = case.text("overlap");
        let rule = format!(r#"{{"cron":"0 * * * *","overlap":"{said}"}}"#);
        let overlap = scheduled(&rule).overlap;
        if case.says("running", "paused or waiting for approval") {
            // Which batches count is the store's to say.
            let one = Candidate {
                is_asked_for: false,
            };
            assert_eq!(admit(overlap, true, &[one]), [Admission::Wait]);
            case.leave_whole("paused or waiting for approval", OVERLAP);
            continue;
        }
        let told = day(overlap);
        let wanted = case.need("expect");
        for (hour, word) in wanted.as_object().unwrap() {
            let hour: u32 = hour.parse().unwrap();
            let found = told.iter().find(|(slot, _)| *slot == hour);
            let word = match word.as_str().unwrap() {
                "late when the 09:00 batch is final" => "late at 10:10",
                word => word,
            };
            assert_eq!(found, Some(&(hour, word.to_owned())), "{told:?}");
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
    for mut case in of_batches("deadline") {
        let slot: DateTime<Utc> = case.text("slot").parse().unwrap();
        let said = case.text("deadline");
        let by = match said.split_once(':') {
            Some(_) => By::Time(
                said.parse()
                    .or_else(|_| format!("{said}:00").parse())
                    .unwrap(),
            ),
            None => By::After(duration(&said).unwrap()),
        };

        let found = by.instant(slot, case.text("zone").parse().unwrap());

        let wanted: DateTime<Utc> = case.text("expect").parse().unwrap();
        assert_eq!(found, wanted, "{}", case.told());
    }
}
