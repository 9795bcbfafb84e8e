//! Batches as people see them: progress from tallies, members in plan order, failures by fingerprint.

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, PgPool};
use windlass_engine::Store;
use windlass_engine::store::{BatchFilter, DEFAULT_TENANT, JobFilter, MemberView};
use windlass_engine::testing::TestDatabase;

const TEMPLATE: &str = "
insert into template_version (tenant, namespace, name, version, rank, hash, source, bundle, semantics, journaled)
values (1, 'strikes', 'brief', '1.0.0', '{1,0,0,1}', 'h', '', '', 1, true);
";

/// Batch 1: individual, eight jobs in two ranges, of which six have settled; one row was left out.
const INDIVIDUAL: &str = "
insert into lane (tenant, grp, template, batch) values (1, '1/strikes.brief', 'strikes.brief', 1);
insert into batch (tenant, name, configuration, revision, state, strategy, template_version, lane, document, members,
    jobs, left_out, sealed, expected, released, created_at, planned_at, started_at)
values (1, 'briefs', 'briefs', 2, 'running', 'individual', 1, 1, '{}', 8,
    8, 1, true, 8, 8, now() - interval '30 seconds', now() - interval '20 seconds', now() - interval '10 seconds');
insert into batch_range values (1, 1000, 1003), (1, 2000, 2003);
insert into job (id, tenant, lane, template_version, batch, nonce, member_key, object, input)
select id, 1, 1, 1, 1, 7, 'k' || id, 'o', '{}' from generate_series(1000, 1003) id
union all select id, 1, 1, 1, 1, 7, 'k' || id, null, '{}' from generate_series(2000, 2003) id;
insert into outcome (first_id, last_id, tenant, lane, batch, kind, attempt) values (1000, 1001, 1, 1, 1, 'completed', 0);
insert into outcome (first_id, last_id, tenant, lane, batch, kind, code, fingerprint, attempt, result) values
    (1002, 1002, 1, 1, 1, 'failed', 'http_503', 'f1', 3, '{\"s\":1}'), (1003, 1003, 1, 1, 1, 'failed', 'http_503', 'f1', 3, null),
    (2000, 2000, 1, 1, 1, 'failed', 'schema', 'f2', 0, null);
insert into held (first_id, last_id, lane, eff, run_at, reason, why) values (2001, 2001, 1, now(), now(), 'parked', 'lease lost');
insert into ready (first_id, last_id, lane, eff, run_at) values (2002, 2003, 1, now(), now());
insert into tally (batch, kind, n) values (1, 'completed', 1), (1, 'completed', 1), (1, 'failed', 3), (1, 'parked', 1);
insert into left_out values (1, 9, 'k1000', 'duplicate');
";

/// Batch 1: combined, one job over four members in two chunks, one of them finished.
const COMBINED: &str = "
insert into lane (tenant, grp, template, batch) values (1, '1/strikes.brief', 'strikes.brief', 1);
insert into batch (tenant, name, state, strategy, template_version, lane, document, members, jobs, chunks, sealed, expected)
values (1, 'report', 'running', 'combined', 1, 1, '{}', 4, 1, 2, true, 1);
insert into batch_range values (1, 1000, 1000);
insert into job (id, tenant, lane, template_version, batch, nonce, input) values (1000, 1, 1, 1, 1, 7, '{}');
insert into worker (id) values ('00000000-0000-0000-0000-000000000001');
insert into lease (claim, n, worker, lane, eff, priority, attempt, losses, journaled, jobs) values
    ('00000000-0000-0000-0000-00000000000a', 1, '00000000-0000-0000-0000-000000000001', 1, now(), 0, 0, 0, true, '{[1000,1001)}');
insert into member (batch, job, n, chunk, key, document)
select 1, 1000, n, 1 + (n - 1) / 2, 'k' || n, '{}' from generate_series(1, 4) n;
insert into tally (batch, kind, n) values (1, 'chunk_members', 2);
";

async fn with_batch(sql: &str) -> (TestDatabase, PgPool, Store) {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    run(&pool, &format!("{TEMPLATE}{sql}")).await;
    let store = database.store().await;
    (database, pool, store)
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .expect("the statement runs");
}

