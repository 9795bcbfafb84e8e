//! What a job takes of a limit: counted by units, given back by units, refused where there never are so many.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use windlass_engine::Error;
use windlass_engine::protocol::ChildTerms;
use windlass_engine::store::{Ending, LaneAhead};
use windlass_engine::testing::application;
use windlass_workflows::configuration::LimitReference;
use windlass_workflows::machine::turn::End;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::common::limit::{self, claim, pass, used};
use crate::common::{Bench, ending};

/// A lane with jobs under some keys.
async fn lane(bench: &Bench, keys: &[&str], jobs: usize) -> i32 {
    let lane = limit::lane(bench, keys).await;
    limit::submit(bench, lane, jobs).await;
    lane
}

async fn apply(bench: &Bench, limit: &str) {
    let limit = format!("windlass: v1\nkind: Limit\n{limit}");
    let applied = bench.store.apply(application(&[&limit])).await;
    applied.expect("applied");
}

async fn ahead(bench: &Bench) -> Vec<LaneAhead> {
    bench.store.lanes_ahead().await.expect("lanes")
}

async fn codes(bench: &Bench, job: i64) -> Vec<(&'static str, String)> {
    let reasons = bench.store.explain(1, job, crate::common::LEASE_TIME).await;
    let reasons = reasons.expect("reasons").into_iter();
    reasons.map(|reason| (reason.code, reason.text)).collect()
}

#[tokio::test]
async fn a_claim_takes_as_many_jobs_as_their_units_have_room() {
    let bench = Bench::new().await;
    apply(&bench, "name: model\nconcurrency: 10\n").await;
    let heavy = lane(&bench, &["model*4"], 5).await;
    let light = lane(&bench, &["model"], 5).await;
    let mut worker = bench.worker().await;

    let both = claim(&mut worker, &[(heavy, 5), (light, 5)]).await;

    let heavy_ones = both.iter().filter(|job| job.lane == heavy).count();
    assert_eq!(
        (heavy_ones, both.len()),
        (2, 4),
        "two of four units, two of one"
    );
    assert_eq!(used(&bench).await, [10]);
    assert_eq!(bench.store.limit_drift().await.expect("compared"), []);
    worker.complete(&both[..1]).await;
    let room: Vec<_> = ahead(&bench)
        .await
        .iter()
        .map(|lane| (lane.id, lane.room))
        .collect();
    assert_eq!(room, [(heavy, Some(1)), (light, Some(4))]);
    assert_eq!(claim(&mut worker, &[(light, 1), (heavy, 5)]).await.len(), 1);
    let waits =
        bench.count("select min(first_id) from ready where lane = (select min(lane) from ready)");
    assert_eq!(
        codes(&bench, waits.await).await,
        [(
            "limit_full",
            "the limit `model` is 10, 7 of it are taken and the job takes 4: it waits until others end".to_owned()
        )]
    );
}

#[tokio::test]
async fn a_rate_gives_the_units_that_a_start_takes() {
    let bench = Bench::new().await;
    apply(&bench, "name: tokens\nrate: 60/min\nburst: 1000\n").await;
    let lane = lane(&bench, &["tokens*400"], 9).await;
    let mut worker = bench.worker().await;

    assert_eq!(claim(&mut worker, &[(lane, 9)]).await.len(), 2);
    let closed = ahead(&bench).await.remove(0);
    assert_eq!(closed.room, Some(0));
    let opens = closed.opens_in.expect("only time decides that");
    assert!(
        (Duration::from_secs(190)..Duration::from_secs(201)).contains(&opens),
        "{opens:?}"
    );
    let job = bench.count("select min(first_id) from ready").await;
    assert_eq!(
        codes(&bench, job).await,
        [(
            "limit_rate",
            "the limit `tokens` gives 1 a second and the job takes 400: it waits until they are there".to_owned()
        )]
    );
    pass(&bench, 200).await;
    assert_eq!(claim(&mut worker, &[(lane, 9)]).await.len(), 1);
    pass(&bench, 1_000_000).await;
    assert_eq!(
        claim(&mut worker, &[(lane, 9)]).await.len(),
        2,
        "no more than the burst is saved up"
    );
}

