//! Contexts as people change and read them.

use std::time::Duration;

use crate::common::Bench;
use crate::common::contexts::{a_save, context, merge, saving, whole};
use futures::future::join_all;
use windlass_engine::Error;
use windlass_engine::store::{ContextChange, Expected};

async fn put(bench: &Bench, key: &str, change: ContextChange) -> i64 {
    let changed = bench.store.change_context(1, key, change, "mia").await;
    changed.expect("stored").version
}

/// The code of what a change is refused for.
async fn refused(bench: &Bench, key: &str, change: ContextChange) -> &'static str {
    let changed = bench.store.change_context(1, key, change, "mia").await;
    changed.expect_err("it is refused").code()
}

#[tokio::test]
async fn a_context_is_made_changed_and_read_with_its_history() {
    let bench = Bench::new().await;
    let about_mia = ContextChange {
        subject: Some(Some("mia".into())),
        ..whole(Expected::Absent, r#"{"a":1,"price":1.50}"#)
    };
    assert_eq!(put(&bench, "k", about_mia).await, 1);
    let patch = merge(Expected::OneOf(vec![1]), r#"{"a":null,"b":{"c":null}}"#);
    assert_eq!(put(&bench, "k", patch).await, 2);

    let found = bench.store.context(1, "k").await.expect("read");

    let found = found.expect("it is there");
    assert_eq!(found.document, r#"{"price":1.50,"b":{}}"#);
    assert_eq!(found.subject.as_deref(), Some("mia"));
    let page = bench.store.contexts(1, Some("mia"), None, 10).await;
    assert_eq!(page.expect("a page").items.len(), 1);
    let page = bench.store.contexts(1, Some("ada"), None, 10).await;
    assert_eq!(page.expect("a page").items.len(), 0);
    let first = bench.store.context_history(1, "k", None, 1).await;
    let first = first.expect("known");
    assert_eq!(
        (first.items[0].kind.as_str(), first.next),
        ("patch", Some(2))
    );
    let rest = bench.store.context_history(1, "k", first.next, 10).await;
    let rest = rest.expect("known");
    assert_eq!((rest.items[0].version, rest.next), (1, None));
    let nobody = bench.store.context_history(1, "x", None, 10).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn what_is_not_as_expected_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let stale = || merge(Expected::OneOf(vec![2]), "{}");
    assert_eq!(refused(&bench, "k", stale()).await, "precondition_failed");
    let there = merge(Expected::Exists, "{}");
    assert_eq!(refused(&bench, "k", there).await, "precondition_failed");
    put(&bench, "k", whole(Expected::Absent, "{}")).await;
    let absent = whole(Expected::Absent, r#"{"a":1}"#);

    assert_eq!(refused(&bench, "k", absent).await, "precondition_failed");
    assert_eq!(refused(&bench, "k", stale()).await, "precondition_failed");
    assert_eq!(
        refused(&bench, "", merge(Expected::Anything, "{}")).await,
        "invalid"
    );
    assert_eq!(
        refused(&bench, "k", whole(Expected::Anything, "[]")).await,
        "invalid"
    );
    assert_eq!(context(&bench.store, "k").await, Some((1, "{}".into())));
    let gone = bench
        .store
        .delete_context(1, "k", Expected::OneOf(vec![7]), "mia");
    assert_eq!(gone.await.expect_err("stale").code(), "precondition_failed");
}

/// A version that somebody has read before means the same for ever.
#[tokio::test]
async fn versions_go_on_when_a_context_is_made_anew() {
    let bench = Bench::new().await;
    put(&bench, "k", whole(Expected::Absent, "{}")).await;
    let deleted = bench
        .store
        .delete_context(1, "k", Expected::OneOf(vec![1]), "mia");
    deleted.await.expect("deleted");
    assert_eq!(context(&bench.store, "k").await, None);
    let again = bench
        .store
        .delete_context(1, "k", Expected::Anything, "mia");
    assert_eq!(again.await.expect_err("gone").code(), "not_found");

    let version = put(&bench, "k", whole(Expected::Absent, "{}")).await;

    assert_eq!(version, 3);
    let stale = merge(Expected::OneOf(vec![1]), "{}");
    assert_eq!(refused(&bench, "k", stale).await, "precondition_failed");
}

#[tokio::test]
async fn a_context_whose_time_is_over_is_read_by_nobody_and_goes() {
    let bench = Bench::new().await;
    let short = ContextChange {
        ttl: Some(Some(Duration::from_secs(60))),
        ..whole(Expected::Absent, r#"{"a":1}"#)
    };
    put(&bench, "k", short.clone()).await;
    put(&bench, "anew", short).await;
    put(&bench, "kept", whole(Expected::Absent, "{}")).await;
    assert_eq!(bench.store.expire_contexts().await.expect("looked"), 0);
    let over = "update context set expires_at = now() where expires_at is not null";
    sqlx::query(over).execute(&bench.pool).await.expect("aged");

    assert_eq!(context(&bench.store, "k").await, None);
    assert_eq!(
        put(&bench, "anew", merge(Expected::Absent, r#"{"b":2}"#)).await,
        2
    );
    assert_eq!(bench.store.expire_contexts().await.expect("ended"), 1);

    assert_eq!(
        context(&bench.store, "anew").await,
        Some((2, r#"{"b":2}"#.into()))
    );
    assert_eq!(bench.count("select count(*) from context").await, 2);
    let history = bench.store.context_history(1, "k", None, 10).await;
    let history = history.expect("known").items;
    assert_eq!(
        (history[0].kind.as_str(), history[0].version),
        ("expire", 2)
    );
}

#[tokio::test]
async fn sixteen_writers_who_read_and_change_lose_nothing() {
    let bench = Bench::new().await;
    let store = &bench.store;
    let counting = (0..16).map(|_| async {
        loop {
            let (version, document) = context(store, "k").await.unwrap_or((0, "{}".into()));
            let count = document.trim_matches(|c: char| !c.is_ascii_digit());
            let count = count.parse::<i32>().unwrap_or(0) + 1;
            let expected = match version {
                0 => Expected::Absent,
                version => Expected::OneOf(vec![version]),
            };
            let change = merge(expected, &format!(r#"{{"n":{count}}}"#));
            match store.change_context(1, "k", change, "mia").await {
                Ok(_) => return,
                Err(error) => assert_eq!(error.code(), "precondition_failed"),
            }
        }
    });

    join_all(counting).await;

    assert_eq!(context(store, "k").await, Some((16, r#"{"n":16}"#.into())));
}

#[tokio::test]
async fn a_hundred_versions_are_remembered() {
    let bench = Bench::new().await;
    for n in 1..=105 {
        put(
            &bench,
            "k",
            merge(Expected::Anything, &format!(r#"{{"n":{n}}}"#)),
        )
        .await;
    }

    let range = "select max(version) * 1000 + min(version) from context_change";
    assert_eq!(bench.count(range).await, 105_006);
}

/// A turn that did not land has saved nothing.
#[tokio::test]
async fn a_job_that_lost_its_lease_saves_nothing() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker.complete(&jobs[..1]).await;
    let entries = [
        saving(&jobs[0], 1, vec![a_save(r#"{"lost":1}"#)]),
        saving(&jobs[1], 1, vec![a_save(r#"{"kept":1}"#)]),
    ];

    let refused = worker.record(&entries).await.refused;

    assert_eq!(refused, [jobs[0].id]);
    assert_eq!(
        context(&bench.store, "k").await,
        Some((1, r#"{"kept":1}"#.into()))
    );
    let told = "select count(*) from inbox where kind = 'context'";
    assert_eq!(bench.count(told).await, 1);
}
