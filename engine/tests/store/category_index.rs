//! Indexes of categories: what a filter keeps is the same with them as without, whatever is loaded, made and dropped
//! meanwhile.

use crate::common::Bench;
use crate::common::recipe::{create, jobs, over};
use crate::common::things::{applied, browsed, count, load, planned};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::protocol::Planned;
use windlass_engine::store::DEFAULT_TENANT;

const FIELDS: &str = "[ a, b, 'a b' ]";

/// Lets the keeper's pass do all there is to do; how many passes that took.
async fn keep(store: &Store) -> usize {
    let mut passes = 0;
    while store.keep_indexes().await.expect("a pass") > 0 {
        passes += 1;
    }
    passes
}

async fn is_whole(store: &Store) -> Vec<(String, bool)> {
    let category = store.category(DEFAULT_TENANT, "things").await.expect("it");
    let indexes = store.category_indexes(category.id).await.expect("indexes");
    indexes
        .into_iter()
        .map(|one| (one.field, one.is_whole))
        .collect()
}

/// Values in every form that JSON has for them, and some that no index takes as they are.
fn values() -> Vec<String> {
    let long = "x".repeat(5_000);
    let mut all: Vec<String> = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "0.0",
        "1",
        "1.0",
        "10e-1",
        "1e400",
        "-1",
        "0.1",
        "\"1\"",
        "\"null\"",
        "\"\"",
        "\"ü\"",
        "\"u\\u0308\"",
        "\"😀\"",
        "\"a\\\"b\\\\\"",
        "\"\\u0000\"",
        "\"\\\\u0000\"",
        "\"\\n\"",
        "[]",
        "[1]",
        "{}",
        "{\"b\":1}",
        "9007199254740993",
        "9007199254740992",
    ]
    .map(str::to_owned)
    .into();
    all.push(format!("1.{}", "0".repeat(60)));
    all.push(format!("\"{long}\""));
    all.push(format!("\"{long}y\""));
    all
}

