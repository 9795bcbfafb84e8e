//! Redrive and the batch: what it expects is raised before its jobs move, in every order with finish.

use std::time::Duration;

use crate::common::dead::{FINGERPRINT, exhausted, failed, pass, wanted};
use crate::common::{Bench, TestWorker};
use futures::future::join_all;
use windlass_engine::store::NewRedrive;

/// Puts the bench's lane under a batch that runs and expects `jobs` settlements.
async fn batch_of(bench: &Bench, jobs: i64) -> i64 {
    let batch: i64 = sqlx::query_scalar(
        "insert into batch (tenant, name, state, strategy, template_version, lane, document, sealed, expected, released)
         values (1, 'birds', 'running', 'individual', $1, $2, '{}', true, $3, $3) returning id",
    )
    .bind(bench.version)
    .bind(bench.lane)
    .bind(jobs)
    .fetch_one(&bench.pool)
    .await
    .expect("a batch");
    sqlx::query("update lane set batch = $1 where id = $2")
        .bind(batch)
        .bind(bench.lane)
        .execute(&bench.pool)
        .await
        .expect("its lane");
    sqlx::query("update job set batch = $1")
        .bind(batch)
        .execute(&bench.pool)
        .await
        .expect("its jobs");
    batch
}

async fn state(bench: &Bench, batch: i64) -> String {
    sqlx::query_scalar("select state from batch where id = $1")
        .bind(batch)
        .fetch_one(&bench.pool)
        .await
        .expect("a state")
}

/// Interleaving 30, finish first: the batch ended with errors, and is open again.
#[tokio::test]
async fn a_batch_that_finished_before_the_redrive_is_open_again_and_ends_well() {
    let bench = Bench::new().await;
    let mut worker = parked_batch(&bench).await;
    let batch = bench.count("select id from batch").await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);
    assert_eq!(state(&bench, batch).await, "completed_with_errors");

    bench.store.redrive(1, &wanted()).await.expect("begun");
    assert_eq!(pass(&bench).await, Some(1));
    assert_eq!(state(&bench, batch).await, "running");
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    let again = worker.claim(10).await;
    worker.complete(&again).await;

    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);
    assert_eq!(state(&bench, batch).await, "completed");
    let now = bench.store.batch(1, batch).await.expect("a batch").progress;
    assert_eq!(
        (now.expected, now.settled, now.open, now.restarted),
        (4, 4, 0, 1)
    );
    assert_eq!(now.now.get("parked"), Some(&0));
}

/// Each end of it is told, with its generation.
#[tokio::test]
async fn a_batch_that_is_redriven_after_its_end_tells_of_the_next_one_too() {
    let bench = Bench::new().await;
    let mut worker = parked_batch(&bench).await;
    let batch = bench.count("select id from batch").await;
    bench.store.finish().await.expect("finished");

    let named = NewRedrive {
        batch: Some(batch),
        ..wanted()
    };
    bench.store.redrive(1, &named).await.expect("begun");
    pass(&bench).await;
    let again = worker.claim(10).await;
    worker.complete(&again).await;
    while pass(&bench).await.is_some() {}
    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);

    let generation = bench.store.batch(1, batch).await.expect("it").generation;
    assert_eq!(generation, 2);
    let told = "select count(distinct generation) from notice where kind = 'batch.finished'";
    assert_eq!(bench.count(told).await, 2);
}

/// Over many batches it cannot say when one of them is through.
#[tokio::test]
async fn a_redrive_that_names_no_batch_tells_of_no_end_with_each_of_its_pages() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(3).await;
    let batch = batch_of(&bench, 3).await;
    let ends: Vec<_> = jobs.iter().map(|job| exhausted(job, FINGERPRINT)).collect();
    worker.record(&ends).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);

    let slow = NewRedrive {
        rate: 1,
        ..wanted()
    };
    bench.store.redrive(1, &slow).await.expect("begun");
    for _ in 0..3 {
        assert_eq!(pass(&bench).await, Some(1));
        let again = worker.claim(10).await;
        worker.complete(&again).await;
        assert_eq!(bench.store.finish().await.expect("looked"), [batch]);
    }

    let told = "select count(*) from notice where kind = 'batch.finished'";
    assert_eq!(bench.count(told).await, 1);
}

