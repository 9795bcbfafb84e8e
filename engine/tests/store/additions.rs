//! Members that are added to an open batch: whole or not at all, and no end before it is closed.

use std::io::Cursor;

use crate::common::Bench;
use crate::common::recipe::{
    BIRDS, jobs, kept, left, new_batch, over, plan, refused, told, with_birds,
};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::{ADD_MEMBERS_MAX, AddedMembers, NewMembers, Source, Upload};
use windlass_engine::store::{BatchView, DEFAULT_TENANT, doctor};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::Format;

/// A store with the birds, and an open batch of one item, planned.
async fn open(strategy: &str, rows: serde_json::Value) -> (Bench, BatchView) {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let items = json!([ { "name": "Gull", "state": "Ohio", "cost": 5 } ]);
    let selection = json!({ "items": items, "key": "name", "object": "state", "rows": rows,
        "filter": ".cost != 0" });
    let batch = opened(&bench.store, &over(selection, strategy)).await;
    (bench, batch)
}

async fn opened(store: &Store, source: &Source) -> BatchView {
    let made = store.create_open_batch(DEFAULT_TENANT, new_batch(source), None);
    let id = made.await.expect("created").id;
    store.plan().await.expect("planned");
    view(store, id).await
}

async fn view(store: &Store, batch: i64) -> BatchView {
    store.batch(DEFAULT_TENANT, batch).await.expect("its view")
}

async fn add(
    store: &Store,
    batch: i64,
    rows: impl Into<Vec<u8>>,
    key: &str,
) -> Result<AddedMembers, Error> {
    let new = NewMembers {
        file: Upload {
            name: "body".into(),
            reader: Box::new(Cursor::new(rows.into())),
        },
        format: Format::Ndjson,
        who: "mia".into(),
        idempotency_key: key.into(),
    };
    store.add_members(DEFAULT_TENANT, batch, new).await
}

fn bird(name: &str, state: &str) -> String {
    json!({ "name": name, "state": state, "cost": 1 }).to_string() + "\n"
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> &'static str {
    match answer {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict expected, {other:?} found"),
    }
}

async fn close(store: &Store, batch: i64) -> Result<(), Error> {
    store.close_batch(DEFAULT_TENANT, batch, "mia").await
}

