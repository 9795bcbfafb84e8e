//! Calls that a client repeats because it has had no answer: under a key each is done once.

use crate::common::Bench;
use crate::common::dead::{FINGERPRINT, exhausted};
use crate::common::recipe::{BIRDS, apply, plan, recipe, with_birds};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Hand, NewRestart, Restarted, Trigger};
use windlass_engine::store::DEFAULT_TENANT;

const SCHEDULED: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 12h, zone: UTC }\n";

/// A batch of five birds whose jobs are parked.
async fn parked(bench: &Bench) -> i64 {
    with_birds(&bench.store, BIRDS).await;
    let source = recipe(json!({ "selection": { "category": "birds" }, "strategy": "individual" }));
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let jobs = worker.claim(5).await;
    let entries: Vec<_> = jobs.iter().map(|job| exhausted(job, FINGERPRINT)).collect();
    worker.record(&entries).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    batch.id
}

async fn restart(bench: &Bench, batch: i64, key: &str, why: &str) -> Result<Restarted, Error> {
    let new = NewRestart {
        who: "mia".into(),
        why: why.to_owned(),
        idempotency_key: Some(key.to_owned()),
        ..NewRestart::default()
    };
    bench.store.restart_batch(DEFAULT_TENANT, batch, new).await
}

async fn put_back(bench: &Bench) {
    while bench.store.pace_restarts().await.expect("paced").is_some() {}
}

#[tokio::test]
async fn a_restart_that_is_repeated_under_its_key_is_the_same_restart() {
    let bench = Bench::new().await;
    let batch = parked(&bench).await;

    let first = restart(&bench, batch, "a", "").await.expect("begun");
    let running = restart(&bench, batch, "a", "").await.expect("a repeat");
    put_back(&bench).await;
    let done = restart(&bench, batch, "a", "").await.expect("a repeat");

    assert!(first.is_new && !running.is_new && !done.is_new);
    assert_eq!(running.redrive.id, first.redrive.id);
    assert_eq!((done.redrive.id, done.redrive.moved), (first.redrive.id, 5));
    assert_eq!(bench.count("select generation::int8 from batch").await, 2);
    assert_eq!(bench.count("select expected from batch").await, 10);
}

#[tokio::test]
async fn a_key_that_began_another_restart_is_refused() {
    let bench = Bench::new().await;
    let batch = parked(&bench).await;

    restart(&bench, batch, "a", "").await.expect("begun");
    let reused = restart(&bench, batch, "a", "for another reason").await;
    let other = restart(&bench, batch, "b", "").await;

    assert_eq!(reused.expect_err("other words").code(), "key_reused");
    assert_eq!(other.expect_err("under way").code(), "restart_running");
}

#[tokio::test]
async fn one_key_from_many_hands_at_once_starts_one_batch() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[SCHEDULED], "").await;
    let extra = || {
        let hand = Hand {
            who: "mia".into(),
            idempotency_key: Some("a".into()),
        };
        bench
            .store
            .trigger(DEFAULT_TENANT, "briefs", Trigger::Extra, hand)
    };

    let hands = join_all((0..8).map(|_| extra())).await;

    let fresh = hands.iter().flatten().filter(|hand| !hand.is_repeat);
    assert_eq!((hands.iter().flatten().count(), fresh.count()), (8, 1));
    assert_eq!(bench.count("select count(*) from batch").await, 1);
}

#[tokio::test]
async fn keys_are_forgotten_a_week_later() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[SCHEDULED], "").await;
    let extra = |key: &str| {
        let hand = Hand {
            who: "mia".into(),
            idempotency_key: Some(key.to_owned()),
        };
        bench
            .store
            .trigger(DEFAULT_TENANT, "briefs", Trigger::Extra, hand)
    };

    extra("a").await.expect("started");
    let ago = "update schedule_key set created_at = now() - interval '8 days'";
    let moved = sqlx::query(ago).execute(&bench.pool).await;
    moved.expect("a week later");
    extra("b").await.expect("started");

    assert_eq!(bench.count("select count(*) from schedule_key").await, 1);
}
