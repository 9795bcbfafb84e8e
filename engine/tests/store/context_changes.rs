//! Contexts whose next document is computed from the one that stands.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::contexts::{a_change, a_save, context, merge, saving};
use crate::common::mail::letters;
use crate::common::{Bench, TestWorker};
use futures::future::join;
use windlass_engine::store::{COMPUTED_MAX, Claimed, ContextChange, Expected, NewSave};

const COUNTS: &str = ".n += $input";

/// One after the other in flushes of five, each job once.
async fn count(worker: &mut TestWorker, jobs: &[Claimed]) {
    for some in jobs.chunks(5) {
        let entries = some
            .iter()
            .map(|job| saving(job, 1, vec![a_change(COUNTS)]));
        let entries: Vec<_> = entries.collect();
        assert!(worker.record(&entries).await.refused.is_empty());
    }
}

/// What one turn with these saves is told, in their order.
async fn told(bench: &Bench, saves: Vec<NewSave>) -> Vec<serde_json::Value> {
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(1).await;
    let refused = worker.record(&[saving(&jobs[0], 1, saves)]).await.refused;
    assert!(refused.is_empty(), "its turn lands whatever comes of them");
    let letters = letters(bench, jobs[0].id).await;
    let read = |letter: &String| serde_json::from_str(letter).expect("JSON");
    letters.iter().map(read).collect()
}

#[tokio::test]
async fn forty_jobs_of_two_workers_that_count_in_one_context_are_all_counted() {
    let bench = Bench::new().await;
    bench.submit(40).await;
    let (mut one, mut other) = (bench.worker().await, bench.worker().await);
    let (first, second) = (one.claim(20).await, other.claim(20).await);

    join(count(&mut one, &first), count(&mut other, &second)).await;

    assert_eq!(
        context(&bench.store, "k").await,
        Some((40, r#"{"n":40}"#.into()))
    );
    let history = bench.store.context_history(1, "k", None, 100).await;
    let history = history.expect("known").items;
    let versions: Vec<i64> = history.iter().map(|change| change.version).collect();
    assert_eq!(versions, (1..=40).rev().collect::<Vec<_>>());
    let by: BTreeSet<_> = history.iter().filter_map(|change| change.job).collect();
    assert_eq!(by, first.iter().chain(&second).map(|job| job.id).collect());
    let last = &history[0];
    assert_eq!(last.kind, "change");
    assert_eq!(
        last.data.as_deref(),
        Some(r#"{"change":".n += $input","input":1}"#)
    );
    let noted = "select count(*) from context_reference where what = 'change' and kind = 'job'";
    assert_eq!(bench.count(noted).await, 40);
}

#[tokio::test]
async fn changes_and_patches_of_one_turn_see_each_other() {
    let bench = Bench::new().await;
    let saves = vec![
        a_change(COUNTS),
        a_save(r#"{"n":7,"kept":1.50}"#),
        a_change(COUNTS),
    ];

    let told = told(&bench, saves).await;

    assert_eq!(told[2]["version"], 3);
    let now = context(&bench.store, "k").await;
    assert_eq!(now, Some((3, r#"{"n":8,"kept":1.50}"#.into())));
}

/// As for a patch that says nothing.
#[tokio::test]
async fn a_change_to_what_is_there_is_a_version_that_keeps_subject_and_time() {
    let bench = Bench::new().await;
    let made = ContextChange {
        subject: Some(Some("mia".into())),
        ttl: Some(Some(Duration::from_secs(60))),
        ..merge(Expected::Absent, r#"{"a":1}"#)
    };
    let store = &bench.store;
    store
        .change_context(1, "k", made, "mia")
        .await
        .expect("stored");
    let before = store.context(1, "k").await.expect("read").expect("there");

    told(&bench, vec![a_change(".")]).await;

    let now = store.context(1, "k").await.expect("read").expect("there");
    assert_eq!((now.version, now.document), (2, before.document));
    assert_eq!(now.subject.as_deref(), Some("mia"));
    assert_eq!(now.expires_at, before.expires_at);
}

#[tokio::test]
async fn what_cannot_be_computed_is_told_and_changes_nothing() {
    let bench = Bench::new().await;
    let saves = [
        ".n",
        "error(\"no\")",
        "[range(1000000)] | {}",
        "{ a: (\"x\" * 600000) }",
        "reduce range(40) as $n (1; { a: . })",
    ];

    let told = told(&bench, saves.map(a_change).to_vec()).await;

    let told: Vec<_> = told
        .iter()
        .map(|letter| (letter["status"].as_i64(), letter["type"].as_str()))
        .collect();
    let of_expression = (Some(400), Some("expression"));
    let too_large = (Some(413), None);
    assert_eq!(
        told,
        [
            of_expression,
            of_expression,
            of_expression,
            too_large,
            too_large
        ]
    );
    assert_eq!(context(&bench.store, "k").await, None);
}

/// Together they have the steps of a few: what one may use, each of so many may not.
#[tokio::test]
async fn many_changes_of_one_turn_share_what_a_flush_may_use() {
    let bench = Bench::new().await;
    let costly = "[range(20000)] | length | { n: . }";
    assert_eq!(told(&bench, vec![a_change(costly)]).await[0]["version"], 1);
    let most = vec![a_change(costly); COMPUTED_MAX];
    let versions = told(&bench, most).await;
    assert!(versions.iter().all(|letter| letter["version"].is_i64()));

    let many = vec![a_change(costly); 20 * COMPUTED_MAX];
    let refused = told(&bench, many).await;

    assert!(refused.iter().all(|letter| letter["type"] == "expression"));
    let cheap = told(&bench, vec![a_change(COUNTS); 20 * COMPUTED_MAX]).await;
    assert!(cheap.iter().all(|letter| letter["version"].is_i64()));
}