#[tokio::test]
async fn every_way_out_of_a_lease_gives_the_units_back() {
    let bench = Bench::new().await;
    apply(&bench, "name: model\nconcurrency: 100\n").await;
    let lane = lane(&bench, &["model*7"], 8).await;
    let mut worker = bench.worker().await;
    let held = claim(&mut worker, &[(lane, 8)]).await;
    assert_eq!(used(&bench).await, [56]);
    let due = held[0].claimed_at + TimeDelta::hours(1);
    let ways = [
        Ending::Machine(End::Park {
            reason: "test".to_owned(),
        }),
        Ending::Machine(End::Retry { at: due }),
        Ending::Rest { due: Some(due) },
        Ending::Back,
    ];
    let entries: Vec<_> = held
        .iter()
        .zip(ways)
        .map(|(job, way)| ending(job, way))
        .collect();
    assert!(worker.record(&entries).await.refused.is_empty());
    assert_eq!(used(&bench).await, [28]);
    worker.complete(&held[4..5]).await;
    assert_eq!(used(&bench).await, [21]);

    let killed = bench.store.kill(1, held[5].id, "leo", "too long").await;
    killed.expect("killed");
    assert_eq!(used(&bench).await, [14]);
    let cancelled = bench.store.cancel(1, held[6].id, "leo", "no more").await;
    cancelled.expect("asked");
    sqlx::query("update intent set at = now() - interval '1 hour'")
        .execute(&bench.pool)
        .await
        .expect("long ago");
    bench
        .store
        .cut_disobedient(Duration::from_secs(1))
        .await
        .expect("cut");
    assert_eq!(used(&bench).await, [7]);
    bench.silence(&worker).await;
    bench
        .store
        .expire(crate::common::LEASE_TIME)
        .await
        .expect("expired");

    assert_eq!(used(&bench).await, [0]);
    assert_eq!(bench.store.limit_drift().await.expect("compared"), []);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_and_a_counter_that_lies_come_right_by_units() {
    let bench = Bench::new().await;
    apply(&bench, "name: model\nconcurrency: 100\n").await;
    let lane = lane(&bench, &["model*7"], 2).await;
    let mut worker = bench.worker().await;
    claim(&mut worker, &[(lane, 2)]).await;
    sqlx::raw_sql(
        "update limit_use set used = 2; update lease set claimed_at = now() - interval '1 hour'",
    )
    .execute(&bench.pool)
    .await
    .expect("edited");

    let drift = bench.store.limit_drift().await.expect("compared");
    assert_eq!((drift[0].used, drift[0].leased), (2, 14));
    let keys = [drift[0].key];
    bench
        .store
        .repair_limit_drift(&keys)
        .await
        .expect("repaired");
    assert_eq!(used(&bench).await, [14]);
    let given = worker
        .beat
        .give_back_unlisted(worker.id, &[], Duration::from_secs(1))
        .await;
    given.expect("given back");

    assert_eq!(used(&bench).await, [0]);
}

fn terms(limits: &[&str], cost: &[(&str, i32)]) -> ChildTerms {
    let limits = limits.iter().filter_map(|text| LimitReference::named(text));
    let cost = cost
        .iter()
        .map(|(name, units)| ((*name).to_owned(), *units));
    ChildTerms {
        limits: limits.collect(),
        cost: cost.collect::<BTreeMap<_, _>>(),
        ..ChildTerms::default()
    }
}

fn problems<T: std::fmt::Debug>(refused: Result<T, Error>) -> Vec<Problem> {
    match refused {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("{other:?}"),
    }
}

async fn born(bench: &Bench, terms: &ChildTerms) -> Result<i32, Error> {
    let inputs = [Value::parse("{}").expect("JSON")];
    let work = bench
        .store
        .child_work(1, bench.lane, "test.child", None, terms, &inputs)
        .await?;
    Ok(work.lanes[0])
}

#[tokio::test]
async fn a_child_costs_what_its_parent_says_of_the_limits_that_it_is_under() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    publish(&bench, "child", "a: { set: { x: 1 } }")
        .await
        .expect("published");
    apply(
        &bench,
        "name: vendor\nconcurrency: 10\nkeys: { acme: { concurrency: 3 } }\n",
    )
    .await;
    apply(
        &bench,
        "name: tokens\nrate: 100/s\nscope: { queue: default }\n",
    )
    .await;
    let said = terms(
        &["vendor:acme", "vendor:b"],
        &[("vendor", 3), ("tokens", 50), ("other", 2)],
    );

    let lane = born(&bench, &said).await.expect("a lane");

    let sql = "select limit_keys, costs from lane where id = $1";
    let (keys, costs): (Vec<String>, Vec<i32>) = sqlx::query_as(sql)
        .bind(lane)
        .fetch_one(&bench.pool)
        .await
        .expect("the lane");
    assert_eq!(keys, ["!other", "tokens*50", "vendor*3:acme", "vendor*3:b"]);
    assert_eq!(costs.iter().sum::<i32>(), 56);
    assert_eq!(born(&bench, &said).await.expect("a lane"), lane);
    let mut request = bench.request();
    request.lane = lane;
    let stored = bench.store.submit(1, "test", &[request]).await;
    stored.expect("submitted");
    let _worker = bench.worker().await;
    let job = bench.count("select max(first_id) from ready").await;
    let said = codes(&bench, job).await;
    assert_eq!(
        (said[0].0, said[1].0),
        ("next_in_line", "cost_without_limit")
    );
    assert!(said[1].1.contains("`other`"), "{said:?}");

    let heavy = terms(&["vendor:acme"], &[("vendor", 4)]);
    let problem = problems(born(&bench, &heavy).await).remove(0);
    assert_eq!(
        (&*problem.code, &*problem.message),
        (
            "cost_too_high",
            "it takes 4 of the limit `vendor:acme`, which never has more than 3 slots"
        )
    );
}

