//! Pages of an individual batch's members: each counts on from the one before and reads its own ranges only, so
//! a manifest costs what it shows, however many ranges its batch has.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, Row};
use windlass_engine::Store;
use windlass_engine::store::hook::{self, Answer, Hook, Moment, Point, Statement};
use windlass_engine::store::{DEFAULT_TENANT, MemberCursor, MemberView, Page};
use windlass_engine::testing::TestDatabase;

/// Batch 1: four jobs in one range, then five hundred that stand alone.
const BATCH: &str = "
insert into template_version (tenant, namespace, name, version, rank, hash, source, bundle, semantics, journaled)
values (1, 'strikes', 'brief', '1.0.0', '{1,0,0,1}', 'h', '', '', 1, true);
insert into lane (tenant, grp, template, batch) values (1, '1/strikes.brief', 'strikes.brief', 1);
insert into batch (tenant, name, state, strategy, template_version, lane, document, members, jobs, sealed, expected)
values (1, 'briefs', 'running', 'individual', 1, 1, '{}', 504, 504, true, 504);
insert into batch_range values (1, 1000, 1003);
insert into batch_range select 1, id, id from generate_series(10000, 10998, 2) id;
insert into job (id, tenant, lane, template_version, batch, nonce, member_key, input)
select id, 1, 1, 1, 1, 7, 'k' || id, '{}' from generate_series(1000, 1003) id
union all select id, 1, 1, 1, 1, 7, 'k' || id, '{}' from generate_series(10000, 10998, 2) id;
analyze batch_range, job;
";

async fn with_batch() -> (TestDatabase, PgPool, Store) {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    let made = sqlx::raw_sql(BATCH).execute(&pool).await;
    made.expect("a batch");
    let store = database.store().await;
    (database, pool, store)
}

async fn page(store: &Store, after: i64, n: i64, limit: u32) -> Page<MemberView, MemberCursor> {
    let cursor = MemberCursor {
        left_out: false,
        after,
        n,
    };
    let page = store.members(DEFAULT_TENANT, 1, Some(cursor), limit).await;
    page.expect("a page")
}

/// The plan of one page, as it was carried out.
async fn plan(pool: &PgPool, after: i64, n: i64) -> Value {
    let mut named = Statement::all().iter();
    let found = named.find(|one| one.name == "batch/jobs");
    let text = found.expect("the statement of a page").text.trim();
    let text = text.trim_end_matches(';');
    // A transaction, for a pooler gives each its own session.
    let mut session = pool.begin().await.expect("a transaction");
    let prepare = sqlx::raw_sql(AssertSqlSafe(format!("prepare page_{n} as {text}")));
    prepare.execute(&mut *session).await.expect("prepared");
    let explain = "explain (analyze, format json)";
    let explain = format!("{explain} execute page_{n} (1, 1, {after}, 4, {n})");
    let row = sqlx::raw_sql(AssertSqlSafe(explain))
        .fetch_one(&mut *session)
        .await;
    row.expect("its plan").get(0)
}

/// Rows that the nodes of a plan have read of ranges.
fn ranges(plan: &Value) -> f64 {
    let figure = |name: &str| plan[name].as_f64().unwrap_or(0.0);
    let own = match plan["Relation Name"] == "batch_range" {
        true => figure("Actual Rows") + figure("Rows Removed by Filter"),
        false => 0.0,
    };
    let parts: f64 = match plan {
        Value::Array(parts) => parts.iter().map(ranges).sum(),
        Value::Object(parts) => parts.values().map(ranges).sum(),
        _ => 0.0,
    };
    own + parts
}

#[tokio::test]
async fn a_page_counts_on_from_the_one_before() {
    let (_database, _pool, store) = with_batch().await;

    let (mut seen, mut cursor) = (Vec::new(), Some(MemberCursor::START));
    while let Some(from) = cursor {
        let found = page(&store, from.after, from.n, 3).await;
        seen.extend(found.items.iter().map(|one| (one.n, one.job)));
        cursor = found.next;
    }

    let ids = (1000..1004).chain((10000..11000).step_by(2)).map(Some);
    let expected: Vec<_> = (1..).zip(ids).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_page_reads_its_own_ranges_and_none_before_or_behind() {
    let (_database, pool, _store) = with_batch().await;

    for (after, n) in [(0, 0), (10498, 254), (10980, 495)] {
        let read = ranges(&plan(&pool, after, n).await);

        assert!(read < 12.0, "{read} ranges read for a page behind {after}");
    }
}

/// Says how often pages looked for jobs that were made anew.
#[derive(Default)]
struct Pages(AtomicUsize);

impl Hook for Pages {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, Answer> {
        if (point.moment, point.statement) == (Moment::After, "batch/renewed") {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Box::pin(ready(Ok(())))
    }
}

/// The first four jobs failed and were made anew; those have three MiB of result each.
const RENEWED: &str = "
insert into outcome (first_id, last_id, tenant, lane, batch, kind, attempt, claim, at)
select id, id, 1, 1, 1, 'failed', 0, gen_random_uuid(), now() from generate_series(1000, 1003) id;
insert into redrive (tenant, batch, rate, upto_id, who) values (1, 1, 1, 2000, 'mia');
insert into redrive_job (redrive, job, origin) select 1, id + 20000, id from generate_series(1000, 1003) id;
insert into job (id, tenant, lane, template_version, batch, nonce, member_key, input, redrive_of)
select id + 20000, 1, 1, 1, 1, 7, 'k' || id, '{}', id from generate_series(1000, 1003) id;
insert into outcome (first_id, last_id, tenant, lane, batch, kind, attempt, claim, at, result)
select id + 20000, id + 20000, 1, 1, 1, 'completed', 0, gen_random_uuid(), now(), to_json(repeat('x', 3 << 20))
from generate_series(1000, 1003) id;
";

#[tokio::test]
async fn results_of_jobs_that_were_made_anew_end_a_page_too() {
    let (database, pool, store) = with_batch().await;
    let renewed = sqlx::raw_sql(RENEWED).execute(&pool).await;
    renewed.expect("made anew");
    let pages = Arc::new(Pages::default());
    let _installed = hook::install(database.url(), pages.clone());

    let manifest = store.manifest(DEFAULT_TENANT, 1).await.expect("begun");
    let found: Vec<MemberView> = manifest.try_collect().await.expect("read");

    let bytes = |one: &MemberView| one.result.as_ref().map_or(0, String::len);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.n, one.job, bytes(one)))
        .collect();
    let results = (1..5).map(|n| (n, Some(20_999 + n), (3 << 20) + 2));
    let others = (5..505).map(|n| (n, Some(9_990 + 2 * n), 0));
    assert_eq!(told, results.chain(others).collect::<Vec<_>>());
    let read = pages.0.load(Ordering::Relaxed);
    assert!(read >= 2, "{read} pages have all of them");
}
