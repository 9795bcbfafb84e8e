//! Idempotency keys: where they count, and how long, whoever comes first.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::Bench;
use crate::common::keys::{job, keyed, lane, on, submit};
use crate::common::recipe::{BIRDS, apply, with_birds};
use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::{Answer, Request, Scope, Work};
use windlass_engine::store::{DEFAULT_TENANT, Hold, OnDuplicate, Submitted};
use windlass_workflows::configuration::Priority;
use windlass_workflows::value::Value;

const OTHER: &str = "document: { dsl: '1.0.3', namespace: strikes, name: other, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: other } }\n";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[OTHER], "").await;
    bench
}

#[tokio::test]
async fn interleaving_18_one_key_makes_one_job_whoever_comes_first_and_however() {
    let bench = bench().await;

    // Sixty-four ways at once: half of them one by one, half of them in pages of opposite orders.
    let singles = join_all((0..32).map(|_| submit(&bench.store, keyed("a", json!({})))));
    let pages = join_all((0..32).map(|n| {
        let mut page = vec![
            keyed("a", json!({})),
            keyed("b", json!({})),
            keyed("a", json!({})),
        ];
        if n % 2 == 0 {
            page.reverse();
            page.push(keyed("b", json!({})));
        }
        let store = bench.store.clone();
        async move {
            store
                .submit_requests(DEFAULT_TENANT, "mia", page)
                .await
                .expect("answers")
        }
    }));
    let (singles, pages) = tokio::join!(singles, pages);

    let answers: Vec<Answer> = singles.into_iter().chain(pages.concat()).collect();
    let jobs: BTreeSet<i64> = answers
        .iter()
        .filter(|answer| **answer != Answer::Submitted(Submitted::InFlight))
        .map(job)
        .collect();
    assert_eq!(jobs.len(), 2, "{answers:?}");
    let created = |answer: &&Answer| matches!(answer, Answer::Submitted(Submitted::Created { .. }));
    assert_eq!(answers.iter().filter(created).count(), 2);
    assert_eq!(bench.count("select count(*) from job").await, 2);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_18_a_key_in_an_open_transaction_is_in_flight_and_stops_no_neighbour() {
    let bench = bench().await;
    let held = bench
        .database
        .hold(
            "insert into request_key (tenant, scope, key, hash, job, expires_at)
             values (1, 'tenant', 'k', '', 1, now() + interval '1 hour')",
        )
        .await;

    let page = vec![
        keyed("i", json!({})),
        keyed("k", json!({})),
        keyed("z", json!({})),
        Request::new(Work::Purpose("brief".to_owned()), Value::from(json!({}))),
    ];
    let answers = bench
        .store
        .submit_requests(DEFAULT_TENANT, "mia", page)
        .await
        .expect("answers");
    let single = submit(&bench.store, keyed("k", json!({}))).await;
    let replacing = submit(&bench.store, on("k", OnDuplicate::ReplaceQueued, json!({}))).await;
    held.release().await;
    let after = submit(&bench.store, keyed("k", json!({}))).await;

    assert_eq!(answers[1], Answer::Submitted(Submitted::InFlight));
    for place in [0, 2, 3] {
        assert!(
            matches!(answers[place], Answer::Submitted(Submitted::Created { .. })),
            "{answers:?}"
        );
    }
    assert_eq!(
        (single, replacing),
        (
            Answer::Submitted(Submitted::InFlight),
            Answer::Submitted(Submitted::InFlight)
        )
    );
    assert!(
        matches!(after, Answer::Submitted(Submitted::Created { .. })),
        "{after:?}"
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_18_a_key_that_ran_out_is_taken_over_by_one_of_many() {
    let bench = bench().await;
    let short = || Request {
        hold: Some(Hold::Ttl(Duration::from_secs(3_600))),
        ..keyed("k", json!({}))
    };
    let first = submit(&bench.store, short()).await;
    sqlx::query("update request_key set expires_at = now() - interval '1 second'")
        .execute(&bench.pool)
        .await
        .expect("expired");

    let answers = join_all((0..16).map(|_| submit(&bench.store, short()))).await;

    let jobs: BTreeSet<i64> = answers.iter().map(job).collect();
    assert_eq!(jobs.len(), 1, "{answers:?}");
    assert!(!jobs.contains(&job(&first)));
    assert_eq!(bench.count("select count(*) from job").await, 2);
}

#[tokio::test]
async fn the_whole_payload_counts_and_not_what_a_purpose_adds() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({ "a": 1 }))).await;
    let at = Utc::now() + TimeDelta::hours(1);

    let changed = [
        keyed("k", json!({ "a": 2 })),
        Request {
            start_at: Some(at),
            ..keyed("k", json!({ "a": 1 }))
        },
        Request {
            expires_at: Some(at),
            ..keyed("k", json!({ "a": 1 }))
        },
        Request {
            tags: Some(json!({ "team": "ops" })),
            ..keyed("k", json!({ "a": 1 }))
        },
        Request {
            priority: Some(Priority::High),
            ..keyed("k", json!({ "a": 1 }))
        },
        Request {
            work: Work::Template("strikes.brief".to_owned()),
            ..keyed("k", json!({ "a": 1 }))
        },
    ];
    for request in changed {
        let answer = submit(&bench.store, request.clone()).await;
        assert_eq!(
            answer,
            Answer::Submitted(Submitted::KeyReused { job: job(&first) }),
            "{request:?}"
        );
    }
    // The purpose says more by now; the caller says the same.
    let purpose = "windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief\ninput: { language: de }\n";
    apply(&bench.store, &[purpose], "").await;
    let again = submit(&bench.store, keyed("k", json!({ "a": 1 }))).await;
    assert_eq!(
        again,
        Answer::Submitted(Submitted::Duplicate { job: job(&first) })
    );
}

