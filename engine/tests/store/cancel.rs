//! Cancelling: whoever takes the holder row ends the job; a final outcome never changes.

use crate::common::{Bench, completed, ending, journal, outcome};
use chrono::{TimeDelta, Utc};
use windlass_engine::store::{Cancelled, Ending, NewEntry, NewRequest};
use windlass_workflows::machine::turn::{End, OutcomeKind};

async fn cancel(bench: &Bench, job: i64) -> Result<Cancelled, windlass_engine::Error> {
    bench.store.cancel(1, job, "mia", "not needed").await
}

#[tokio::test]
async fn a_ready_job_ends_at_once_and_its_neighbours_stay() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let middle = bench.count("select first_id + 4 from ready").await;

    assert_eq!(
        cancel(&bench, middle).await.expect("cancelled"),
        Cancelled::Ended
    );

    assert_eq!(bench.count("select count(*) from ready").await, 2);
    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'cancelled'")
            .await,
        1
    );
    bench.assert_held_once().await;
    assert_eq!(
        cancel(&bench, middle)
            .await
            .expect_err("it is final")
            .code(),
        "illegal_state"
    );
}

#[tokio::test]
async fn a_future_job_ends_at_once() {
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
    let job = bench.count("select first_id from later").await;

    assert_eq!(
        cancel(&bench, job).await.expect("cancelled"),
        Cancelled::Ended
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn an_unknown_job_and_a_foreign_job_are_not_found() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = bench.count("select first_id from ready").await;

    assert_eq!(
        cancel(&bench, 42).await.expect_err("unknown").code(),
        "not_found"
    );
    assert_eq!(
        bench
            .store
            .cancel(2, job, "eve", "")
            .await
            .expect_err("foreign")
            .code(),
        "not_found"
    );
    assert_eq!(bench.count("select count(*) from ready").await, 1);
}

#[tokio::test]
async fn a_resting_job_is_ordered_to_end_itself() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(1).await;
    let rest = NewEntry {
        ending: Some(Ending::Rest { due: None }),
        ..journal(&jobs[0], 1)
    };
    worker.record(&[rest]).await;

    assert_eq!(
        cancel(&bench, jobs[0].id).await.expect("asked"),
        Cancelled::Asked
    );

    let woken = worker.claim(1).await;
    assert!(woken[0].journaled);
    let order = bench
        .store
        .order_of(woken[0].id, woken[0].lease)
        .await
        .expect("answered");
    assert!(order.flatten().expect("an order").contains("not needed"));
    bench.assert_held_once().await;
}

/// Interleaving 2: a late result of a stopped job changes nothing; its neighbours' results land.
#[tokio::test]
async fn a_leased_job_hears_of_it_and_its_late_result_is_refused() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;

    assert_eq!(
        cancel(&bench, jobs[0].id).await.expect("asked"),
        Cancelled::Asked
    );
    assert_eq!(
        cancel(&bench, jobs[0].id).await.expect("asked again"),
        Cancelled::Asked
    );
    let renewed = worker
        .beat
        .renew(worker.id)
        .await
        .expect("answered")
        .expect("alive");
    let late = worker.complete(&jobs).await;
    let cancelled = ending(
        &jobs[0],
        Ending::Machine(End::Outcome(outcome(OutcomeKind::Cancelled, None))),
    );
    let obeyed = worker
        .record(&[NewEntry {
            obeys: true,
            ..cancelled
        }])
        .await;

    assert_eq!(renewed.stops, vec![jobs[0].id]);
    assert_eq!(late.refused, vec![jobs[0].id]);
    assert!(obeyed.refused.is_empty());
    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'cancelled'")
            .await,
        1
    );
    assert_eq!(bench.count("select count(*) from intent").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_stopped_job_of_a_dead_worker_does_not_run_again() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(1).await;
    cancel(&bench, jobs[0].id).await.expect("asked");
    bench.silence(&worker).await;

    bench
        .store
        .expire(crate::common::LEASE_TIME)
        .await
        .expect("expired");
    bench.store.end_cancelling().await.expect("ended");

    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'cancelled'")
            .await,
        1
    );
    assert_eq!(bench.count("select count(*) from ready").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn cancel_and_settle_race_to_one_outcome() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    for _ in 0..30 {
        bench.submit(1).await;
        let jobs = worker.claim(1).await;
        let entries = [completed(&jobs[0])];

        let (settled, cancelled) =
            tokio::join!(worker.record(&entries), cancel(&bench, jobs[0].id));

        match cancelled {
            Ok(_) if !settled.refused.is_empty() => {
                let ended = ending(
                    &jobs[0],
                    Ending::Machine(End::Outcome(outcome(OutcomeKind::Cancelled, None))),
                );
                worker
                    .record(&[NewEntry {
                        obeys: true,
                        ..ended
                    }])
                    .await;
            }
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), "illegal_state"),
        }
        bench.assert_held_once().await;
    }
}

/// A wish that was left behind, because the job changed hands too fast, is fulfilled by the duty.
#[tokio::test]
async fn a_wish_that_was_left_behind_is_fulfilled() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = bench.count("select first_id from ready").await;
    sqlx::query("insert into intent (job, verb, who, why, at) values ($1, 'cancel', 'mia', '', now() - interval '1 minute')")
        .bind(job)
        .execute(&bench.pool)
        .await
        .expect("a wish");

    assert_eq!(bench.store.fulfil_cancels().await.expect("looked"), 1);

    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'cancelled'")
            .await,
        1
    );
    assert_eq!(bench.count("select count(*) from intent").await, 0);
}