/// A row of everything in `a`, `b` or `a b`, and rows that lack them.
fn rows() -> Vec<String> {
    let values = values();
    let row = |n: usize| {
        let (a, b) = (&values[n % values.len()], &values[n * 7 % values.len()]);
        let of = ["\"o2\"", "\"o1\"", "null"][n % 3];
        match n % 4 {
            0 => format!(r#"{{"id":{n},"of":{of},"b":{b}}}"#),
            1 => format!(r#"{{"id":{n},"of":{of},"a b":{a}}}"#),
            _ => format!(r#"{{"id":{n},"of":{of},"a":{a},"b":{b}}}"#),
        }
    };
    (0..400).map(row).collect()
}

fn filters() -> Vec<String> {
    let mut all = Vec::new();
    for value in values() {
        for field in [".a", ".\"a b\""] {
            all.push(format!("{field} == {value}"));
        }
        all.push(format!("(.b == {value} or .b == 1) and .a != \"x\""));
        all.push(format!("{value} == .a and (.b == null or .b == \"1\")"));
    }
    all.extend(
        [
            ".a.b == 1 and .b == 1",
            ".b == 1 and .a.b == 1",
            ".b == \"ü\" and (.a | tonumber) > 3",
            "$key >= \"3\" and .b == 1",
            "$object == \"o1\" and .b == 1",
            "(.a == 1 or .b == 1)",
            ".of == \"o1\" and .b == true",
        ]
        .map(str::to_owned),
    );
    all
}

/// Every filter, by every way of reading, before there is an index and with it: versions that ended stand between.
#[tokio::test]
async fn what_an_index_finds_is_what_is_found_without() {
    let bench = Bench::new().await;
    applied(&bench.store, "[]").await;
    load(&bench.store, &rows()[..300]).await;
    load(&bench.store, &rows()).await;
    let mut found = Vec::new();
    for filter in filters() {
        let one = planned(&bench, &filter, "individual").await;
        let by_object = planned(&bench, &filter, "object").await;
        let pages = browsed(&bench.store, &filter, 1_000).await;
        found.push((filter, one, by_object, pages));
    }
    assert!(
        found
            .iter()
            .filter(|one| one.1.as_ref().is_ok_and(|jobs| !jobs.is_empty()))
            .count()
            > 40
    );
    assert!(found.iter().any(|one| one.1.is_err()));

    applied(&bench.store, FIELDS).await;
    assert!(is_whole(&bench.store).await.iter().all(|one| !one.1));
    keep(&bench.store).await;
    assert!(is_whole(&bench.store).await.iter().all(|one| one.1));

    for (filter, one, by_object, pages) in found {
        assert_eq!(
            planned(&bench, &filter, "individual").await,
            one,
            "{filter}"
        );
        assert_eq!(
            planned(&bench, &filter, "object").await,
            by_object,
            "{filter}"
        );
        for limit in [100, 1_000] {
            assert_eq!(
                browsed(&bench.store, &filter, limit).await,
                pages,
                "{filter}"
            );
        }
    }
}

#[tokio::test]
async fn an_index_is_made_and_dropped_a_piece_at_a_time_and_filters_are_right_meanwhile() {
    let bench = Bench::new().await;
    applied(&bench.store, "[]").await;
    let row = |n: usize| format!(r#"{{"id":{n},"a":{}}}"#, n % 100);
    load(&bench.store, &(0..12_000).map(row).collect::<Vec<_>>()).await;
    let filter = ".a == 7";
    let before = browsed(&bench.store, filter, 1_000).await.expect("pages");
    assert_eq!(before.len(), 120);
    assert_eq!(
        count(&bench.pool, "select count(*) from category_index").await,
        0
    );

    applied(&bench.store, "[ a ]").await;
    let mut passes = 0;
    while bench.store.keep_indexes().await.expect("a pass") > 0 {
        passes += 1;
        assert_eq!(
            browsed(&bench.store, filter, 1_000).await.as_ref(),
            Ok(&before)
        );
    }
    assert!(passes >= 3, "{passes} passes");
    assert_eq!(is_whole(&bench.store).await, [("a".to_owned(), true)]);
    let marks = "select count(*) from category_mark";
    assert_eq!(count(&bench.pool, marks).await, 12_000);
}

#[tokio::test]
async fn a_load_between_two_pieces_brings_its_own_marks_and_a_dropped_index_goes() {
    let bench = Bench::new().await;
    applied(&bench.store, "[ a ]").await;
    let row = |n: usize| format!(r#"{{"id":{n},"a":{}}}"#, n % 100);
    load(&bench.store, &(0..12_000).map(row).collect::<Vec<_>>()).await;
    let marks = "select count(*) from category_mark";

    applied(&bench.store, "[ a, id ]").await;
    bench.store.keep_indexes().await.expect("a piece");
    load(&bench.store, &(0..13_000).map(row).collect::<Vec<_>>()).await;
    assert_eq!(
        browsed(&bench.store, ".id == 12345", 10)
            .await
            .expect("pages"),
        ["12345"]
    );
    keep(&bench.store).await;
    assert_eq!(
        browsed(&bench.store, ".id == 12345", 10)
            .await
            .expect("pages"),
        ["12345"]
    );
    assert_eq!(count(&bench.pool, marks).await, 50_000);

    applied(&bench.store, "[ id ]").await;
    assert_eq!(
        browsed(&bench.store, ".a == 7", 1_000)
            .await
            .expect("pages")
            .len(),
        130
    );
    assert!(keep(&bench.store).await >= 3);
    assert_eq!(count(&bench.pool, marks).await, 25_000);
    assert_eq!(
        count(&bench.pool, "select count(*) from category_index").await,
        1
    );
    applied(&bench.store, "[ id ]").await;
    assert_eq!(keep(&bench.store).await, 0);
}

#[tokio::test]
async fn marks_go_with_their_items() {
    let bench = Bench::new().await;
    applied(&bench.store, "[ a, b ]").await;
    load(&bench.store, &rows()[..200]).await;
    load(&bench.store, &rows()[100..]).await;
    let orphans = "select count(*) from category_mark where not exists (
                       select from category_item where category_item.n = category_mark.n and category_item.added = category_mark.added)";
    let marks = "select count(*) from category_mark where added = 1";
    assert!(count(&bench.pool, marks).await > 0);

    let then = Some(Utc::now() + TimeDelta::days(30));
    while bench.store.forget_items(then).await.expect("a pass") > 0 {}

    assert_eq!(count(&bench.pool, orphans).await, 0);
    assert_eq!(count(&bench.pool, marks).await, 0);
    assert!(count(&bench.pool, "select count(*) from category_mark").await > 0);
    let deleted = bench.store.delete_category(DEFAULT_TENANT, "things", "mia");
    deleted.await.expect("deleted");
    while bench.store.forget_items(then).await.expect("a pass") > 0 {}
    assert_eq!(
        count(&bench.pool, "select count(*) from category_mark").await,
        0
    );
}

/// A batch that was made before an index went is planned with what it would have found.
#[tokio::test]
async fn a_version_that_ended_is_read_by_the_index_too() {
    let bench = Bench::new().await;
    applied(&bench.store, "[ a ]").await;
    let row = |n: usize, a: usize| format!(r#"{{"id":{n},"a":{a}}}"#);
    load(
        &bench.store,
        &(0..50).map(|n| row(n, n % 5)).collect::<Vec<_>>(),
    )
    .await;
    let source = over(
        json!({ "category": "things", "filter": ".a == 3" }),
        "individual",
    );
    let batch = create(&bench.store, &source).await;
    load(
        &bench.store,
        &(0..50).map(|n| row(n, n % 2)).collect::<Vec<_>>(),
    )
    .await;

    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(batch)
    );

    assert_eq!(jobs(&bench.pool, batch).await.len(), 10);
    assert_eq!(browsed(&bench.store, ".a == 3", 10).await, Ok(Vec::new()));
}
