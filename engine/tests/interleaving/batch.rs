//! Batches and schedules: compaction beside readers, two releasers, two firers, an edit beside a firer.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::{BatchView, DEFAULT_TENANT, SlotFilter, SlotView};

use super::common::recipe::{BIRDS, apply, flock, plan, recipe, with_birds};
use super::stage::{BEFORE_READY, Stage, ended, start};

const COMPACT: &str = include_str!("../../queries/tally/compact.sql");
/// A hundred settlements of one batch, told one by one.
const TOLD: &str =
    "insert into tally (batch, kind, n) select 7, 'completed', 1 from generate_series(1, 100)";
const SUM: &str = "select sum(n)::int8 from tally where batch = 7";
const ROWS: &str = "select count(*) from tally where batch = 7";

#[tokio::test]
async fn i22a_a_compaction_under_way_hides_nothing_from_readers_and_other_compactions() {
    let stage = Stage::with_jobs(1).await;
    stage.run(TOLD).await;
    let mut session = stage.bench.pool.begin().await.expect("a transaction");
    sqlx::query(COMPACT)
        .fetch_all(&mut *session)
        .await
        .expect("folded");

    let read = stage.bench.count(SUM).await;
    let other = stage.bench.store.compact_tallies().await.expect("looked");
    stage
        .run("insert into tally (batch, kind, n) values (7, 'completed', 1)")
        .await;
    let told = stage.bench.count(SUM).await;
    session.commit().await.expect("folded");

    assert_eq!((read, other, told), (100, 0, 101));
    assert_eq!(
        (stage.bench.count(SUM).await, stage.bench.count(ROWS).await),
        (101, 2)
    );
}

#[tokio::test]
async fn i22b_a_reader_that_began_before_a_compaction_sums_the_same_after_it() {
    let stage = Stage::with_jobs(1).await;
    stage.run(TOLD).await;
    let mut reader = stage.bench.pool.begin().await.expect("a transaction");
    sqlx::query("set transaction isolation level repeatable read")
        .execute(&mut *reader)
        .await
        .expect("one snapshot");
    let before: i64 = sqlx::query_scalar(SUM)
        .fetch_one(&mut *reader)
        .await
        .expect("a sum");

    let folded = stage.bench.store.compact_tallies().await.expect("folded");
    let after: i64 = sqlx::query_scalar(SUM)
        .fetch_one(&mut *reader)
        .await
        .expect("a sum");
    let again = stage.bench.store.compact_tallies().await.expect("looked");

    assert_eq!((before, folded, after, again), (100, 100, 100, 0));
    assert_eq!(
        (stage.bench.count(SUM).await, stage.bench.count(ROWS).await),
        (100, 1)
    );
}

/// A planned batch of 2,500 jobs with room for 700.
async fn windowed() -> (Stage, BatchView) {
    let stage = Stage::with_jobs(0).await;
    with_birds(&stage.bench.store, &flock(2_500, 7)).await;
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": 700 } }),
    );
    let batch = plan(&stage.bench.store, &source).await;
    (stage, batch)
}

#[tokio::test]
async fn i23a_a_second_releaser_leaves_the_batch_to_the_first() {
    let (stage, _) = windowed().await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let releasing = start(async move { store.release().await });
    stage.blocked(1).await;

    let second = stage.bench.store.release().await.expect("looked");

    gate.release().await;
    let first = ended(releasing).await.expect("released");
    let full = stage.bench.store.release().await.expect("looked");
    assert_eq!((second, first, full), (0, 700, 0));
    stage.bench.assert_held_once().await;
}

/// Settlements that land while a releaser is under way make room for the next pass, not for this one twice.
#[tokio::test]
async fn i23b_a_release_beside_settlements_never_exceeds_the_window() {
    let (stage, batch) = windowed().await;
    stage.bench.store.release().await.expect("released");
    let mut worker = stage.bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let jobs = worker.claim(100).await;
    worker.complete(&jobs[..50]).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let releasing = start(async move { store.release().await });
    stage.blocked(1).await;

    assert!(worker.complete(&jobs[50..]).await.refused.is_empty());

    gate.release().await;
    assert_eq!(ended(releasing).await.expect("released"), 50);
    assert_eq!(stage.bench.store.release().await.expect("released"), 50);
    let under_way = "select released - (select sum(n) from tally)::int8 from batch";
    assert_eq!(stage.bench.count(under_way).await, 700);
    stage.bench.assert_held_once().await;
}

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n";
const HOURLY: &str = "schedule: { interval: 1h, zone: UTC, overlap: allow }\n";
const HALF_HOURLY: &str = "schedule: { interval: 30m, zone: UTC, overlap: allow }\n";
/// Whoever makes a batch waits for this, with its schedule locked.
const BEFORE_BATCH: &str = "select from tenant for update";
/// Whoever looks up the category of a recipe waits for this, before it locks anything.
const BEFORE_CATEGORY: &str = "lock table category in access exclusive mode";