async fn assert_sound(bench: &Bench) {
    bench.assert_held_once().await;
    let options = doctor::Options::default();
    let report = bench.store.doctor(&options).await.expect("looked");
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn what_is_added_runs_and_the_batch_ends_only_when_it_is_closed() {
    let (bench, batch) = open("individual", json!({})).await;
    assert!(batch.open);
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let first = worker.claim(5).await;
    worker.complete(&first).await;
    assert!(bench.store.finish().await.expect("open").is_empty());

    let rows = bird("Crow", "Utah") + &bird("Owl", "Ohio");
    let added = add(&bench.store, batch.id, rows, "a").await.expect("added");
    assert_eq!((added.members, added.jobs, added.left_out), (2, 2, 0));
    let after = view(&bench.store, batch.id).await;
    assert_eq!((after.state.as_str(), after.added), ("releasing", 2));
    assert_eq!((after.planned.members, after.planned.jobs), (3, 3));
    assert_eq!((after.progress.expected, after.progress.percent), (3, 33.3));
    assert_ne!(after.plan_hash, batch.plan_hash);
    assert_ne!(after.selection_hash, batch.selection_hash);
    assert_eq!(after.plan_hash.as_deref(), Some(added.plan_hash.as_str()));
    assert_sound(&bench).await;

    assert_eq!(bench.store.release().await.expect("released"), 2);
    let second = worker.claim(5).await;
    assert_eq!(second.len(), 2);
    worker.complete(&second).await;
    assert!(bench.store.finish().await.expect("open").is_empty());
    assert_sound(&bench).await;
    close(&bench.store, batch.id).await.expect("closed");
    close(&bench.store, batch.id).await.expect("again");
    assert_eq!(bench.store.finish().await.expect("ended"), [batch.id]);

    let done = view(&bench.store, batch.id).await;
    assert_eq!((done.state.as_str(), done.open), ("completed", false));
    let rows = told(&bench, batch.id).await;
    assert_eq!(rows, [kept(1, "Gull"), kept(2, "Crow"), kept(3, "Owl")]);
    let report = bench.store.report(DEFAULT_TENANT, batch.id).await;
    assert_eq!(report.expect("its report").figures.added, 2);
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_batch_takes_members_only_while_it_is_open_and_planned() {
    let (bench, batch) = open("individual", json!({})).await;
    let row = bird("Crow", "Utah");
    let items = json!({ "items": [ { "k": 1 } ], "key": "k" });
    let shut = plan(&bench.store, &over(items.clone(), "individual")).await;
    assert_eq!(
        code(add(&bench.store, shut.id, row.clone(), "a").await),
        "batch_closed"
    );
    assert_eq!(code(close(&bench.store, shut.id).await), "batch_closed");

    let new = new_batch(&over(items.clone(), "combined"));
    let made = bench.store.create_open_batch(DEFAULT_TENANT, new, None);
    let combined = made.await.expect("created").id;
    let early = add(&bench.store, combined, bird("Crow", "Utah"), "a").await;
    assert_eq!(code(early), "illegal_state");
    bench.store.plan().await.expect("planned");
    let late = add(&bench.store, combined, bird("Crow", "Utah"), "a").await;
    assert_eq!(code(late), "already_planned");

    add(&bench.store, batch.id, row.clone(), "a")
        .await
        .expect("added");
    close(&bench.store, batch.id).await.expect("closed");
    assert_eq!(
        code(add(&bench.store, batch.id, bird("Owl", "Ohio"), "b").await),
        "batch_closed"
    );
    let again = add(&bench.store, batch.id, row, "a")
        .await
        .expect("the first answer");
    assert!(!again.is_new);
}

#[tokio::test]
async fn one_refused_row_refuses_the_whole_addition() {
    let (bench, batch) = open("individual", json!({})).await;
    let bad = [
        (
            bird("Crow", "Utah") + "{\"state\":\"Utah\"}\n",
            "invalid_row",
        ),
        (
            bird("Crow", "Utah") + &bird("Gull", "Utah"),
            "duplicate_key",
        ),
        (
            bird("Crow", "Utah") + &bird("Crow", "Iowa"),
            "duplicate_key",
        ),
        ("{".to_owned(), "source_broken"),
    ];

    for (rows, expected) in bad {
        let problem = refused(add(&bench.store, batch.id, rows, "a").await);
        assert_eq!(problem.code, expected, "{problem:?}");
    }

    let after = view(&bench.store, batch.id).await;
    assert_eq!((after.plan_hash, after.added), (batch.plan_hash, 0));
    assert_eq!(jobs(&bench.pool, batch.id).await.len(), 1);
}

#[tokio::test]
async fn keys_that_are_there_are_left_out_where_the_first_counts() {
    let rows = json!({ "duplicate": "first", "invalid": "leave_out" });
    let (bench, batch) = open("individual", rows).await;
    let sent = bird("Gull", "Utah")
        + &bird("Crow", "Utah")
        + "{}\n"
        + &bird("Crow", "Iowa")
        + "{\"name\":\"Emu\",\"state\":\"Iowa\",\"cost\":0}\n";

    let added = add(&bench.store, batch.id, sent, "a").await.expect("added");

    assert_eq!((added.members, added.jobs, added.left_out), (1, 1, 3));
    let rows = told(&bench, batch.id).await;
    assert_eq!(
        rows,
        [
            kept(1, "Gull"),
            kept(2, "Crow"),
            left(2, "Gull", "duplicate"),
            left(4, "", "invalid"),
            left(5, "Crow", "duplicate"),
        ]
    );
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_new_object_gets_a_job_and_one_that_is_planned_refuses() {
    let (bench, batch) = open("object", json!({})).await;
    let rows = bird("Jay", "Utah") + &bird("Auk", "Iowa") + &bird("Crow", "Utah");

    let added = add(&bench.store, batch.id, rows, "a").await.expect("added");
    let there = add(&bench.store, batch.id, bird("Tern", "Ohio"), "b").await;
    let there_too = add(&bench.store, batch.id, bird("Tern", "Utah"), "b").await;

    assert_eq!((added.members, added.jobs), (3, 2));
    assert_eq!(
        (code(there), code(there_too)),
        ("already_planned", "already_planned")
    );
    let objects: Vec<_> = jobs(&bench.pool, batch.id)
        .await
        .into_iter()
        .map(|job| job.1)
        .collect();
    let objects: Vec<_> = objects.iter().flatten().collect();
    assert_eq!(objects, ["Ohio", "Iowa", "Utah"]);
    let rows = told(&bench, batch.id).await;
    let keys = ["Gull", "Auk", "Jay", "Crow"];
    let expected: Vec<_> = (1..).zip(keys).map(|(n, key)| kept(n, key)).collect();
    assert_eq!(rows, expected);
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_key_adds_once_whatever_happened_since() {
    let (bench, batch) = open("individual", json!({})).await;
    let row = bird("Crow", "Utah");

    let first = add(&bench.store, batch.id, row.clone(), "a")
        .await
        .expect("added");
    let second = add(&bench.store, batch.id, row, "a").await.expect("found");
    let other = add(&bench.store, batch.id, bird("Owl", "Ohio"), "a").await;

    assert!(first.is_new && !second.is_new);
    assert_eq!(
        AddedMembers {
            is_new: true,
            ..second
        },
        first
    );
    assert_eq!(code(other), "key_reused");
    assert_eq!(jobs(&bench.pool, batch.id).await.len(), 2);
}

#[tokio::test]
async fn row_numbers_go_on_where_they_are_the_keys() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let selection = json!({ "items": [ { "k": 1 }, { "k": 0 }, { "k": 2 } ], "filter": ".k > 0" });
    let batch = opened(&bench.store, &over(selection, "individual")).await;

    for key in ["a", "b"] {
        add(&bench.store, batch.id, "{\"k\":3}\n{\"k\":4}\n", key)
            .await
            .expect("added");
    }

    let rows = told(&bench, batch.id).await;
    let keys = ["1", "3", "4", "5", "6", "7"];
    let expected: Vec<_> = (1..).zip(keys).map(|(n, key)| kept(n, key)).collect();
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn of_additions_at_one_moment_each_key_comes_once() {
    let (bench, batch) = open("individual", json!({ "duplicate": "first" })).await;
    let rows = bird("Crow", "Utah") + &bird("Owl", "Ohio");
    let keys: Vec<String> = (0..6).map(|n| n.to_string()).collect();

    let all = keys
        .iter()
        .map(|key| add(&bench.store, batch.id, rows.clone(), key));
    let members: i64 = join_all(all)
        .await
        .into_iter()
        .map(|added| added.expect("added").members)
        .sum();

    assert_eq!(members, 2);
    let after = view(&bench.store, batch.id).await;
    assert_eq!((after.planned.members, after.planned.left_out), (3, 10));
    assert_sound(&bench).await;
}

#[tokio::test]
async fn more_than_are_taken_at_once_are_refused() {
    let (bench, batch) = open("individual", json!({})).await;
    let rows: String = (0..=ADD_MEMBERS_MAX)
        .map(|n| format!("{{\"name\":\"{n}\"}}\n"))
        .collect();

    let problem = refused(add(&bench.store, batch.id, rows, "a").await);

    assert_eq!(problem.code, "too_large");
}

#[tokio::test]
async fn a_cancelled_batch_ends_although_it_is_open() {
    let (bench, batch) = open("individual", json!({})).await;
    add(&bench.store, batch.id, bird("Crow", "Utah"), "a")
        .await
        .expect("added");

    let store = &bench.store;
    store
        .cancel_batch(DEFAULT_TENANT, batch.id, "mia", "")
        .await
        .expect("cancelled");
    assert_eq!(store.finish().await.expect("ended"), [batch.id]);

    assert_eq!(view(store, batch.id).await.state, "cancelled");
    let late = add(store, batch.id, bird("Owl", "Ohio"), "b").await;
    assert_eq!(code(late), "illegal_state");
}

#[tokio::test]
async fn names_are_kept_while_a_batch_is_open_and_no_longer() {
    let (bench, batch) = open("object", json!({})).await;
    let names = || bench.count("select count(*) from batch_name");
    assert_eq!(
        (
            names().await,
            bench.store.forget_sources().await.expect("none")
        ),
        (2, 0)
    );

    close(&bench.store, batch.id).await.expect("closed");
    while bench.store.forget_sources().await.expect("forgotten") > 0 {}

    assert_eq!(names().await, 0);
}