/// It would tell of its end with every page that comes back.
#[tokio::test]
async fn a_batch_ends_once_whatever_the_pace_at_which_it_is_redriven() {
    for rules in ["{}", r#"{"tolerance":{"max_failed":0}}"#] {
        let bench = Bench::new().await;
        bench.submit(3).await;
        let mut worker = bench.worker().await;
        let jobs = worker.claim(3).await;
        let batch = batch_of(&bench, 3).await;
        let ends: Vec<_> = jobs.iter().map(|job| exhausted(job, FINGERPRINT)).collect();
        worker.record(&ends).await;
        let ruled = "update batch set rules = $1, judged = $1 <> '{}'";
        let ruled = sqlx::query(ruled).bind(rules).execute(&bench.pool);
        ruled.await.expect("its rules");
        bench.store.finish().await.expect("finished");

        let slow = NewRedrive {
            batch: Some(batch),
            rate: 1,
            ..wanted()
        };
        bench.store.redrive(1, &slow).await.expect("begun");
        for _ in 0..3 {
            assert_eq!(pass(&bench).await, Some(1));
            let again = worker.claim(10).await;
            worker.complete(&again).await;
            assert!(bench.store.finish().await.expect("looked").is_empty());
        }
        while pass(&bench).await.is_some() {}

        assert_eq!(bench.store.finish().await.expect("finished"), [batch]);
        let told = "select count(*) from notice where kind = 'batch.finished'";
        assert_eq!(bench.count(told).await, 2, "{rules}");
    }
}

/// Interleaving 30, redrive first: the batch does not end before the job has settled again.
#[tokio::test]
async fn a_batch_does_not_finish_while_a_redriven_job_is_out() {
    let bench = Bench::new().await;
    let mut worker = parked_batch(&bench).await;
    let batch = bench.count("select id from batch").await;

    bench.store.redrive(1, &wanted()).await.expect("begun");
    pass(&bench).await;
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    let again = worker.claim(10).await;
    worker.record(&[exhausted(&again[0], FINGERPRINT)]).await;

    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);
    assert_eq!(
        state(&bench, batch).await,
        "completed_with_errors",
        "it parked again"
    );
}

/// Interleaving 21: finish and the redrive of a failed job at the same moment, many times.
#[tokio::test]
async fn finish_and_redrive_at_once_never_lose_a_settlement() {
    let bench = Bench::new().await;
    for _ in 0..10 {
        bench.submit(2).await;
        let mut worker = bench.worker().await;
        let jobs = worker.claim(2).await;
        let batch = batch_of(&bench, 2).await;
        worker.record(&[failed(&jobs[0])]).await;
        worker.complete(&jobs[1..]).await;
        let one = NewRedrive {
            fingerprint: None,
            jobs: Some(vec![jobs[0].id]),
            failed_too: true,
            ..wanted()
        };
        bench.store.redrive(1, &one).await.expect("begun");
        pass(&bench).await;
        sqlx::query(
            "update redrive set passed_at = now() - interval '1 second' where state = 'running'",
        )
        .execute(&bench.pool)
        .await
        .expect("a second passed");

        let (paced, ended) = tokio::join!(bench.store.pace_redrives(), bench.store.finish());
        assert_eq!(paced.expect("paced"), Some(1));
        ended.expect("looked");
        assert_eq!(state(&bench, batch).await, "running", "a job is out");
        let again = worker.claim(10).await;
        assert_eq!(again.len(), 1);
        worker.complete(&again).await;
        let passes = join_all((0..3).map(|_| bench.store.finish())).await;

        let ended: Vec<i64> = passes
            .into_iter()
            .flat_map(|pass| pass.expect("looked"))
            .collect();
        assert_eq!(ended, [batch]);
        assert_eq!(state(&bench, batch).await, "completed");
        pass(&bench).await;
        worker.beat.leave(worker.id).await.expect("left");
        sqlx::query("update lane set batch = 0")
            .execute(&bench.pool)
            .await
            .expect("reset");
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_batch_that_is_cancelled_while_its_jobs_are_looked_for_gets_none_back() {
    let bench = Bench::new().await;
    let _worker = parked_batch(&bench).await;
    bench.store.redrive(1, &wanted()).await.expect("begun");
    let cancel = "update batch set cancelling_at = now(), cancelled_by = 'leo', cancelled_why = ''";
    let mut gate = bench.database.hold(cancel).await;

    let paced = pass(&bench);
    let cancelled = async {
        while gate.lock_waits().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        gate.commit().await;
    };
    let (paced, ()) = tokio::join!(paced, cancelled);

    assert_eq!(paced, Some(0));
    let parked = "select count(*) from held where reason = 'parked'";
    assert_eq!(bench.count(parked).await, 1, "it is asked to end");
    assert_eq!(bench.count("select expected from batch").await, 3);
    assert_eq!(bench.count("select count(*) from redrive_job").await, 0);
    assert_eq!(pass(&bench).await, Some(0));
    assert_eq!(pass(&bench).await, None, "nothing is left for it");
}

/// A batch of three jobs: two completed, one parked.
async fn parked_batch(bench: &Bench) -> TestWorker {
    bench.submit(3).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(3).await;
    batch_of(bench, 3).await;
    worker.record(&[exhausted(&jobs[0], FINGERPRINT)]).await;
    worker.complete(&jobs[1..]).await;
    worker
}
