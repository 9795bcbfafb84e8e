//! Limits hold at every instant, whoever claims, settles or dies: counters change with the leases.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use uuid::Uuid;
use windlass_engine::store::{Ending, Want};
use windlass_workflows::machine::turn::End;

use crate::common::limit::{claim, lane, pass, submit, used};
use crate::common::{Bench, completed, ending};

/// A rule by hand: `figures` are SQL assignments of `concurrency`, `rate` and `burst`.
async fn rule(bench: &Bench, name: &str, concurrency: Option<i32>, rate: Option<(f64, i32)>) {
    sqlx::query("insert into limit_rule (tenant, name, scope, concurrency, rate, burst) values (1, $1, 'reference', $2, $3, $4)")
        .bind(name)
        .bind(concurrency)
        .bind(rate.map(|(rate, _)| rate))
        .bind(rate.map(|(_, burst)| burst))
        .execute(&bench.pool)
        .await
        .expect("a rule");
}

#[tokio::test]
async fn a_claim_takes_no_more_than_the_limit_has_room_for() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(5), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 20).await;
    let mut worker = bench.worker().await;

    let first = claim(&mut worker, &[(lane, 3)]).await;
    let second = claim(&mut worker, &[(lane, 10)]).await;
    let third = claim(&mut worker, &[(lane, 10)]).await;

    assert_eq!((first.len(), second.len(), third.len()), (3, 2, 0));
    assert!(first.iter().all(|job| job.limited));
    assert_eq!(used(&bench).await, [5]);
    assert!(
        bench.store.lanes_ahead().await.expect("lanes").is_empty(),
        "a full lane costs a claim nothing: it is not looked at"
    );

    worker.complete(&first).await;
    assert_eq!(used(&bench).await, [2]);
    assert_eq!(
        bench.store.lanes_ahead().await.expect("lanes")[0].room,
        Some(3)
    );
}

#[tokio::test]
async fn settling_and_claiming_meet_on_one_key_in_one_statement() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(2), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 9).await;
    let mut worker = bench.worker().await;
    let mut held = claim(&mut worker, &[(lane, 9)]).await;
    let mut done = HashSet::new();

    for _ in 0..9 {
        let Some(job) = held.pop() else { break };
        done.insert(job.id);
        let want = Want {
            limited: true,
            named: false,
            claim: Uuid::now_v7(),
            lanes: vec![(lane, 9)],
        };
        let exchanged = worker
            .hot
            .exchange(worker.id, &[completed(&job)], Some(&want))
            .await
            .expect("exchanged");
        held.extend(exchanged.claimed);
        assert!(held.len() <= 2);
        assert_eq!(
            used(&bench).await,
            [i32::try_from(held.len()).expect("few")]
        );
    }

    assert_eq!(done.len(), 9);
    assert_eq!(used(&bench).await, [0]);
}

#[tokio::test]
async fn every_way_out_of_a_lease_gives_the_slot_back() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(10), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 5).await;
    let mut worker = bench.worker().await;
    let held = claim(&mut worker, &[(lane, 10)]).await;
    let due = held[0].claimed_at + chrono::TimeDelta::hours(1);
    let reason = || "test".to_owned();
    let ways = [
        Ending::Machine(End::Park { reason: reason() }),
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

    assert_eq!(used(&bench).await, [1]);
    bench.silence(&worker).await;
    bench
        .store
        .expire(crate::common::LEASE_TIME)
        .await
        .expect("expired");
    assert_eq!(used(&bench).await, [0], "the dead worker's slot came back");
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_gives_its_slots_back() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(3), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 3).await;
    let mut worker = bench.worker().await;
    claim(&mut worker, &[(lane, 3)]).await;
    sqlx::query("update lease set claimed_at = now() - interval '1 hour'")
        .execute(&bench.pool)
        .await
        .expect("aged");

    worker
        .beat
        .give_back_unlisted(worker.id, &[], Duration::from_secs(1))
        .await
        .expect("given back");

    assert_eq!(used(&bench).await, [0]);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_job_under_two_limits_needs_room_in_both() {
    let bench = Bench::new().await;
    rule(&bench, "narrow", Some(2), None).await;
    rule(&bench, "wide", Some(5), None).await;
    let both = lane(&bench, &["narrow", "wide"]).await;
    let wide = lane(&bench, &["wide"]).await;
    submit(&bench, both, 10).await;
    submit(&bench, wide, 10).await;
    let mut worker = bench.worker().await;

    let claimed = claim(&mut worker, &[(both, 10), (wide, 10)]).await;

    let mut by_lane = BTreeMap::new();
    claimed
        .iter()
        .for_each(|job| *by_lane.entry(job.lane).or_insert(0) += 1);
    assert_eq!(
        (by_lane[&both], by_lane[&wide]),
        (2, 3),
        "lanes that share a key share its room"
    );
    let counted: Vec<(String, i32)> = sqlx::query_as(
        "select name, used from limit_use join limit_rule on limit_rule.id = rule order by name",
    )
    .fetch_all(&bench.pool)
    .await
    .expect("counters");
    assert_eq!(counted, [("narrow".into(), 2), ("wide".into(), 5)]);
    worker.complete(&claimed).await;
    assert_eq!(used(&bench).await, [0, 0]);
}

