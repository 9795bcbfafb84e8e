//! Recipes for the tests of batches, schedules and requests: documents applied, batches made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

use sqlx::PgPool;
use windlass_engine::protocol::apply::{Application, ApplyReport};
use windlass_engine::protocol::load::ReadSeek;
use windlass_engine::protocol::{NewBatch, Planned, Source};
use windlass_engine::store::{BatchView, DEFAULT_TENANT, MemberCursor, MemberView};
use windlass_engine::testing::application;
use windlass_engine::{Error, Store};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

pub const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
pub const PURPOSE: &str =
    "windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\ninput: { language: en }\n";
const CATEGORY: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    schema: { type: object, properties: { cost: { type: integer } } }\ndata: { file: birds.csv }\n";
pub const BIRDS: &str =
    "name,state,cost\nGull,Ohio,5\nCrow,Utah,50\nWren,Alabama,7\nOwl,Ohio,70\nJay,Utah,9\n";

/// Applies documents; `csv` lies beside the category.
pub async fn apply(store: &Store, texts: &[&str], csv: &str) -> ApplyReport {
    let reader: Box<dyn ReadSeek> = Box::new(Cursor::new(csv.as_bytes().to_vec()));
    let application = Application {
        files: BTreeMap::from([("birds".to_owned(), reader)]),
        ..application(texts)
    };
    store.apply(application).await.expect("applied")
}

/// A store that knows a template, a purpose and the birds.
pub async fn with_birds(store: &Store, csv: &str) {
    apply(store, &[TEMPLATE, PURPOSE, CATEGORY], csv).await;
}

/// As many birds as that, each of one of `states` states.
pub fn flock(birds: usize, states: usize) -> String {
    (0..birds).fold("name,state,cost\n".to_owned(), |mut text, n| {
        writeln!(text, "b{n:05},s{:04},{n}", n % states).expect("text grows");
        text
    })
}

/// A job configuration, from the keys that differ: a YAML flow map without its braces is awkward, so JSON.
pub fn recipe(rest: serde_json::Value) -> Source {
    let mut document = serde_json::json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "briefs", "purpose": "brief" });
    let keys = document.as_object_mut().expect("a map");
    keys.extend(rest.as_object().expect("a map").clone());
    Source::Document(Value::from(document))
}

pub fn new_batch(source: &Source) -> NewBatch {
    NewBatch {
        source: source.clone(),
        name: None,
        who: "mia".to_owned(),
        idempotency_key: None,
    }
}

pub async fn create(store: &Store, source: &Source) -> i64 {
    store
        .create_batch(DEFAULT_TENANT, new_batch(source))
        .await
        .expect("created")
        .id
}

/// Creates a batch and plans it to its end.
pub async fn plan(store: &Store, source: &Source) -> BatchView {
    let batch = create(store, source).await;
    assert_eq!(store.plan().await.expect("planned"), Planned::Sealed(batch));
    store.batch(DEFAULT_TENANT, batch).await.expect("its view")
}

/// Creates a batch whose plan must fail; the reason.
pub async fn plan_failing(store: &Store, source: &Source) -> (i64, Problem) {
    let batch = create(store, source).await;
    assert_eq!(store.plan().await.expect("decided"), Planned::Failed(batch));
    let view = store.batch(DEFAULT_TENANT, batch).await.expect("its view");
    assert_eq!(view.state, "failed");
    (
        batch,
        serde_json::from_str(&view.reason.expect("a reason")).expect("a problem"),
    )
}

/// Key, object and input of a batch's jobs, in the order of their ids.
pub async fn jobs(pool: &PgPool, batch: i64) -> Vec<(Option<String>, Option<String>, String)> {
    sqlx::query_as("select member_key, object, input from job where batch = $1 order by id")
        .bind(batch)
        .fetch_all(pool)
        .await
        .expect("its jobs")
}

pub async fn members(store: &Store, batch: i64) -> Vec<MemberView> {
    store
        .members(DEFAULT_TENANT, batch, None, 200)
        .await
        .expect("a page")
        .items
}

pub fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Problem {
    match answer {
        Err(Error::Invalid { mut problems }) => problems.remove(0),
        other => panic!("problems expected, {other:?} found"),
    }
}

/// A recipe over a selection.
pub fn over(selection: serde_json::Value, strategy: &str) -> Source {
    recipe(serde_json::json!({ "selection": selection, "strategy": strategy }))
}

/// What the manifest says of every row: place, key, state, why.
pub async fn told(bench: &super::Bench, batch: i64) -> Vec<(i64, String, String, Option<String>)> {
    let first = members(&bench.store, batch).await;
    let mut rows: Vec<_> = first.into_iter().collect();
    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    if view.planned.left_out > 0 {
        let cursor = MemberCursor {
            left_out: true,
            after: 0,
            n: 0,
        };
        let page = bench
            .store
            .members(DEFAULT_TENANT, batch, Some(cursor), 100)
            .await;
        rows.extend(page.expect("what was left out").items);
    }
    let row = |one: MemberView| {
        let state = if one.state == "left_out" { "out" } else { "in" };
        (one.n, one.key, state.to_owned(), one.code)
    };
    rows.into_iter().map(row).collect()
}

/// A member.
pub fn kept(n: i64, key: &str) -> (i64, String, String, Option<String>) {
    (n, key.into(), "in".into(), None)
}

/// A row that is none, and why.
pub fn left(n: i64, key: &str, why: &str) -> (i64, String, String, Option<String>) {
    (n, key.into(), "out".into(), Some(why.into()))
}
