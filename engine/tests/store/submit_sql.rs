//! `windlass.submit`: a job inside the caller's own transaction, if and only if it commits.

use crate::common::Bench;
use crate::common::keys::{raised, submit_sql};
use crate::common::recipe::{BIRDS, apply, with_birds};
use serde_json::json;
use sqlx::{Acquire, Executor, PgConnection};
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, LaneKey, Submitted};
use windlass_workflows::value::Value;

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

async fn jobs(bench: &Bench) -> i64 {
    bench.count("select count(*) from job").await
}

#[tokio::test]
async fn a_job_exists_if_and_only_if_its_transaction_commits() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let mut rolled_back = connection.begin().await.expect("begun");
    submit_sql(&mut rolled_back, "select submit('strikes.brief', '{}')")
        .await
        .expect("a job");
    rolled_back.rollback().await.expect("rolled back");
    let after_rollback = jobs(&bench).await;
    let mut committed = connection.begin().await.expect("begun");
    let kept = submit_sql(
        &mut committed,
        "select submit('strikes.brief', '{\"n\": 1.50}')",
    )
    .await;
    let mut savepoint = committed.begin().await.expect("a savepoint");
    submit_sql(&mut savepoint, "select submit('strikes.brief', '{}', 'k')")
        .await
        .expect("a job");
    savepoint.rollback().await.expect("rolled back to it");
    let seen_by_others = jobs(&bench).await;
    committed.commit().await.expect("committed");

    assert_eq!(
        (after_rollback, seen_by_others, jobs(&bench).await),
        (0, 0, 1)
    );
    assert_eq!(bench.count("select count(*) from request_key").await, 0);
    let input = bench
        .store
        .job_input(DEFAULT_TENANT, kept.expect("a job"))
        .await;
    assert_eq!(input.expect("its input"), "{\"n\": 1.50}", "word for word");
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_34_a_prepared_transaction_decides_over_its_job_later() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let mark: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut *connection)
        .await
        .expect("its name");
    for (name, key) in [("commit", "k"), ("rollback", "l")] {
        connection.execute("begin").await.expect("begun");
        let sql = format!("select submit('brief', '{{}}', '{key}')");
        connection
            .execute(sqlx::AssertSqlSafe(sql))
            .await
            .expect("a job");
        let sql = format!("prepare transaction '{mark}-{name}'");
        connection
            .execute(sqlx::AssertSqlSafe(sql))
            .await
            .expect("prepared");
    }
    let keyed = |key: &str| Request {
        idempotency_key: Some(key.to_owned()),
        ..Request::new(Work::Purpose("brief".to_owned()), Value::from(json!({})))
    };
    let ask = async |key: &str| {
        let receipt = bench
            .store
            .submit_request(DEFAULT_TENANT, "mia", &keyed(key))
            .await;
        receipt.expect("an answer").answer
    };
    let (while_open, before) = (ask("k").await, jobs(&bench).await);
    let sql = format!("commit prepared '{mark}-commit'");
    connection
        .execute(sqlx::AssertSqlSafe(sql))
        .await
        .expect("committed");
    let sql = format!("rollback prepared '{mark}-rollback'");
    connection
        .execute(sqlx::AssertSqlSafe(sql))
        .await
        .expect("rolled back");
    let (committed, rolled_back) = (ask("k").await, ask("l").await);

    assert_eq!(
        (while_open, before),
        (Answer::Submitted(Submitted::InFlight), 0)
    );
    assert!(
        matches!(committed, Answer::Submitted(Submitted::Duplicate { .. })),
        "{committed:?}"
    );
    assert!(
        matches!(rolled_back, Answer::Submitted(Submitted::Created { .. })),
        "{rolled_back:?}"
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_trigger_submits_and_a_worker_runs_it() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    connection
        .execute(
            "create table public.bird (name text, cost int);
             create function public.told() returns trigger language plpgsql as $$
             begin
                 perform windlass.submit('brief', to_jsonb(new), idempotency_key => new.name);
                 return new;
             end $$;
             create trigger told after insert on public.bird for each row execute function public.told();",
        )
        .await
        .expect("a table with a trigger");
    // Another application's connection knows nothing of our schema.
    connection
        .execute("set search_path = public")
        .await
        .expect("set");

    connection
        .execute("insert into bird values ('gull', 5), ('crow', 7)")
        .await
        .expect("stored");
    connection
        .execute("set search_path = windlass, public")
        .await
        .expect("set");

    let mut worker = bench.worker().await;
    let lane = LaneKey::of_template(DEFAULT_TENANT, "strikes.brief", "brief", 0);
    worker.lane = bench.store.lane(&lane).await.expect("the lane");
    let claimed = worker.claim(10).await;
    assert_eq!(claimed.len(), 2);
    let input: serde_json::Value = serde_json::from_str(&claimed[0].input).expect("JSON");
    assert_eq!(
        input,
        json!({ "language": "en", "name": "gull", "cost": 5 })
    );
    worker.complete(&claimed).await;
    bench.assert_held_once().await;
}

