//! Release keeps the window, and a batch ends exactly once, when all that it expects has settled.

use crate::common::recipe::{BIRDS, flock, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, completed, ending, outcome};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::protocol::Source;
use windlass_engine::store::{BatchView, DEFAULT_TENANT, Ending, NewEntry};
use windlass_workflows::machine::turn::{End, OutcomeKind};

async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

fn windowed(window: u64) -> Source {
    recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": window } }),
    )
}

async fn view(bench: &Bench, batch: i64) -> BatchView {
    bench
        .store
        .batch(DEFAULT_TENANT, batch)
        .await
        .expect("its view")
}

async fn worker(bench: &Bench, batch: &BatchView) -> TestWorker {
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    worker
}

const READY: &str = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from ready";
const HELD: &str =
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from held where reason = 'planned'";

#[tokio::test]
async fn a_window_lets_go_what_has_settled_in_whole_and_cut_extents() {
    let bench = bench(&flock(2_500, 7)).await;
    let batch = plan(&bench.store, &windowed(1_150)).await;

    assert_eq!(bench.store.release().await.expect("released"), 1_150);
    assert_eq!(bench.store.release().await.expect("full"), 0);
    assert_eq!(
        (bench.count(READY).await, bench.count(HELD).await),
        (1_150, 1_350)
    );
    assert_eq!(view(&bench, batch.id).await.state, "releasing");
    bench.assert_held_once().await;

    let mut worker = worker(&bench, &batch).await;
    let claimed = worker.claim(40).await;
    worker.complete(&claimed).await;
    assert_eq!(bench.store.release().await.expect("released"), 40);
    assert_eq!(
        (bench.count(READY).await, bench.count(HELD).await),
        (1_150, 1_310)
    );
    bench.assert_held_once().await;

    sqlx::query("update batch set release_window = 100000")
        .execute(&bench.pool)
        .await
        .expect("widened");
    assert_eq!(bench.store.release().await.expect("released"), 1_310);
    let view = view(&bench, batch.id).await;
    assert_eq!(
        (
            view.state.as_str(),
            view.released,
            view.released_at.is_some()
        ),
        ("running", 2_500, true)
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_narrowed_window_takes_nothing_back_and_lets_nothing_go() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(3)).await;
    bench.store.release().await.expect("released");
    sqlx::query("update batch set release_window = 1")
        .execute(&bench.pool)
        .await
        .expect("narrowed");

    let mut worker = worker(&bench, &batch).await;
    let claimed = worker.claim(2).await;
    worker.complete(&claimed).await;

    assert_eq!(bench.store.release().await.expect("still one under way"), 0);
    assert_eq!(bench.count(READY).await, 1);
}

#[tokio::test]
async fn releasers_at_once_never_exceed_the_window() {
    let bench = bench(&flock(2_500, 7)).await;
    let batch = plan(&bench.store, &windowed(700)).await;
    let keepers: Vec<Store> = join_all((0..4).map(|_| bench.database.store())).await;

    let mut worker = worker(&bench, &batch).await;
    let mut settled = 0;
    for _ in 0..4 {
        let passes = join_all(keepers.iter().map(Store::release));
        let (passes, claimed) = tokio::join!(passes, worker.claim(90));
        assert!(passes.iter().all(Result::is_ok), "{passes:?}");
        assert!(
            bench
                .count("select released - (select coalesce(sum(n), 0) from tally)::int8 from batch")
                .await
                <= 700
        );
        settled += claimed.len() as u64;
        worker.complete(&claimed).await;
        bench.assert_held_once().await;
    }

    bench.store.release().await.expect("released");
    assert_eq!(view(&bench, batch.id).await.released as u64, 700 + settled);
}

#[tokio::test]
async fn a_hundred_full_batches_keep_no_other_back() {
    let bench = bench(BIRDS).await;
    let first = plan(&bench.store, &windowed(1)).await;
    bench.store.release().await.expect("released");
    sqlx::query(
        "insert into batch (tenant, name, state, strategy, template_version, lane, document, sealed, expected, released, release_window)
         select 1, 'full', 'releasing', 'individual', template_version, lane, '{}', true, 5, 1, 1
         from batch, generate_series(1, 110) where batch.id = $1",
    )
    .bind(first.id)
    .execute(&bench.pool)
    .await
    .expect("full batches");
    plan(&bench.store, &windowed(5)).await;

    assert_eq!(bench.store.release().await.expect("released"), 5);
}

/// Settles the five birds of a batch: three ends, one good and one that waits for a person.
async fn settle_all(worker: &mut TestWorker) {
    let claimed = worker.claim(5).await;
    assert_eq!(claimed.len(), 5);
    let failed = ending(
        &claimed[0],
        Ending::Machine(End::Outcome(outcome(OutcomeKind::Failed, None))),
    );
    let parked = ending(
        &claimed[1],
        Ending::Machine(End::Park {
            reason: "look".to_owned(),
        }),
    );
    let chunked = NewEntry {
        members: 1_000,
        ..completed(&claimed[2])
    };
    worker.record(&[failed, parked, chunked]).await;
    worker.complete(&claimed[3..]).await;
}

#[tokio::test]
async fn a_batch_ends_once_with_the_counts_of_its_jobs() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(100)).await;
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    bench.store.release().await.expect("released");
    assert!(bench.store.finish().await.expect("not yet").is_empty());

    let mut worker = worker(&bench, &batch).await;
    settle_all(&mut worker).await;
    bench.assert_held_once().await;
    let keepers: Vec<Store> = join_all((0..4).map(|_| bench.database.store())).await;
    let passes = join_all(keepers.iter().map(Store::finish)).await;

    let ended: Vec<i64> = passes
        .into_iter()
        .flat_map(|pass| pass.expect("finished"))
        .collect();
    assert_eq!(ended, [batch.id]);
    assert!(bench.store.finish().await.expect("over").is_empty());
    let view = view(&bench, batch.id).await;
    let now: Vec<_> = view
        .progress
        .now
        .iter()
        .map(|(kind, n)| (kind.as_str(), *n))
        .collect();
    assert_eq!(now, [("completed", 3), ("failed", 1), ("parked", 1)]);
    assert_eq!(
        (
            view.state.as_str(),
            view.progress.settled,
            view.progress.percent
        ),
        ("completed_with_errors", 5, 100.0)
    );
}

#[tokio::test]
async fn members_of_finished_chunks_settle_nothing() {
    let bench = bench(BIRDS).await;
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "combined", "chunk": { "max_items": 2 } }),
    );
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");

    sqlx::query("insert into tally (batch, kind, n) values ($1, 'chunk_members', 1)")
        .bind(batch.id)
        .execute(&bench.pool)
        .await
        .expect("a tally");
    assert!(bench.store.finish().await.expect("not yet").is_empty());

    let mut worker = worker(&bench, &batch).await;
    let claimed = worker.claim(1).await;
    worker.complete(&claimed).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    assert_eq!(view(&bench, batch.id).await.state, "completed");
}
