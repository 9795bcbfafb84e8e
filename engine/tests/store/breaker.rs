//! Breakers: one error that stops most of a template stops the template; one job goes to see, then ten,
//! then all.

use std::time::Duration;

use crate::common::dead::{FINGERPRINT, exhausted, failed, wanted};
use crate::common::{Bench, LEASE_TIME, TestWorker};
use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::protocol::BreakersKept;
use windlass_engine::store::{BreakerRule, BreakerView, Claimed, LaneKey, Want};
use windlass_engine::vocabulary::JobState;

const TEMPLATE: &str = "test.noop";
/// As many failures as open a breaker.
const STORM: usize = 20;

/// What a worker may claim, as a pump chooses it.
async fn claim(bench: &Bench, worker: &mut TestWorker, quota: usize) -> Vec<Claimed> {
    let lanes = bench.store.lanes_ahead().await.expect("a look");
    if lanes.is_empty() {
        return Vec::new();
    }
    let want = Want {
        limited: false,
        named: false,
        claim: Uuid::now_v7(),
        lanes: lanes.iter().map(|lane| (lane.id, quota)).collect(),
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}

async fn fail(worker: &mut TestWorker, jobs: &[Claimed]) {
    let entries: Vec<_> = jobs.iter().map(failed).collect();
    assert!(worker.record(&entries).await.refused.is_empty());
}

async fn keep(bench: &Bench) -> BreakersKept {
    bench.store.keep_breakers(None).await.expect("a pass")
}

/// A pass when the rest is over.
async fn keep_rested(bench: &Bench) -> BreakersKept {
    let far = Utc::now() + TimeDelta::hours(2);
    bench.store.keep_breakers(Some(far)).await.expect("a pass")
}

async fn seen(bench: &Bench) -> BreakerView {
    bench.store.breaker(1, TEMPLATE).await.expect("a breaker")
}

/// `waiting` jobs behind as many failures as open the breaker, which is open.
async fn stormed(waiting: usize) -> (Bench, TestWorker) {
    let bench = Bench::new().await;
    bench.submit(STORM + waiting).await;
    let mut worker = bench.worker().await;
    let jobs = claim(&bench, &mut worker, STORM).await;
    fail(&mut worker, &jobs).await;
    assert_eq!(keep(&bench).await.opened, [TEMPLATE]);
    (bench, worker)
}

/// A second template with jobs of its own.
async fn another_template(bench: &Bench, jobs: usize) -> i32 {
    let lane = LaneKey::of_template(1, "test.other", "", 0);
    let lane = bench.store.lane(&lane).await.expect("a lane");
    let mut request = bench.request();
    request.lane = lane;
    let page = vec![request; jobs];
    bench.store.submit(1, "test", &page).await.expect("made");
    lane
}

#[tokio::test]
async fn a_storm_by_two_workers_opens_it_once_and_others_go_on() {
    let bench = Bench::new().await;
    bench.submit(100).await;
    let other = another_template(&bench, 5).await;
    let (mut one, mut two) = (bench.worker().await, bench.worker().await);
    for worker in [&mut one, &mut two] {
        let jobs: Vec<Claimed> = worker.claim(15).await;
        let half: Vec<_> = jobs[..7].iter().map(failed).collect();
        let rest = jobs[7..].iter().map(|job| exhausted(job, FINGERPRINT));
        let entries: Vec<_> = half.into_iter().chain(rest).collect();
        assert!(worker.record(&entries).await.refused.is_empty());
    }

    // Four keepers look at once.
    let keepers: Vec<Store> = vec![bench.store.clone(); 4];
    let passes = keepers.iter().map(|store| store.keep_breakers(None));
    let passes = futures::future::join_all(passes).await;

    let opened = passes
        .into_iter()
        .flat_map(|kept| kept.expect("a pass").opened);
    assert_eq!(opened.collect::<Vec<_>>(), [TEMPLATE], "one transition");
    let breaker = seen(&bench).await;
    assert_eq!(
        (breaker.state.as_str(), breaker.failures, breaker.ended),
        ("open", 30, 30)
    );
    assert_eq!(breaker.fingerprint.as_deref(), Some(FINGERPRINT));
    let pauses = bench.store.pauses(1, None, 10).await.expect("pauses").items;
    assert_eq!(pauses.len(), 1);
    let pause = &pauses[0];
    assert_eq!(
        (pause.scope.as_str(), pause.who.as_str()),
        ("breaker", "windlass")
    );
    let says = |what| pause.why.contains(what);
    assert!(says(FINGERPRINT) && says("30 jobs"), "{}", pause.why);
    let left = bench.store.lanes_ahead().await.expect("a look");
    assert_eq!(left.iter().map(|lane| lane.id).collect::<Vec<_>>(), [other]);
    let jobs = claim(&bench, &mut one, 10).await;
    assert_eq!(jobs.len(), 5);
    one.complete(&jobs).await;
    assert_eq!(keep(&bench).await, BreakersKept::default());
    bench.assert_held_once().await;
}

#[tokio::test]
async fn one_job_goes_to_see_then_ten_then_all() {
    let (bench, mut worker) = stormed(50).await;
    assert_eq!(keep(&bench).await, BreakersKept::default(), "it rests");
    assert_eq!(claim(&bench, &mut worker, 100).await.len(), 0);

    assert_eq!(keep_rested(&bench).await.probes, 1);
    let one = claim(&bench, &mut worker, 100).await;
    assert_eq!(one.len(), 1, "exactly one, whatever a pump asks for");
    assert_eq!(keep(&bench).await.probes, 0, "it is not back");
    worker.complete(&one).await;

    assert_eq!(keep(&bench).await.probes, 10);
    assert_eq!(seen(&bench).await.step, 10);
    let mut two = bench.worker().await;
    let part = claim(&bench, &mut two, 4).await;
    let ten = claim(&bench, &mut worker, 100).await;
    assert_eq!((part.len(), ten.len()), (4, 6));
    worker.complete(&ten).await;
    assert_eq!(
        keep(&bench).await,
        BreakersKept::default(),
        "four are not back"
    );
    two.complete(&part).await;

    assert_eq!(keep(&bench).await.closed, [TEMPLATE]);
    assert_eq!(seen(&bench).await.state, "closed");
    let rest = claim(&bench, &mut worker, 100).await;
    assert_eq!(rest.len(), 39);
    worker.complete(&rest).await;
    assert_eq!(
        keep(&bench).await,
        BreakersKept::default(),
        "old failures do not count again"
    );
    bench.assert_held_once().await;
    assert_eq!(bench.count("select count(*) from breaker_probe").await, 0);
    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'failed'")
            .await,
        20
    );
}

