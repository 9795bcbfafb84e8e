//! Filters whose plain parts go to the database: what they keep is the same without it.

mod common;

use std::io::Cursor;

use common::Bench;
use common::recipe::{PURPOSE, TEMPLATE, apply, jobs, over, plan};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value as Json, json};
use windlass_engine::protocol::load;
use windlass_engine::store::DEFAULT_TENANT;
use windlass_workflows::plan::Narrow;

const CATEGORY: &str = "windlass: v1\nkind: Category\nname: things\nkey: id\nobject: of\n";

async fn bench(rows: &[String]) -> Bench {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, PURPOSE, CATEGORY], "").await;
    let source = load::Source::File {
        name: "things.ndjson".into(),
        format: windlass_workflows::configuration::Format::Ndjson,
        reader: Box::new(Cursor::new(rows.join("\n").into_bytes())),
    };
    bench
        .store
        .load_items(DEFAULT_TENANT, "mia", "things", source)
        .await
        .expect("loaded");
    bench
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null"),
        Just("true"),
        Just("false"),
        Just("0"),
        Just("-0"),
        Just("1"),
        Just("1.0"),
        Just("10e-1"),
        Just("9007199254740993"),
        Just("9007199254740992"),
        Just("0.1"),
        Just("1e400"),
        Just("1E-5"),
        Just("\"\""),
        Just("\"x\""),
        Just("\"ü\""),
        Just("\"u\\u0308\""),
        Just("\"\\u0000\""),
        Just("\"a\\\"b\\\\\""),
        Just("\"😀\""),
        Just("[]"),
        Just("[1]"),
        Just("[\"x\"]"),
        Just("{}"),
        Just("{\"b\":1}"),
        Just("{\"b\":\"x\"}"),
        Just("{\"b\":null}"),
        Just("[{\"b\":1}]"),
        Just("{\"b\":[1]}"),
    ]
    .prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null"),
        Just("true"),
        Just("false"),
        Just("0"),
        Just("-0"),
        Just("1"),
        Just("1.0"),
        Just("1e0"),
        Just("9007199254740993"),
        Just("0.1"),
        Just("\"\""),
        Just("\"x\""),
        Just("\"ü\""),
        Just("\"\\u0000\""),
        Just("\"a\\\"b\\\\\""),
        Just("\"😀\""),
        Just("1e400"),
    ]
    .prop_map(str::to_owned)
}

fn part() -> impl Strategy<Value = String> {
    let way = || {
        prop_oneof![
            Just(".a"),
            Just(".b"),
            Just(".a.b"),
            Just(".\"a b\""),
            Just(".c?"),
            Just("$key"),
            Just("$object")
        ]
    };
    let operator = || {
        prop_oneof![
            Just("=="),
            Just("=="),
            Just("=="),
            Just("!="),
            Just("<"),
            Just(">=")
        ]
    };
    let plain = (way(), operator(), literal())
        .prop_map(|(way, operator, literal)| format!("{way} {operator} {literal}"));
    let turned = (way(), literal()).prop_map(|(way, literal)| format!("{literal} == {way}"));
    let either = (way(), literal(), literal())
        .prop_map(|(way, one, other)| format!("({way} == {one} or {way} == {other})"));
    let rest = prop_oneof![
        Just("(.a | length) >= 0"),
        Just(".a"),
        Just("(.b | not)"),
        Just("$key > \"5\""),
        Just("$object == \"o1\""),
        Just("($key == \"3\" or $key == \"17\")"),
        Just("$object <= \"o1\""),
        Just("(.a | tonumber) > 0"),
    ]
    .prop_map(str::to_owned);
    prop_oneof![4 => plain, 1 => turned, 2 => either, 2 => rest]
}

