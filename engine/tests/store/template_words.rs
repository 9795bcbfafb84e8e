//! What a template says of all its jobs: the lane that each is placed in, the purpose that they serve.

use crate::common::Bench;
use crate::common::keys::{raised, submit_sql};
use crate::common::own::{self, clock_to, developing, fire, ledger, published};
use crate::common::recipe::{apply, create, plan, plan_failing, recipe, refused};
use chrono::TimeDelta;
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Answer, ChildTerms, Request, Source, Work};
use windlass_engine::store::{DEFAULT_TENANT, Submitted};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

const PURPOSE: &str = "windlass: v1\nkind: Purpose\nname: marketing\ntemplate: mail.plain\n\
    priority: high\ninput: { from: shop }\nlimits: [ sender ]\n";
const LIMIT: &str = "windlass: v1\nkind: Limit\nname: sender\nconcurrency: 2\n";

fn template(name: &str, said: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: mail, name: {name}, version: '1.0.0', metadata: {{ windlass: {{ {said} }} }} }}\n\
         do:\n  - say: {{ set: {{ word: hello }} }}\n"
    )
}

/// Templates with a lane, with a purpose and with nothing.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    let lane = template("laned", "lane: '${ .campaign }'");
    let serving = template("serving", "purpose: marketing");
    // The template that serves stands before what it names.
    let documents = [&*serving, &lane, &template("plain", ""), PURPOSE, LIMIT];
    apply(&bench.store, &documents, "").await;
    bench
}

fn request(template: &str, input: serde_json::Value) -> Request {
    let work = Work::Template(format!("mail.{template}"));
    Request::new(work, Value::from(input))
}

fn created(answer: &Answer) -> i64 {
    match answer {
        Answer::Submitted(Submitted::Created { job }) => *job,
        other => panic!("not created: {other:?}"),
    }
}

async fn submit(bench: &Bench, requests: Vec<Request>) -> Vec<Answer> {
    let answers = bench.store.submit_requests(DEFAULT_TENANT, "mia", requests);
    answers.await.expect("answers")
}

/// Group, purpose, keys of limits and lead in seconds of a ready job.
type Placed = (String, String, Vec<String>, i32);

async fn placed(bench: &Bench, job: i64) -> Placed {
    let sql = "select lane.grp, lane.purpose, lane.limit_keys, extract(epoch from ready.run_at - ready.eff)::int4
               from job join lane on lane.id = job.lane join ready on job.id between first_id and last_id
               where job.id = $1";
    let row = sqlx::query_as(sql).bind(job).fetch_one(&bench.pool);
    row.await.expect("a ready job")
}

fn in_lane(lane: &str) -> Placed {
    (format!("1/{lane}"), String::new(), Vec::new(), 0)
}

fn serving() -> Placed {
    let keys = vec!["sender".to_owned()];
    ("1/marketing".to_owned(), "marketing".to_owned(), keys, 600)
}