#[tokio::test]
async fn a_probe_that_fails_closes_the_gate_again_for_twice_as_long() {
    let (bench, mut worker) = stormed(50).await;
    let mut rests = Vec::new();
    for refusals in 1..=3 {
        keep_rested(&bench).await;
        let probe = claim(&bench, &mut worker, 100).await;
        assert_eq!(probe.len(), 1);
        worker.record(&[exhausted(&probe[0], FINGERPRINT)]).await;
        keep(&bench).await;

        let breaker = seen(&bench).await;
        assert_eq!(
            (breaker.state.as_str(), breaker.refusals),
            ("open", refusals)
        );
        rests.push((breaker.due.expect("a time") - breaker.since).num_seconds());
        assert_eq!(claim(&bench, &mut worker, 100).await.len(), 0);
    }
    assert_eq!(rests, [60, 120, 240]);

    // One of ten is enough.
    keep_rested(&bench).await;
    let probe = claim(&bench, &mut worker, 100).await;
    worker.complete(&probe).await;
    keep(&bench).await;
    let ten = claim(&bench, &mut worker, 100).await;
    assert_eq!(ten.len(), 10);
    worker.complete(&ten[..8]).await;
    fail(&mut worker, &ten[8..9]).await;
    keep(&bench).await;
    assert_eq!(seen(&bench).await.state, "open");
    worker.complete(&ten[9..]).await;
    keep(&bench).await;
    assert_eq!(bench.count("select count(*) from breaker_probe").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_probe_that_parked_is_redriven_like_the_others() {
    let (bench, mut worker) = stormed(5).await;
    keep_rested(&bench).await;
    let probe = claim(&bench, &mut worker, 1).await;
    worker.record(&[exhausted(&probe[0], FINGERPRINT)]).await;
    keep(&bench).await;

    let lanes = "select count(*) from held join job on job.id = held.first_id
                 where held.reason = 'parked' and held.lane = job.lane";
    assert_eq!(bench.count(lanes).await, 1, "it stands in its own lane");
    let dead = bench.store.dead_letter(1, None, 10).await.expect("groups");
    assert_eq!(dead.items[0].breakers, [TEMPLATE]);
    bench.store.redrive(1, &wanted()).await.expect("begun");
    assert_eq!(crate::common::dead::pass(&bench).await, Some(1));
    assert_eq!(claim(&bench, &mut worker, 100).await.len(), 0, "held");
    keep_rested(&bench).await;
    assert_eq!(claim(&bench, &mut worker, 100).await.len(), 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn one_bad_row_in_five_opens_nothing() {
    let bench = Bench::new().await;
    bench.submit(200).await;
    let mut worker = bench.worker().await;
    let jobs = claim(&bench, &mut worker, 200).await;
    fail(&mut worker, &jobs[..40]).await;
    worker.complete(&jobs[40..]).await;

    assert_eq!(keep(&bench).await, BreakersKept::default());
}

#[tokio::test]
async fn what_opens_it_is_changed_while_it_works() {
    let bench = Bench::new().await;
    bench.submit(40).await;
    let mut worker = bench.worker().await;
    let jobs = claim(&bench, &mut worker, 5).await;
    fail(&mut worker, &jobs).await;
    assert_eq!(keep(&bench).await.opened, [] as [&str; 0]);
    let strict = BreakerRule {
        failures: 5,
        ..BreakerRule::default()
    };

    let off = BreakerRule {
        is_on: false,
        ..strict.clone()
    };
    let put = async |template, rule: &BreakerRule| {
        let done = bench.store.put_breaker_rule(1, template, rule, "mia");
        done.await.expect("stored");
    };
    put("", &strict).await;
    put(TEMPLATE, &off).await;
    assert_eq!(keep(&bench).await.opened, [] as [&str; 0], "its own is off");
    put(TEMPLATE, &strict).await;
    assert_eq!(keep(&bench).await.opened, [TEMPLATE]);

    let wrong = BreakerRule {
        failures: 0,
        share: 2.0,
        ..strict
    };
    let refused = bench.store.put_breaker_rule(1, "", &wrong, "mia").await;
    assert_eq!(refused.expect_err("both are wrong").code(), "invalid");
    let unknown = bench
        .store
        .put_breaker_rule(1, "test.none", &BreakerRule::default(), "mia")
        .await;
    assert_eq!(unknown.expect_err("no template").code(), "not_found");
}

#[tokio::test]
async fn a_person_closes_it_and_opens_it() {
    let (bench, mut worker) = stormed(60).await;

    let closed = bench.store.close_breaker(1, TEMPLATE, "mia", "fixed").await;
    assert_eq!(closed.expect("closed").who, "mia");
    let again = bench
        .store
        .close_breaker(1, TEMPLATE, "leo", "me too")
        .await;
    assert_eq!(
        again.expect("harmless").who,
        "mia",
        "a repeat changes nothing"
    );
    assert_eq!(keep(&bench).await, BreakersKept::default());
    let jobs = claim(&bench, &mut worker, STORM).await;
    assert_eq!(jobs.len(), STORM);
    fail(&mut worker, &jobs).await;
    assert_eq!(keep(&bench).await.opened, [TEMPLATE], "new failures count");

    let pause = seen(&bench).await.pause.expect("a pause");
    bench.store.resume(1, pause).await.expect("its pause ended");
    assert_eq!(seen(&bench).await.state, "closed");
    assert_eq!(keep(&bench).await, BreakersKept::default());

    let opened = bench.store.open_breaker(1, TEMPLATE, "mia", "look").await;
    let opened = opened.expect("opened");
    assert_eq!(
        (opened.state.as_str(), opened.fingerprint),
        ("open", None::<String>)
    );
    assert_eq!(claim(&bench, &mut worker, 10).await.len(), 0);
    keep_rested(&bench).await;
    let probe = claim(&bench, &mut worker, 10).await;
    worker
        .record(&[exhausted(&probe[0], "validation-400-ffff")])
        .await;
    keep(&bench).await;
    assert_eq!(seen(&bench).await.refusals, 1, "any error counts");
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_restart_in_the_middle_and_a_lost_probe_change_nothing() {
    let (bench, mut worker) = stormed(30).await;
    keep_rested(&bench).await;
    let probe = claim(&bench, &mut worker, 100).await;
    bench.silence(&worker).await;
    let fresh = bench.database.store().await;

    let expired = fresh.expire(LEASE_TIME).await.expect("taken back");
    assert_eq!(expired.jobs, 1);
    let kept = fresh.keep_breakers(None).await.expect("a pass");
    assert_eq!(kept, BreakersKept::default(), "it is still out");
    let mut next = bench.worker().await;
    let again = claim(&bench, &mut next, 100).await;
    assert_eq!(
        again.iter().map(|job| job.id).collect::<Vec<_>>(),
        [probe[0].id]
    );
    next.complete(&again).await;
    let kept = fresh.keep_breakers(None).await.expect("a pass");
    assert_eq!(kept.probes, 10);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn whoever_asks_why_hears_of_it() {
    let (bench, mut worker) = stormed(3).await;
    let job = bench.count("select max(id) from job").await;

    let reasons = bench.store.explain(1, job, Duration::from_secs(30)).await;
    let reasons = reasons.expect("reasons");
    assert!(reasons[0].text.contains(FINGERPRINT), "{reasons:?}");
    let state = bench.store.job(1, job).await.expect("the job").state;
    assert_eq!(state, JobState::Paused);

    keep_rested(&bench).await;
    let probe = bench.count("select job from breaker_probe").await;
    let reasons = bench.store.explain(1, probe, Duration::from_secs(30)).await;
    let reasons = reasons.expect("reasons");
    assert!(
        reasons.iter().all(|reason| reason.code != "paused"),
        "{reasons:?}"
    );
    let taken = claim(&bench, &mut worker, 1).await;
    assert_eq!(taken[0].id, probe);
}

#[tokio::test]
async fn what_a_person_paused_too_sends_nobody_to_see() {
    let (bench, mut worker) = stormed(30).await;
    sqlx::query(
        "insert into pause (tenant, scope, subject, who) values (1, 'template', $1, 'leo')",
    )
    .bind(TEMPLATE)
    .execute(&bench.pool)
    .await
    .expect("paused");

    assert_eq!(keep_rested(&bench).await.probes, 0);

    bench
        .store
        .close_breaker(1, TEMPLATE, "mia", "")
        .await
        .expect("closed");
    assert_eq!(
        claim(&bench, &mut worker, 10).await.len(),
        0,
        "the person's pause lasts"
    );
}
