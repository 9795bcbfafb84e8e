//! Members from outside: a query on another Postgres, who may read it, and what is left when reading breaks off.

#[path = "../common/mod.rs"]
mod common;
mod stage;

use common::recipe::{create, jobs, kept, left, over, told};
use serde_json::json;
use sqlx::AssertSqlSafe;
use stage::{Scene, query};
use windlass_engine::protocol::{Drawn, Planned};
use windlass_engine::store::foreign::ForeignError;
use windlass_workflows::problem::Problem;

#[tokio::test]
async fn a_query_gives_members_in_its_own_order() {
    let scene = Scene::new().await;
    let sql = "select n as id, 's' || n % 3 as state from generate_series(2500, 1, -1) n";
    let selection = query(sql, json!({ "key": "id", "object": "state" }));

    let (batch, ended) = scene.drawn(&over(selection, "individual"), sql).await;

    assert_eq!(ended, Drawn::Kept);
    let view = scene.planned(batch).await;
    assert_eq!((view.planned.members, view.planned.jobs), (2_500, 2_500));
    let first = jobs(&scene.bench.pool, batch).await.remove(0);
    assert_eq!(first.0.as_deref(), Some("2500"));
    assert_eq!(first.1.as_deref(), Some("s1"));
    assert_eq!(first.2, r#"{"language":"en","id":2500,"state":"s1"}"#);
}

#[tokio::test]
async fn values_become_json_as_their_own_server_writes_them() {
    let scene = Scene::new().await;
    let sql = r#"select 9007199254740993 as big, 0.10::numeric as exact, 'NaN'::float8 as nan, true as flag, null as nothing,
        '2026-03-29 01:30+01'::timestamptz as at, '2026-03-29'::date as day, '1 day 2 h'::interval as long,
        '\x00ff'::bytea as bytes, '{1,null}'::int[] as list, '{"a": [1]}'::jsonb as json, '[1,3)'::int4range as range,
        row(1, 'x') as row, 'ünï' as text"#;

    let rows = scene.rows(sql, json!([])).await.expect("read");

    let expected = concat!(
        r#"{"big":9007199254740993,"exact":0.10,"nan":"NaN","flag":true,"nothing":null,"#,
        r#""at":"2026-03-29T00:30:00+00:00","day":"2026-03-29","long":"P1DT2H","bytes":"\\x00ff","#,
        r#""list":[1,null],"json":{"a": [1]},"range":"[1,3)","row":{"f1":1,"f2":"x"},"text":"ünï"}"#,
    );
    assert_eq!(rows, [expected]);
}

#[tokio::test]
async fn parameters_are_what_the_statement_wants() {
    let scene = Scene::new().await;
    let sql = "select $1::timestamptz > $2 as later, $3 || 'y' as text, 7 = any ($4::int[]) as listed, \
               $5::jsonb -> 'a' as json, $6::numeric as number, $7::bool is null as nothing, $8::char(3) as padded";
    let params = json!(["2026-01-02T00:00:00Z", "2026-01-01", "it's $1", [6, 7], { "a": [1] }, 0.1, null, "abc"]);

    let rows = scene.rows(sql, params).await.expect("read");

    let expected = r#"{"later":true,"text":"it's $1y","listed":true,"json":[1],"number":0.1,"nothing":true,"padded":"abc"}"#;
    assert_eq!(rows, [expected]);
    let fewer = scene.rows("select $1::int, $2::int", json!([1])).await;
    assert!(matches!(fewer, Err(ForeignError::Lasting(why)) if why.contains("2 parameters")));
    let wrong = scene.rows("select $1::int", json!(["x"])).await;
    assert!(matches!(wrong, Err(ForeignError::Lasting(why)) if why.contains("22P02")));
}

#[tokio::test]
async fn a_statement_cannot_write_nor_leave_its_brackets() {
    let scene = Scene::new().await;
    let hostile = [
        "select 1) x; drop table batch; --",
        "select 1) windlass_row) windlass_document; delete from cluster; select row_to_json(x)::text from (select (1",
        "with gone as (delete from cluster returning 1) select * from gone",
        "select nextval('job_block')",
        "select set_config('transaction_read_only', 'off', false), lo_creat(0)",
    ];
    for sql in hostile {
        let read = scene.rows(sql, json!([])).await;
        assert!(
            matches!(read, Err(ForeignError::Lasting(_))),
            "{sql}: {read:?}"
        );
    }
    assert_eq!(
        scene.warehouse.count("select count(*) from cluster").await,
        1
    );
}

#[tokio::test]
async fn a_database_that_dies_half_way_leaves_no_half_batch() {
    let scene = Scene::new().await;
    let lock = scene.warehouse.hold("select pg_advisory_lock(7)").await;
    let sql = "select n as id from generate_series(1, 3000) n \
               where n < 1500 or (select count(pg_advisory_xact_lock_shared(7)) from generate_series(n, n)) = 1";
    let selection = query(sql, json!({ "key": "id" }));
    let batch = create(&scene.bench.store, &over(selection, "individual")).await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                where application_name = 'windlass source' and wait_event_type = 'Lock' and datname = current_database()";
    for round in 1..=3 {
        let mut drawing = scene.take().await.expect("a source to read");
        let killed = async {
            while scene.warehouse.count(kill).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        let (read, ()) = tokio::join!(scene.draw(&mut drawing, sql), killed);

        let Err(ForeignError::Passing(why)) = read else {
            panic!("its session was ended: {read:?}");
        };
        // The first thousand rows are there, each time anew.
        assert_eq!(
            scene.bench.count("select count(*) from source_row").await,
            1_000
        );
        assert_eq!(
            scene.bench.store.plan().await.expect("a look"),
            Planned::Idle
        );
        let left = scene.bench.store.break_off_source(&drawing, &why).await;
        let expected = if round < 3 {
            Drawn::Kept
        } else {
            Drawn::Refused
        };
        assert_eq!(left.expect("noted"), expected);
        assert!(
            scene.take().await.is_none(),
            "there is a pause between tries"
        );
        scene.again().await;
    }
    let problem = scene.failed(batch).await;
    assert_eq!(problem.code, "source_failed");
    while scene.bench.store.forget_sources().await.expect("forgotten") > 0 {}
    assert_eq!(
        scene.bench.count("select count(*) from source_row").await,
        0
    );
    lock.release().await;
}

#[tokio::test]
async fn a_database_that_comes_back_is_read_from_its_beginning() {
    let scene = Scene::new().await;
    let sql = "select n as id from generate_series(1, 2500) n";
    let selection = query(sql, json!({ "key": "id" }));
    let batch = create(&scene.bench.store, &over(selection, "individual")).await;
    let mut first = scene.take().await.expect("a source to read");
    let block = (1..=1_000)
        .map(|n| Some(format!(r#"{{"id":{n}}}"#)))
        .collect();
    assert_eq!(
        scene.keep(&mut first, block).await.expect("kept"),
        Drawn::Kept
    );
    scene.again().await;

    let mut second = scene.take().await.expect("the first one is dead");
    assert_eq!(
        scene.draw(&mut second, sql).await.expect("read"),
        Drawn::Kept
    );
    // The first one was not dead at all.
    let late = scene
        .keep(&mut first, vec![Some(r#"{"id":"late"}"#.into())])
        .await;
    assert_eq!(late.expect("an answer"), Drawn::Lost);
    let ended = scene.bench.store.end_source(first).await;
    assert_eq!(ended.expect("an answer"), Drawn::Lost);
    let ended = scene.bench.store.end_source(second).await;
    assert_eq!(ended.expect("an answer"), Drawn::Kept);

    assert_eq!(scene.planned(batch).await.planned.members, 2_500);
}

#[tokio::test]
async fn keys_that_repeat_in_a_query_go_by_what_rows_says() {
    let scene = Scene::new().await;
    let sql = "select * from (values ('a', 1), ('b', 2), (null, 3), ('a', 4)) v (id, n)";
    let mut selection = query(sql, json!({ "key": "id" }));
    selection["rows"] = json!({ "invalid": "leave_out", "duplicate": "last" });
    let (batch, _) = scene.drawn(&over(selection, "individual"), sql).await;
    scene.planned(batch).await;
    let expected = [
        kept(1, "b"),
        kept(2, "a"),
        left(1, "a", "duplicate"),
        left(3, "", "invalid"),
    ];
    assert_eq!(told(&scene.bench, batch).await, expected);

    let mut refused = query(sql, json!({ "key": "id" }));
    refused["rows"] = json!({ "invalid": "leave_out" });
    let (batch, ended) = scene.drawn(&over(refused, "individual"), sql).await;
    assert_eq!(ended, Drawn::Refused);
    let problem: Problem =
        serde_json::from_str(&scene.view(batch).await.reason.expect("why")).expect("it");
    assert_eq!(problem.code, "duplicate_keys");
    assert!(
        problem.message.contains("by row: `a` (1 and 4)"),
        "{}",
        problem.message
    );

    let (batch, ended) = scene
        .drawn(&over(query(sql, json!({ "key": "id" })), "individual"), sql)
        .await;
    assert_eq!(ended, Drawn::Refused);
    let problem: Problem =
        serde_json::from_str(&scene.view(batch).await.reason.expect("why")).expect("it");
    assert_eq!(
        (problem.code.as_ref(), &problem.message[..6]),
        ("invalid_row", "row 3:")
    );
}

#[tokio::test]
async fn a_cancelled_batch_is_not_read_on() {
    let scene = Scene::new().await;
    let sql = "select 1 as id";
    let batch = create(
        &scene.bench.store,
        &over(query(sql, json!({})), "individual"),
    )
    .await;
    let mut drawing = scene.take().await.expect("a source to read");
    let end =
        format!("update batch set state = 'cancelled', finished_at = now() where id = {batch}");
    sqlx::query(AssertSqlSafe(end))
        .execute(&scene.bench.pool)
        .await
        .expect("cancelled");

    assert_eq!(
        scene.draw(&mut drawing, sql).await.expect("read"),
        Drawn::Lost
    );
    let right = drawing.right();
    assert!(
        !scene
            .bench
            .store
            .hold_source(right)
            .await
            .expect("an answer")
    );
    assert!(scene.take().await.is_none());
}

#[tokio::test]
async fn an_unknown_connection_is_refused_where_it_is_applied() {
    let scene = Scene::new().await;
    let selection = query("select 1", json!({}));
    let document =
        json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "a", "purpose": "brief",
        "strategy": "individual", "selection": selection })
        .to_string();
    common::recipe::apply(&scene.bench.store, &[&document], "").await;
    let other = document.replace("warehouse", "warehoose");

    let application = windlass_engine::testing::application(&[&other]);
    let refused = common::recipe::refused(scene.bench.store.apply(application).await);

    assert_eq!(refused.code, "unknown_reference");
    assert_eq!(refused.hint.as_deref(), Some("did you mean `warehouse`?"));
}

#[tokio::test]
async fn what_takes_long_to_empty_stays_its_readers() {
    let scene = Scene::new().await;
    let selection = query("select 1 as id", json!({ "key": "id" }));
    let batch = create(&scene.bench.store, &over(selection, "individual")).await;
    // Four pages of what was read, each of which takes a part of the lease.
    let lasting = "insert into source_row (batch, n, key, document)
             select id, n, n::text, '{}' from batch, generate_series(1, 70000) n;
         update batch set source_n = 70000, staged = true;
         create function lasts() returns trigger language plpgsql as
             $$ begin perform pg_sleep(0.5); return null; end $$;
         create trigger lasts after delete on source_row for each statement execute function lasts()";
    let lasting = sqlx::raw_sql(lasting).execute(&scene.bench.pool).await;
    lasting.expect("rows");

    let lease = std::time::Duration::from_millis(1_500);
    let taken = scene.bench.store.take_source(lease).await.expect("taken");

    assert_eq!(taken.map(|drawing| drawing.batch), Some(batch));
    let held = "select count(*) from batch where source_until > now()";
    assert_eq!(scene.bench.count(held).await, 1);
    assert_eq!(
        scene.bench.count("select count(*) from source_row").await,
        0
    );
}
