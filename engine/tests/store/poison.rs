//! Poison: a job that kills its workers is parked, and it alone, however many stood beside it.

use std::collections::BTreeSet;

use crate::common::{Bench, LEASE_TIME, TestWorker};

/// Kills a worker and takes back what it held.
async fn die(bench: &Bench, worker: TestWorker) {
    bench.silence(&worker).await;
    let expire = async || bench.store.expire(LEASE_TIME).await.expect("expired");
    while expire().await.leases > 0 {}
}

/// Loses the only ready jobs twice, so that each must be alone from now on.
async fn lose_twice(bench: &Bench, jobs: usize) {
    bench.submit(jobs).await;
    for _ in 0..2 {
        let mut worker = bench.worker().await;
        while !worker.claim(jobs).await.is_empty() {}
        die(bench, worker).await;
    }
}

/// Interleaving 33: one poison job among 500, on workers that claim through two connections at once.
#[tokio::test]
async fn one_poison_job_among_500_is_parked_and_no_neighbour_is() {
    let bench = Bench::new().await;
    bench.submit(500).await;
    let poison = bench.count("select first_id + 217 from ready").await;
    let options = bench.database.options("second pump");

    for _life in 0..20 {
        if bench.count("select count(*) from held").await == 1 {
            break;
        }
        let mut worker = bench.worker().await;
        let mut second = windlass_engine::store::Hot::connect(&options)
            .await
            .expect("a connection")
            .avoiding_risk();
        loop {
            let mut jobs = worker.claim(250).await;
            let want = windlass_engine::store::Want {
                limited: false,
                named: false,
                claim: uuid::Uuid::now_v7(),
                lanes: vec![(bench.lane, 250)],
            };
            let beside = second.exchange(worker.id, &[], Some(&want)).await;
            jobs.extend(beside.expect("claimed").claimed);
            if jobs.is_empty() || jobs.iter().any(|job| job.id == poison) {
                break;
            }
            worker.complete(&jobs).await;
        }
        die(&bench, worker).await;
    }

    let parked = bench
        .count("select first_id from held where reason = 'parked'")
        .await;
    assert_eq!(parked, poison);
    let mut last = bench.worker().await;
    loop {
        let jobs = last.claim(500).await;
        if jobs.is_empty() {
            break;
        }
        last.complete(&jobs).await;
    }
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome where kind = 'completed'")
            .await,
        499
    );
    assert_eq!(bench.count("select count(*) from held").await, 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_worker_holds_one_risky_job_at_a_time() {
    let bench = Bench::new().await;
    lose_twice(&bench, 10).await;
    let (mut one, mut other) = (bench.worker().await, bench.worker().await);

    let first = one.claim(10).await;
    let beside = one.claim(10).await;
    let elsewhere = other.claim(10).await;

    assert_eq!(first.len(), 1, "a job that was lost twice is alone");
    assert!(beside.is_empty(), "and its worker takes no second one");
    assert_eq!(elsewhere.len(), 1, "but another worker does");
    one.complete(&first).await;
    assert_eq!(one.claim(10).await.len(), 1, "then the next");
}

#[tokio::test]
async fn risky_jobs_do_not_stand_in_the_way_of_fresh_ones() {
    let bench = Bench::new().await;
    lose_twice(&bench, 3).await;
    bench.submit(5).await;
    let mut worker = bench.worker().await;
    let risky = worker.claim(10).await;

    let fresh = worker.claim(10).await;

    assert_eq!((risky.len(), risky[0].losses), (1, 2));
    assert_eq!(fresh.len(), 5);
    assert!(fresh.iter().all(|job| job.losses == 0));
}

#[tokio::test]
async fn a_worker_with_suspects_takes_no_risky_job_and_the_reverse() {
    let bench = Bench::new().await;
    lose_twice(&bench, 2).await;
    let mut first = bench.worker().await;
    bench.submit(8).await;
    let risky = first.claim(10).await;
    let fresh = first.claim(10).await;
    assert_eq!((risky.len(), fresh.len()), (1, 8));
    first.complete(&risky).await;
    die(&bench, first).await;

    // The head of the lane: one risky job, and eight suspects in quarters.
    let mut second = bench.worker().await;
    let risky = second.claim(10).await;
    assert_eq!((risky.len(), risky[0].losses), (1, 2));
    assert!(second.claim(10).await.is_empty(), "suspects go elsewhere");
    second.complete(&risky).await;
    assert_eq!(second.claim(10).await.len(), 8, "now they may come here");
}

#[tokio::test]
async fn a_third_loss_beside_fresh_jobs_counts_only_at_the_fifth() {
    let bench = Bench::new().await;
    lose_twice(&bench, 1).await;
    for losses in 3..=5 {
        let mut worker = bench.worker().await;
        assert_eq!(worker.claim(10).await.len(), 1);
        bench.submit(1).await;
        assert_eq!(worker.claim(10).await.len(), 1);
        bench.silence(&worker).await;

        let expired = bench.store.expire(LEASE_TIME).await.expect("expired");

        assert_eq!(expired.parked, i64::from(losses == 5), "loss {losses}");
        // The neighbour is done elsewhere, so that the job alone is left.
        let mut other = bench.worker().await;
        other.hot = other.hot.avoiding_risk();
        let neighbour = other.claim(10).await;
        assert_eq!((neighbour.len(), neighbour[0].losses), (1, 1));
        other.complete(&neighbour).await;
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn the_reason_names_the_workers() {
    let bench = Bench::new().await;
    lose_twice(&bench, 1).await;
    let mut worker = bench.worker().await;
    worker.claim(1).await;
    let last = worker.id;
    die(&bench, worker).await;

    let (why, code): (String, String) = sqlx::query_as("select why, code from held")
        .fetch_one(&bench.pool)
        .await
        .expect("parked");

    assert!(why.starts_with("lost with its worker 3 times"), "{why}");
    assert!(why.contains(&last.to_string()), "{why}");
    let named: BTreeSet<&str> = why.split(' ').filter(|word| word.len() >= 36).collect();
    assert_eq!(named.len(), 3, "{why}");
    assert_eq!(code, "lost");
}