/// A schedule whose first slot is due.
async fn due() -> (Stage, DateTime<Utc>) {
    let stage = Stage::with_jobs(0).await;
    let store = &stage.bench.store;
    store.enter_development().await.expect("development");
    with_birds(store, BIRDS).await;
    apply(store, &[&format!("{JOB}{HOURLY}")], "").await;
    let first = ledger(&stage).await[0].at;
    stage.bench.store.set_clock(first).await.expect("moved");
    (stage, first)
}

/// Slots, oldest first.
async fn ledger(stage: &Stage) -> Vec<SlotView> {
    let filter = SlotFilter::default();
    let slots = stage
        .bench
        .store
        .slots(DEFAULT_TENANT, "briefs", &filter, None, 200);
    let mut slots = slots.await.expect("a page").items;
    slots.reverse();
    slots
}

const BATCHES: &str = "select count(*) from batch";

#[tokio::test]
async fn i24a_a_second_firer_leaves_the_schedule_to_the_first() {
    let (stage, first) = due().await;
    let gate = stage.bench.database.hold(BEFORE_BATCH).await;
    let store = stage.bench.store.clone();
    let firing = start(async move { store.fire().await });
    stage.blocked(1).await;

    let second = stage.bench.store.fire().await.expect("a pass");

    gate.release().await;
    let fired = ended(firing).await.expect("a pass");
    assert_eq!((second.batches.len(), fired.batches.len()), (0, 1));
    assert!(
        stage
            .bench
            .store
            .fire()
            .await
            .expect("a pass")
            .batches
            .is_empty()
    );
    assert_eq!(stage.bench.count(BATCHES).await, 1);
    let slot = &ledger(&stage).await[0];
    assert_eq!((slot.at, slot.batch), (first, Some(fired.batches[0])));
}

#[tokio::test]
async fn i24d_a_slot_of_a_long_absence_is_asked_for_while_its_row_is_written() {
    let (stage, first) = due().await;
    let newest = first + TimeDelta::hours(1_999);
    let late = newest + TimeDelta::minutes(30);
    stage.bench.store.set_clock(late).await.expect("moved");
    let gate = stage.bench.database.hold(BEFORE_BATCH).await;
    let store = stage.bench.store.clone();
    let firing = start(async move { store.fire().await });
    stage.blocked(1).await;
    let second = stage.bench.store.fire().await.expect("a pass");
    let (store, wanted) = (stage.bench.store.clone(), first + TimeDelta::hours(1_000));
    let asking = start(async move {
        store
            .trigger(DEFAULT_TENANT, "briefs", Trigger::Slot(wanted), "mia")
            .await
    });
    stage.blocked(2).await;

    gate.release().await;

    let fired = ended(firing).await.expect("a pass");
    let asked = ended(asking).await.expect("started").batch;
    assert_eq!(
        (second.decided, fired.decided, fired.batches.len()),
        (0, 2_000, 1)
    );
    let slots = ledger(&stage).await;
    let told = slots.iter().take_while(|slot| slot.at <= newest);
    let told: Vec<_> = told
        .map(|slot| (slot.at, slot.state.as_str(), slot.n, slot.batch))
        .collect();
    assert_eq!(
        told,
        [
            (first, "missed", Some(1_000), None),
            (wanted, "manual", None, asked),
            (wanted + TimeDelta::hours(1), "missed", Some(998), None),
            (newest, "late", None, Some(fired.batches[0])),
        ]
    );
}

#[tokio::test]
async fn i24b_an_edit_that_waited_for_a_firer_keeps_what_was_fired() {
    let (stage, first) = due().await;
    let gate = stage.bench.database.hold(BEFORE_BATCH).await;
    let store = stage.bench.store.clone();
    let firing = start(async move { store.fire().await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let editing = start(async move { apply(&store, &[&format!("{JOB}{HALF_HOURLY}")], "").await });
    stage.blocked(2).await;

    gate.release().await;

    let fired = ended(firing).await.expect("a pass").batches;
    ended(editing).await;
    let slots = ledger(&stage).await;
    assert_eq!((slots[0].at, slots[0].batch), (first, Some(fired[0])));
    assert_eq!(slots[1].at, first + TimeDelta::minutes(30));
    assert!(slots[1..].iter().all(|slot| slot.state == "planned"));
    assert!(
        stage
            .bench
            .store
            .fire()
            .await
            .expect("a pass")
            .batches
            .is_empty()
    );
}

/// The firer read the old recipe; before it had the schedule's lock, an edit committed.
#[tokio::test]
async fn i24c_a_firer_that_read_before_an_edit_leaves_the_slot_to_the_next_pass() {
    let (stage, first) = due().await;
    let gate = stage.bench.database.hold(BEFORE_CATEGORY).await;
    let store = stage.bench.store.clone();
    let firing = start(async move { store.fire().await });
    stage.blocked(1).await;
    stage
        .run("update schedule set revision = revision + 1")
        .await;

    gate.release().await;

    assert!(ended(firing).await.expect("a pass").batches.is_empty());
    assert_eq!(ledger(&stage).await[0].state, "planned");
    stage
        .run("update schedule set revision = revision - 1")
        .await;
    let next = stage.bench.store.fire().await.expect("a pass").batches;
    assert_eq!(ledger(&stage).await[0].batch, Some(next[0]));
    assert_eq!(ledger(&stage).await[0].at, first);
}
