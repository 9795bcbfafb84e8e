//! Why a due job does not run: every condition that is not met, from the tables that the dispatcher reads.

use crate::common::Bench;
use windlass_engine::explain::Reason;
use windlass_engine::store::{LaneKey, NewPause, NewRequest, NewShare};
use windlass_engine::vocabulary::{PauseMode, PauseScope, ShareKind};

async fn why(bench: &Bench, job: i64) -> Vec<Reason> {
    let reasons = bench.store.explain(1, job, crate::common::LEASE_TIME).await;
    reasons.expect("reasons")
}

async fn codes(bench: &Bench, job: i64) -> Vec<&'static str> {
    why(bench, job)
        .await
        .iter()
        .map(|reason| reason.code)
        .collect()
}

async fn pause(bench: &Bench, scope: PauseScope, subject: &str) {
    let new = NewPause {
        scope,
        subject: subject.into(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: "stocktaking".into(),
        until: None,
    };
    bench.store.pause(1, new).await.expect("paused");
}

#[tokio::test]
async fn each_pause_is_named_with_who_and_why() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = bench.count("select min(id) from job").await;
    let _worker = bench.worker().await;
    pause(&bench, PauseScope::Queue, "default").await;
    pause(&bench, PauseScope::Tenant, "").await;

    let reasons = why(&bench, job).await;

    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "its queue `default` is paused by leo: stocktaking",
            "everything is paused by leo: stocktaking"
        ]
    );
    assert!(reasons.iter().all(|reason| reason.code == "paused"));
}

#[tokio::test]
async fn a_job_in_line_knows_how_many_go_first_and_who_takes_turns() {
    let bench = Bench::new().await;
    bench.submit(1_500).await;
    let last = bench.count("select max(id) from job").await;
    let _worker = bench.worker().await;
    let other = LaneKey::of_template(1, "test.other", "", 0);
    let lane = bench.store.lane(&other).await.expect("a lane");
    let request = NewRequest {
        lane,
        ..bench.request()
    };
    bench
        .store
        .submit(1, "test", &[request])
        .await
        .expect("submitted");

    let reasons = why(&bench, last).await;
    let first = bench
        .count("select first_id from ready where lane = 1 order by eff, first_id limit 1")
        .await;

    assert_eq!(reasons[0].code, "behind_others");
    assert_eq!(
        reasons[0].text,
        "1499 older jobs of its lane in queue `default` go first; its group takes turns with `test.other` (weight 1)"
    );
    assert_eq!(codes(&bench, first).await, ["next_in_line"]);
}

#[tokio::test]
async fn a_group_at_its_maximum_says_so() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let last = bench.count("select max(id) from job").await;
    let mut worker = bench.worker().await;
    worker.claim(2).await;
    let share = |maximum| NewShare {
        kind: ShareKind::Group,
        name: "1/test.noop".into(),
        weight: 1,
        minimum: 0,
        maximum: Some(maximum),
        who: "leo".into(),
    };

    bench.store.put_share(1, &share(3)).await.expect("stored");
    assert_eq!(codes(&bench, last).await, ["next_in_line"]);
    bench.store.put_share(1, &share(2)).await.expect("stored");
    let reasons = why(&bench, last).await;

    assert_eq!(reasons[0].code, "share_maximum");
    assert_eq!(
        reasons[0].text,
        "its group `test.noop` has 2 jobs in flight, its maximum"
    );
}

#[tokio::test]
async fn a_share_that_makes_no_sense_is_refused_with_every_fault() {
    let bench = Bench::new().await;
    let share = NewShare {
        kind: ShareKind::Queue,
        name: "default".into(),
        weight: 0,
        minimum: 5,
        maximum: Some(4),
        who: String::new(),
    };

    let refused = bench.store.put_share(1, &share).await.expect_err("refused");

    let windlass_engine::Error::Invalid { problems } = refused else {
        panic!("{refused:?}")
    };
    let places: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(places, ["/weight", "/maximum"]);
}
