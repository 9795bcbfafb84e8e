//! Limits as people write them: documents, the keys that jobs get from their input, edits of what is
//! queued, batches, and what `explain` says.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::Bench;
use crate::common::recipe::{PURPOSE, TEMPLATE, apply, flock, plan, recipe, with_birds};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{Claimed, DEFAULT_TENANT, Submitted, Want};
use windlass_workflows::value::Value;

const TTL: Duration = Duration::from_secs(30);

const PER_OPERATOR: &str = "windlass: v1\nkind: Limit\nname: per-operator\n\
    scope: { purpose: brief }\nkey: '${ .operator }'\nconcurrency: 1\n\
    keys: { big: { concurrency: 3 } }\n";

fn request(input: &str) -> Request {
    Request::new(
        Work::Purpose("brief".to_owned()),
        Value::parse(input).expect("input"),
    )
}

async fn submit(bench: &Bench, inputs: &[&str]) -> Vec<i64> {
    let requests = inputs.iter().map(|input| request(input)).collect();
    let answers = bench
        .store
        .submit_requests(DEFAULT_TENANT, "mia", requests)
        .await
        .expect("answers");
    answers
        .into_iter()
        .map(|answer| match answer {
            Answer::Submitted(Submitted::Created { job }) => job,
            other => panic!("not created: {other:?}"),
        })
        .collect()
}

/// Claims once from every lane that has room.
async fn claim_all(bench: &Bench) -> Vec<Claimed> {
    let mut worker = bench.worker().await;
    let ahead = bench.store.lanes_ahead().await.expect("lanes");
    let want = Want {
        limited: true,
        named: false,
        claim: Uuid::now_v7(),
        lanes: ahead.iter().map(|lane| (lane.id, 100)).collect(),
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}

#[tokio::test]
async fn jobs_get_their_keys_from_their_input() {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, PURPOSE, PER_OPERATOR], "").await;

    let jobs = submit(
        &bench,
        &[
            r#"{"operator":"big"}"#,
            r#"{"operator":"big"}"#,
            r#"{"operator":"small"}"#,
            r#"{"operator":"small"}"#,
            r#"{"operator":null}"#,
        ],
    )
    .await;
    let claimed: BTreeSet<i64> = claim_all(&bench).await.iter().map(|job| job.id).collect();

    let wanted = [jobs[0], jobs[1], jobs[2], jobs[4]];
    assert_eq!(
        claimed,
        BTreeSet::from(wanted),
        "one waits behind the other of its key"
    );
    let shown = bench
        .store
        .limit(DEFAULT_TENANT, "per-operator")
        .await
        .expect("a limit");
    assert_eq!((shown.keys, shown.used, shown.full_keys), (2, 3, 1));
    let keys = bench
        .store
        .limit_uses(DEFAULT_TENANT, "per-operator", None, 10)
        .await
        .expect("keys");
    let figures: Vec<_> = keys
        .items
        .iter()
        .map(|key| (key.value.as_str(), key.cap, key.used))
        .collect();
    assert_eq!(figures, [("big", Some(3), 2), ("small", Some(1), 1)]);
}

#[tokio::test]
async fn explain_names_the_limit_and_what_it_waits_for() {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, PURPOSE, PER_OPERATOR], "").await;
    let jobs = submit(
        &bench,
        &[r#"{"operator":"small"}"#, r#"{"operator":"small"}"#],
    )
    .await;
    claim_all(&bench).await;

    let reasons = bench
        .store
        .explain(DEFAULT_TENANT, jobs[1], TTL)
        .await
        .expect("reasons");

    assert_eq!(reasons[0].code, "limit_full");
    assert_eq!(
        reasons[0].text,
        "the key `small` of the limit `per-operator` is 1 and 1 of its jobs run: it waits until one ends"
    );
}