#[tokio::test]
async fn a_rate_admits_its_burst_and_then_what_time_brings() {
    let bench = Bench::new().await;
    rule(&bench, "slow", None, Some((0.01, 3))).await;
    let lane = lane(&bench, &["slow"]).await;
    submit(&bench, lane, 20).await;
    let mut worker = bench.worker().await;

    let burst = claim(&mut worker, &[(lane, 10)]).await;
    assert_eq!(burst.len(), 3);
    worker.complete(&burst).await;
    assert_eq!(
        claim(&mut worker, &[(lane, 10)]).await.len(),
        0,
        "a start is never given back"
    );
    let ahead = bench.store.lanes_ahead().await.expect("lanes");
    assert_eq!(ahead[0].room, Some(0));
    assert!(
        ahead[0]
            .opens_in
            .is_some_and(|time| time > Duration::from_secs(90))
    );

    pass(&bench, 210).await;
    assert_eq!(claim(&mut worker, &[(lane, 10)]).await.len(), 2);
    pass(&bench, 1_000_000).await;
    assert_eq!(
        claim(&mut worker, &[(lane, 10)]).await.len(),
        3,
        "no more than the burst is saved up"
    );
}

#[tokio::test]
async fn a_key_on_hold_starts_nothing_and_its_neighbours_do() {
    let bench = Bench::new().await;
    rule(&bench, "remote", Some(5), None).await;
    let (held, free) = (
        lane(&bench, &["remote:a"]).await,
        lane(&bench, &["remote:b"]).await,
    );
    submit(&bench, held, 3).await;
    submit(&bench, free, 3).await;
    let mut worker = bench.worker().await;
    let rest = Duration::from_secs(3_600);
    assert_eq!(bench.store.hold_limits(held, rest).await.expect("held"), 1);

    let claimed = claim(&mut worker, &[(held, 5), (free, 5)]).await;

    assert!(claimed.len() == 3 && claimed.iter().all(|job| job.lane == free));
    sqlx::query("update limit_use set hold_until = now()")
        .execute(&bench.pool)
        .await
        .expect("over");
    assert_eq!(claim(&mut worker, &[(held, 5)]).await.len(), 3);
}

#[tokio::test]
async fn a_cap_of_zero_stops_a_key_and_raising_it_acts_on_queued_work() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(0), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 9).await;
    let mut worker = bench.worker().await;
    assert_eq!(claim(&mut worker, &[(lane, 5)]).await.len(), 0);

    set_cap(&bench, 4).await;
    let held = claim(&mut worker, &[(lane, 5)]).await;
    assert_eq!(held.len(), 4);

    set_cap(&bench, 2).await;
    worker.complete(&held[..2]).await;
    assert_eq!(
        claim(&mut worker, &[(lane, 5)]).await.len(),
        0,
        "two still run under the lower cap"
    );
    worker.complete(&held[2..3]).await;
    assert_eq!(claim(&mut worker, &[(lane, 5)]).await.len(), 1);
}

async fn set_cap(bench: &Bench, cap: i32) {
    sqlx::query("update limit_use set cap = $1")
        .bind(cap)
        .execute(&bench.pool)
        .await
        .expect("edited");
}

#[tokio::test]
async fn a_counter_that_lies_is_found_and_set_right() {
    let bench = Bench::new().await;
    rule(&bench, "service", Some(5), None).await;
    let lane = lane(&bench, &["service"]).await;
    submit(&bench, lane, 3).await;
    let mut worker = bench.worker().await;
    claim(&mut worker, &[(lane, 2)]).await;
    assert_eq!(bench.store.limit_drift().await.expect("compared"), []);

    sqlx::query("update limit_use set used = 4")
        .execute(&bench.pool)
        .await
        .expect("edited by hand");
    let drift = bench.store.limit_drift().await.expect("compared");
    assert_eq!((drift[0].used, drift[0].leased), (4, 2));
    let repaired = bench.store.repair_limit_drift(&[drift[0].key]).await;

    assert_eq!(repaired.expect("repaired"), [drift[0].key]);
    assert_eq!(used(&bench).await, [2]);
}
