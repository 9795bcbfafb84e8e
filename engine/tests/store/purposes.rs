//! What a purpose says for requests and batches that do not: when they expire, how long their jobs may take, what their
//! keys mean, their lane.

use std::time::Duration;

use crate::common::Bench;
use crate::common::keys::{job, keyed, raised, submit, submit_sql};
use crate::common::recipe::{TEMPLATE, apply, create, plan, plan_failing, recipe};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use windlass_engine::protocol::{Answer, Planned, Request, Scope, Work};
use windlass_engine::store::{DEFAULT_TENANT, Hold, Submitted};
use windlass_workflows::value::Value;

const OTHER: &str = "document: { dsl: '1.0.3', namespace: strikes, name: other, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
/// A template that reads a lane of its own, which the purpose's comes before.
const LANED: &str = "document: { dsl: '1.0.3', namespace: strikes, name: laned, version: '1.0.0', \
    metadata: { windlass: { lane: '${ .port }' } } }\n\
    do:\n  - say: { set: { word: hello } }\n";

fn purpose(name: &str, template: &str, rest: &str) -> String {
    format!("windlass: v1\nkind: Purpose\nname: {name}\ntemplate: strikes.{template}\n{rest}\n")
}

/// The templates, and the purpose `brief` that says this.
async fn bench(rest: &str) -> Bench {
    let bench = Bench::new().await;
    let brief = purpose("brief", "brief", rest);
    apply(&bench.store, &[TEMPLATE, OTHER, LANED, &brief], "").await;
    bench
}

fn request() -> Request {
    let asked = keyed("k", json!({}));
    Request {
        idempotency_key: None,
        ..asked
    }
}

/// When a job is to have begun, and how long that is after it was due, in seconds.
async fn expires(bench: &Bench, job: i64) -> Option<(DateTime<Utc>, f64)> {
    let sql = "select expiry.at, extract(epoch from expiry.at - place.run_at)::float8
               from expiry join job on job.id = expiry.job and job.expires_at = expiry.at
               join (select first_id, last_id, run_at from ready union all select first_id, last_id, run_at from later) place
                 on job.id between place.first_id and place.last_id
               where job.id = $1";
    let row = sqlx::query_as(sql).bind(job).fetch_optional(&bench.pool);
    row.await.expect("a look")
}

