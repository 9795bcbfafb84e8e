//! Requests that replace or put off a queued job, and claims that come first, second or meanwhile.

use crate::common::Bench;
use crate::common::keys::{job, keyed, lane, on, raised, submit, submit_sql};
use crate::common::recipe::{BIRDS, with_birds};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use windlass_engine::protocol::{Answer, Request};
use windlass_engine::store::{DEFAULT_TENANT, OnDuplicate, Submitted};

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

#[tokio::test]
async fn a_queued_job_is_replaced_at_its_own_time_or_at_the_old_one() {
    let bench = bench().await;
    let later = Utc::now() + TimeDelta::hours(1);
    let scheduled = |on_duplicate, input| Request {
        start_at: Some(later),
        ..on("k", on_duplicate, input)
    };
    let first = submit(
        &bench.store,
        scheduled(OnDuplicate::Return, json!({ "n": 1 })),
    )
    .await;

    let kept = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceKeepTime, json!({ "n": 2 })),
    )
    .await;
    let moved = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 3 })),
    )
    .await;

    assert_eq!(
        kept,
        Answer::Submitted(Submitted::Replaced {
            job: job(&kept),
            old: job(&first)
        })
    );
    assert_eq!(
        moved,
        Answer::Submitted(Submitted::Replaced {
            job: job(&moved),
            old: job(&kept)
        })
    );
    let ended = "select count(*) from outcome where kind = 'cancelled' and code = 'replaced'";
    assert_eq!(bench.count(ended).await, 2);
    assert_eq!(bench.count("select count(*) from later").await, 0);
    let view = |id| bench.store.job(DEFAULT_TENANT, id);
    let request = view(job(&kept))
        .await
        .expect("a job")
        .request
        .expect("a request");
    assert!((request.start_at.expect("a time") - later).abs() < TimeDelta::milliseconds(1));
    assert_eq!(
        view(job(&moved)).await.expect("a job").state.as_str(),
        "ready"
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn replacing_one_job_leaves_its_neighbours_in_their_extent() {
    let bench = bench().await;
    let tagged = |key: &str| Request {
        tags: Some(json!({})),
        ..keyed(key, json!({}))
    };
    let page = (0..9).map(|n| tagged(&format!("k{n}"))).collect();
    let answers = bench
        .store
        .submit_requests(DEFAULT_TENANT, "mia", page)
        .await
        .expect("answers");
    assert_eq!(bench.count("select count(*) from ready").await, 1);

    let new = submit(
        &bench.store,
        on("k4", OnDuplicate::ReplaceQueued, json!({})),
    )
    .await;

    assert_eq!(
        new,
        Answer::Submitted(Submitted::Replaced {
            job: job(&new),
            old: job(&answers[4])
        })
    );
    let open = "select sum(last_id - first_id + 1)::int8 from ready";
    assert_eq!(bench.count(open).await, 9);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn extending_puts_a_queued_job_off_and_keeps_its_input() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({ "n": 1 }))).await;
    let off = |hours| Request {
        start_at: Some(Utc::now() + TimeDelta::hours(hours)),
        ..on("k", OnDuplicate::Extend, json!({ "n": 2 }))
    };

    let once = submit(&bench.store, off(1)).await;
    let twice = submit(&bench.store, off(2)).await;

    let extended = Answer::Submitted(Submitted::Extended { job: job(&first) });
    assert_eq!((&once, &twice), (&extended, &extended));
    assert_eq!(bench.count("select count(*) from job").await, 1);
    let due = "select count(*) from later where run_at > now() + interval '90 minutes'";
    assert_eq!(bench.count(due).await, 1);
    let now = submit(&bench.store, on("k", OnDuplicate::Extend, json!({}))).await;
    assert_eq!(now, extended);
    assert_eq!(bench.count("select count(*) from ready").await, 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_19_a_claimed_job_stays_and_the_new_one_is_linked_to_it() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({ "n": 1 }))).await;
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;

    let claimed = worker.claim(1).await;
    let second = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 2 })),
    )
    .await;
    let third = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 3 })),
    )
    .await;
    let landed = worker.complete(&claimed).await;

    assert_eq!(claimed[0].id, job(&first));
    assert_eq!(
        second,
        Answer::Submitted(Submitted::Succeeds {
            job: job(&second),
            first: job(&first)
        })
    );
    assert_eq!(
        third,
        Answer::Submitted(Submitted::Replaced {
            job: job(&third),
            old: job(&second)
        })
    );
    assert!(landed.refused.is_empty());
    let view = bench
        .store
        .job(DEFAULT_TENANT, job(&second))
        .await
        .expect("a job");
    assert_eq!(
        view.request.expect("a request").successor_of,
        Some(job(&first))
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_19_a_replaced_job_is_claimed_by_nobody() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({ "n": 1 }))).await;
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;

    let second = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 2 })),
    )
    .await;
    let claimed = worker.claim(10).await;

    assert_eq!(
        second,
        Answer::Submitted(Submitted::Replaced {
            job: job(&second),
            old: job(&first)
        })
    );
    assert_eq!(
        claimed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [job(&second)]
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_19_a_job_that_changes_hands_is_looked_at_again() {
    let bench = bench().await;
    let first = submit(&bench.store, keyed("k", json!({ "n": 1 }))).await;
    let held = bench.database.hold("select from ready for update").await;

    let meanwhile = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 2 })),
    )
    .await;
    held.release().await;
    let after = submit(
        &bench.store,
        on("k", OnDuplicate::ReplaceQueued, json!({ "n": 2 })),
    )
    .await;

    assert_eq!(
        meanwhile,
        Answer::Submitted(Submitted::InFlight),
        "nothing was stored, and the caller repeats it"
    );
    assert_eq!(
        after,
        Answer::Submitted(Submitted::Replaced {
            job: job(&after),
            old: job(&first)
        })
    );
    assert_eq!(bench.count("select count(*) from job").await, 2);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_19_claims_and_replacements_at_once_run_each_job_in_one_place() {
    let bench = bench().await;
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;
    submit(&bench.store, keyed("k", json!({ "n": 0 }))).await;

    for n in 1..=30 {
        let replacing = submit(
            &bench.store,
            on("k", OnDuplicate::ReplaceQueued, json!({ "n": n })),
        );
        let (answer, claimed) = tokio::join!(replacing, worker.claim(1));
        match &answer {
            Answer::Submitted(Submitted::Replaced { old, .. }) => {
                assert!(
                    claimed.iter().all(|one| one.id != *old),
                    "{answer:?} {claimed:?}"
                );
            }
            Answer::Submitted(Submitted::Succeeds { .. })
            | Answer::Submitted(Submitted::Created { .. })
            | Answer::Submitted(Submitted::InFlight) => {}
            other => panic!("{other:?}"),
        }
        worker.complete(&claimed).await;
    }

    bench.assert_held_once().await;
}

