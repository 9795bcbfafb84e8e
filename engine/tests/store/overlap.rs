//! What becomes of slots that come due while a batch of their configuration is open: skipped, or all of them wait.

use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, with_birds};
use chrono::{DateTime, TimeDelta, Utc};
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter};

/// Slots at the full hours under one rule of overlap, and the first of them.
async fn hourly(overlap: &str) -> (Bench, DateTime<Utc>) {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    with_birds(&bench.store, BIRDS).await;
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
         selection: {{ category: birds }}\nstrategy: individual\n\
         schedule: {{ interval: 1h, zone: UTC, overlap: {overlap} }}\n"
    );
    apply(&bench.store, &[&text], "").await;
    let planned = bench
        .store
        .slots(DEFAULT_TENANT, "briefs", &SlotFilter::default(), None, 200)
        .await
        .expect("a page");
    let first = planned.items.last().expect("a slot").at;
    (bench, first)
}

/// Fires at an instant; the batches that were made.
async fn at(bench: &Bench, instant: DateTime<Utc>) -> Vec<i64> {
    bench.store.set_clock(instant).await.expect("moved");
    bench.store.fire().await.expect("a pass").batches
}

/// What the ledger says of a slot: state and reason.
async fn told(bench: &Bench, instant: DateTime<Utc>) -> (String, Option<String>) {
    let slot = bench.store.slot(DEFAULT_TENANT, "briefs", instant).await;
    let slot = slot.expect("a slot");
    (slot.state, slot.reason)
}

/// The open batch is over.
async fn end(bench: &Bench) {
    let over =
        "update batch set state = 'completed', finished_at = now() where finished_at is null";
    let ended = sqlx::query(over).execute(&bench.pool).await.expect("over");
    assert_eq!(ended.rows_affected(), 1, "one batch at a time");
}

fn said(state: &str, reason: Option<&str>) -> (String, Option<String>) {
    (state.to_owned(), reason.map(str::to_owned))
}

#[tokio::test]
async fn skip_leaves_out_what_comes_due_while_a_batch_is_open_and_nothing_after() {
    let (bench, first) = hourly("skip").await;
    let hour = |n: i32| first + TimeDelta::hours(1) * n;

    assert_eq!(at(&bench, hour(0)).await.len(), 1);
    assert!(at(&bench, hour(1)).await.is_empty());
    assert!(at(&bench, hour(2)).await.is_empty());
    end(&bench).await;
    assert!(
        at(&bench, hour(2) + TimeDelta::minutes(20))
            .await
            .is_empty(),
        "what was skipped does not come back"
    );
    assert_eq!(at(&bench, hour(3)).await.len(), 1);

    assert_eq!(told(&bench, hour(0)).await, said("fired", None));
    for n in [1, 2] {
        assert_eq!(
            told(&bench, hour(n)).await,
            said("skipped", Some("overlap"))
        );
    }
    assert_eq!(told(&bench, hour(3)).await, said("fired", None));
    assert_eq!(bench.count("select count(*) from batch").await, 2);
}

#[tokio::test]
async fn queue_all_lets_every_slot_wait_and_starts_them_one_after_another_in_their_order() {
    let (bench, first) = hourly("queue_all").await;
    let hour = |n: i32| first + TimeDelta::hours(1) * n;

    assert_eq!(at(&bench, hour(0)).await.len(), 1);
    for n in 1..=3 {
        assert!(at(&bench, hour(n)).await.is_empty());
    }
    for n in 1..=3 {
        let (state, reason) = told(&bench, hour(n)).await;
        assert_eq!(state, "planned");
        assert!(reason.expect("a reason").starts_with("waiting"));
    }

    for n in 1..=3 {
        end(&bench).await;
        let made = at(&bench, hour(3) + TimeDelta::minutes(10 + i64::from(n))).await;
        let slot = bench.store.slot(DEFAULT_TENANT, "briefs", hour(n)).await;
        let slot = slot.expect("a slot");
        assert_eq!((slot.state.as_str(), slot.batch), ("late", Some(made[0])));
        assert_eq!(made.len(), 1, "the others wait on");
    }
    assert_eq!(
        bench
            .count("select count(distinct slot_at) from batch")
            .await,
        4
    );
}

#[tokio::test]
async fn queue_all_lets_a_hundred_wait_and_no_more() {
    let (bench, first) = hourly("queue_all").await;
    let hour = |n: i32| first + TimeDelta::hours(1) * n;

    assert_eq!(at(&bench, hour(0)).await.len(), 1);
    for n in 1..=103 {
        assert!(at(&bench, hour(n)).await.is_empty());
    }

    assert_eq!(told(&bench, hour(100)).await.0, "planned");
    for n in 101..=103 {
        assert_eq!(
            told(&bench, hour(n)).await,
            said("skipped", Some("queue_full"))
        );
    }
    let waiting = "select count(*) from slot where state = 'planned' and reason is not null";
    assert_eq!(bench.count(waiting).await, 100);
}