#[tokio::test]
async fn a_request_expires_as_its_purpose_says_unless_it_says_so_itself() {
    let bench = bench("expires_after: 1h30m").await;
    let far = DateTime::parse_from_rfc3339("2100-01-01T00:00:00Z").expect("a time");
    let far = far.with_timezone(&Utc);
    let later = Request {
        start_at: Some(far),
        ..request()
    };
    let own = Request {
        expires_at: Some(far),
        ..request()
    };

    let asked = request();
    let receipt = bench.store.submit_request(DEFAULT_TENANT, "mia", &asked);
    let receipt = receipt.await.expect("a receipt");
    let plain = job(&receipt.answer);
    let later = job(&submit(&bench.store, later).await);
    let own = job(&submit(&bench.store, own).await);
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let in_sql = submit_sql(&mut connection, "select submit('brief', '{}')").await;
    let later_in_sql = "select submit('brief', '{}', start_at => '2100-01-01Z')";
    let later_in_sql = submit_sql(&mut connection, later_in_sql).await;

    let (at, after) = expires(&bench, plain).await.expect("it expires");
    assert_eq!(after, 5_400.0);
    let told = receipt.job.expect("the job").request.expect("a request");
    let read = bench.store.job(DEFAULT_TENANT, plain).await.expect("it");
    assert_eq!(told.expires_at, Some(at));
    assert_eq!(read.request.expect("a request").expires_at, Some(at));
    let hour_and_half = Some((far + TimeDelta::minutes(90), 5_400.0));
    assert_eq!(expires(&bench, later).await, hour_and_half);
    assert_eq!(expires(&bench, own).await.expect("its own").0, far);
    let in_sql = expires(&bench, in_sql.expect("a job")).await;
    assert_eq!(in_sql.expect("it expires").1, 5_400.0);
    let later_in_sql = expires(&bench, later_in_sql.expect("a job")).await;
    assert_eq!(later_in_sql, hour_and_half);

    let ended = bench.store.expire_jobs(Some(at + TimeDelta::seconds(1)));
    assert!(ended.await.expect("a pass") >= 1);
    let read = bench.store.job(DEFAULT_TENANT, plain).await.expect("it");
    assert_eq!(read.state.as_str(), "expired");
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_repeat_is_the_same_request_whenever_it_comes_though_its_purpose_says_when_it_expires() {
    let bench = bench("expires_after: 1h").await;
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let first = job(&submit(&bench.store, keyed("k", json!({}))).await);
    let again = submit(&bench.store, keyed("k", json!({}))).await;
    let in_sql = submit_sql(&mut connection, "select submit('brief', '{}', 'k')").await;
    let theirs = submit_sql(&mut connection, "select submit('brief', '{}', 's')").await;
    let ours = submit(&bench.store, keyed("s", json!({}))).await;

    assert_eq!(
        again,
        Answer::Submitted(Submitted::Duplicate { job: first })
    );
    assert_eq!(in_sql.expect("the first"), first);
    let theirs = theirs.expect("a job");
    assert_eq!(
        ours,
        Answer::Submitted(Submitted::Duplicate { job: theirs })
    );
}

/// Scope and hold of a key, and the seconds that it has left.
async fn terms(bench: &Bench, key: &str) -> Vec<(String, String, Option<f64>)> {
    let sql = "select scope, hold, case when hold = 'ttl' then round(extract(epoch from expires_at - now()) / 60)::float8 end
               from request_key where key = $1 order by scope";
    let rows = sqlx::query_as(sql).bind(key).fetch_all(&bench.pool);
    rows.await.expect("its rows")
}

#[tokio::test]
async fn a_key_means_what_its_purpose_says_unless_its_request_does() {
    let bench = bench("idempotency: { scope: template, hold: forever }").await;
    let timed = purpose("timed", "other", "idempotency: { hold: 2h }");
    apply(&bench.store, &[&timed], "").await;
    let said = Request {
        scope: Some(Scope::Tenant),
        hold: Some(Hold::Active),
        ..keyed("said", json!({}))
    };
    let timed = Request {
        work: Work::Purpose("timed".to_owned()),
        ..keyed("timed", json!({}))
    };
    let mut connection = bench.pool.acquire().await.expect("a connection");

    submit(&bench.store, keyed("usual", json!({}))).await;
    submit(&bench.store, said).await;
    submit(&bench.store, timed).await;
    for sql in [
        "select submit('brief', '{}', 'usual in sql')",
        "select submit('brief', '{}', 'said in sql', scope => 'tenant', hold => 'active')",
        "select submit('timed', '{}', 'timed in sql')",
        "select submit('strikes.brief', '{}'::jsonb, 'plain in sql')",
    ] {
        submit_sql(&mut connection, sql).await.expect(sql);
    }

    let one = |scope: &str, hold: &str, minutes| vec![(scope.to_owned(), hold.to_owned(), minutes)];
    for suffix in ["", " in sql"] {
        let terms = async |word: &str| terms(&bench, &format!("{word}{suffix}")).await;
        let usual = one("template:strikes.brief", "forever", None);
        assert_eq!(terms("usual").await, usual, "{suffix}");
        assert_eq!(terms("said").await, one("tenant", "active", None));
        assert_eq!(terms("timed").await, one("tenant", "ttl", Some(120.0)));
    }
    let day = one("tenant", "ttl", Some(1_440.0));
    assert_eq!(terms(&bench, "plain in sql").await, day);
}

#[tokio::test]
async fn a_key_that_counts_within_a_batch_needs_the_batch() {
    let bench = bench("idempotency: { scope: batch }").await;
    let within = |batch| Request {
        scope: Some(Scope::Batch(batch)),
        ..keyed("k", json!({}))
    };
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let first = job(&submit(&bench.store, within(7)).await);
    let again = job(&submit(&bench.store, within(7)).await);
    let elsewhere = job(&submit(&bench.store, within(8)).await);
    let nowhere = submit(&bench.store, keyed("k", json!({}))).await;
    let in_sql = submit_sql(&mut connection, "select submit('brief', '{}', 'k')").await;

    assert_eq!(again, first);
    assert_ne!(elsewhere, first);
    assert!(
        matches!(&nowhere, Answer::Invalid(problems) if problems[0].code == "missing_field"
            && problems[0].pointer == "/idempotency/batch"),
        "{nowhere:?}"
    );
    assert_eq!(raised(in_sql.unwrap_err()).1, "wrong_value");
    submit(&bench.store, request()).await;
    bench.assert_held_once().await;
}

/// The group of the lane that a job stands in.
async fn group(bench: &Bench, job: i64) -> String {
    let sql = "select lane.grp from job join lane on lane.id = job.lane where job.id = $1";
    let row = sqlx::query_scalar(sql).bind(job).fetch_one(&bench.pool);
    row.await.expect("its lane")
}

#[tokio::test]
async fn a_lane_is_the_callers_else_the_purposes_else_the_templates() {
    let bench = Bench::new().await;
    let shipping = purpose("shipping", "laned", "lane: '${ .line }'");
    apply(&bench.store, &[LANED, &shipping], "").await;
    let asked = |work: &str, input: serde_json::Value| {
        let work = match work.contains('.') {
            true => Work::Template(work.to_owned()),
            false => Work::Purpose(work.to_owned()),
        };
        Request::new(work, Value::from(input))
    };
    let both = json!({ "line": "north", "port": "kiel" });
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let of_purpose = submit(&bench.store, asked("shipping", both.clone())).await;
    let of_template = submit(&bench.store, asked("strikes.laned", both.clone())).await;
    let named = Request {
        lane: Some("by-hand".to_owned()),
        ..asked("shipping", both)
    };
    let named = submit(&bench.store, named).await;
    let none = submit(&bench.store, asked("shipping", json!({ "port": "kiel" }))).await;
    let in_sql = submit_sql(
        &mut connection,
        "select submit('shipping', '{\"line\": \"north\"}')",
    )
    .await;
    let named_in_sql = "select submit('shipping', '{}', lane => 'north')";
    let named_in_sql = submit_sql(&mut connection, named_in_sql).await;

    assert_eq!(group(&bench, job(&of_purpose)).await, "1/north");
    assert_eq!(group(&bench, job(&of_template)).await, "1/kiel");
    assert_eq!(group(&bench, job(&named)).await, "1/by-hand");
    assert!(
        matches!(&none, Answer::Invalid(problems) if problems[0].code == "lane_malformed"),
        "{none:?}"
    );
    assert_eq!(raised(in_sql.unwrap_err()).1, "lane_needs_engine");
    assert_eq!(group(&bench, named_in_sql.expect("a job")).await, "1/north");
}

#[tokio::test]
async fn jobs_of_a_batch_stand_in_the_lanes_of_its_purpose() {
    let bench = bench("lane: '${ .line }'").await;
    let over = |items: serde_json::Value| {
        let selection = json!({ "items": items, "key": "n" });
        recipe(json!({ "selection": selection, "strategy": "individual" }))
    };
    let lines = json!([{ "n": 1, "line": "north" }, { "n": 2, "line": "south" }, { "n": 3, "line": "north" }]);

    let planned = plan(&bench.store, &over(lines)).await;
    let sql = "select lane.grp from job join lane on lane.id = job.lane where job.batch = $1 order by job.id";
    let rows = sqlx::query_scalar(sql)
        .bind(planned.id)
        .fetch_all(&bench.pool);
    let groups: Vec<String> = rows.await.expect("its lanes");
    assert_eq!(groups, ["1/north", "1/south", "1/north"]);
    let (_, problem) = plan_failing(&bench.store, &over(json!([{ "n": 1 }]))).await;
    assert_eq!(problem.code, "lane_malformed");
}

/// The weights of a batch's lanes.
async fn weights(bench: &Bench, batch: i64) -> Vec<f64> {
    let sql = "select weight * own_weight from lane where batch = $1 order by id";
    let rows = sqlx::query_scalar(sql).bind(batch).fetch_all(&bench.pool);
    rows.await.expect("its lanes")
}

#[tokio::test]
async fn a_batch_has_the_weight_of_its_configuration_until_somebody_edits_it() {
    let bench = bench("lane: '${ .line }'").await;
    let store = &bench.store;
    let items = json!([{ "n": 1, "line": "north" }, { "n": 2, "line": "south" }]);
    let over = |rest: serde_json::Value| {
        let mut all =
            json!({ "selection": { "items": items, "key": "n" }, "strategy": "individual" });
        let keys = all.as_object_mut().expect("a map");
        keys.extend(rest.as_object().expect("a map").clone());
        recipe(all)
    };
    let plain = plan(store, &over(json!({}))).await.id;
    let heavy = plan(store, &over(json!({ "weight": 2.5 }))).await.id;
    let edit = async |patch: serde_json::Value| {
        let patch = Value::from(patch);
        store.edit_batch(DEFAULT_TENANT, heavy, &patch).await
    };

    assert_eq!(weights(&bench, plain).await, [1.0; 3]);
    assert_eq!(weights(&bench, heavy).await, [2.5; 3]);
    store.release().await.expect("released");
    let ahead = store.lanes_ahead().await.expect("a look");
    let seen: Vec<f64> = ahead.iter().map(|lane| lane.weight).collect();
    assert_eq!(seen, [1.0, 1.0, 2.5, 2.5]);
    edit(json!({ "weight": 7 })).await.expect("edited");
    assert_eq!(weights(&bench, heavy).await, [7.0; 3]);
    for wrong in [json!(0), json!(-1), json!(1_001), json!("2")] {
        let refused = edit(json!({ "weight": wrong })).await;
        assert!(refused.is_err(), "{wrong}");
    }
    assert_eq!(weights(&bench, heavy).await, [7.0; 3]);
    let rules = store.batch_rules(DEFAULT_TENANT, heavy).await;
    assert_eq!(rules.expect("its rules").rules["weight"], json!(7));
    edit(json!({ "weight": null })).await.expect("edited");
    assert_eq!(weights(&bench, heavy).await, [1.0; 3]);
}

/// Seconds that a job may take.
async fn time_of(bench: &Bench, job: i64) -> Option<f64> {
    let sql = "select timeout from job where id = $1";
    let row = sqlx::query_scalar(sql).bind(job).fetch_one(&bench.pool);
    row.await.expect("its row")
}

#[tokio::test]
async fn a_job_may_take_as_long_as_its_purpose_said_when_it_was_asked_for() {
    let bench = bench("timeout: 10m").await;
    let store = &bench.store;
    let selection = json!({ "items": [{ "n": 1 }], "key": "n" });
    let over = recipe(json!({ "selection": selection, "strategy": "individual" }));
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let asked = job(&submit(store, request()).await);
    let by_template = Request {
        work: Work::Template("strikes.brief".to_owned()),
        ..request()
    };
    let by_template = job(&submit(store, by_template).await);
    let in_sql = submit_sql(&mut connection, "select submit('brief', '{}')").await;
    let batch = create(store, &over).await;
    let shorter = purpose("brief", "brief", "timeout: 1m");
    apply(store, &[&shorter], "").await;
    let later = job(&submit(store, request()).await);
    while store.plan().await.expect("planned") != Planned::Idle {}
    let planned = plan(store, &over).await.id;

    assert_eq!(time_of(&bench, asked).await, Some(600.0));
    assert_eq!(time_of(&bench, in_sql.expect("a job")).await, Some(600.0));
    assert_eq!(time_of(&bench, by_template).await, None);
    assert_eq!(time_of(&bench, later).await, Some(60.0));
    let sql = "select timeout from job where batch = any ($1) order by id";
    let of_batches = sqlx::query_scalar(sql).bind(vec![batch, planned]);
    let of_batches: Vec<f64> = of_batches.fetch_all(&bench.pool).await.expect("jobs");
    assert_eq!(of_batches, [600.0, 60.0]);
}

#[tokio::test]
async fn a_worker_hears_how_long_its_jobs_may_take() {
    let bench = bench("timeout: 90s").await;
    let mut worker = bench.worker().await;
    worker.lane = crate::common::keys::lane(&bench).await;
    submit(&bench.store, request()).await;

    let claimed = worker.claim(1).await;

    let told: Vec<_> = claimed.iter().map(|job| job.timeout).collect();
    assert_eq!(told, [Some(Duration::from_secs(90))]);
    worker.complete(&claimed).await;
    bench.assert_held_once().await;
}
