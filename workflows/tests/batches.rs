//! The reference vectors of batches, as far as they speak of pure pieces.

use windlass_workflows::plan::{
    Chunk, Member, MemberValue, Speeds, Standing, Tallies, Totals, chunks, forecast,
    progress_percent, room,
};
use windlass_workflows::value::Value;

fn vectors(section: &str) -> Vec<Value> {
    let text = include_str!("vectors/batch-vectors.yaml");
    let json: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let value = Value::from(json);
    let found = value.get(section).and_then(Value::as_list).unwrap();
    found.to_vec()
}

fn number(vector: &Value, key: &str) -> u64 {
    vector.get(key).and_then(Value::as_u64).unwrap()
}

#[test]
fn chunks_close_where_the_vectors_say() {
    for vector in vectors("chunks") {
        let list = |value: &Value| -> Vec<u64> {
            let items = value.as_list().unwrap().iter();
            items.map(|item| item.as_u64().unwrap()).collect()
        };
        let sizes = list(vector.get("sizes").unwrap());
        let rule = Chunk {
            max_items: u32::try_from(number(&vector, "max_items")).unwrap(),
            max_bytes: number(&vector, "max_bytes"),
        };

        let counts = chunks(rule, sizes.iter().copied());

        let expected = vector.get("expect").and_then(Value::as_list).unwrap();
        let expected: Vec<Vec<u64>> = expected.iter().map(list).collect();
        let mut rest = sizes.as_slice();
        let found: Vec<Vec<u64>> = counts
            .iter()
            .map(|count| {
                let (chunk, left) = rest.split_at(usize::try_from(*count).unwrap());
                rest = left;
                chunk.to_vec()
            })
            .collect();
        assert_eq!(found, expected, "{vector}");
    }
}

fn input(vectors: &[Value], name: &str) -> Value {
    let is_named = |vector: &&Value| {
        let found = vector.get("name").and_then(Value::as_str);
        found.is_some_and(|found| found.starts_with(name))
    };
    let vector = vectors.iter().find(is_named).unwrap();
    vector.get("input").unwrap().clone()
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

#[test]
fn every_strategy_gives_the_input_of_its_vector() {
    let vectors = vectors("inputs");

    let wanted = input(&vectors, "individual");
    let member = Member {
        n: 1,
        key: "1".to_owned(),
        object: None,
        document: wanted.clone().into(),
    };
    assert_eq!(same(MemberValue::Individual(&member)), wanted.to_json());

    let wanted = input(&vectors, "object, first two members");
    let members_of_object = members(&wanted);
    let found = MemberValue::Object {
        object: "Arizona",
        members: &members_of_object,
    };
    assert_eq!(same(found), wanted.to_json());

    let wanted = input(&vectors, "combined, no chunk");
    let all = members(&wanted);
    assert_eq!(same(MemberValue::Combined(&all)), wanted.to_json());

    let wanted = input(&vectors, "object with chunk");
    let found = MemberValue::ObjectInChunks {
        object: "Arizona",
        count: 111,
        chunks: 1,
    };
    assert_eq!(same(found), wanted.to_json());

    let wanted = input(&vectors, "combined, chunks");
    let found = MemberValue::CombinedInChunks {
        count: 10_000,
        chunks: 10,
    };
    assert_eq!(same(found), wanted.to_json());

    let wanted = input(&vectors, "the second chunk");
    let second = members(&wanted);
    let found = MemberValue::Chunk {
        object: None,
        chunk: 2,
        chunks: 5_000,
        members: &second,
    };
    assert_eq!(same(found), wanted.to_json());
}

fn same(value: MemberValue<'_>) -> String {
    value.to_value().unwrap().to_json()
}

#[test]
fn progress_is_rounded_down_to_one_decimal() {
    for vector in vectors("progress") {
        let found = match vector.get("strategy") {
            None => progress_percent(number(&vector, "jobs"), number(&vector, "open")),
            Some(_) => {
                let members = number(&vector, "members");
                let done = number(&vector, "members_in_finished_chunks");
                progress_percent(members, members - done)
            }
        };
        let wanted = vector.get("percent").and_then(Value::as_f64).unwrap();
        assert!((found - wanted).abs() < 1e-9, "{vector}: {found}");
    }
}

#[test]
fn room_is_what_window_and_tokens_leave() {
    for vector in vectors("release") {
        let tokens = vector.get("tokens").and_then(Value::as_u64);
        let found = room(
            number(&vector, "window"),
            number(&vector, "released"),
            number(&vector, "settled"),
            tokens,
        );
        assert_eq!(found, number(&vector, "room"), "{vector}");
    }
}

#[test]
fn totals_end_as_their_vectors_do() {
    let mut checked = 0;
    for vector in vectors("totals") {
        let (Some(expected), Some(settled)) = (vector.get("expected"), vector.get("settled"))
        else {
            continue;
        };
        let count = |key: &str| vector.get(key).and_then(Value::as_u64).unwrap_or_default();
        let now = Tallies {
            completed: count("completed"),
            failed: count("failed"),
            parked: count("parked"),
            ..Tallies::default()
        };
        // What was restarted is told by what is settled beyond the kinds of now.
        let restarted = Tallies {
            failed: settled.as_u64().unwrap() - now.sum(),
            ..Tallies::default()
        };
        let totals = Totals {
            expected: expected.as_u64().unwrap(),
            tallies: Tallies {
                failed: now.failed + restarted.failed,
                ..now
            },
            restarted,
        };

        let state = totals.ending().map_or("running", |ending| ending.as_str());

        assert_eq!(
            Some(state),
            vector.get("state").and_then(Value::as_str),
            "{vector}"
        );
        assert_eq!(totals.now(), now);
        checked += 1;
    }
    assert_eq!(checked, 6);
}

fn real(vector: &Value, key: &str) -> Option<f64> {
    vector.get(key).and_then(Value::as_f64)
}

#[test]
fn a_forecast_says_what_the_vectors_say() {
    for vector in vectors("forecast") {
        let speed = |key: &str| real(&vector, key).unwrap();
        let speeds = Speeds {
            r1: speed("r1"),
            r15: speed("r15"),
            r_all: speed("r_all"),
        };
        let standing = Standing {
            open: number(&vector, "open"),
            in_flight: number(&vector, "in_flight"),
            waiting: 0,
        };

        let found = forecast(standing, speeds, real(&vector, "deadline"));

        let wanted = vector.get("light").and_then(Value::as_str).unwrap();
        assert_eq!(found.light.as_str(), wanted, "{vector}");
        assert_eq!(found.early, real(&vector, "early"), "{vector}");
        assert_eq!(found.late, real(&vector, "late"), "{vector}");
    }
}
