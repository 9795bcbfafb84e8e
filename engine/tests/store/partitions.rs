//! Partitions are there before their ids are, and go when everything in them is old.

use std::time::Duration;

use crate::common::{Bench, TestWorker, completed};
use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use sqlx::AssertSqlSafe;
use windlass_engine::Store;
use windlass_engine::store::{NewRequest, RANGE_IDS, Submitted};

const MONTH: Duration = Duration::from_secs(30 * 86_400);
pub const RANGE: i64 = RANGE_IDS;

pub async fn run(bench: &Bench, sql: impl Into<String>) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.into()))
        .execute(&bench.pool)
        .await;
    done.expect("the statements run");
}

/// The next ids are these.
pub async fn ids_from(bench: &mut Bench, id: i64) {
    run(
        bench,
        format!("select setval('job_block', {}, false)", id / 1_000),
    )
    .await;
    // A process keeps the rest of its block.
    bench.store = Store::new(bench.pool.clone());
}

async fn tables(bench: &Bench, name: &str) -> i64 {
    let sql = "select count(*) from pg_inherits join pg_class on oid = inhrelid where relname like '%\\_' || $1";
    sqlx::query_scalar(sql)
        .bind(name)
        .fetch_one(&bench.pool)
        .await
        .expect("a count")
}

/// So many jobs from this id on, which ended so many days ago.
async fn ended(bench: &mut Bench, worker: &mut TestWorker, first: i64, jobs: usize, days: i64) {
    ids_from(bench, first).await;
    bench.submit(jobs).await;
    let claimed = worker.claim(jobs).await;
    assert_eq!(claimed.len(), jobs);
    worker.complete(&claimed).await;
    let old = format!(
        "update outcome set at = now() - interval '{days} days' where first_id between {first} and {first} + 999"
    );
    run(bench, old).await;
}

/// An hour passes for those who look.
async fn look_again(bench: &Bench) {
    run(
        bench,
        "update id_range set looked_at = now() - interval '2 hours'",
    )
    .await;
}

pub async fn drop_old(bench: &Bench) -> Option<i64> {
    bench.store.drop_partitions(MONTH).await.expect("a pass")
}

async fn why(bench: &Bench, first: i64) -> String {
    let ranges = bench.store.id_ranges().await.expect("ranges");
    let range = ranges.into_iter().find(|range| range.first_id == first);
    range.expect("looked at").why
}

#[tokio::test]
async fn ids_cross_a_border_under_submission_from_all_sides() {
    let mut bench = Bench::new().await;
    ids_from(&mut bench, 3 * RANGE - 5_000).await;
    let request = bench.request();
    let submitters = (0..4).map(|_| {
        let (store, request) = (Store::new(bench.pool.clone()), request.clone());
        async move {
            for _ in 0..5 {
                let page = vec![request.clone(); 1_000];
                store.submit(1, "test", &page).await.expect("submitted");
            }
            0
        }
    });
    let keepers = (0..3).map(|_| {
        let store = Store::new(bench.pool.clone());
        async move { store.make_partitions().await.expect("a pass").made }
    });

    let (_, made) = tokio::join!(join_all(submitters), join_all(keepers));
    let last = bench.store.make_partitions().await.expect("a pass");

    assert_eq!(bench.count("select count(*) from job").await, 20_000);
    assert!(
        bench
            .count("select count(*) from job where id >= 48000000")
            .await
            > 10_000
    );
    assert_eq!(bench.count("select count(*) from job_kept").await, 0);
    // p3 to p6 and s1 to s3 of four tables; others' turns are no errors.
    assert_eq!(made.iter().sum::<usize>() + last.made, 28);
    assert_eq!((last.ahead, tables(&bench, "p6").await), (3, 4));
    bench.assert_held_once().await;
    assert_eq!(bench.store.make_partitions().await.expect("a pass").made, 0);
}

