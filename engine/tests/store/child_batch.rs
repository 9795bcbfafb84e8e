//! Batches that jobs open: when they are to be done, and what becomes of those that nobody waits for.

use crate::common::mail::{cause, resting, with_post};
use crate::common::recipe::{BIRDS, apply, with_birds};
use crate::common::{Bench, TestWorker, completed, journal};
use serde_json::json;
use windlass_engine::protocol::{ChildBatch, ChildTerms, Planned};
use windlass_engine::store::{
    CauseKind, Claimed, DEFAULT_TENANT, NewEntry, OnClose, Post, Tolerated,
};
use windlass_workflows::value::Value;

/// A place with birds, and a job under a lease.
async fn parent() -> (Bench, TestWorker, Claimed) {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    (bench, worker, job)
}

/// The turn of a job that opens a batch.
async fn opening(
    bench: &Bench,
    job: &Claimed,
    (is_awaited, on_close): (bool, OnClose),
    with: serde_json::Value,
) -> NewEntry {
    let new = ChildBatch {
        activity: 1,
        with: &Value::from(with),
        configuration: "briefs".into(),
        name: "briefs".into(),
        terms: ChildTerms::default(),
        is_awaited,
        on_close,
        tolerated: Tolerated::Count(0),
    };
    let batch = bench.store.child_batch(DEFAULT_TENANT, new).await;
    let post = Post {
        batches: vec![batch.expect("a batch")],
        ..Post::default()
    };
    with_post(journal(job, 1), post)
}

fn briefs() -> serde_json::Value {
    json!({ "purpose": "brief", "selection": { "category": "birds" } })
}

const CANCELLING: &str =
    "select count(*) from batch where cancelling_at is not null and finished_at is null";
const OPEN: &str = "select count(*) from child_batch where not over";

#[tokio::test]
async fn the_batch_of_a_killed_job_is_marked_by_one_duty_and_ended_by_another() {
    let (bench, mut worker, job) = parent().await;
    let turn = opening(&bench, &job, (true, OnClose::Cancel), briefs()).await;
    worker.record(&[turn]).await;
    let rest = resting(&job, 2, vec![cause(CauseKind::Batch, "", "1")]);
    worker.record(&[rest]).await;
    bench.store.plan().await.expect("planned");
    bench.store.release().await.expect("released");
    let killed = bench.store.kill(DEFAULT_TENANT, job.id, "mia", "").await;
    killed.expect("killed");

    bench.store.pass_mail().await.expect("a pass");
    assert_eq!(bench.count(CANCELLING).await, 1);
    assert_eq!(bench.count("select count(*) from ready").await, 1);
    let again = bench.store.close_child_batches().await.expect("a pass");
    assert_eq!(again, 0, "it is under way");

    assert!(bench.store.ask_cancelled(None).await.expect("asked"));
    assert_eq!(bench.store.finish().await.expect("finished").len(), 1);
    bench.store.pass_mail().await.expect("a pass");
    assert_eq!(bench.count(OPEN).await, 0);
    let cancelled = "select count(*) from batch where state = 'cancelled'";
    assert_eq!(bench.count(cancelled).await, 1);
}

#[tokio::test]
async fn a_batch_that_nobody_awaits_ends_with_its_job_if_it_says_so() {
    for (on_close, open) in [(OnClose::Cancel, 1), (OnClose::Abandon, 0)] {
        let (bench, mut worker, job) = parent().await;
        let turn = opening(&bench, &job, (false, on_close), briefs()).await;
        worker.record(&[turn]).await;
        assert_eq!(bench.count("select count(*) from inbox").await, 1);
        assert_eq!(bench.count(OPEN).await, open);

        worker.record(&[completed(&job)]).await;
        bench.store.pass_mail().await.expect("a pass");

        let cancelled = "select count(*) from batch where state = 'cancelled'";
        assert_eq!(bench.count(cancelled).await, open);
        bench.store.pass_mail().await.expect("a pass");
        assert_eq!(bench.count(OPEN).await, 0);
        assert_eq!(bench.count("select count(*) from inbox").await, 0);
    }
}

#[tokio::test]
async fn a_batch_that_nobody_awaits_is_told_of_once() {
    let (bench, mut worker, job) = parent().await;
    let turn = opening(&bench, &job, (false, OnClose::Cancel), briefs()).await;
    worker.record(&[turn]).await;
    sqlx::query("update batch set state = 'completed', finished_at = now()")
        .execute(&bench.pool)
        .await
        .expect("it has ended");

    assert_eq!(bench.store.tell_of_batches().await.expect("told"), 1);

    assert_eq!(bench.count("select count(*) from inbox").await, 1);
    assert_eq!(bench.count(OPEN).await, 0);
}

#[tokio::test]
async fn a_batch_of_a_step_keeps_the_deadline_of_its_recipe() {
    let (bench, mut worker, job) = parent().await;
    let nightly = "windlass: v1\nkind: JobConfiguration\nname: nightly\npurpose: brief\n\
        selection: { category: birds }\nstrategy: individual\ndeadline: 2h\n";
    apply(&bench.store, &[nightly], "").await;
    let with = json!({ "configuration": "nightly" });

    let turn = opening(&bench, &job, (true, OnClose::Cancel), with).await;
    worker.record(&[turn]).await;

    let kept = "select count(*) from forecast join batch on batch.id = forecast.batch
                where deadline - now() between interval '110 minutes' and interval '120 minutes'";
    assert_eq!(bench.count(kept).await, 1);
}

#[tokio::test]
async fn a_batch_of_a_step_reads_outside_and_calls_back_as_its_recipe_says() {
    let (bench, mut worker, job) = parent().await;
    let feed =
        "windlass: v1\nkind: Connection\nname: feed\ntype: http\nbase_url: https://feed.example\n";
    let nightly = "windlass: v1\nkind: JobConfiguration\nname: nightly\npurpose: brief\nstrategy: individual\n\
        selection: { http: { connection: feed, path: /rows, items: ., key: id } }\n\
        callbacks: [ { when: first_failure, purpose: brief }, { when: finished, purpose: brief } ]\n";
    apply(&bench.store, &[feed, nightly], "").await;
    let with = json!({ "configuration": "nightly" });

    let turn = opening(&bench, &job, (true, OnClose::Cancel), with).await;
    worker.record(&[turn]).await;

    let waits = "select count(*) from batch where outside = 'http' and not gathered";
    assert_eq!(bench.count(waits).await, 1);
    assert_eq!(bench.store.plan().await.unwrap(), Planned::Idle);
    let watched = "select count(*) from callback_watch where kind = 'first_failure'";
    assert_eq!(bench.count(watched).await, 1);
}