#[tokio::test]
async fn sql_replaces_extends_and_succeeds_as_the_api_does() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let first = submit_sql(
        &mut connection,
        "select submit('brief', '{}', 'k', start_at => now() + interval '1 hour')",
    )
    .await
    .expect("a job");

    let extended = submit_sql(&mut connection,
        "select submit('brief', '{\"n\":1}', 'k', on_duplicate => 'extend', start_at => now() + interval '2 hours')",
    )
    .await
    .expect("the first job");
    let kept = submit_sql(
        &mut connection,
        "select submit('brief', '{\"n\":2}', 'k', on_duplicate => 'replace_keep_time')",
    )
    .await
    .expect("a job");
    let hours = "select round(extract(epoch from run_at - now()) / 3600)::int8 from later";
    let kept_hours = bench.count(hours).await;
    let now = submit_sql(
        &mut connection,
        "select submit('brief', '{\"n\":3}', 'k', on_duplicate => 'replace_queued')",
    )
    .await
    .expect("a job");
    let mut worker = bench.worker().await;
    worker.lane = lane(&bench).await;
    let claimed = worker.claim(5).await;
    let successor = submit_sql(
        &mut connection,
        "select submit('brief', '{\"n\":4}', 'k', on_duplicate => 'replace_queued')",
    )
    .await
    .expect("a job");

    assert_eq!(extended, first);
    assert_ne!(kept, first);
    assert_eq!(kept_hours, 2);
    assert_eq!(claimed.iter().map(|one| one.id).collect::<Vec<_>>(), [now]);
    let view = bench
        .store
        .job(DEFAULT_TENANT, successor)
        .await
        .expect("the job");
    assert_eq!(view.request.expect("a request").successor_of, Some(now));
    let replaced = "select count(*) from outcome where code = 'replaced'";
    assert_eq!(bench.count(replaced).await, 2);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn interleaving_19_in_sql_a_job_that_changes_hands_is_in_flight() {
    let bench = bench().await;
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let replace = "select submit('brief', '{\"n\":2}', 'k', on_duplicate => 'replace_queued')";
    submit_sql(&mut connection, "select submit('brief', '{}', 'k')")
        .await
        .expect("a job");
    let held = bench.database.hold("select from ready for update").await;

    let meanwhile = submit_sql(&mut connection, replace).await;
    held.release().await;
    let after = submit_sql(&mut connection, replace).await;

    let told = raised(meanwhile.expect_err("it changes hands"));
    assert_eq!(told, ("55P03".to_owned(), "in_flight".to_owned()));
    after.expect("a job");
    assert_eq!(bench.count("select count(*) from job").await, 2);
    bench.assert_held_once().await;
}