async fn publish(bench: &Bench, name: &str, task: &str) -> Result<(), Error> {
    let source = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}\ndo: [ {{ {task} }} ]"
    );
    bench.store.publish_source(1, &source).await.map(|_| ())
}

#[tokio::test]
async fn what_can_never_start_or_never_count_is_refused_when_it_is_published() {
    let bench = Bench::new().await;
    apply(
        &bench,
        "name: tokens\nrate: 10/s\nscope: { queue: models }\n",
    )
    .await;
    apply(
        &bench,
        "name: vendor\nconcurrency: 5\nkeys: { big: { concurrency: 50 } }\n",
    )
    .await;
    let steps = [
        (
            "a",
            "queue: models, cost: { tokens: 11 }",
            Some("cost_too_high"),
        ),
        ("b", "cost: { tokens: 5 }", Some("cost_without_limit")),
        ("c", "cost: { vendor: 5 }", Some("cost_without_limit")),
        (
            "d",
            "limits: [ vendor ], cost: { vendor: 51 }",
            Some("cost_too_high"),
        ),
        ("e", "limits: [ vendor ], cost: { vendor: 6 }", None),
        ("f", "limits: [ '${ .x }' ], cost: { vendor: 5 }", None),
        (
            "g",
            "queue: '${ .q }', cost: { tokens: '${ .n }', unheard: 5 }",
            None,
        ),
    ];
    for (name, said, code) in steps {
        let call = "call: http, with: { method: get, endpoint: 'https://a.example' }";
        let task = format!("a: {{ {call}, metadata: {{ windlass: {{ {said} }} }} }}");

        let published = publish(&bench, name, &task).await;

        match code {
            None => published.expect(said),
            Some(code) => {
                let problems = problems(published);
                let found: Vec<&str> = problems.iter().map(|one| &*one.code).collect();
                assert_eq!(found, [code], "{said}");
                assert!(
                    problems[0]
                        .pointer
                        .starts_with("/do/0/a/metadata/windlass/cost/")
                );
            }
        }
    }
}
