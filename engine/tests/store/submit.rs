//! Submission: one job per key whatever happens at once, every request judged on its own merits.

use std::collections::BTreeSet;

use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, with_birds};
use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, LaneKey, Submitted};
use windlass_workflows::configuration::Priority;
use windlass_workflows::value::Value;

const STRICT: &str = "document: { dsl: '1.0.3', namespace: strikes, name: strict, version: '1.0.0' }\n\
    input:\n  schema:\n    format: json\n    document:\n      type: object\n      required: [ name ]\n\
    \x20     properties: { name: { type: string }, count: { type: integer } }\n\
    do:\n  - say: { set: { word: hello } }\n";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[STRICT], "").await;
    bench
}

fn request(work: Work, input: serde_json::Value) -> Request {
    Request::new(work, Value::from(input))
}

fn brief() -> Request {
    request(Work::Purpose("brief".to_owned()), json!({ "name": "Gull" }))
}

fn strict(input: serde_json::Value) -> Request {
    request(Work::Template("strikes.strict".to_owned()), input)
}

fn keyed(key: &str, input: serde_json::Value) -> Request {
    Request {
        idempotency_key: Some(key.to_owned()),
        ..request(Work::Purpose("brief".to_owned()), input)
    }
}

async fn submit(bench: &Bench, requests: Vec<Request>) -> Vec<Answer> {
    bench
        .store
        .submit_requests(DEFAULT_TENANT, "mia", requests)
        .await
        .expect("answers")
}

fn job(answer: &Answer) -> i64 {
    match answer {
        Answer::Submitted(Submitted::Created { job })
        | Answer::Submitted(Submitted::Duplicate { job })
        | Answer::Submitted(Submitted::KeyReused { job }) => *job,
        other => panic!("a job expected, {other:?} found"),
    }
}