fn told(members: &[MemberView]) -> Vec<(i64, &str, &str)> {
    members
        .iter()
        .map(|one| (one.n, one.key.as_str(), one.state.as_str()))
        .collect()
}

#[tokio::test]
async fn progress_comes_from_tallies() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;

    let batch = store.batch(DEFAULT_TENANT, 1).await.expect("it");
    let current = store
        .batch_current(&batch)
        .await
        .expect("where its jobs stand");

    let progress = batch.progress;
    assert_eq!(
        (progress.expected, progress.settled, progress.open),
        (8, 6, 2)
    );
    assert_eq!(progress.percent, 75.0);
    assert_eq!(
        (
            progress.now["completed"],
            progress.now["failed"],
            progress.now["parked"]
        ),
        (2, 3, 1)
    );
    assert_eq!((current.ready, current.running, current.parked), (2, 0, 1));
}

#[tokio::test]
async fn a_restart_takes_endings_back_and_totals_stay_true() {
    let (_database, pool, store) = with_batch(INDIVIDUAL).await;
    run(&pool, "update batch set expected = 10; insert into tally (batch, kind, n) values (1, 'restarted_failed', 2)").await;

    let progress = store.batch(DEFAULT_TENANT, 1).await.expect("it").progress;

    assert_eq!(
        (progress.settled, progress.open, progress.restarted),
        (6, 4, 2)
    );
    assert_eq!(progress.now["failed"], 1);
}

#[tokio::test]
async fn a_combined_batch_advances_by_its_finished_chunks() {
    let (_database, _pool, store) = with_batch(COMBINED).await;

    let batch = store.batch(DEFAULT_TENANT, 1).await.expect("it");
    let members = store
        .members(DEFAULT_TENANT, 1, None, 10)
        .await
        .expect("a page");

    assert_eq!((batch.progress.settled, batch.progress.percent), (0, 50.0));
    let chunks: Vec<_> = members
        .items
        .iter()
        .map(|one| (one.chunk, one.state.as_str()))
        .collect();
    assert_eq!(
        chunks,
        [
            (Some(1), "running"),
            (Some(1), "running"),
            (Some(2), "running"),
            (Some(2), "running")
        ]
    );
}

#[tokio::test]
async fn members_come_in_plan_order_and_left_out_rows_last() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;

    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store
            .members(DEFAULT_TENANT, 1, cursor, 3)
            .await
            .expect("a page");
        seen.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }

    let expected = [
        (1, "k1000", "completed"),
        (2, "k1001", "completed"),
        (3, "k1002", "failed"),
        (4, "k1003", "failed"),
        (5, "k2000", "failed"),
        (6, "k2001", "parked"),
        (7, "k2002", "ready"),
        (8, "k2003", "ready"),
        (9, "k1000", "left_out"),
    ];
    assert_eq!(told(&seen), expected);
    assert_eq!((seen[2].attempts, seen[6].attempts), (4, 0));
    assert_eq!(seen[2].result, None);
}

#[tokio::test]
async fn the_manifest_streams_every_row_with_its_result() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;

    let rows: Vec<MemberView> = store
        .manifest(DEFAULT_TENANT, 1)
        .await
        .expect("a stream")
        .try_collect()
        .await
        .expect("its rows");

    assert_eq!(rows.len(), 9);
    assert_eq!(rows[2].result.as_deref(), Some("{\"s\":1}"));
    assert_eq!(rows[8].code.as_deref(), Some("duplicate"));
}

#[tokio::test]
async fn failures_are_grouped_by_fingerprint() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;

    let groups = store
        .batch_errors(DEFAULT_TENANT, 1, 10)
        .await
        .expect("groups");

    let shown: Vec<_> = groups
        .iter()
        .map(|one| {
            (
                one.kind.as_str(),
                one.fingerprint.as_deref(),
                one.jobs,
                one.sample.as_slice(),
            )
        })
        .collect();
    let first: (&str, _, _, &[i64]) = ("failed", Some("f1"), 2, &[1002, 1003]);
    assert_eq!(
        shown,
        [
            first,
            ("failed", Some("f2"), 1, &[2000]),
            ("parked", None, 1, &[2001])
        ]
    );
    assert!(
        store
            .batch_errors(2, 1, 10)
            .await
            .expect("groups")
            .is_empty()
    );
}