#[tokio::test]
async fn keys_mean_the_same_over_http_and_in_sql() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let keyed = |key: &str, input: serde_json::Value| Request {
        idempotency_key: Some(key.to_owned()),
        ..Request::new(Work::Purpose("brief".to_owned()), Value::from(input))
    };
    let ask = async |request: Request| {
        let receipt = bench
            .store
            .submit_request(DEFAULT_TENANT, "mia", &request)
            .await;
        match receipt.expect("an answer").answer {
            Answer::Submitted(submitted) => submitted,
            refused => panic!("{refused:?}"),
        }
    };

    let Submitted::Created { job: ours } = ask(keyed("a", json!({ "n": 1 }))).await else {
        panic!("not created")
    };
    let again = submit_sql(
        &mut connection,
        "select submit('brief', '{ \"n\": 1 }', 'a')",
    )
    .await;
    let reused = submit_sql(&mut connection, "select submit('brief', '{\"n\": 2}', 'a')").await;
    let theirs = submit_sql(
        &mut connection,
        "select submit('brief', '{ \"n\" : 1 }', 'b')",
    )
    .await
    .expect("a job");
    let repeat = submit_sql(&mut connection, "select submit('brief', '{\"n\":1}', 'b')").await;
    let over_http = ask(keyed("b", json!({ "n": 1 }))).await;
    let other = ask(keyed("b", json!({ "n": 2 }))).await;
    let rejected = submit_sql(
        &mut connection,
        "select submit('brief', '{}', 'b', on_duplicate => 'reject')",
    )
    .await;

    assert_eq!(again.expect("the first job"), ours);
    assert_eq!(
        raised(reused.unwrap_err()),
        ("23505".to_owned(), "key_reused".to_owned())
    );
    assert_eq!(repeat.expect("the first job"), theirs);
    assert_eq!(over_http, Submitted::Duplicate { job: theirs });
    assert_eq!(other, Submitted::KeyReused { job: theirs });
    assert_eq!(
        raised(rejected.unwrap_err()),
        ("23505".to_owned(), "duplicate".to_owned())
    );
    assert_eq!(jobs(&bench).await, 2);
}

#[tokio::test]
async fn what_is_said_in_sql_is_kept() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let id = submit_sql(&mut connection,
        "select submit('strikes.brief@1.0.0', '{}', start_at => '2100-01-01Z', expires_at => '2100-01-02Z',
                       priority => 'high', tags => '{\"team\": \"ops\"}', notify => true, who => 'mia')",
    )
    .await
    .expect("a job");

    let view = bench.store.job(DEFAULT_TENANT, id).await.expect("the job");
    assert_eq!(
        (view.state.as_str(), view.template.as_str()),
        ("scheduled", "strikes.brief@1.0.0")
    );
    let request = view.request.expect("a request");
    assert_eq!(
        (request.who.as_str(), request.tags["team"].as_str()),
        ("mia", "ops")
    );
    assert!(request.start_at < request.expires_at);
    assert_eq!(bench.count("select count(*) from expiry").await, 1);
    assert_eq!(
        bench
            .count("select extract(epoch from run_at - eff)::int8 from later")
            .await,
        600
    );
    assert_eq!(
        bench.count("select count(*) from job_s0").await,
        1,
        "far from the blocks"
    );
    assert_eq!(bench.count("select count(distinct lane) from job").await, 1);
    let lane = bench
        .store
        .lane(&LaneKey::of_template(
            DEFAULT_TENANT,
            "strikes.brief",
            "",
            0,
        ))
        .await;
    assert_eq!(lane.expect("the lane"), view.lane, "the lane is the API's");
}

