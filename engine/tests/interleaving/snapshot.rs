//! A snapshot that somebody keeps open for long: work goes on, and the reader's picture stays whole.

use super::stage::{Stage, census};

const JOBS: usize = 3_000;
/// Jobs that do not stand in exactly one place, as this session sees it.
const BROKEN: &str = "with place as (
        select id from ready, generate_series(first_id, last_id) id
        union all select id from lease, unnest(jobs) r, generate_series(lower(r), upper(r) - 1) id
        union all select id from outcome, generate_series(first_id, last_id) id)
    select count(*) from (
        select job.id from job left join place on place.id = job.id
        group by job.id having count(place.id) <> 1) broken";

#[tokio::test]
async fn i37_a_pinned_snapshot_keeps_nobody_from_work_and_sees_each_job_once() {
    let stage = Stage::with_jobs(JOBS).await;
    let mut worker = stage.bench.worker().await;
    let first = worker.claim(100).await;
    worker.complete(&first[..50]).await;
    let mut reader = stage.bench.pool.begin().await.expect("a transaction");
    sqlx::query("set transaction isolation level repeatable read")
        .execute(&mut *reader)
        .await
        .expect("one snapshot");
    let pinned = "select count(*) from outcome, generate_series(first_id, last_id)";
    let before: i64 = sqlx::query_scalar(pinned)
        .fetch_one(&mut *reader)
        .await
        .expect("a count");

    worker.complete(&first[50..]).await;
    let mut done = first.len();
    // Small claims and flushes: each splits an extent and leaves dead rows that nobody may clear away.
    loop {
        let claimed = worker.claim(20).await;
        if claimed.is_empty() {
            break;
        }
        assert!(worker.complete(&claimed).await.refused.is_empty());
        done += claimed.len();
    }
    stage.run("vacuum ready, lease").await;

    let (after, broken): (i64, i64) = (
        sqlx::query_scalar(pinned)
            .fetch_one(&mut *reader)
            .await
            .expect("a count"),
        sqlx::query_scalar(BROKEN)
            .fetch_one(&mut *reader)
            .await
            .expect("a count"),
    );
    assert_eq!((before, after, broken), (50, 50, 0));
    assert_eq!(done, JOBS, "each job exactly once");
    assert_eq!(stage.census().await, census([("completed", JOBS)]));
}