#[tokio::test]
async fn a_report_has_figures_and_the_last_batch_beside() {
    let (_database, pool, store) = with_batch(INDIVIDUAL).await;
    run(
        &pool,
        "insert into batch (tenant, name, configuration, state, strategy, template_version, document, members, jobs,
            sealed, expected, created_at, planned_at, started_at, finished_at)
         values (1, 'briefs', 'briefs', 'running', 'individual', 1, '{}', 2, 2, true, 2, now(), null, null, null);
         update batch set state = 'completed_with_errors', finished_at = started_at + interval '5 seconds' where id = 1",
    )
    .await;

    let last = store.report(DEFAULT_TENANT, 1).await.expect("its report");
    let next = store.report(DEFAULT_TENANT, 2).await.expect("its report");

    let figures = &last.figures;
    assert_eq!(
        (
            figures.members,
            figures.jobs,
            figures.left_out,
            figures.added
        ),
        (8, 8, 1, 0)
    );
    assert_eq!(figures.phases.planning.seconds, Some(10.0));
    assert_eq!(
        (figures.phases.running.seconds, figures.jobs_per_s),
        (Some(5.0), Some(1.2))
    );
    assert_eq!(last.errors.len(), 3);
    assert!(last.last.is_none());
    assert_eq!(next.last.expect("the one before").batch, 1);
    assert_eq!(next.figures.jobs_per_s, None);
}

#[tokio::test]
async fn lists_have_one_index_each() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;
    let open = BatchFilter {
        open_states: Some(Vec::new()),
        configuration: None,
    };
    let paused = BatchFilter {
        open_states: Some(vec!["paused".to_owned()]),
        configuration: None,
    };
    let named = BatchFilter {
        open_states: None,
        configuration: Some("briefs".to_owned()),
    };
    let both = BatchFilter {
        open_states: Some(Vec::new()),
        configuration: Some("briefs".to_owned()),
    };

    for (filter, expected) in [
        (BatchFilter::default(), 1),
        (open, 1),
        (paused, 0),
        (named, 1),
    ] {
        let page = store
            .batches(DEFAULT_TENANT, &filter, None, 10)
            .await
            .expect("a page");
        assert_eq!(page.items.len(), expected, "{filter:?}");
    }
    let refused = store
        .batches(DEFAULT_TENANT, &both, None, 10)
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), "filter_not_indexed");
}

#[tokio::test]
async fn the_jobs_of_a_batch_are_listed_newest_first() {
    let (_database, pool, store) = with_batch(INDIVIDUAL).await;
    run(
        &pool,
        "insert into job (id, tenant, lane, template_version, nonce, input) values (3000, 1, 1, 1, 7, '{}')",
    )
    .await;
    let filter = JobFilter {
        batch: Some(1),
        ..JobFilter::default()
    };

    let first = store.jobs(DEFAULT_TENANT, &filter, None, 5).await;
    let first = first.expect("a page");
    let second = store.jobs(DEFAULT_TENANT, &filter, first.next, 5).await;
    let second = second.expect("a page");
    let foreign = store.jobs(2, &filter, None, 5).await.expect("a page");

    let ids: Vec<i64> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|job| job.id)
        .collect();
    assert_eq!(ids, [2003, 2002, 2001, 2000, 1003, 1002, 1001, 1000]);
    assert_eq!(second.next, None);
    assert!(foreign.items.is_empty());
}

#[tokio::test]
async fn another_tenant_s_batch_does_not_exist() {
    let (_database, _pool, store) = with_batch(INDIVIDUAL).await;

    let missing = store.batch(2, 1).await;
    assert_eq!(missing.expect_err("not ours").code(), "not_found");
    assert!(store.members(2, 1, None, 10).await.is_err());
    assert!(store.manifest(2, 1).await.is_err());
    assert!(store.report(2, 1).await.is_err());
}
