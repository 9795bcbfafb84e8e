//! Settling meets expiry, a cancel, another flush, and the loss of one of its leases.

use windlass_engine::store::Cancelled;

use super::common::{LEASE_TIME, completed};
use super::stage::{
    BEFORE_FIRST_OUTCOME, BEFORE_INTENT, BEFORE_OUTCOME, BEFORE_READY, Stage, census, ended, ids,
    sorted, start,
};

#[tokio::test]
async fn i01a_expiry_leaves_the_lease_that_a_flush_has_locked() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    stage.bench.silence(&worker).await;
    let gate = stage.bench.database.hold(BEFORE_OUTCOME).await;
    let settling = start(async move { worker.complete(&jobs).await });
    stage.blocked(1).await;

    let expired = stage.bench.store.expire(LEASE_TIME).await.expect("looked");

    assert_eq!(
        (expired.leases, expired.jobs),
        (0, 0),
        "the locked lease is skipped, not waited for"
    );
    gate.release().await;
    assert!(ended(settling).await.refused.is_empty());
    stage.bench.store.expire(LEASE_TIME).await.expect("looked");
    assert_eq!(stage.census().await, census([("completed", 10)]));
}

#[tokio::test]
async fn i01b_a_flush_that_waited_for_expiry_records_nothing() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    let all = ids(&jobs);
    stage.bench.silence(&worker).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let expiring = start(async move { store.expire(LEASE_TIME).await });
    stage.blocked(1).await;
    let settling = start(async move { worker.complete(&jobs).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(expiring).await.expect("expired").jobs, 10);
    assert_eq!(sorted(ended(settling).await.refused), all);
    assert_eq!(stage.census().await, census([("ready 0 1", 10)]));
}

#[tokio::test]
async fn i02a_a_cancel_that_waited_for_a_flush_sees_what_it_left() {
    let stage = Stage::with_jobs(3).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(3).await;
    let gate = stage.bench.database.hold(BEFORE_FIRST_OUTCOME).await;
    let first = completed(&jobs[0]);
    let settling = start(async move {
        let answer = worker.record(&[first]).await;
        (worker, answer)
    });
    stage.blocked(1).await;
    let cancels: Vec<_> = jobs[..2]
        .iter()
        .map(|job| {
            let (store, job) = (stage.bench.store.clone(), job.id);
            start(async move { store.cancel(1, job, "mia", "").await })
        })
        .collect();
    stage.blocked(3).await;

    gate.release().await;

    let (mut worker, settled) = ended(settling).await;
    assert!(settled.refused.is_empty());
    let mut answers = Vec::new();
    for cancel in cancels {
        answers.push(ended(cancel).await);
    }
    let refusal = answers[0].as_ref().expect_err("it has its outcome");
    assert_eq!(refusal.code(), "illegal_state");
    assert_eq!(answers[1].as_ref().expect("asked"), &Cancelled::Asked);
    let late = worker.complete(&jobs[1..]).await;
    assert_eq!(late.refused, [jobs[1].id]);
    assert_eq!(
        stage.census().await,
        census([("completed", 2), ("lease stopped", 1)])
    );
}

#[tokio::test]
async fn i02b_a_flush_that_waited_for_a_cancel_obeys_it() {
    let stage = Stage::with_jobs(3).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(3).await;
    let stopped = jobs[1].id;
    let gate = stage.bench.database.hold(BEFORE_INTENT).await;
    let store = stage.bench.store.clone();
    let cancelling = start(async move { store.cancel(1, stopped, "mia", "").await });
    stage.blocked(1).await;
    let settling = start(async move { worker.complete(&jobs).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(cancelling).await.expect("asked"), Cancelled::Asked);
    assert_eq!(ended(settling).await.refused, [stopped]);
    assert_eq!(
        stage.census().await,
        census([("completed", 2), ("lease stopped", 1)])
    );
}

/// Two flushes meet on one lease; whichever is larger, none of its jobs stays behind.
async fn two_flushes(of_the_first: usize) {
    let stage = Stage::with_jobs(100).await;
    let mut worker = stage.bench.worker().await;
    let mut other = stage.bench.worker().await;
    let jobs = worker.claim(100).await;
    let (left, right) = jobs.split_at(of_the_first);
    let (left, right) = (left.to_vec(), right.to_vec());
    let gate = stage.bench.database.hold(BEFORE_FIRST_OUTCOME).await;
    let one = start(async move { worker.complete(&left).await });
    stage.blocked(1).await;
    let two = start(async move { other.complete(&right).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(one).await.refused.is_empty());
    assert!(ended(two).await.refused.is_empty());
    assert_eq!(stage.bench.count("select count(*) from lease").await, 0);
    assert_eq!(stage.census().await, census([("completed", 100)]));
}

#[tokio::test]
async fn i03a_a_small_flush_first_leaves_nothing_of_the_lease() {
    two_flushes(1).await;
}

#[tokio::test]
async fn i03b_a_large_flush_first_leaves_nothing_of_the_lease() {
    two_flushes(99).await;
}

#[tokio::test]
async fn i12a_a_flush_that_waited_for_expiry_loses_only_the_lost_lease() {
    let stage = Stage::with_jobs(20).await;
    let mut dead = stage.bench.worker().await;
    let mut alive = stage.bench.worker().await;
    let lost = dead.claim(10).await;
    let kept = alive.claim(10).await;
    stage.bench.silence(&dead).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let expiring = start(async move { store.expire(LEASE_TIME).await });
    stage.blocked(1).await;
    let both: Vec<_> = kept.iter().chain(&lost).cloned().collect();
    let settling = start(async move { alive.complete(&both).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(expiring).await.expect("expired").leases, 1);
    assert_eq!(sorted(ended(settling).await.refused), ids(&lost));
    assert_eq!(
        stage.census().await,
        census([("completed", 10), ("ready 0 1", 10)])
    );
}

#[tokio::test]
async fn i12b_expiry_that_met_a_flush_takes_only_the_lease_it_can_have() {
    let stage = Stage::with_jobs(20).await;
    let mut dead = stage.bench.worker().await;
    let settled = dead.claim(10).await;
    let lost = dead.claim(10).await;
    stage.bench.silence(&dead).await;
    let gate = stage.bench.database.hold(BEFORE_FIRST_OUTCOME).await;
    let first = settled.clone();
    let settling = start(async move {
        let answer = dead.complete(&first).await;
        (dead, answer)
    });
    stage.blocked(1).await;

    let expired = stage.bench.store.expire(LEASE_TIME).await.expect("expired");

    assert_eq!((expired.leases, expired.jobs), (1, 10));
    gate.release().await;
    let (mut dead, answer) = ended(settling).await;
    assert!(answer.refused.is_empty());
    assert_eq!(sorted(dead.complete(&lost).await.refused), ids(&lost));
    assert_eq!(
        stage.census().await,
        census([("completed", 10), ("ready 0 1", 10)])
    );
}