#[tokio::test]
async fn a_missing_partition_stops_nobody_and_is_filled_later() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ids_from(&mut bench, 4 * RANGE).await;
    bench.submit(10).await;
    let jobs = worker.claim(4).await;
    worker.complete(&jobs).await;
    let outside = "select (select count(*) from job_kept) + (select count(*) from outcome_kept)";
    assert_eq!(bench.count(outside).await, 14);

    bench.store.make_partitions().await.expect("a pass");

    assert_eq!(bench.count(outside).await, 0);
    assert_eq!(tables(&bench, "p4").await, 4);
    let rest = worker.claim(10).await;
    assert_eq!(rest.len(), 6);
    worker.complete(&rest).await;
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_range_with_too_many_rows_outside_stays_outside_and_the_next_ones_are_made() {
    let mut bench = Bench::new().await;
    ids_from(&mut bench, 4 * RANGE).await;
    bench.submit(10_100).await;

    let kept = bench.store.make_partitions().await.expect("a pass");

    assert_eq!(kept.ahead, -1, "the one in use has none");
    assert_eq!(bench.count("select count(*) from job_kept").await, 10_100);
    let (of_it, next) = (tables(&bench, "p4").await, tables(&bench, "p5").await);
    assert_eq!((of_it, next), (3, 4), "the jobs' own is missing");
    bench.assert_held_once().await;

    // Nor does a part of it go when all of it is old.
    run(
        &bench,
        "with gone as (delete from ready returning *)
         insert into outcome (first_id, last_id, tenant, lane, kind, at)
         select first_id, last_id, 1, lane, 'completed', now() - interval '40 days' from gone",
    )
    .await;
    ids_from(&mut bench, 5 * RANGE + 1_000).await;
    let mut gone = Vec::new();
    while let Some(first) = drop_old(&bench).await {
        gone.push(first / RANGE);
        assert!(gone.len() < 10, "{gone:?}");
    }
    assert_eq!(gone, [0, 1, 2], "empty ones");
    assert_eq!(tables(&bench, "p4").await, 3);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn retention_drops_what_is_old_and_keeps_the_rest() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ended(&mut bench, &mut worker, 10_000, 5, 40).await;
    ended(&mut bench, &mut worker, RANGE, 3, 20).await;
    ended(&mut bench, &mut worker, 2 * RANGE, 2, 40).await;
    bench.submit(1).await;
    let open = bench.count("select max(id) from job").await;
    ids_from(&mut bench, 3 * RANGE).await;
    bench.submit(1).await;
    bench.store.make_partitions().await.expect("a pass");
    run(
        &bench,
        "insert into request (job, tenant) select id, 1 from job on conflict do nothing;
         insert into chunk_verdict (job, chunk, told_by, tries, kind, at)
         select id, 1, id, 1, 'completed', now() from job",
    )
    .await;

    assert_eq!(drop_old(&bench).await, Some(0));
    assert_eq!(drop_old(&bench).await, None);

    assert_eq!(tables(&bench, "p0").await, 0);
    assert_eq!(
        (tables(&bench, "p1").await, tables(&bench, "p2").await),
        (4, 4)
    );
    assert_eq!(bench.count("select count(*) from job").await, 7);
    assert_eq!(why(&bench, RANGE).await, "its jobs ended lately");
    assert_eq!(why(&bench, 2 * RANGE).await, "a job of it is open");
    let gone = bench.store.job(1, 10_000).await;
    assert_eq!(gone.expect_err("it went").code(), "not_found");
    assert!(bench.store.job(1, open).await.is_ok());
    assert_eq!(bench.store.sweep_dropped().await.expect("a page"), 10);
    assert_eq!(bench.store.sweep_dropped().await.expect("none"), 0);
    assert_eq!(bench.count("select count(*) from request").await, 7);
    assert_eq!(bench.count("select count(*) from chunk_verdict").await, 7);

    // The open one ends, and a month goes by.
    let last = worker.claim(1).await;
    assert_eq!(last[0].id, open);
    worker.record(&[completed(&last[0])]).await;
    run(
        &bench,
        "update outcome set at = now() - interval '31 days' where first_id >= 32000000",
    )
    .await;
    assert_eq!(
        drop_old(&bench).await,
        None,
        "nobody looks twice in an hour"
    );
    look_again(&bench).await;
    assert_eq!(
        drop_old(&bench).await,
        Some(2 * RANGE),
        "the younger one stays between"
    );
    bench.assert_held_once().await;
}

/// What refers to job 10,000, what takes that away, and what is said of it.
const REFERENCES: [(&str, &str, &str); 6] = [
    (
        "insert into inbox (job, kind, data) values (10000, 'order', '{}')",
        "delete from inbox",
        "somebody waits for a job of it",
    ),
    (
        "insert into intent (job, verb, who, why) values (10000, 'cancel', '', '')",
        "delete from intent",
        "somebody waits for a job of it",
    ),
    (
        "insert into batch (id, tenant, name, state, strategy, template_version, document)
         overriding system value values (1, 1, 'b', 'running', 'individual', 1, '');
         insert into batch_range (batch, first_id, last_id) values (1, 10000, 10004)",
        "update batch set state = 'completed', finished_at = now()",
        "a batch with jobs of it is open",
    ),
    (
        "insert into redrive (tenant, fingerprint, rate, upto_id, who) values (1, 'x', 1, 20000, '');
         insert into redrive_job (redrive, job, origin) select id, 10000, 10000 from redrive",
        "update redrive set state = 'completed', finished_at = now()",
        "a redrive of its jobs is not done",
    ),
    (
        "insert into breaker_probe (tenant, template, job, round) values (1, 't', 10000, 1)",
        "delete from breaker_probe",
        "a job of it went to see for a breaker",
    ),
    (
        "insert into job (id, tenant, lane, template_version, parent, nonce, input)
         values (17000000, 1, 1, 1, 10000, 1, '{}')",
        "delete from job where id = 17000000",
        "jobs outside of it were started by its jobs",
    ),
];