fn problem(answer: &Answer) -> &Problem {
    match answer {
        Answer::Invalid(problems) => &problems[0],
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_job_is_placed_in_the_lane_that_its_template_reads_unless_its_caller_names_one() {
    let bench = bench().await;
    let spring = request("laned", json!({ "campaign": "spring" }));
    let own = Request {
        lane: Some("by-hand".to_owned()),
        ..request("laned", json!({ "campaign": "spring" }))
    };
    let plain = Request {
        lane: Some("spring".to_owned()),
        ..request("plain", json!({}))
    };
    let one = bench
        .store
        .submit_request(DEFAULT_TENANT, "mia", &spring)
        .await;
    let one = created(&one.expect("a receipt").answer);
    let page = vec![spring, own, plain, request("plain", json!({}))];

    let answers = submit(&bench, page).await;

    let expected = ["spring", "by-hand", "spring", "mail.plain"];
    assert_eq!(placed(&bench, one).await, in_lane("spring"));
    for (answer, lane) in answers.iter().zip(expected) {
        assert_eq!(placed(&bench, created(answer)).await, in_lane(lane));
    }
}

#[tokio::test]
async fn an_input_that_gives_no_lane_is_refused_and_the_others_are_stored() {
    let bench = bench().await;
    let long = "x".repeat(101);
    let named = Request {
        lane: Some(String::new()),
        ..request("plain", json!({}))
    };
    let page = vec![
        request("laned", json!({ "campaign": long })),
        request("laned", json!({})),
        named,
        request("laned", json!({ "campaign": "ok" })),
    ];

    let answers = submit(&bench, page).await;

    let refused = answers[..3].iter().map(problem);
    let refused = refused.map(|problem| (problem.code.as_str(), problem.pointer.as_str()));
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [
            ("lane_malformed", "/input"),
            ("lane_malformed", "/input"),
            ("lane_malformed", "/lane")
        ]
    );
    assert_eq!(
        problem(&answers[1]).message,
        "the template's lane is no text: null"
    );
    assert_eq!(placed(&bench, created(&answers[3])).await, in_lane("ok"));
    assert_eq!(bench.count("select count(*) from job").await, 1);
}

#[tokio::test]
async fn a_repeated_key_with_another_lane_is_another_request() {
    let bench = bench().await;
    let keyed = |lane: Option<&str>| Request {
        lane: lane.map(str::to_owned),
        idempotency_key: Some("k".to_owned()),
        ..request("plain", json!({}))
    };

    let answers = submit(&bench, vec![keyed(None)]).await;
    let job = created(&answers[0]);
    let answers = submit(&bench, vec![keyed(None), keyed(Some("other"))]).await;

    let expected = [
        Answer::Submitted(Submitted::Duplicate { job }),
        Answer::Submitted(Submitted::KeyReused { job }),
    ];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn the_jobs_of_a_batch_are_placed_one_by_one() {
    let bench = bench().await;
    let of = |items: serde_json::Value| {
        recipe_of_template(json!({ "template": "mail.laned", "strategy": "individual",
            "selection": { "items": items, "key": "id" } }))
    };
    let items = json!([
        { "id": "a", "campaign": "spring" },
        { "id": "b", "campaign": "autumn" },
        { "id": "c", "campaign": "spring" },
    ]);

    let batch = plan(&bench.store, &of(items)).await;

    let lanes: Vec<(String, i64)> = sqlx::query_as(
        "select lane.grp, lane.batch from job join lane on lane.id = job.lane order by job.id",
    )
    .fetch_all(&bench.pool)
    .await
    .expect("lanes");
    let expected = ["1/spring", "1/autumn", "1/spring"];
    assert_eq!(lanes, expected.map(|group| (group.to_owned(), batch.id)));
    let items = json!([{ "id": "a", "campaign": "spring" }, { "id": "b" }]);
    let (_, problem) = plan_failing(&bench.store, &of(items)).await;
    assert_eq!(
        (problem.code.as_str(), problem.message.as_str()),
        (
            "lane_malformed",
            "member `b`: the template's lane is no text: null"
        )
    );
}

/// A recipe for a template, where `recipe` makes one for a purpose.
fn recipe_of_template(rest: serde_json::Value) -> Source {
    let Source::Document(document) = recipe(rest) else {
        panic!("a document");
    };
    let mut document: serde_json::Value = serde_json::from_str(&document.to_json()).expect("JSON");
    document.as_object_mut().expect("a map").remove("purpose");
    Source::Document(Value::from(document))
}

#[tokio::test]
async fn a_batch_of_a_template_serves_its_purpose() {
    let bench = bench().await;
    let source = recipe_of_template(
        json!({ "template": "mail.serving", "strategy": "individual",
        "selection": { "items": [{ "id": "a" }], "key": "id" } }),
    );

    let batch = create(&bench.store, &source).await;
    bench.store.plan().await.expect("planned");

    let placed: (String, String, Vec<String>, String) = sqlx::query_as(
        "select lane.grp, lane.purpose, lane.limit_keys, job.input
         from job join lane on lane.id = job.lane where job.batch = $1",
    )
    .bind(batch)
    .fetch_one(&bench.pool)
    .await
    .expect("its job");
    let (group, purpose, keys, _) = serving();
    assert_eq!(placed, (group, purpose, keys, r#"{"id":"a"}"#.to_owned()));
}

#[tokio::test]
async fn a_schedule_places_its_jobs_too_and_misses_slots_that_give_no_lane() {
    let bench = developing().await;
    let hourly = "schedule: { cron: 0 * * * * }\n";
    let reads = own::template("1.0.0", "lane: '${ .campaign // \"night\" }'", hourly);
    published(&bench, &reads).await;
    let first = ledger(&bench).await[0].at;

    clock_to(&bench, first).await;
    let jobs = fire(&bench).await;
    let fails = own::template("1.1.0", "lane: '${ .campaign }'", hourly);
    published(&bench, &fails).await;
    clock_to(&bench, first + TimeDelta::hours(1)).await;
    let none = fire(&bench).await;

    assert_eq!(placed(&bench, jobs[0]).await, in_lane("night"));
    assert_eq!(none, [] as [i64; 0]);
    let missed = &ledger(&bench).await[1];
    let reason = missed.reason.clone().unwrap_or_default();
    assert_eq!(missed.state, "missed");
    assert!(
        reason.contains("the template's lane is no text"),
        "{reason}"
    );
}

#[tokio::test]
async fn in_sql_the_lane_is_named_because_only_the_engine_reads_it() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");

    let unnamed = submit_sql(
        &mut connection,
        "select submit('mail.laned', '{\"campaign\": \"spring\"}')",
    );
    let unnamed = raised(unnamed.await.expect_err("the engine's to read"));
    let empty = submit_sql(&mut connection, "select submit('mail.laned', lane => '')");
    let empty = raised(empty.await.expect_err("no name"));
    let named = submit_sql(
        &mut connection,
        "select submit('mail.laned', '{}'::jsonb, 'k', lane => 'spring')",
    );
    let named = named.await.expect("a job");
    let again = submit_sql(
        &mut connection,
        "select submit('mail.laned', '{}'::jsonb, 'k', lane => 'spring')",
    );
    let again = again.await.expect("the same");
    let other = submit_sql(
        &mut connection,
        "select submit('mail.laned', '{}'::jsonb, 'k', lane => 'autumn')",
    );
    let other = raised(other.await.expect_err("another request"));

    assert_eq!(unnamed, ("0A000".into(), "lane_needs_engine".into()));
    assert_eq!(empty, ("22023".into(), "lane_malformed".into()));
    assert_eq!(placed(&bench, named).await, in_lane("spring"));
    assert_eq!(again, named);
    assert_eq!(other.1, "key_reused");
}

#[tokio::test]
async fn a_job_of_a_template_serves_the_purpose_that_the_template_names() {
    let bench = bench().await;
    let both = Request::new(
        Work::Purpose("marketing".to_owned()),
        Value::from(json!({ "n": 1 })),
    );

    let page = vec![request("serving", json!({ "n": 1 })), both];
    let answers = submit(&bench, page).await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let sql = submit_sql(&mut connection, "select submit('mail.serving', '{}')").await;

    let by_template = created(&answers[0]);
    let job = bench.store.job(DEFAULT_TENANT, by_template).await;
    assert_eq!(job.expect("it").template, "mail.serving@1.0.0");
    for job in [by_template, created(&answers[1]), sql.expect("a job")] {
        assert_eq!(placed(&bench, job).await, serving());
    }
    // Another runtime drops what we say here and computes the same: the purpose's input is for those who ask for it.
    let input = bench.store.job_input(DEFAULT_TENANT, by_template).await;
    assert_eq!(input.expect("its input"), r#"{"n":1}"#);
}

#[tokio::test]
async fn a_purpose_that_changes_changes_what_a_template_serves() {
    let bench = bench().await;
    submit(&bench, vec![request("serving", json!({}))]).await;
    let terms = ChildTerms::default();
    let child = || {
        let inputs = [Value::from(json!({}))];
        let (store, terms) = (&bench.store, &terms);
        async move {
            let work = store.child_work(
                DEFAULT_TENANT,
                0,
                "mail.serving",
                Some("1.0.0"),
                terms,
                &inputs,
            );
            work.await.expect("its work").priority
        }
    };
    assert_eq!(child().await, 600);

    let urgent = PURPOSE.replace("priority: high", "priority: urgent");
    apply(&bench.store, &[&urgent], "").await;
    let answers = submit(&bench, vec![request("serving", json!({}))]).await;

    assert_eq!(placed(&bench, created(&answers[0])).await.3, 3_600);
    assert_eq!(child().await, 3_600);
}

#[tokio::test]
async fn a_template_that_serves_an_unknown_purpose_is_not_published() {
    let bench = bench().await;
    let lost = template("lost", "purpose: markting");

    let alone = bench.store.publish_source(DEFAULT_TENANT, &lost).await;
    let applied = bench
        .store
        .apply(windlass_engine::testing::application(&[&lost]))
        .await;

    let alone = refused(alone);
    let pointer = "/document/metadata/windlass/purpose";
    assert_eq!(
        (alone.code.as_str(), alone.pointer.as_str()),
        ("unknown_reference", pointer)
    );
    let applied = match applied {
        Err(Error::Invalid { mut problems }) => problems.remove(0),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (applied.code.as_str(), applied.pointer.as_str()),
        ("unknown_reference", pointer)
    );
    assert!(
        applied.hint.unwrap_or_default().contains("marketing"),
        "it knows a near one"
    );
}
