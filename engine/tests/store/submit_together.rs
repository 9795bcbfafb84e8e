//! Concurrent submissions share a statement, and nobody pays for a neighbour.

use std::collections::BTreeSet;

use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, with_birds};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, Submitted};
use windlass_workflows::value::Value;

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

fn brief(n: usize) -> Request {
    let work = Work::Template("strikes.brief".to_owned());
    Request::new(work, Value::from(json!({ "n": n })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_callers_at_once_gets_its_own_job_and_its_own_fault() {
    let bench = bench().await;
    let request = |n: usize| match n % 5 {
        0 => Request {
            idempotency_key: Some(format!("k{n}")),
            ..brief(n)
        },
        1 => Request {
            tags: Some(json!({ "n": n.to_string() })),
            ..brief(n)
        },
        2 => Request {
            tags: Some(json!({ "bad": "a\u{0}b" })),
            ..brief(n)
        },
        3 => Request {
            work: Work::Template("strikes.nobody".to_owned()),
            ..brief(n)
        },
        _ => brief(n),
    };

    let answers = join_all((0..200).map(|n| {
        let store = bench.store.clone();
        async move {
            (
                n,
                store
                    .submit_request(DEFAULT_TENANT, "mia", &request(n))
                    .await,
            )
        }
    }))
    .await;

    for (n, answer) in &answers {
        match (n % 5, answer) {
            (2, Err(error)) => assert!(error.is_bad_text(), "{error}"),
            (3, Ok(receipt)) => assert!(matches!(receipt.answer, Answer::Invalid(_))),
            (0 | 1 | 4, Ok(receipt)) => {
                let Answer::Submitted(Submitted::Created { job }) = receipt.answer else {
                    panic!("{:?}", receipt.answer)
                };
                let input = bench
                    .store
                    .job_input(DEFAULT_TENANT, job)
                    .await
                    .expect("its input");
                assert_eq!(input, json!({ "n": n }).to_string(), "each its own");
            }
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(bench.count("select count(*) from job").await, 120);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_a_receipt_says_is_what_is_stored() {
    let bench = bench().await;
    let tagged = Request {
        tags: Some(json!({ "team": "ops" })),
        start_at: Some(
            chrono::DateTime::from_timestamp_micros(4_000_000_000_000_000).expect("a time"),
        ),
        ..brief(1)
    };

    for request in [brief(1), tagged] {
        let receipt = bench
            .store
            .submit_request(DEFAULT_TENANT, "mia", &request)
            .await;
        let fresh = receipt.expect("an answer").job.expect("a new job");
        let stored = bench
            .store
            .job(DEFAULT_TENANT, fresh.id)
            .await
            .expect("the job");
        assert_eq!(
            serde_json::to_value(&fresh).expect("JSON"),
            serde_json::to_value(&stored).expect("JSON")
        );
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nobody_with_it() {
    let bench = bench().await;
    let gone: Vec<_> = (0..20)
        .map(|n| {
            let store = bench.store.clone();
            tokio::spawn(
                async move { store.submit_request(DEFAULT_TENANT, "mia", &brief(n)).await },
            )
        })
        .collect();
    tokio::task::yield_now().await;
    gone.iter().for_each(tokio::task::JoinHandle::abort);

    let (one, two) = (brief(100), brief(101));
    let (one, two) = tokio::join!(
        bench.store.submit_request(DEFAULT_TENANT, "mia", &one),
        bench.store.submit_request(DEFAULT_TENANT, "mia", &two),
    );

    for receipt in [one, two] {
        assert!(matches!(
            receipt.expect("an answer").answer,
            Answer::Submitted(Submitted::Created { .. })
        ));
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_template_published_elsewhere_counts_for_the_next_request() {
    let bench = bench().await;
    let other = Store::new(bench.database.pool().await);
    let version = async |store: &Store| {
        let receipt = store.submit_request(DEFAULT_TENANT, "mia", &brief(1)).await;
        receipt.expect("an answer").job.expect("a new job").template
    };
    let page = async |store: &Store| {
        store
            .submit_requests(DEFAULT_TENANT, "mia", vec![brief(1); 3])
            .await
            .expect("answers")
    };
    assert_eq!(version(&bench.store).await, "strikes.brief@1.0.0");

    let second = "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.1.0' }\n\
        do:\n  - say: { set: { word: again } }\n";
    apply(&other, &[second], "").await;

    let answers = page(&bench.store).await;
    assert_eq!(version(&bench.store).await, "strikes.brief@1.1.0");
    let jobs: BTreeSet<i64> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Submitted(Submitted::Created { job }) => *job,
            other => panic!("{other:?}"),
        })
        .collect();
    let view = bench
        .store
        .job(DEFAULT_TENANT, *jobs.first().expect("one"))
        .await;
    assert_eq!(view.expect("a job").template, "strikes.brief@1.1.0");
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_long_page_is_copied_and_every_row_has_its_answer() {
    let bench = bench().await;
    let mut page: Vec<Request> = (0..3_500).map(brief).collect();
    page[7] = Request {
        idempotency_key: Some("k".to_owned()),
        ..brief(7)
    };
    page[9] = Request {
        work: Work::Purpose("nobody".to_owned()),
        ..brief(9)
    };

    let answers = bench
        .store
        .submit_requests(DEFAULT_TENANT, "mia", page)
        .await
        .expect("answers");

    assert!(matches!(answers[9], Answer::Invalid(_)));
    for place in [0, 7, 8, 3_499] {
        let Answer::Submitted(Submitted::Created { job }) = answers[place] else {
            panic!("{:?}", answers[place])
        };
        let input = bench
            .store
            .job_input(DEFAULT_TENANT, job)
            .await
            .expect("its input");
        assert_eq!(input, json!({ "n": place }).to_string());
    }
    assert_eq!(bench.count("select count(*) from job").await, 3_499);
    assert_eq!(
        bench.count("select count(*) from request").await,
        1,
        "what says nothing has no row"
    );
    assert!(bench.count("select count(*) from ready").await < 10);
    bench.assert_held_once().await;
}