#[tokio::test]
async fn a_repeated_key_finds_its_job_and_another_payload_is_told() {
    let bench = bench().await;

    let first = submit(&bench, vec![keyed("k", json!({ "a": 1 }))]).await;
    let again = submit(
        &bench,
        vec![keyed("k", json!({ "a": 1 })), keyed("k", json!({ "a": 2 }))],
    )
    .await;

    let id = job(&first[0]);
    assert_eq!(first, [Answer::Submitted(Submitted::Created { job: id })]);
    assert_eq!(
        again,
        [
            Answer::Submitted(Submitted::Duplicate { job: id }),
            Answer::Submitted(Submitted::KeyReused { job: id })
        ]
    );
    assert_eq!(bench.count("select count(*) from job").await, 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_key_whose_hold_ran_out_is_new() {
    let bench = bench().await;
    let first = submit(&bench, vec![keyed("k", json!({}))]).await;
    sqlx::query("update request_key set expires_at = now() - interval '1 second'")
        .execute(&bench.pool)
        .await
        .expect("expired");

    let again = submit(&bench, vec![keyed("k", json!({}))]).await;

    assert!(
        matches!(again[0], Answer::Submitted(Submitted::Created { job }) if job != self::job(&first[0])),
        "{again:?}"
    );
    let after = submit(&bench, vec![keyed("k", json!({}))]).await;
    assert_eq!(
        after,
        [Answer::Submitted(Submitted::Duplicate {
            job: job(&again[0])
        })]
    );
}

#[tokio::test]
async fn a_key_that_stands_twice_in_one_call_makes_one_job() {
    let bench = bench().await;

    let answers = submit(
        &bench,
        vec![
            keyed("k", json!({})),
            brief(),
            keyed("l", json!({})),
            keyed("k", json!({})),
            keyed("l", json!([])),
        ],
    )
    .await;

    let (k, l) = (job(&answers[0]), job(&answers[2]));
    assert!(matches!(
        answers[1],
        Answer::Submitted(Submitted::Created { .. })
    ));
    assert_eq!(
        (&answers[3], &answers[4]),
        (
            &Answer::Submitted(Submitted::Duplicate { job: k }),
            &Answer::Submitted(Submitted::KeyReused { job: l })
        )
    );
    assert_eq!(bench.count("select count(*) from job").await, 3);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn one_key_from_sixty_four_callers_at_once_makes_one_job() {
    let bench = bench().await;

    let answers: Vec<Answer> =
        join_all((0..64).map(|_| submit(&bench, vec![keyed("k", json!({}))])))
            .await
            .concat();

    let created = answers
        .iter()
        .filter(|answer| matches!(answer, Answer::Submitted(Submitted::Created { .. })))
        .count();
    assert_eq!(created, 1, "{answers:?}");
    assert_eq!(answers.iter().map(job).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(bench.count("select count(*) from job").await, 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_is_wrong_is_answered_in_its_place_and_the_others_are_stored() {
    let bench = bench().await;
    let large = "x".repeat(1 << 20);

    let answers = submit(
        &bench,
        vec![
            strict(json!({ "name": "Gull" })),
            strict(json!({ "count": "many" })),
            request(Work::Template("strikes.nothing".to_owned()), json!({})),
            request(Work::Purpose("nothing".to_owned()), json!({})),
            strict(json!({ "name": large })),
            brief(),
        ],
    )
    .await;

    let told: Vec<Vec<(&str, &str)>> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Invalid(problems) => problems
                .iter()
                .map(|one| (one.code.as_str(), one.pointer.as_str()))
                .collect(),
            _ => Vec::new(),
        })
        .collect();
    let pointers: BTreeSet<&str> = told[1].iter().map(|one| one.1).collect();
    assert_eq!(
        pointers,
        BTreeSet::from(["/input", "/input/count"]),
        "{:?}",
        told[1]
    );
    assert_eq!(told[2], [("template_not_published", "/template")]);
    assert_eq!(told[3], [("unknown_purpose", "/purpose")]);
    assert_eq!(told[4], [("too_large", "/input")]);
    assert!(
        matches!(answers[0], Answer::Submitted(Submitted::Created { .. }))
            && matches!(answers[5], Answer::Submitted(Submitted::Created { .. }))
    );
    assert_eq!(bench.count("select count(*) from job").await, 2);
    let input = bench
        .store
        .job_input(DEFAULT_TENANT, job(&answers[5]))
        .await
        .expect("its input");
    assert_eq!(
        input, r#"{"language":"en","name":"Gull"}"#,
        "the purpose's input lies under the caller's"
    );
}

#[tokio::test]
async fn what_starts_later_waits_and_then_comes_by_priority() {
    let bench = bench().await;
    let prioritised = |priority| Request {
        priority: Some(priority),
        ..brief()
    };
    let later = Request {
        start_at: Some(Utc::now() + TimeDelta::hours(1)),
        ..brief()
    };
    let past = Request {
        start_at: Some(Utc::now() - TimeDelta::minutes(90)),
        ..prioritised(Priority::Bulk)
    };

    let (low, urgent) = (prioritised(Priority::Low), prioritised(Priority::Urgent));
    let high = prioritised(Priority::High);
    let answers = submit(&bench, vec![low, later, brief(), urgent, high, past]).await;

    bench.assert_held_once().await;
    let waiting = "select sum(last_id - first_id + 1)::int8 from later";
    assert_eq!(bench.count(waiting).await, 1);
    let mut worker = bench.worker().await;
    let lane = LaneKey::of_template(DEFAULT_TENANT, "strikes.brief", "brief", 0);
    worker.lane = bench.store.lane(&lane).await.expect("the lane");
    let mut order = Vec::new();
    for _ in 0..5 {
        order.extend(worker.claim(1).await.into_iter().map(|claimed| claimed.id));
    }
    let wanted: Vec<i64> = [3, 5, 4, 2, 0]
        .iter()
        .map(|place| job(&answers[*place]))
        .collect();
    assert_eq!(
        order, wanted,
        "urgent, bulk of ninety minutes ago, high, normal, low"
    );
    assert!(worker.claim(1).await.is_empty());

    let moved = bench
        .store
        .wake(Some(Utc::now() + TimeDelta::hours(2)))
        .await
        .expect("woken");
    assert_eq!((moved, worker.claim(1).await[0].id), (1, job(&answers[1])));
}
