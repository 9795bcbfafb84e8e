//! What an index of a category spares: few rows are read where few are kept.

use crate::common::Bench;
use crate::common::things::{applied, browsed, load, planned};
use sqlx::{AssertSqlSafe, PgConnection};

/// Rows that a statement of `queries/category` gives on these parameters, and rows of the items and their marks that it
/// fetched for them.
async fn read(session: &mut PgConnection, name: &str, parameters: &str) -> (usize, i64) {
    let path = format!("{}/queries/category/{name}.sql", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the statement");
    run(session, &format!("prepare one as {text}")).await;
    run(session, "begin").await;
    let before = fetched(session).await;
    let execute = format!("execute one({parameters})");
    let rows = sqlx::raw_sql(AssertSqlSafe(execute)).fetch_all(&mut *session);
    let rows = rows.await.expect("rows").len();
    let fetched = fetched(session).await - before;
    run(session, "rollback").await;
    run(session, "deallocate one").await;
    (rows, fetched)
}

async fn fetched(session: &mut PgConnection) -> i64 {
    let sql = "select coalesce(sum(idx_tup_fetch), 0)::int8 from pg_stat_xact_user_tables
               where schemaname = 'windlass' and relname in ('category_item', 'category_mark')";
    let fetched = sqlx::query_scalar(sql).fetch_one(&mut *session).await;
    fetched.expect("a count")
}

async fn run(session: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(session);
    done.await.expect("it runs");
}

#[tokio::test]
async fn fifty_of_a_hundred_thousand_items_are_read_by_reading_fifty() {
    let bench = Bench::new().await;
    applied(&bench.store, "[ state ]").await;
    let row = |n: usize| {
        let (of, state) = (n % 7, n % 2_000);
        format!(r#"{{"id":"k{n}","of":"o{of}","state":"s{state}"}}"#)
    };
    load(&bench.store, &(0..100_000).map(row).collect::<Vec<_>>()).await;
    let mut session = bench.pool.acquire().await.expect("a connection");
    let probes = r#"array['{"state":"s1234"}', '"\u0000"']"#;

    let by_row = format!("1, 1, 1, {probes}, 0, 0, 1000, null");
    let by_row = read(&mut session, "members_marked", &by_row).await;
    let by_object = format!("1, 1, 1, {probes}, '', 0, 1000");
    let by_object = read(&mut session, "members_marked_by_object", &by_object).await;

    // A mark and an item each; by object, the item is looked at once more.
    assert_eq!(by_row.0, 50);
    assert!(by_row.1 <= 2 * 50 + 10, "{by_row:?}");
    assert_eq!(by_object.0, 50);
    assert!(by_object.1 <= 3 * 50 + 10, "{by_object:?}");
    let filter = r#".state == "s1234""#;
    let one = planned(&bench, filter, "individual")
        .await
        .expect("planned");
    let is_meant = |key: &Option<String>| key.as_deref().is_some_and(|key| key.ends_with("234"));
    assert!(one.len() == 50 && one.iter().all(|(key, _)| is_meant(key)));
    let objects = planned(&bench, filter, "object").await.expect("planned");
    assert_eq!(objects.len(), 7);
    let pages = browsed(&bench.store, filter, 20).await.expect("pages");
    assert_eq!(pages.len(), 50);
}

/// A reader must tell the end from an index that is gone: then it goes on without.
#[tokio::test]
async fn an_index_that_is_gone_says_so_and_one_that_finds_nothing_says_that() {
    let bench = Bench::new().await;
    applied(&bench.store, "[ state ]").await;
    let row = |n: usize| format!(r#"{{"id":{n},"state":"s{n}"}}"#);
    load(&bench.store, &(0..10).map(row).collect::<Vec<_>>()).await;
    let mut session = bench.pool.acquire().await.expect("a connection");
    let statements = [
        ("members_marked", "0, 0, 1000, null"),
        ("members_marked_by_object", "'', 0, 1000"),
    ];

    for (state, rows) in [
        ("is_whole = true", 1),
        ("is_whole = false", 0),
        ("is_whole = true, is_dropped = true", 0),
    ] {
        run(&mut session, &format!("update category_index set {state}")).await;
        for (name, from) in statements {
            let of_none = format!(r#"1, 1, 1, array['{{"state":"none"}}'], {from}"#);
            assert_eq!(
                read(&mut session, name, &of_none).await.0,
                rows,
                "{name} {state}"
            );
        }
    }
}