#[tokio::test]
async fn a_key_counts_in_its_scope() {
    let bench = bench().await;
    let scoped = |scope, template: &str| Request {
        scope: Some(scope),
        work: Work::Template(template.to_owned()),
        ..keyed("k", json!({}))
    };

    let one = submit(&bench.store, scoped(Scope::Template, "strikes.brief")).await;
    let other = submit(&bench.store, scoped(Scope::Template, "strikes.other")).await;
    let again = submit(&bench.store, scoped(Scope::Template, "strikes.brief")).await;
    let batch = submit(&bench.store, scoped(Scope::Batch(7), "strikes.brief")).await;
    let tenant = submit(&bench.store, scoped(Scope::Tenant, "strikes.brief")).await;

    let jobs: BTreeSet<i64> = [&one, &other, &batch, &tenant]
        .into_iter()
        .map(job)
        .collect();
    assert_eq!(jobs.len(), 4);
    assert_eq!(
        again,
        Answer::Submitted(Submitted::Duplicate { job: job(&one) })
    );
}

#[tokio::test]
async fn an_active_key_is_free_when_its_job_ends_by_whatever_way() {
    let bench = bench().await;
    let active = || Request {
        hold: Some(Hold::Active),
        ..keyed("k", json!({}))
    };
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;

    let first = submit(&bench.store, active()).await;
    let while_ready = submit(&bench.store, active()).await;
    let claimed = worker.claim(1).await;
    let while_leased = submit(&bench.store, active()).await;
    worker.complete(&claimed).await;
    let after_completion = submit(&bench.store, active()).await;
    bench
        .store
        .cancel(DEFAULT_TENANT, job(&after_completion), "mia", "")
        .await
        .expect("cancelled");
    let after_cancel = join_all((0..8).map(|_| submit(&bench.store, active()))).await;

    let duplicate = Answer::Submitted(Submitted::Duplicate { job: job(&first) });
    assert_eq!((&while_ready, &while_leased), (&duplicate, &duplicate));
    assert!(
        matches!(
            after_completion,
            Answer::Submitted(Submitted::Created { .. })
        ),
        "{after_completion:?}"
    );
    let jobs: BTreeSet<i64> = after_cancel.iter().map(job).collect();
    assert_eq!(jobs.len(), 1, "{after_cancel:?}");
    assert!(!jobs.contains(&job(&after_completion)));
    // What nobody asks for again is forgotten; what is held is not.
    let freed = bench.store.prune_keys().await.expect("pruned");
    assert_eq!(freed, 0);
    bench
        .store
        .cancel(DEFAULT_TENANT, *jobs.first().expect("one"), "mia", "")
        .await
        .expect("cancelled");
    for _ in 0..2 {
        bench.store.prune_keys().await.expect("pruned");
    }
    assert_eq!(bench.count("select count(*) from request_key").await, 0);
}

#[tokio::test]
async fn a_key_for_ever_outlives_every_pruning() {
    let bench = bench().await;
    let forever = || Request {
        hold: Some(Hold::Forever),
        ..keyed("k", json!({}))
    };
    let first = submit(&bench.store, forever()).await;
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;
    let claimed = worker.claim(1).await;
    worker.complete(&claimed).await;

    bench.store.prune_keys().await.expect("pruned");

    assert_eq!(
        submit(&bench.store, forever()).await,
        Answer::Submitted(Submitted::Duplicate { job: job(&first) })
    );
}

#[tokio::test]
async fn a_repeat_can_be_refused() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({}))).await;

    let again = submit(&bench.store, on("k", OnDuplicate::Reject, json!({}))).await;

    assert_eq!(
        again,
        Answer::Submitted(Submitted::Rejected { job: job(&first) })
    );
}
