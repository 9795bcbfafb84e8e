//! Jobs as people see them: one state each, lists by index, and why one does not run.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool};
use windlass_engine::store::{DEFAULT_TENANT, JobFilter};
use windlass_engine::testing::TestDatabase;
use windlass_engine::vocabulary::JobState;
use windlass_engine::{Error, Store};

const TTL: Duration = Duration::from_secs(30);

/// Jobs 1000 to 1011, one in each place where a job can stand, and 1012 of another tenant.
const JOBS: &str = "
insert into template_version (tenant, namespace, name, version, rank, hash, source, bundle, semantics, journaled)
values (1, 'strikes', 'brief', '1.0.0', '{1,0,0,1}', 'h', '', '', 1, true);
insert into tenant (name) values ('other');
insert into lane (tenant, grp, purpose, template) values (1, '1/brief', 'brief', 'strikes.brief');
insert into lane (tenant, grp, template) values (2, '2/x', 'strikes.brief');
insert into job (id, tenant, lane, template_version, nonce, input)
select id, 1, 1, 1, 7, '{\"n\":' || id || '}' from generate_series(1000, 1011) id;
insert into job (id, tenant, lane, template_version, nonce, input) values (1012, 2, 2, 1, 7, '{}');
insert into later (first_id, last_id, lane, eff, run_at, attempt) values
    (1000, 1000, 1, '2040-01-01', '2040-01-01', 0), (1001, 1001, 1, '2040-01-01', '2040-01-01', 2);
insert into ready (first_id, last_id, lane, eff, run_at) values (1002, 1003, 1, now(), now());
insert into ready (first_id, last_id, lane, eff, run_at) values (1012, 1012, 2, now(), now());
insert into worker (id, slots) values ('00000000-0000-0000-0000-000000000001', 4);
insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs, stop) values
    ('00000000-0000-0000-0000-00000000000a', 1, '00000000-0000-0000-0000-000000000001', 1, now(), 0, 1, 0, true, '{[1004,1005)}', '{[1004,1005)}');
insert into wait (job, n, lane, eff, priority, attempt, losses, due, kind, key) values
    (1005, 0, 1, now(), 0, 0, 0, '2040-01-01', null, null), (1005, 1, 1, null, null, null, null, null, 'signal', 'paid');
insert into held (first_id, last_id, lane, eff, run_at, reason, who, why) values
    (1006, 1006, 1, now(), now(), 'paused', 'leo', 'holiday'), (1007, 1007, 1, now(), now(), 'parked', '', 'http_503');
insert into outcome (first_id, last_id, tenant, lane, kind, attempt) values (1008, 1009, 1, 1, 'completed', 0);
insert into outcome (first_id, last_id, tenant, lane, kind, code, fingerprint, attempt, result)
values (1010, 1010, 1, 1, 'failed', 'http_503', 'f1', 3, '{\"status\":503}');
insert into journal (job, seq, kind, at, data) select 1004, seq, 'turn', now(), '{}' from generate_series(1, 5) seq;
insert into request (job, tenant, purpose, tags, who) values (1002, 1, 'brief', '{\"team\":\"ops\"}', 'mia');
";

async fn with_jobs() -> (TestDatabase, PgPool, Store) {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    run(&pool, JOBS).await;
    let store = database.store().await;
    (database, pool, store)
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .expect("the statement runs");
}

async fn list(store: &Store, filter: JobFilter) -> Vec<i64> {
    let page = store
        .jobs(DEFAULT_TENANT, &filter, None, 100)
        .await
        .expect("a page");
    page.items.into_iter().map(|job| job.id).collect()
}

async fn why(store: &Store, job: i64) -> Vec<&'static str> {
    let reasons = store
        .explain(DEFAULT_TENANT, job, TTL)
        .await
        .expect("reasons");
    reasons.into_iter().map(|reason| reason.code).collect()
}

