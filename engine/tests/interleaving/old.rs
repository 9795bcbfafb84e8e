//! A worker of a build from before limits: it claims from a limited lane and counts nothing.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;
use windlass_engine::store::{Claimed, LaneKey, Want};

use super::common::{TestWorker, completed};
use super::stage::Stage;

const CAP: i32 = 4;
const SILENT: Duration = Duration::from_secs(2);
/// A claim as it was before there were counters: some due work becomes a lease.
const OLD_CLAIM: &str = "with due as (
        delete from ready where ctid in (select ctid from ready where lane = $2 order by eff, first_id limit 1) returning *
    ), rest as (
        insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
        select first_id + 2, last_id, lane, eff, run_at, priority, attempt, losses, journaled from due
    )
    insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs)
    select gen_random_uuid(), 0, $1, lane, eff, priority, attempt, losses, journaled,
           int8multirange(int8range(first_id, first_id + 2)) from due";

/// A stage whose only work stands under a limit of four.
async fn limited() -> (Stage, i32) {
    let stage = Stage::with_jobs(0).await;
    stage.grown_up().await;
    stage
        .run("insert into limit_rule (tenant, name, scope, concurrency) values (1, 'service', 'reference', 4)")
        .await;
    let key = LaneKey {
        limit_keys: vec!["service".to_owned()],
        ..LaneKey::of_template(1, "test.noop", "", 0)
    };
    let lane = stage.bench.store.lane(&key).await.expect("a lane");
    let mut request = stage.bench.request();
    request.lane = lane;
    let submitted = stage
        .bench
        .store
        .submit(1, "test", &vec![request; 40])
        .await;
    submitted.expect("submitted");
    (stage, lane)
}

/// The worker of the old build takes two jobs.
async fn old_claim(stage: &Stage, worker: &TestWorker, lane: i32) {
    let claimed = sqlx::query(OLD_CLAIM)
        .bind(worker.id)
        .bind(lane)
        .execute(&stage.bench.pool)
        .await;
    assert_eq!(claimed.expect("claimed").rows_affected(), 1);
}

async fn claim(worker: &mut TestWorker, lane: i32) -> Vec<Claimed> {
    let want = Want {
        limited: true,
        named: false,
        claim: Uuid::now_v7(),
        lanes: vec![(lane, 40)],
    };
    let answer = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    answer.expect("claimed").claimed
}

/// What the counter says, and what is leased.
async fn counted(stage: &Stage) -> (i32, i64) {
    let row = sqlx::query(
        "select (select used from limit_use),
                (select coalesce(sum(upper(r) - lower(r)), 0)::int8 from lease, unnest(jobs) r)",
    )
    .fetch_one(&stage.bench.pool)
    .await
    .expect("counted");
    (row.get(0), row.get(1))
}

/// The doctor's repair of a counter that does not agree with the leases.
async fn mend(stage: &Stage) {
    let store = &stage.bench.store;
    let drift = store.limit_drift().await.expect("compared");
    let keys: Vec<i32> = drift.iter().map(|one| one.key).collect();
    let mended = store.repair_limit_drift(&keys).await.expect("mended");
    assert_eq!(mended.len(), 1, "the drift was seen, and is gone");
    assert_eq!(store.limit_drift().await.expect("compared"), []);
}

#[tokio::test]
async fn i35a_what_an_old_binary_took_first_is_counted_once_the_doctor_looked() {
    let (stage, lane) = limited().await;
    let (old, mut new) = (stage.bench.worker().await, stage.bench.worker().await);
    old_claim(&stage, &old, lane).await;

    let ours = claim(&mut new, lane).await;
    assert_eq!(ours.len(), 4, "nobody told it of the other two");
    mend(&stage).await;

    assert_eq!(counted(&stage).await, (CAP + 2, 6));
    assert!(new.complete(&ours[..2]).await.refused.is_empty());
    assert!(claim(&mut new, lane).await.is_empty(), "four still run");
    assert!(new.complete(&ours[2..3]).await.refused.is_empty());
    assert_eq!(claim(&mut new, lane).await.len(), 1);
    assert_eq!(counted(&stage).await, (CAP, 4));
    stage.bench.assert_held_once().await;
}

#[tokio::test]
async fn i35b_an_old_binary_that_dies_over_a_full_limit_leaves_the_others_exact() {
    let (stage, lane) = limited().await;
    let (old, mut new) = (stage.bench.worker().await, stage.bench.worker().await);
    let ours = claim(&mut new, lane).await;
    old_claim(&stage, &old, lane).await;

    // Its jobs come back as counted ones do, which takes two too many from the counter.
    stage.bench.silence(&old).await;
    let expired = stage.bench.store.expire(SILENT).await.expect("expired");
    assert_eq!(expired.jobs, 2);
    assert_eq!(counted(&stage).await, (CAP - 2, 4));
    mend(&stage).await;

    assert!(claim(&mut new, lane).await.is_empty(), "four run");
    let entries: Vec<_> = ours.iter().map(completed).collect();
    assert!(new.record(&entries).await.refused.is_empty());
    assert_eq!(claim(&mut new, lane).await.len(), 4);
    assert_eq!(counted(&stage).await, (CAP, 4));
    stage.bench.assert_held_once().await;
}
