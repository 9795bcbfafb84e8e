//! Forecast: what is said of an open batch each minute, and its share when it would be late.

use crate::common::recipe::{BIRDS, flock, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use windlass_engine::store::{BatchView, DEFAULT_TENANT, ForecastView};

/// A batch of birds that is to be done after `deadline`, released whole.
async fn released(bench: &Bench, csv: &str, deadline: &str) -> (BatchView, TestWorker) {
    with_birds(&bench.store, csv).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "deadline": deadline
    }));
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch, worker)
}

/// All that was noted is so many seconds older.
async fn pass(bench: &Bench, seconds: i64) {
    for (table, column) in [("pace", "at"), ("forecast", "seen_at")] {
        let sql =
            format!("update {table} set {column} = {column} - make_interval(secs => {seconds})");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&bench.pool)
            .await
            .expect("time passed");
    }
}

async fn look(bench: &Bench, batch: i64) -> ForecastView {
    bench.store.forecast_batches().await.expect("looked");
    let said = bench.store.forecast(DEFAULT_TENANT, batch).await;
    said.expect("read").expect("something is said")
}

async fn weight(bench: &Bench, batch: i64) -> i64 {
    sqlx::query_scalar("select max(weight)::int8 from lane where batch = $1")
        .bind(batch)
        .fetch_one(&bench.pool)
        .await
        .expect("a lane")
}

#[tokio::test]
async fn a_batch_that_would_be_late_is_said_to_be_and_gets_a_larger_share() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, &flock(1_000, 7), "3m").await;
    let first = look(&bench, batch.id).await;
    assert_eq!((first.light.as_str(), first.lift), ("unknown", 1));
    let deadline = first.deadline.expect("a deadline");
    let left = deadline - Utc::now();
    assert!(
        left > TimeDelta::minutes(2) && left <= TimeDelta::minutes(3),
        "{left}"
    );
    let again = bench.store.forecast_batches().await.expect("looked");
    assert_eq!(again, 0, "once a minute");

    let done = worker.claim(120).await;
    worker.complete(&done).await;
    pass(&bench, 60).await;
    let late = look(&bench, batch.id).await;

    // 120 in a minute leave 880 for seven minutes more.
    assert_eq!(late.light, "late");
    let early = late.early.expect("known") - Utc::now();
    assert!((early.num_seconds() - 440).abs() < 30, "{early}");
    assert_eq!((late.lift, weight(&bench, batch.id).await), (3, 3));
    let threatened = bench.store.threatened_batches(DEFAULT_TENANT).await;
    assert_eq!(threatened.expect("read")[0].id, batch.id);
}

#[tokio::test]
async fn a_deadline_says_how_many_workers_a_batch_needs() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, &flock(1_000, 7), "3m").await;
    assert_eq!(look(&bench, batch.id).await.desired_workers, None);
    sqlx::query("update worker set slots = 10")
        .execute(&bench.pool)
        .await
        .expect("it has slots");
    let done = worker.claim(120).await;
    worker.complete(&done).await;
    let running = worker.claim(20).await;
    pass(&bench, 60).await;

    // 2 a second with 20 under way take 10 s each; 880 in three minutes need 49 places.
    assert_eq!(look(&bench, batch.id).await.desired_workers, Some(5));

    worker.complete(&running).await;
    let rest = worker.claim(1_000).await;
    worker.complete(&rest).await;
    bench.store.finish().await.expect("finished");
    assert_eq!(look(&bench, batch.id).await.desired_workers, None);
}

#[tokio::test]
async fn what_is_fast_enough_is_on_time_and_an_end_says_whether_it_was() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, &flock(400, 7), "2h").await;
    look(&bench, batch.id).await;
    let done = worker.claim(300).await;
    worker.complete(&done).await;
    pass(&bench, 60).await;
    let said = look(&bench, batch.id).await;
    assert_eq!((said.light.as_str(), said.lift), ("on_time", 1));
    assert!(said.early <= said.late && said.late < said.deadline);

    let rest = worker.claim(300).await;
    worker.complete(&rest).await;
    bench.store.finish().await.expect("finished");
    let over = look(&bench, batch.id).await;
    assert_eq!((over.light.as_str(), over.early), ("finished", None));
    assert_eq!(bench.count("select count(*) from pace").await, 0);
}

#[tokio::test]
async fn a_batch_that_ends_before_the_first_look_is_said_to_be_done() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, BIRDS, "2h").await;
    let (missed, mut other) = released(&bench, BIRDS, "1s").await;
    for worker in [&mut worker, &mut other] {
        let jobs = worker.claim(10).await;
        worker.complete(&jobs).await;
    }
    assert_eq!(bench.store.finish().await.expect("finished").len(), 2);
    let past = "update forecast set deadline = now() - interval '1 minute' where batch = $1";
    let moved = sqlx::query(past).bind(missed.id).execute(&bench.pool).await;
    moved.expect("it was to be done before");

    assert_eq!(look(&bench, batch.id).await.light, "finished");
    assert_eq!(look(&bench, missed.id).await.light, "missed");
    let again = bench.store.forecast_batches().await.expect("looked");
    assert_eq!(again, 0, "once a batch");
}

#[tokio::test]
async fn the_share_of_a_batch_ends_with_it() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, &flock(1_000, 7), "3m").await;
    look(&bench, batch.id).await;
    let done = worker.claim(120).await;
    worker.complete(&done).await;
    pass(&bench, 60).await;
    assert_eq!(look(&bench, batch.id).await.lift, 3);

    let rest = worker.claim(1_000).await;
    worker.complete(&rest).await;
    bench.store.finish().await.expect("finished");

    assert_eq!(look(&bench, batch.id).await.lift, 1);
    assert_eq!(weight(&bench, batch.id).await, 1);
}

#[tokio::test]
async fn a_pause_does_not_count_against_a_batch_and_a_young_one_goes_by_the_one_before() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, &flock(400, 7), "2h").await;
    look(&bench, batch.id).await;
    let done = worker.claim(120).await;
    worker.complete(&done).await;
    pass(&bench, 60).await;
    let before = look(&bench, batch.id).await;
    // An hour in which nothing was under way.
    pass(&bench, 3_600).await;
    let after = look(&bench, batch.id).await;

    let length = |said: &ForecastView| (said.early.expect("known") - Utc::now()).num_seconds();
    assert!(
        (length(&before) - length(&after)).abs() < 20,
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn most_of_a_batch_at_rest_is_waiting_and_a_passed_deadline_missed() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, BIRDS, "1s").await;
    let claimed = worker.claim(5).await;
    worker.complete(&claimed[..1]).await;
    sqlx::query("update forecast set deadline = now() + interval '1 hour'")
        .execute(&bench.pool)
        .await
        .expect("moved");
    let rest = "with gone as (delete from lease returning lane, jobs)
        insert into wait (job, n, lane, due)
        select job, 0, lane, now() + interval '10 minutes'
        from gone, unnest(jobs) part, generate_series(lower(part), upper(part) - 1) job";
    sqlx::query(rest)
        .execute(&bench.pool)
        .await
        .expect("at rest");

    let waiting = look(&bench, batch.id).await;
    assert_eq!(waiting.light, "waiting");
    let due = waiting.early.expect("the first one is due") - Utc::now();
    assert!((due.num_seconds() - 600).abs() < 30, "{due}");
    sqlx::query("update forecast set deadline = now() - interval '1 second', seen_at = null")
        .execute(&bench.pool)
        .await
        .expect("moved");
    assert_eq!(look(&bench, batch.id).await.light, "missed");
}