#[tokio::test]
async fn whatever_refers_to_a_job_keeps_its_range() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ended(&mut bench, &mut worker, 10_000, 5, 40).await;
    ids_from(&mut bench, RANGE + 1_000).await;
    for (refers, ends, said) in REFERENCES {
        run(&bench, refers).await;
        look_again(&bench).await;

        assert_eq!(drop_old(&bench).await, None, "{said}");

        assert_eq!(why(&bench, 0).await, said);
        run(&bench, ends).await;
    }
    look_again(&bench).await;
    assert_eq!(drop_old(&bench).await, Some(0));
}

/// Interleaving 26: an open job keeps its range, asleep or awake; what its worker says after the range is
/// gone is refused.
#[tokio::test]
async fn a_range_stays_under_a_job_that_wakes_and_is_gone_before_a_late_entry() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ended(&mut bench, &mut worker, 10_000, 5, 40).await;
    let later = NewRequest {
        start_at: Some(Utc::now() + TimeDelta::hours(1)),
        ..bench.request()
    };
    let stored = bench.store.submit(1, "test", &[later]).await;
    stored.expect("submitted");
    ids_from(&mut bench, RANGE + 1_000).await;

    assert_eq!(drop_old(&bench).await, None, "it sleeps");
    look_again(&bench).await;
    let then = Some(Utc::now() + TimeDelta::hours(2));
    let drops = bench.store.drop_partitions(MONTH);
    let (woken, dropped) = tokio::join!(bench.store.wake(then), drops);
    woken.expect("woken");
    assert_eq!(dropped.expect("a pass"), None, "it wakes");
    let jobs = worker.claim(10).await;
    assert_eq!(jobs.len(), 1);
    look_again(&bench).await;
    assert_eq!(drop_old(&bench).await, None, "it runs");

    worker.complete(&jobs).await;
    run(&bench, "update outcome set at = now() - interval '40 days'").await;
    look_again(&bench).await;
    assert_eq!(drop_old(&bench).await, Some(0));
    let late = worker.complete(&jobs).await;

    assert_eq!(late.refused, [jobs[0].id]);
    let left = "select (select count(*) from journal_kept) + (select count(*) from outcome_kept)";
    assert_eq!(bench.count(left).await, 0);
}

#[tokio::test]
async fn keepers_that_drop_at_once_do_not_harm_each_other() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ended(&mut bench, &mut worker, 10_000, 5, 40).await;
    ids_from(&mut bench, RANGE + 1_000).await;

    let keepers: Vec<Store> = (0..4).map(|_| Store::new(bench.pool.clone())).collect();
    let passes = keepers.iter().map(|store| store.drop_partitions(MONTH));
    for pass in join_all(passes).await {
        assert!(matches!(pass.expect("no error"), None | Some(0)));
    }

    drop_old(&bench).await;
    assert_eq!(tables(&bench, "p0").await, 0);
    assert_eq!(
        bench
            .count("select count(*) from id_range where dropped_at is not null")
            .await,
        1
    );
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_left_for_later() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ended(&mut bench, &mut worker, 10_000, 5, 40).await;
    ids_from(&mut bench, RANGE + 1_000).await;
    let held = bench
        .database
        .hold("select (select count(*) from job), (select count(*) from job_kept)")
        .await;

    assert_eq!(drop_old(&bench).await, None);
    let kept = bench.store.make_partitions().await.expect("no error");
    assert_eq!(kept.ahead, 0, "single ids have none of the jobs ahead");
    assert_eq!(tables(&bench, "p0").await, 4);
    bench.submit(1).await;

    held.release().await;
    assert_eq!(drop_old(&bench).await, Some(0));
    assert_eq!(bench.store.make_partitions().await.expect("made").ahead, 3);
}

#[tokio::test]
async fn a_key_outlives_the_job_that_it_made() {
    let mut bench = Bench::new().await;
    let mut worker = bench.worker().await;
    ids_from(&mut bench, 10_000).await;
    let keyed = NewRequest {
        idempotency_key: Some("once".into()),
        ..bench.request()
    };
    let first = bench
        .store
        .submit(1, "test", std::slice::from_ref(&keyed))
        .await;
    assert_eq!(first.expect("made"), [Submitted::Created { job: 10_000 }]);
    let jobs = worker.claim(1).await;
    worker.complete(&jobs).await;
    run(&bench, "update outcome set at = now() - interval '40 days'").await;
    ids_from(&mut bench, RANGE + 1_000).await;
    assert_eq!(drop_old(&bench).await, Some(0));

    let again = bench.store.submit(1, "test", &[keyed]).await;

    assert_eq!(again.expect("told"), [Submitted::Duplicate { job: 10_000 }]);
}
