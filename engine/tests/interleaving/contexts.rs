//! Changes of one context meet: in one flush, in two flushes, and a flush and a person.

use windlass_engine::store::{Expected, NewEntry};

use super::common::TestWorker;
use super::common::contexts::{a_change, a_save, a_save_of, context, merge, saving};
use super::common::mail::letters;
use super::stage::{BEFORE_CONTEXT, Stage, ended, start};

/// A worker with two jobs.
async fn two_jobs(stage: &Stage) -> (TestWorker, Vec<windlass_engine::store::Claimed>) {
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(2).await;
    assert_eq!(jobs.len(), 2);
    (worker, jobs)
}

/// What the two jobs were told when they saved version 3 in one flush, in this order.
async fn told_of_one_flush(reversed: bool) -> (Vec<String>, Vec<String>, Option<(i64, String)>) {
    let stage = Stage::with_jobs(2).await;
    let store = &stage.bench.store;
    for n in 1..=3 {
        let patch = format!(r#"{{"n":{n}}}"#);
        let change = merge(Expected::Anything, &patch);
        store
            .change_context(1, "k", change, "mia")
            .await
            .expect("stored");
    }
    let (mut worker, jobs) = two_jobs(&stage).await;
    let mut entries: Vec<NewEntry> = vec![
        saving(&jobs[0], 1, vec![a_save_of(3, r#"{"first":1}"#)]),
        saving(&jobs[1], 1, vec![a_save_of(3, r#"{"second":2}"#)]),
    ];
    if reversed {
        entries.reverse();
    }

    assert!(worker.record(&entries).await.refused.is_empty());

    let (one, two) = (jobs[0].id, jobs[1].id);
    (
        letters(&stage.bench, one).await,
        letters(&stage.bench, two).await,
        context(store, "k").await,
    )
}

const SAVED: &str = r#"{"activity":1,"key":"k","version":4}"#;
const STALE: &str =
    r#"{"activity":1,"key":"k","status":409,"title":"the context `k` has version 4"}"#;

#[tokio::test]
async fn i36a_of_two_saves_of_one_version_in_a_flush_the_first_one_wins() {
    let (one, two, now) = told_of_one_flush(false).await;

    assert_eq!(one, [SAVED]);
    assert_eq!(two, [STALE]);
    assert_eq!(now, Some((4, r#"{"n":3,"first":1}"#.into())));
}

#[tokio::test]
async fn i36b_of_two_saves_in_the_other_order_the_other_one_wins() {
    let (one, two, now) = told_of_one_flush(true).await;

    assert_eq!(one, [STALE]);
    assert_eq!(two, [SAVED]);
    assert_eq!(now, Some((4, r#"{"n":3,"second":2}"#.into())));
}

#[tokio::test]
async fn i36c_saves_that_do_not_care_for_versions_are_merged_one_after_the_other() {
    let stage = Stage::with_jobs(2).await;
    let (mut worker, jobs) = two_jobs(&stage).await;
    let both = vec![a_save(r#"{"a":1,"b":1}"#), a_save(r#"{"b":null}"#)];
    let entries = [
        saving(&jobs[0], 1, both),
        saving(&jobs[1], 1, vec![a_save(r#"{"c":3}"#)]),
    ];

    assert!(worker.record(&entries).await.refused.is_empty());

    let store = &stage.bench.store;
    assert_eq!(
        context(store, "k").await,
        Some((3, r#"{"a":1,"c":3}"#.into()))
    );
    let history = store
        .context_history(1, "k", None, 10)
        .await
        .expect("known");
    let by: Vec<_> = history
        .items
        .iter()
        .map(|one| (one.version, one.job))
        .collect();
    let (one, two) = (Some(jobs[0].id), Some(jobs[1].id));
    assert_eq!(by, [(3, two), (2, one), (1, one)]);
}

/// Whoever comes second waits until the first one is durable, and works on what that left.
#[tokio::test]
async fn i36d_two_flushes_with_one_context_come_one_after_the_other() {
    let stage = Stage::with_jobs(2).await;
    let mut first = stage.bench.worker().await;
    let mut second = stage.bench.worker().await;
    let (one, two) = (first.claim(1).await, second.claim(1).await);
    let gate = stage.bench.database.hold(BEFORE_CONTEXT).await;
    let entry = saving(&one[0], 1, vec![a_save(r#"{"a":1}"#)]);
    let saving_first = start(async move { first.record(&[entry]).await });
    stage.blocked(1).await;
    let entry = saving(&two[0], 1, vec![a_save_of(1, r#"{"b":2}"#)]);
    let saving_second = start(async move { second.record(&[entry]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(saving_first).await.refused.is_empty());
    assert!(ended(saving_second).await.refused.is_empty());
    let now = context(&stage.bench.store, "k").await;
    assert_eq!(now, Some((2, r#"{"a":1,"b":2}"#.into())));
}

#[tokio::test]
async fn i36e_a_person_that_waited_for_a_flush_is_told_that_the_version_has_passed() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(1).await;
    let gate = stage.bench.database.hold(BEFORE_CONTEXT).await;
    let entry = saving(&jobs[0], 1, vec![a_save(r#"{"a":1}"#)]);
    let saving = start(async move { worker.record(&[entry]).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let change = merge(Expected::Absent, r#"{"b":2}"#);
    let changing = start(async move { store.change_context(1, "k", change, "mia").await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(saving).await.refused.is_empty());
    let refused = ended(changing).await.expect_err("there is one now");
    assert_eq!(refused.code(), "precondition_failed");
    let now = context(&stage.bench.store, "k").await;
    assert_eq!(now, Some((1, r#"{"a":1}"#.into())));
}

#[tokio::test]
async fn i36f_a_flush_that_waited_for_a_person_is_told_that_the_version_has_passed() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(1).await;
    let gate = stage.bench.database.hold(BEFORE_CONTEXT).await;
    let store = stage.bench.store.clone();
    let change = merge(Expected::Absent, r#"{"b":2}"#);
    let changing = start(async move { store.change_context(1, "k", change, "mia").await });
    stage.blocked(1).await;
    let entry = saving(&jobs[0], 1, vec![a_save_of(0, r#"{"a":1}"#)]);
    let saving = start(async move { worker.record(&[entry]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(changing).await.expect("stored").version, 1);
    assert!(ended(saving).await.refused.is_empty(), "its turn lands");
    let told = letters(&stage.bench, jobs[0].id).await;
    assert!(told[0].contains(r#""status":409"#), "{told:?}");
    let now = context(&stage.bench.store, "k").await;
    assert_eq!(now, Some((1, r#"{"b":2}"#.into())));
}

/// What is computed is computed from what the person left.
#[tokio::test]
async fn i36g_a_flush_that_waited_for_a_person_computes_with_what_that_left() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(1).await;
    let gate = stage.bench.database.hold(BEFORE_CONTEXT).await;
    let store = stage.bench.store.clone();
    let change = merge(Expected::Absent, r#"{"n":41}"#);
    let changing = start(async move { store.change_context(1, "k", change, "mia").await });
    stage.blocked(1).await;
    let entry = saving(&jobs[0], 1, vec![a_change(".n += $input")]);
    let saving = start(async move { worker.record(&[entry]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(changing).await.expect("stored").version, 1);
    assert!(ended(saving).await.refused.is_empty());
    let now = context(&stage.bench.store, "k").await;
    assert_eq!(now, Some((2, r#"{"n":42}"#.into())));
}