#[tokio::test]
async fn an_edit_of_a_limit_acts_on_what_is_queued() {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, PURPOSE, PER_OPERATOR], "").await;
    submit(&bench, &[r#"{"operator":"small"}"#; 5]).await;
    assert_eq!(claim_all(&bench).await.len(), 1);

    let wider = PER_OPERATOR.replace("concurrency: 1\n", "concurrency: 4\n");
    apply(&bench.store, &[&wider], "").await;

    assert_eq!(claim_all(&bench).await.len(), 3);
}

#[tokio::test]
async fn a_purpose_names_limits_and_keys_of_them() {
    let bench = Bench::new().await;
    let limits = "windlass: v1\nkind: Limit\nname: service\nconcurrency: 4\n---\n\
        windlass: v1\nkind: Limit\nname: models\nrate: 1/d\nburst: 2\nkeys: { writer: { rate: 1/d, burst: 3 } }\n";
    let purpose = format!("{PURPOSE}limits: [ service, 'models:writer' ]\n");
    apply(&bench.store, &[limits, TEMPLATE, &purpose], "").await;
    submit(&bench, &["{}"; 9]).await;

    assert_eq!(
        claim_all(&bench).await.len(),
        3,
        "the burst of the key is the narrower one"
    );
}

#[tokio::test]
async fn an_input_without_a_usable_key_is_refused_and_the_others_are_stored() {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, PURPOSE, PER_OPERATOR], "").await;
    let long = format!(r#"{{"operator":"{}"}}"#, "x".repeat(101));

    let answers = bench
        .store
        .submit_requests(
            DEFAULT_TENANT,
            "mia",
            vec![request(&long), request(r#"{"operator":7}"#)],
        )
        .await
        .expect("answers");

    match &answers[0] {
        Answer::Invalid(problems) => assert_eq!(problems[0].code, "limit_key"),
        other => panic!("refused expected, {other:?} found"),
    }
    assert!(matches!(
        answers[1],
        Answer::Submitted(Submitted::Created { .. })
    ));
}

#[tokio::test]
async fn the_jobs_of_a_batch_stand_in_the_lanes_of_their_keys() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(2_300, 7)).await;
    let limit = "windlass: v1\nkind: Limit\nname: per-state\nscope: { purpose: brief }\n\
        key: '${ .state }'\nconcurrency: 2\n";
    apply(&bench.store, &[limit], "").await;
    let source = recipe(json!({ "selection": { "category": "birds" }, "strategy": "individual" }));

    let batch = plan(&bench.store, &source).await;
    while bench.store.release().await.expect("released") > 0 {}

    let view = bench
        .store
        .batch(DEFAULT_TENANT, batch.id)
        .await
        .expect("its view");
    assert_eq!(view.state, "running");
    let now = bench.store.batch_current(&view).await.expect("counts");
    assert_eq!((now.ready, now.running), (2_300, 0));
    let claimed = claim_all(&bench).await;
    assert_eq!(claimed.len(), 14, "two of each of seven states");
    assert!(claimed.iter().all(|job| job.limited));
    bench.assert_held_once().await;
}

async fn with_overflow(bench: &Bench, overflow: &str) {
    let limit = format!(
        "windlass: v1\nkind: Limit\nname: few\nscope: {{ purpose: brief }}\nconcurrency: 2\noverflow: {overflow}\n"
    );
    apply(&bench.store, &[TEMPLATE, PURPOSE, &limit], "").await;
}

#[tokio::test]
async fn a_full_limit_that_rejects_takes_no_more_whoever_asks_at_once() {
    let bench = Bench::new().await;
    with_overflow(&bench, "reject_new").await;

    let asked = (0..8).map(|_| {
        bench
            .store
            .submit_requests(DEFAULT_TENANT, "mia", vec![request("{}")])
    });
    let answers: Vec<Answer> = join_all(asked)
        .await
        .into_iter()
        .flat_map(|answer| answer.expect("answered"))
        .collect();

    let full = answers
        .iter()
        .filter(|answer| matches!(answer, Answer::LimitFull { .. }))
        .count();
    assert_eq!(full, 6);
    assert_eq!(
        bench.count("select count(*) from job").await,
        2,
        "nothing is stored of the others"
    );
}

#[tokio::test]
async fn a_full_limit_cancels_the_newest_or_the_oldest_that_waits() {
    let newest = Bench::new().await;
    with_overflow(&newest, "cancel_newest").await;
    let jobs = submit(&newest, &["{}"; 3]).await;
    assert_eq!(cancelled(&newest).await, [jobs[2]]);

    let oldest = Bench::new().await;
    with_overflow(&oldest, "cancel_oldest").await;
    let running = submit(&oldest, &["{}"]).await;
    assert_eq!(claim_all(&oldest).await.len(), running.len());
    let jobs = submit(&oldest, &["{}"; 3]).await;
    assert_eq!(
        cancelled(&oldest).await,
        jobs[..2],
        "the newest waits, and what runs runs on"
    );
    oldest.assert_held_once().await;
}

async fn cancelled(bench: &Bench) -> Vec<i64> {
    sqlx::query_scalar("select first_id from outcome where kind = 'cancelled' order by 1")
        .fetch_all(&bench.pool)
        .await
        .expect("outcomes")
}
