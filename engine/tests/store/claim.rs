//! Claiming: due extents, oldest first, whole or split, never twice.

use std::collections::HashSet;

use crate::common::Bench;
use chrono::{TimeDelta, Utc};
use windlass_engine::store::NewRequest;

#[tokio::test]
async fn a_claim_splits_an_extent_and_leaves_the_rest() {
    let bench = Bench::new().await;
    bench.submit(100).await;
    let mut worker = bench.worker().await;

    let claimed = worker.claim(30).await;

    assert_eq!(claimed.len(), 30);
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from ready")
            .await,
        70
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn work_of_the_future_is_not_claimed_before_its_time() {
    let bench = Bench::new().await;
    let later = NewRequest {
        start_at: Some(Utc::now() + TimeDelta::hours(1)),
        ..bench.request()
    };
    bench
        .store
        .submit(1, "test", &[later])
        .await
        .expect("submitted");
    let mut worker = bench.worker().await;

    assert!(worker.claim(10).await.is_empty());
    bench.store.wake(None).await.expect("woken");
    assert!(worker.claim(10).await.is_empty());
    bench
        .store
        .wake(Some(Utc::now() + TimeDelta::hours(2)))
        .await
        .expect("woken");

    assert_eq!(worker.claim(10).await.len(), 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn urgent_work_overtakes() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let urgent = NewRequest {
        priority: 3_600,
        input: "{\"urgent\":true}".into(),
        ..bench.request()
    };
    bench
        .store
        .submit(1, "test", &[urgent])
        .await
        .expect("submitted");
    let mut worker = bench.worker().await;

    let first = worker.claim(1).await;

    assert_eq!(first[0].input, "{\"urgent\":true}");
}

#[tokio::test]
async fn a_dead_worker_claims_nothing() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let mut worker = bench.worker().await;
    bench.silence(&worker).await;
    bench
        .store
        .expire(crate::common::LEASE_TIME)
        .await
        .expect("expired");

    assert!(worker.claim(10).await.is_empty());
    assert_eq!(worker.beat.renew(worker.id).await.expect("answered"), None);
}

#[tokio::test]
async fn the_answer_of_a_claim_can_be_asked_for_again() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let mut worker = bench.worker().await;
    let claimed = worker.claim(4).await;

    let again = worker
        .hot
        .of_claim(claimed[0].lease.claim)
        .await
        .expect("answered");

    let ids = |jobs: &[windlass_engine::store::Claimed]| {
        jobs.iter().map(|job| job.id).collect::<HashSet<_>>()
    };
    assert_eq!(ids(&again), ids(&claimed));
}

#[tokio::test]
async fn a_lease_that_its_worker_does_not_know_is_given_back() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let mut worker = bench.worker().await;
    let known = worker.claim(4).await;
    let unknown = worker.claim(4).await;
    sqlx::query("update lease set claimed_at = now() - interval '1 minute'")
        .execute(&bench.pool)
        .await
        .expect("aged");

    let given = worker
        .beat
        .give_back_unlisted(
            worker.id,
            &[known[0].lease.claim],
            crate::common::LEASE_TIME,
        )
        .await
        .expect("given back");

    assert_eq!(given, 1);
    assert_eq!(worker.complete(&unknown).await.refused.len(), 4);
    assert!(worker.complete(&known).await.refused.is_empty());
    bench.assert_held_once().await;
}

/// 50 rounds of 4 claimers on one lane: each job goes to exactly one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_get_one_job() {
    let bench = Bench::new().await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(bench.worker().await);
    }
    for _ in 0..50 {
        bench.submit(1_000).await;
        let mut claimers = Vec::new();
        for mut worker in workers.drain(..) {
            claimers.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = worker.claim(97).await;
                    if claimed.is_empty() {
                        break;
                    }
                    mine.extend(claimed);
                }
                (worker, mine)
            }));
        }
        let mut seen = HashSet::new();
        let mut held = Vec::new();
        for claimer in claimers {
            let (worker, mine) = claimer.await.expect("a claimer");
            assert!(
                mine.iter().all(|job| seen.insert(job.id)),
                "a job was claimed twice"
            );
            held.push((worker, mine));
        }
        // A short claim is not an empty queue: what was locked by another at that moment is claimed now.
        let (worker, mine) = &mut held[0];
        mine.extend(worker.claim(1_000).await);
        let all: usize = held.iter().map(|(_, mine)| mine.len()).sum();
        assert_eq!(all, 1_000);
        for (mut worker, mine) in held {
            assert!(worker.complete(&mine).await.refused.is_empty());
            workers.push(worker);
        }
    }
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome")
            .await,
        50_000
    );
    assert_eq!(bench.count("select count(*) from lease").await, 0);
    bench.assert_held_once().await;
}
