//! Members of a chunk read how it ended, in pages and in the manifest: while its job runs, once that ended, and when it
//! was made anew.

use chrono::Utc;
use futures::TryStreamExt;
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{Claimed, DEFAULT_TENANT, EndedChunk, MemberView, NewEntry, Post};

use crate::common::dead::{FINGERPRINT, failed};
use crate::common::mail::with_post;
use crate::common::recipe::{BIRDS, members, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, journal};

const CODE: &str = "odd";

/// Five birds in chunks of two, as one job or as one a state.
async fn begun(bench: &Bench, strategy: &str) -> (i64, TestWorker) {
    with_birds(&bench.store, BIRDS).await;
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": strategy, "chunk": { "max_items": 2 } }),
    );
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch.id, worker)
}

/// A turn in which chunks ended; with an error where one is named.
fn ends(job: &Claimed, seq: i32, chunks: &[(i32, Option<&str>)]) -> NewEntry {
    let chunks = chunks.iter().map(|(number, code)| EndedChunk {
        number: *number,
        code: code.map(str::to_owned),
        fingerprint: code.map(|_| FINGERPRINT.to_owned()),
        at: Utc::now(),
    });
    let post = Post {
        chunks: chunks.collect(),
        ..Post::default()
    };
    with_post(journal(job, seq), post)
}

async fn told(worker: &mut TestWorker, entry: NewEntry) {
    assert!(worker.record(&[entry]).await.refused.is_empty());
}

/// State, error and tries of each member; the manifest says the same as a page.
async fn read(store: &Store, batch: i64) -> Vec<(String, Option<String>, i32)> {
    let page = members(store, batch).await;
    let manifest = store.manifest(DEFAULT_TENANT, batch).await;
    let manifest: Vec<MemberView> = manifest
        .expect("a manifest")
        .try_collect()
        .await
        .expect("read");
    assert_eq!(page, manifest);
    let has_both = |one: &MemberView| one.code.is_some() == one.fingerprint.is_some();
    assert!(page.iter().all(has_both), "{page:?}");
    let said = page
        .into_iter()
        .map(|one| (one.state, one.code, one.attempts));
    said.collect()
}

fn is(state: &str, code: Option<&str>, attempts: i32) -> (String, Option<String>, i32) {
    (state.to_owned(), code.map(str::to_owned), attempts)
}

#[tokio::test]
async fn a_tolerated_chunk_that_failed_is_failed_in_a_job_that_completed() {
    let bench = Bench::new().await;
    let (batch, mut worker) = begun(&bench, "combined").await;
    let jobs = worker.claim(1).await;

    told(
        &mut worker,
        ends(&jobs[0], 1, &[(2, Some(CODE)), (1, None)]),
    )
    .await;
    let (well, badly) = (is("completed", None, 1), is("failed", Some(CODE), 1));
    let runs = is("running", None, 1);
    assert_eq!(
        read(&bench.store, batch).await,
        [&well, &well, &badly, &badly, &runs].map(Clone::clone)
    );

    worker.complete(&jobs).await;
    assert_eq!(
        read(&bench.store, batch).await,
        [&well, &well, &badly, &badly, &well].map(Clone::clone),
        "a chunk that says nothing has the verdict of its job"
    );
}

#[tokio::test]
async fn chunks_of_jobs_by_object_are_told_apart() {
    let bench = Bench::new().await;
    let (batch, mut worker) = begun(&bench, "object").await;
    let jobs = worker.claim(3).await;

    told(&mut worker, ends(&jobs[1], 1, &[(1, Some(CODE))])).await;

    let found = read(&bench.store, batch).await;
    let states: Vec<&str> = found.iter().map(|one| one.0.as_str()).collect();
    assert_eq!(
        states,
        ["running", "failed", "failed", "running", "running"]
    );
}

#[tokio::test]
async fn the_latest_verdict_of_a_chunk_counts() {
    let bench = Bench::new().await;
    let (batch, mut worker) = begun(&bench, "combined").await;
    let jobs = worker.claim(1).await;

    told(&mut worker, ends(&jobs[0], 1, &[(1, Some(CODE))])).await;
    told(&mut worker, ends(&jobs[0], 2, &[(1, None)])).await;

    assert_eq!(read(&bench.store, batch).await[0], is("completed", None, 2));
}

/// A step that is tried again works through all of them.
#[tokio::test]
async fn a_failed_chunk_is_under_way_once_its_job_works_on_it_again() {
    let bench = Bench::new().await;
    let (batch, mut worker) = begun(&bench, "combined").await;
    let jobs = worker.claim(1).await;
    let (well, runs) = (is("completed", None, 1), is("running", None, 1));
    let again = |seq: i32| {
        let post = Post {
            chunks_again: true,
            ..Post::default()
        };
        with_post(journal(&jobs[0], seq), post)
    };

    told(
        &mut worker,
        ends(&jobs[0], 1, &[(1, Some(CODE)), (2, None)]),
    )
    .await;
    told(&mut worker, again(2)).await;
    assert_eq!(
        read(&bench.store, batch).await,
        [&runs, &runs, &well, &well, &runs].map(Clone::clone)
    );

    told(&mut worker, ends(&jobs[0], 3, &[(1, Some(CODE))])).await;
    let twice = is("failed", Some(CODE), 2);
    assert_eq!(
        read(&bench.store, batch).await,
        [&twice, &twice, &well, &well, &runs].map(Clone::clone)
    );

    told(&mut worker, again(4)).await;
    worker.complete(&jobs).await;
    assert_eq!(
        read(&bench.store, batch).await,
        [&twice, &twice, &well, &well, &well].map(Clone::clone),
        "it never ended again: how it ended before stands, whatever its job came to"
    );
}

#[tokio::test]
async fn what_a_job_finished_stays_so_when_it_is_made_anew() {
    let bench = Bench::new().await;
    let (batch, mut worker) = begun(&bench, "combined").await;
    let jobs = worker.claim(1).await;
    told(
        &mut worker,
        ends(&jobs[0], 1, &[(1, None), (2, Some(CODE))]),
    )
    .await;
    worker.record(&[failed(&jobs[0])]).await;
    let (well, badly) = (is("completed", None, 1), is("failed", Some(CODE), 1));
    let lost = is("failed", Some("communication"), 1);
    assert_eq!(
        read(&bench.store, batch).await,
        [&well, &well, &badly, &badly, &lost].map(Clone::clone)
    );
    bench.store.finish().await.expect("finished");

    let all = NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    };
    let restarted = bench.store.restart_batch(DEFAULT_TENANT, batch, all).await;
    restarted.expect("begun");
    while bench.store.pace_restarts().await.expect("paced").is_some() {}
    bench.store.release().await.expect("released");
    let waits = is("ready", None, 0);
    assert_eq!(
        read(&bench.store, batch).await,
        [&well, &well, &waits, &waits, &waits].map(Clone::clone)
    );

    let again = worker.claim(1).await;
    told(&mut worker, ends(&again[0], 1, &[(2, None)])).await;
    let runs = is("running", None, 1);
    assert_eq!(
        read(&bench.store, batch).await,
        [&well, &well, &well, &well, &runs].map(Clone::clone)
    );
    assert!(
        (members(&bench.store, batch).await.iter())
            .all(|one| one.job == Some(again[0].id) && one.restarts == 1)
    );
}