#[tokio::test]
async fn what_is_wrong_in_sql_says_so_and_stores_nothing() {
    let bench = bench().await;
    apply(&bench.store, &[], "").await;
    let mut connection = bench.pool.acquire().await.expect("a connection");

    for (sql, code) in [
        (
            "select submit('strikes.nobody', '{}')",
            "template_not_published",
        ),
        ("select submit('nobody', '{}')", "unknown_purpose"),
        ("select submit('brief', '{')", "json_malformed"),
        ("select submit('brief', null::text)", "json_malformed"),
        (
            "select submit('brief', '{}', priority => 'asap')",
            "wrong_value",
        ),
        (
            "select submit('brief', '{}', 'k', scope => 'world')",
            "wrong_value",
        ),
        (
            "select submit('brief', '{}', 'k', hold => 'long')",
            "wrong_value",
        ),
        (
            "select submit('brief', '{}', 'k', on_duplicate => 'fight')",
            "wrong_value",
        ),
        (
            "select submit('brief', '{}', '')",
            "idempotency_key_malformed",
        ),
        (
            "select submit('brief', to_json(repeat('x', 1048576))::text)",
            "too_large",
        ),
    ] {
        let error = submit_sql(&mut connection, sql).await.expect_err(sql);
        assert_eq!(raised(error).1, code, "{sql}");
    }
    assert_eq!(jobs(&bench).await, 0);
}

#[tokio::test]
async fn an_application_needs_usage_of_the_schema_and_nothing_else() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let role: String = sqlx::query_scalar("select 'app_' || current_database()")
        .fetch_one(&mut *connection)
        .await
        .expect("a name");
    let run = async |connection: &mut PgConnection, sql: String| {
        connection.execute(sqlx::AssertSqlSafe(sql)).await
    };
    let begin = format!(
        "create role {role}; grant usage on schema windlass to {role}; set role {role}; set search_path = public"
    );
    run(&mut connection, begin).await.expect("a role");

    let made = submit_sql(&mut connection, "select windlass.submit('brief', '{}')").await;
    let peek = run(&mut connection, "select * from windlass.job".to_owned()).await;

    let end = format!(
        "reset role; reset search_path; revoke usage on schema windlass from {role}; drop role {role}"
    );
    run(&mut connection, end).await.expect("no role");
    made.expect("a job");
    assert_eq!(raised(peek.expect_err("no right")).0, "42501");
    assert_eq!(jobs(&bench).await, 1);
}

#[tokio::test]
async fn limits_hold_for_sql_and_those_that_need_the_input_say_so() {
    let bench = bench().await;
    let purpose = |limits: &str| {
        format!(
            "windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\nlimits: [ {limits} ]\n"
        )
    };
    let plain = "windlass: v1\nkind: Limit\nname: mails\nconcurrency: 2\n";
    let keyed = "windlass: v1\nkind: Limit\nname: ports\nconcurrency: 2\nkey: '${ .port }'\n";
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let work = Work::Purpose("brief".to_owned());
    let request = Request::new(work, Value::from(json!({ "port": "kiel" })));
    let sql = "select submit('brief', '{\"port\": \"kiel\"}')";

    apply(
        &bench.store,
        &[plain, keyed, &purpose("mails, ports:kiel")],
        "",
    )
    .await;
    let theirs = submit_sql(&mut connection, sql).await.expect("a job");
    let receipt = bench
        .store
        .submit_request(DEFAULT_TENANT, "mia", &request)
        .await;
    apply(&bench.store, &[&purpose("mails, ports")], "").await;
    let refused = submit_sql(&mut connection, sql).await;

    let ours = receipt.expect("an answer").job.expect("a job");
    let theirs = bench.store.job(DEFAULT_TENANT, theirs).await;
    assert_eq!(theirs.expect("the job").lane, ours.lane);
    let counted = "select cardinality(limits)::int8 from lane where limits <> '{}'";
    assert_eq!(bench.count(counted).await, 2);
    let told = raised(refused.expect_err("its key is in the input"));
    assert_eq!(told, ("0A000".to_owned(), "limit_needs_engine".to_owned()));
}
