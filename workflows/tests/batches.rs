//! The reference vectors of batches, as far as they speak of pure pieces.

#[path = "vectors/kit.rs"]
mod kit;

use kit::{Case, of_batches};
use serde_json::Value as Json;
use windlass_workflows::plan::{
    Chunk, Member, MemberValue, Speeds, Standing, Tallies, Totals, chunks, forecast,
    progress_percent, room,
};
use windlass_workflows::value::Value;

/// Who asserts what only a plan has.
const INPUTS: &str = "engine/tests/store/vectors/inputs.rs";
/// Who asserts what only a batch has.
const TOTALS: &str = "engine/tests/store/vectors/totals.rs";

fn list(value: &Json) -> Vec<u64> {
    let items = value.as_array().unwrap().iter();
    items.map(|item| item.as_u64().unwrap()).collect()
}

#[test]
fn chunks_close_where_the_vectors_say() {
    for mut case in of_batches("chunks") {
        let sizes = list(&case.need("sizes"));
        let rule = Chunk {
            max_items: u32::try_from(case.number("max_items")).unwrap(),
            max_bytes: case.number("max_bytes"),
        };

        let counts = chunks(rule, sizes.iter().copied());

        let expected = case.need("expect");
        let expected: Vec<Vec<u64>> = expected.as_array().unwrap().iter().map(list).collect();
        let mut rest = sizes.as_slice();
        let found: Vec<Vec<u64>> = counts
            .iter()
            .map(|count| {
                let (chunk, left) = rest.split_at(usize::try_from(*count).unwrap());
                rest = left;
                chunk.to_vec()
            })
            .collect();
        assert_eq!(found, expected, "{}", case.told());
    }
}

fn members(of: &Value) -> Vec<Member> {
    let list = |key: &str| of.get(key).and_then(Value::as_list).unwrap().to_vec();
    let pairs = list("keys").into_iter().zip(list("items"));
    pairs
        .zip(1..)
        .map(|((key, document), n)| Member {
            n,
            key: key.as_str().unwrap().to_owned(),
            object: document
                .get("Origin State")
                .and_then(|state| Some(state.as_str()?.to_owned())),
            document: document.into(),
        })
        .collect()
}

fn same(value: MemberValue<'_>) -> String {
    value.to_value().unwrap().to_json()
}

/// What a strategy makes of the members that a vector names.
fn made(name: &str, wanted: &Value) -> String {
    let object = "Arizona";
    match name {
        "individual, member 1" => same(MemberValue::Individual(&Member {
            n: 1,
            key: "1".to_owned(),
            object: None,
            document: wanted.clone().into(),
        })),
        "object, first two members of Arizona, no chunk" => same(MemberValue::Object {
            object,
            members: &members(wanted),
        }),
        "object with chunk: no items, whatever the size" => same(MemberValue::ObjectInChunks {
            object,
            count: 111,
            chunks: 1,
        }),
        "combined, no chunk, 2 members" => same(MemberValue::Combined(&members(wanted))),
        "combined, chunks of 1,000" => same(MemberValue::CombinedInChunks {
            count: 10_000,
            chunks: 10,
        }),
        "the second chunk of two members" => same(MemberValue::Chunk {
            object: None,
            chunk: 2,
            chunks: 5_000,
            members: &members(wanted),
        }),
        other => panic!("a vector that nobody plays: {other}"),
    }
}

#[test]
fn every_strategy_gives_the_input_of_its_vector() {
    for mut case in of_batches("inputs") {
        let name = case.text("name");
        case.leave("batch", INPUTS);
        if case.leave("jobs", INPUTS) {
            continue;
        }
        let wanted = Value::from(case.need("input"));

        assert_eq!(made(&name, &wanted), wanted.to_json(), "{name}");
    }
}

#[test]
fn progress_is_rounded_down_to_one_decimal() {
    for mut case in of_batches("progress") {
        let found = if case.says("strategy", "combined") {
            let members = case.number("members");
            progress_percent(members, members - case.number("members_in_finished_chunks"))
        } else {
            progress_percent(case.number("jobs"), case.number("open"))
        };
        let wanted = case.real("percent");
        assert!((found - wanted).abs() < 1e-9, "{}: {found}", case.told());
    }
}

#[test]
fn room_is_what_window_and_tokens_leave() {
    for mut case in of_batches("release") {
        let tokens = case.need("tokens");
        assert!(tokens.is_u64() || tokens == "none", "{}", case.told());
        let found = room(
            case.number("window"),
            case.number("released"),
            case.number("settled"),
            tokens.as_u64(),
        );
        assert_eq!(found, case.number("room"), "{}", case.told());
        // A room is a count: there is none below nothing, so nothing is taken back.
        case.says("note", "the window was lowered; nothing is taken back");
    }
}

/// What happened to the sums of a batch since the step before; `None` where only a batch can tell.
fn step(totals: Totals, name: &str) -> Option<Totals> {
    let (mut all, mut restarted) = (totals.tallies, totals.restarted);
    let mut expected = totals.expected;
    match name {
        "10 planned and released" => expected = 10,
        "7 completed and 3 failed" => (all.completed, all.failed) = (7, 3),
        "restart failed" => {
            restarted.failed = totals.now().failed;
            expected += restarted.failed;
        }
        "2 completed and 1 parked" => {
            all.completed += 2;
            all.parked += 1;
        }
        "the parked one redriven" => {
            restarted.parked = 1;
            expected += 1;
        }
        "it completes" => all.completed += 1,
        "10 completed but 1 cancelled and 1 suppressed of 12" => {
            expected = 12;
            restarted = Tallies::default();
            all = Tallies {
                completed: 10,
                cancelled: 1,
                suppressed: 1,
                ..Tallies::default()
            };
        }
        _ => return None,
    }
    Some(Totals {
        expected,
        tallies: all,
        restarted,
    })
}

#[test]
fn totals_end_as_their_vectors_do() {
    let mut totals = Totals::default();
    for mut case in of_batches("totals") {
        let name = case.text("step");
        let Some(after) = step(totals, &name) else {
            case.leave_whole(&name, TOTALS);
            continue;
        };
        totals = after;
        case.leave("finished", TOTALS);

        let now = totals.now();
        for (field, found) in [
            ("expected", totals.expected),
            ("settled", totals.settled()),
            ("completed", now.completed),
            ("failed", now.failed),
            ("parked", now.parked),
        ] {
            if let Some(wanted) = case.take(field) {
                assert_eq!(wanted, found, "{field} of {}", case.told());
            }
        }
        let state = totals.ending().map_or("running", |ending| ending.as_str());
        assert_eq!(case.text("state"), state, "{name}");
    }
}

/// An instant of a forecast in seconds, or null.
fn seconds(case: &mut Case, field: &str) -> Option<f64> {
    let found = case.need(field);
    assert!(found.is_null() || found.is_number(), "{}", case.told());
    found.as_f64()
}

#[test]
fn a_forecast_says_what_the_vectors_say() {
    for mut case in of_batches("forecast") {
        let speeds = Speeds {
            r1: case.real("r1"),
            r15: case.real("r15"),
            r_all: case.real("r_all"),
        };
        let standing = Standing {
            open: case.number("open"),
            in_flight: case.number("in_flight"),
            waiting: 0,
        };

        let found = forecast(standing, speeds, Some(case.real("deadline")));

        assert_eq!(found.light.as_str(), case.text("light"), "{}", case.told());
        assert_eq!(found.early, seconds(&mut case, "early"), "{}", case.told());
        assert_eq!(found.late, seconds(&mut case, "late"), "{}", case.told());
    }
}
