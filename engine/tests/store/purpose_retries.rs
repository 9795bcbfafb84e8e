//! What a purpose says of failed steps: which jobs bear it, as of when, and that those made of them bear it too.

use crate::common::Bench;
use crate::common::keys::{job, keyed, lane, submit, submit_sql};
use crate::common::recipe::{TEMPLATE, apply, create, plan, recipe};
use serde_json::json;
use windlass_engine::protocol::{Planned, Request, Work};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_workflows::document::step::Backoff;

fn purpose(rest: &str) -> String {
    format!("windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\n{rest}\n")
}

const RETRIES: &str =
    "retry: { count: 3, delay: 2s, max_delay: 2m, jitter: 1s, on_exhausted: park }";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    apply(&bench.store, &[TEMPLATE, &purpose(RETRIES)], "").await;
    bench
}

fn request() -> Request {
    Request {
        idempotency_key: None,
        ..keyed("k", json!({}))
    }
}

/// The revision by which the failed steps of a job are made again.
async fn revision(bench: &Bench, job: i64) -> Option<i32> {
    let sql = "select retry_revision from job where id = $1";
    let row = sqlx::query_scalar(sql).bind(job).fetch_one(&bench.pool);
    row.await.expect("its row")
}

#[tokio::test]
async fn a_job_bears_what_its_purpose_said_when_it_was_asked_for() {
    let bench = bench().await;
    let store = &bench.store;
    let selection = json!({ "items": [{ "n": 1 }], "key": "n" });
    let over = recipe(json!({ "selection": selection, "strategy": "individual" }));
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let asked = job(&submit(store, request()).await);
    let with_key = job(&submit(store, keyed("k", json!({}))).await);
    let by_template = Request {
        work: Work::Template("strikes.brief".to_owned()),
        ..request()
    };
    let by_template = job(&submit(store, by_template).await);
    let in_sql = submit_sql(&mut connection, "select submit('brief', '{}')").await;
    let batch = create(store, &over).await;
    apply(store, &[&purpose("retry: { count: 1 }")], "").await;
    let later = job(&submit(store, request()).await);
    while store.plan().await.expect("planned") != Planned::Idle {}
    let planned = plan(store, &over).await.id;
    apply(store, &[&purpose("priority: high")], "").await;
    let silent = job(&submit(store, request()).await);
    let silent_in_sql = submit_sql(&mut connection, "select submit('brief', '{}')").await;

    for (job, wanted) in [
        (asked, Some(1)),
        (with_key, Some(1)),
        (in_sql.expect("a job"), Some(1)),
        (by_template, None),
        (later, Some(2)),
        (silent, None),
        (silent_in_sql.expect("a job"), None),
    ] {
        assert_eq!(revision(&bench, job).await, wanted, "j_{job}");
    }
    let sql = "select retry_revision from job where batch = any ($1) order by id";
    let of_batches = sqlx::query_scalar(sql).bind(vec![batch, planned]);
    let of_batches: Vec<i32> = of_batches.fetch_all(&bench.pool).await.expect("jobs");
    assert_eq!(
        of_batches,
        [1, 2],
        "a batch bears what was said when it was made"
    );
}

#[tokio::test]
async fn a_worker_hears_which_jobs_are_made_again_and_how() {
    let bench = bench().await;
    let store = &bench.store;
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;
    let template = Work::Template("strikes.brief".to_owned());
    let elsewhere = Request {
        work: template,
        ..request()
    };
    submit(store, request()).await;
    submit(store, elsewhere).await;
    apply(store, &[&purpose("priority: high")], "").await;
    submit(store, request()).await;
    apply(store, &[&purpose("retry: { count: 0 }")], "").await;
    submit(store, request()).await;

    let mut claimed = worker.claim(10).await;
    claimed.sort_by_key(|job| job.id);

    let told: Vec<_> = claimed.iter().map(|job| job.retry_revision).collect();
    assert_eq!(told, [Some(1), None, Some(3)]);
    let said = store.step_retry(worker.lane, 1).await.expect("a look");
    let said = said.expect("what it says");
    assert_eq!((said.count, said.parks), (3, true));
    assert_eq!((said.delay.as_secs(), said.jitter.as_secs()), (2, 1));
    assert_eq!(said.delay_max.map(|most| most.as_secs()), Some(120));
    let doubles = Backoff::Exponential {
        factor: 2.0,
        max: None,
    };
    assert_eq!(said.backoff, doubles);
    assert_eq!(
        store.step_retry(worker.lane, 2).await.expect("a look"),
        None
    );
    assert!(store.step_retry(worker.lane, 9).await.is_err());
    worker.complete(&claimed).await;
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_a_purpose_says_is_shown_as_it_was_written_and_is_no_change_the_next_time() {
    let bench = bench().await;
    let store = &bench.store;
    let usual = "retry: { count: 3, delay: PT2S, backoff: exponential, factor: 2, max_delay: 2m, jitter: 1s, on_exhausted: park }";
    let kind = windlass_engine::vocabulary::ConfigurationKind::Purpose;
    let shown = store.configuration(DEFAULT_TENANT, kind, "brief").await;
    let shown = shown.expect("it is there");

    let read = serde_json::from_str::<serde_json::Value>(&shown.document).expect("JSON");
    assert_eq!(
        read["retry"],
        json!({ "count": 3, "delay": "2s", "max_delay": "2m", "jitter": "1s", "on_exhausted": "park" })
    );
    apply(store, &[&purpose(&usual.replace("PT2S", "2s"))], "").await;
    let again = store.configuration(DEFAULT_TENANT, kind, "brief").await;
    assert_eq!(again.expect("it is there").revision, 1);
}
