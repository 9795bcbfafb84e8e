//! Expiry: a dead worker's jobs come back in smaller extents; poison alone is parked.

use crate::common::{Bench, LEASE_TIME, journal};
use windlass_engine::store::Expired;

#[tokio::test]
async fn a_living_workers_jobs_stay_its_own() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(10).await;

    let expired = bench.store.expire(LEASE_TIME).await.expect("looked");

    assert_eq!(expired, Expired::default());
    assert!(worker.complete(&jobs).await.refused.is_empty());
}

#[tokio::test]
async fn nobody_is_declared_dead_by_an_outage_of_ours() {
    let bench = Bench::new().await;
    sqlx::query("update cluster set since = now()")
        .execute(&bench.pool)
        .await
        .expect("promoted");
    let worker = bench.worker().await;
    sqlx::query("update worker set seen = now() - interval '1 hour'")
        .execute(&bench.pool)
        .await
        .expect("silenced");

    assert_eq!(
        bench
            .store
            .expire(LEASE_TIME)
            .await
            .expect("looked")
            .workers,
        0
    );
    drop(worker);
}

#[tokio::test]
async fn a_silent_worker_is_declared_dead_once_the_server_is_old_enough() {
    let bench = Bench::new().await;
    let _worker = bench.worker().await;
    sqlx::query("update worker set seen = now() - interval '1 hour'")
        .execute(&bench.pool)
        .await
        .expect("silenced");
    // The shared server has run for longer than a millisecond by now.
    let lease_time = std::time::Duration::from_millis(1);

    assert_eq!(
        bench
            .store
            .expire(lease_time)
            .await
            .expect("looked")
            .workers,
        1
    );
    assert_eq!(
        bench
            .store
            .expire(lease_time)
            .await
            .expect("looked")
            .workers,
        0
    );
}

#[tokio::test]
async fn lost_jobs_come_back_in_quarters_then_alone_then_parked() {
    let bench = Bench::new().await;
    bench.submit(100).await;
    let mut first = bench.worker().await;
    assert_eq!(first.claim(100).await.len(), 100);

    bench.silence(&first).await;
    bench.store.expire(LEASE_TIME).await.expect("expired");
    assert_eq!(bench.count("select count(*) from ready").await, 4);

    let mut second = bench.worker().await;
    assert_eq!(second.claim(25).await.len(), 25);
    bench.silence(&second).await;
    bench.store.expire(LEASE_TIME).await.expect("expired");
    assert_eq!(
        bench
            .count("select count(*) from ready where losses = 2")
            .await,
        25
    );

    let mut third = bench.worker().await;
    let alone = third.claim(25).await;
    assert_eq!(alone.len(), 1, "a job that was lost twice is claimed alone");
    bench.silence(&third).await;
    let expired = bench.store.expire(LEASE_TIME).await.expect("expired");

    assert_eq!(expired.parked, 1);
    assert_eq!(
        bench
            .count("select count(*) from held where reason = 'parked'")
            .await,
        1
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_journal_begun_under_the_lost_lease_is_remembered() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker.record(&[journal(&jobs[0], 1)]).await;
    bench.silence(&worker).await;

    bench.store.expire(LEASE_TIME).await.expect("expired");
    let mut next = bench.worker().await;
    let mut again = next.claim(2).await;
    again.extend(next.claim(2).await);

    let journaled = |id: i64| {
        again
            .iter()
            .find(|job| job.id == id)
            .expect("claimed again")
            .journaled
    };
    assert!(journaled(jobs[0].id) && !journaled(jobs[1].id));
}

/// A lease of twelve: in its middle one job is to be cancelled, and one has begun a journal.
async fn gapped() -> (Bench, crate::common::TestWorker) {
    let bench = Bench::new().await;
    bench.submit(12).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(12).await;
    let stopped = bench.store.cancel(1, jobs[1].id, "mia", "").await;
    stopped.expect("asked");
    worker.record(&[journal(&jobs[4], 1)]).await;
    (bench, worker)
}

const READY: &str = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from ready";

/// Extents were made from the first to the last of a piece, over the jobs between that do not belong to
/// it: those stood in two places, and ran twice.
#[tokio::test]
async fn a_lost_lease_with_gaps_comes_back_without_what_is_missing() {
    let (bench, worker) = gapped().await;
    bench.silence(&worker).await;

    bench.store.expire(LEASE_TIME).await.expect("expired");

    bench.assert_held_once().await;
    assert_eq!(bench.count(READY).await, 11);
}

#[tokio::test]
async fn an_unknown_lease_with_gaps_is_given_back_without_what_is_missing() {
    let (bench, mut worker) = gapped().await;

    let given = worker
        .beat
        .give_back_unlisted(worker.id, &[], std::time::Duration::ZERO)
        .await;

    assert_eq!(given.expect("given back"), 1);
    bench.assert_held_once().await;
    assert_eq!(bench.count(READY).await, 11);
}

#[tokio::test]
async fn two_expirers_take_back_each_job_once() {
    let bench = Bench::new().await;
    for _ in 0..20 {
        bench.submit(50).await;
        let mut worker = bench.worker().await;
        worker.claim(50).await;
        bench.silence(&worker).await;

        let (one, two) = tokio::join!(
            bench.store.expire(LEASE_TIME),
            bench.store.expire(LEASE_TIME)
        );

        one.expect("expired");
        two.expect("expired");
        bench.store.expire(LEASE_TIME).await.expect("expired");
        bench.assert_held_once().await;
        let mut next = bench.worker().await;
        loop {
            let claimed = next.claim(1_000).await;
            if claimed.is_empty() {
                break;
            }
            next.complete(&claimed).await;
        }
    }
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome")
            .await,
        1_000
    );
}

/// An idle look at the dead must cost next to nothing: compiled, it took a second.
#[tokio::test]
async fn no_statement_of_ours_is_compiled() {
    let bench = Bench::new().await;

    let off = "select count(*) from pg_settings where name = 'jit' and setting = 'off'";

    assert_eq!(bench.count(off).await, 1);
}