/// What a plan comes to: its keys, or the code of what refused it.
async fn planned(bench: &Bench, filter: &str) -> Result<Vec<String>, String> {
    let source = over(
        json!({ "category": "things", "filter": filter }),
        "individual",
    );
    let created = bench
        .store
        .create_batch(DEFAULT_TENANT, common::recipe::new_batch(&source))
        .await;
    let batch = match created {
        Ok(created) => created.id,
        Err(windlass_engine::Error::Invalid { problems }) => {
            return Err(problems[0].code.to_string());
        }
        Err(error) => panic!("{error}"),
    };
    bench.store.plan().await.expect("decided");
    let view = bench
        .store
        .batch(DEFAULT_TENANT, batch)
        .await
        .expect("its view");
    if view.state == "failed" {
        let problem: Json = serde_json::from_str(&view.reason.expect("why")).expect("a problem");
        return Err(problem["code"].as_str().expect("text").to_owned());
    }
    Ok(jobs(&bench.pool, batch)
        .await
        .into_iter()
        .filter_map(|job| job.0)
        .collect())
}

#[tokio::test]
async fn what_goes_to_the_database_changes_nothing() {
    let mut runner = TestRunner::deterministic();
    let mut draw = |strategy: &dyn Fn(&mut TestRunner) -> String| strategy(&mut runner);
    let rows: Vec<String> = (0..300)
        .map(|n| {
            let a = draw(&|runner| value().new_tree(runner).expect("a value").current());
            let b = draw(&|runner| value().new_tree(runner).expect("a value").current());
            let of = ["\"o1\"", "\"o2\"", "null"][n % 3];
            match n % 4 {
                0 => format!(r#"{{"id":{n},"of":{of},"b":{b}}}"#),
                1 => format!(r#"{{"id":{n},"of":{of},"a b":{a}}}"#),
                _ => format!(r#"{{"id":{n},"of":{of},"a":{a},"b":{b}}}"#),
            }
        })
        .collect();
    let bench = bench(&rows).await;
    let (mut narrowed, mut kept, mut failed) = (0, 0, 0);
    for _ in 0..250 {
        let parts = proptest::collection::vec(part(), 1..4);
        let filter = parts
            .new_tree(&mut runner)
            .expect("parts")
            .current()
            .join(" and ");
        // The same filter in braces of its own is no plain part.
        let judged = planned(&bench, &format!("({filter}) | .")).await;
        let asked = planned(&bench, &filter).await;
        assert_eq!(asked, judged, "{filter}");
        narrowed += usize::from(!Narrow::of(&filter).is_empty());
        kept += usize::from(asked.as_ref().is_ok_and(|keys| !keys.is_empty()));
        failed += usize::from(asked.is_err());
    }
    assert!(
        narrowed > 100 && kept > 30 && failed > 10,
        "{narrowed} {kept} {failed}"
    );
}

#[tokio::test]
async fn few_rows_come_back_where_few_can_be_kept() {
    let rows: Vec<String> = (0..120_000)
        .map(|n| {
            format!(
                r#"{{"id":"k{n}","of":"o{}","state":"s{}"}}"#,
                n % 7,
                n % 60_000
            )
        })
        .collect();
    let bench = bench(&rows).await;
    let source = |filter: &str| {
        over(
            json!({ "category": "things", "filter": filter }),
            "individual",
        )
    };

    let few = plan(&bench.store, &source(r#".state == "s59999""#)).await;
    assert_eq!(few.planned.members, 2);
    let keys = jobs(&bench.pool, few.id)
        .await
        .into_iter()
        .filter_map(|job| job.0)
        .collect::<Vec<_>>();
    assert_eq!(keys, ["k59999", "k119999"]);
    let named = plan(
        &bench.store,
        &source(r#"$key == "k7" or $key == "k119999" or $key == "none""#),
    )
    .await;
    assert_eq!(named.planned.members, 2);
    let objects = plan(
        &bench.store,
        &source(r#"$object == "o3" and .state == "s3""#),
    )
    .await;
    assert_eq!(objects.planned.members, 1);
}