#[tokio::test]
async fn each_job_is_seen_in_exactly_one_state() {
    let (_database, _pool, store) = with_jobs().await;

    let page = store
        .jobs(DEFAULT_TENANT, &JobFilter::default(), None, 100)
        .await
        .expect("a page");

    let seen: Vec<(i64, JobState)> = page.items.iter().map(|job| (job.id, job.state)).collect();
    let expected = [
        (1011, JobState::Unheld),
        (1010, JobState::Failed),
        (1009, JobState::Completed),
        (1008, JobState::Completed),
        (1007, JobState::Parked),
        (1006, JobState::Paused),
        (1005, JobState::Waiting),
        (1004, JobState::Running),
        (1003, JobState::Ready),
        (1002, JobState::Ready),
        (1001, JobState::Scheduled),
        (1000, JobState::Scheduled),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_job_carries_what_its_state_has() {
    let (_database, _pool, store) = with_jobs().await;

    let failed = store
        .job(DEFAULT_TENANT, 1010)
        .await
        .expect("it")
        .outcome
        .expect("its end");
    let running = store.job(DEFAULT_TENANT, 1004).await.expect("it");
    let waiting = store.job(DEFAULT_TENANT, 1005).await.expect("it");
    let ready = store.job(DEFAULT_TENANT, 1002).await.expect("it");

    assert_eq!(
        (failed.code.as_deref(), failed.result.as_deref()),
        (Some("http_503"), Some("{\"status\":503}"))
    );
    assert!(running.lease.expect("its lease").stopping && running.journaled);
    assert_eq!(waiting.waits[0].key.as_deref(), Some("paid"));
    assert_eq!(
        waiting.due.expect("its timer").to_rfc3339(),
        "2040-01-01T00:00:00+00:00"
    );
    assert_eq!(ready.template, "strikes.brief@1.0.0");
    assert_eq!(ready.request.expect("its request").tags["team"], "ops");
    assert_eq!(
        store
            .job_input(DEFAULT_TENANT, 1002)
            .await
            .expect("its input"),
        "{\"n\":1002}"
    );
}

#[tokio::test]
async fn another_tenant_s_job_does_not_exist() {
    let (_database, _pool, store) = with_jobs().await;

    let refused = store.job(DEFAULT_TENANT, 1012).await.expect_err("not ours");

    assert_eq!(refused.code(), "not_found");
    assert!(store.job(2, 1012).await.is_ok());
    assert!(store.job_input(DEFAULT_TENANT, 1012).await.is_err());
}

#[tokio::test]
async fn pages_meet_without_gap_or_repeat() {
    let (_database, _pool, store) = with_jobs().await;
    let states = vec![
        JobState::Ready,
        JobState::Completed,
        JobState::Failed,
        JobState::Scheduled,
    ];
    let filter = JobFilter {
        states,
        ..JobFilter::default()
    };

    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store
            .jobs(DEFAULT_TENANT, &filter, before, 2)
            .await
            .expect("a page");
        seen.extend(page.items.iter().map(|job| job.id));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }

    assert_eq!(seen, [1010, 1009, 1008, 1003, 1002, 1001, 1000]);
}

#[tokio::test]
async fn a_list_by_state_holds_those_and_no_others() {
    let (_database, _pool, store) = with_jobs().await;
    let of = |state| JobFilter {
        states: vec![state],
        ..JobFilter::default()
    };

    assert_eq!(list(&store, of(JobState::Running)).await, [1004]);
    assert_eq!(list(&store, of(JobState::Waiting)).await, [1005]);
    assert_eq!(list(&store, of(JobState::Paused)).await, [1006]);
    assert_eq!(list(&store, of(JobState::Parked)).await, [1007]);
    assert!(list(&store, of(JobState::Expired)).await.is_empty());
    let failed_brief = JobFilter {
        purpose: Some("brief".to_owned()),
        ..of(JobState::Failed)
    };
    assert_eq!(list(&store, failed_brief).await, [1010]);
    let failed_other = JobFilter {
        template: Some("strikes.x".to_owned()),
        ..of(JobState::Failed)
    };
    assert!(list(&store, failed_other).await.is_empty());
}

#[tokio::test]
async fn a_filter_without_an_index_is_refused() {
    let (_database, _pool, store) = with_jobs().await;
    let filter = JobFilter {
        purpose: Some("brief".to_owned()),
        ..JobFilter::default()
    };

    let refused = store
        .jobs(DEFAULT_TENANT, &filter, None, 10)
        .await
        .expect_err("refused");

    let Error::Conflict { code, hint, .. } = refused else {
        panic!("a conflict expected")
    };
    assert_eq!(code, "filter_not_indexed");
    assert!(hint.is_some());
}

#[tokio::test]
async fn a_journal_is_read_in_pages() {
    let (_database, _pool, store) = with_jobs().await;

    let first = store
        .journal(DEFAULT_TENANT, 1004, 0, 3)
        .await
        .expect("a page");
    let second = store
        .journal(DEFAULT_TENANT, 1004, first.next.expect("more"), 3)
        .await
        .expect("a page");
    let foreign = store.journal(2, 1004, 0, 3).await.expect("a page");

    assert_eq!(
        first
            .items
            .iter()
            .map(|entry| entry.seq)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        second
            .items
            .iter()
            .map(|entry| entry.seq)
            .collect::<Vec<_>>(),
        [4, 5]
    );
    assert_eq!(second.next, None);
    assert!(foreign.items.is_empty());
}

#[tokio::test]
async fn every_job_that_does_not_run_has_a_reason() {
    let (_database, _pool, store) = with_jobs().await;

    assert_eq!(why(&store, 1000).await, ["not_due"]);
    assert_eq!(why(&store, 1001).await, ["retry_backoff"]);
    assert_eq!(why(&store, 1002).await, ["next_in_line"]);
    assert!(why(&store, 1004).await.is_empty());
    assert_eq!(why(&store, 1005).await, ["timer", "signal"]);
    assert_eq!(why(&store, 1006).await, ["paused"]);
    assert_eq!(why(&store, 1007).await, ["parked"]);
    assert_eq!(why(&store, 1010).await, ["ended"]);
    assert_eq!(why(&store, 1011).await, ["unheld"]);
}

#[tokio::test]
async fn a_ready_job_tells_who_is_missing() {
    let (_database, pool, store) = with_jobs().await;

    run(
        &pool,
        "update lane set capability = 'gpu:1.0.0' where id = 1",
    )
    .await;
    let unable = why(&store, 1002).await;
    run(&pool, "update worker set dead_at = now()").await;
    let nobody = why(&store, 1002).await;
    run(
        &pool,
        "insert into pause (tenant, scope, subject, who, why) values (1, 'queue', 'default', 'leo', 'holiday')",
    )
    .await;
    let paused = why(&store, 1002).await;

    assert_eq!(unable, ["no_capable_worker"]);
    assert_eq!(nobody, ["no_worker"]);
    assert_eq!(paused, ["paused", "no_worker"]);
}

#[tokio::test]
async fn queues_and_workers_are_summed_from_extents() {
    let (_database, _pool, store) = with_jobs().await;

    let queues = store.queues(DEFAULT_TENANT).await.expect("figures");
    let workers = store.workers(TTL, 10).await.expect("workers");

    let figures = (
        queues[0].ready,
        queues[0].later,
        queues[0].held,
        queues[0].leased,
    );
    assert_eq!((queues.len(), figures), (1, (2, 2, 2, 1)));
    assert!(workers[0].alive);
    assert_eq!((workers[0].leases, workers[0].jobs), (1, 1));
}

#[tokio::test]
async fn failures_of_the_last_day_are_counted_up_to_a_bound() {
    let (_database, pool, store) = with_jobs().await;
    run(&pool, "insert into outcome (first_id, last_id, tenant, lane, kind, at) values (900, 909, 1, 1, 'failed', now() - interval '2 days')").await;

    let home = store.home(DEFAULT_TENANT).await.expect("the front page");

    assert_eq!(
        (home.failed_last_day.jobs, home.failed_last_day.at_least),
        (1, false)
    );
    assert!(home.open_batches.is_empty());
}
