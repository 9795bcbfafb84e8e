//! A healthy database in which much is going on, made by the verbs of the product.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use windlass_engine::store::doctor::{Options, Report};
use windlass_engine::store::{Claimed, Ending, LaneKey, NewEntry, NewPause, Want};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_workflows::machine::turn::{End, Head, OutcomeKind};

use crate::common::dead::{FINGERPRINT, exhausted, failed};
use crate::common::keys::{keyed, submit};
use crate::common::recipe::{BIRDS, apply, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, completed, ending, journal, outcome};

const SCHEDULED: &str = "windlass: v1\nkind: JobConfiguration\nname: hourly\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 1h, zone: UTC }\n";

/// Jobs in every holder and with every kind of end, batches in every state, limits, keys and slots.
pub async fn busy() -> (Bench, TestWorker) {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[SCHEDULED], "").await;
    bench.store.fire().await.expect("planned");
    let mut worker = bench.worker().await;
    plain_jobs(&bench, &mut worker).await;
    limited_jobs(&bench, &mut worker).await;
    batches(&bench, &mut worker).await;
    submit(&bench.store, keyed("k1", json!({}))).await;
    bench
        .store
        .doctor(&patient(false))
        .await
        .expect("a first look");
    (bench, worker)
}

/// Everything, in the time of a slow machine.
pub fn patient(repair: bool) -> Options {
    Options {
        repair,
        statement: Duration::from_secs(30),
        budget: Duration::from_mins(5),
        ..Options::default()
    }
}

/// The codes of what was found.
pub fn found(report: &Report) -> Vec<&str> {
    assert!(report.is_whole(), "{report:#?}");
    report.findings().map(|one| one.code.as_str()).collect()
}

/// Ready, later, paused, parked, resting, leased with a journal and a head; ended well and badly.
async fn plain_jobs(bench: &Bench, worker: &mut TestWorker) {
    bench.submit(30).await;
    let hour = Utc::now() + TimeDelta::hours(1);
    let mut later = bench.request();
    later.start_at = Some(hour);
    later.expires_at = Some(hour + TimeDelta::hours(1));
    let stored = bench.store.submit(1, "test", &[later.clone(), later]).await;
    stored.expect("stored");

    let jobs = worker.claim(14).await;
    worker.complete(&jobs[..3]).await;
    let plain = outcome(OutcomeKind::Completed, None);
    let mut entries: Vec<NewEntry> = jobs[3..6]
        .iter()
        .map(|job| ending(job, Ending::Machine(End::Outcome(plain.clone()))))
        .collect();
    entries.push(failed(&jobs[6]));
    entries.push(exhausted(&jobs[7], FINGERPRINT));
    entries.push(NewEntry {
        head: Some(Head {
            seq: 1,
            fold: 1,
            state: b"{}".to_vec(),
        }),
        ..journal(&jobs[8], 1)
    });
    entries.push(rested(&jobs[9]));
    let done = worker.record(&entries).await;
    assert_eq!(done.refused, [] as [i64; 0]);
    let done = worker
        .record(&[journal(&jobs[8], 2), journal(&jobs[10], 1)])
        .await;
    assert_eq!(done.refused, [] as [i64; 0]);

    let ready = bench.count("select max(last_id) from ready").await;
    let pause = NewPause {
        scope: PauseScope::Job,
        subject: ready.to_string(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: "a look".into(),
        until: None,
    };
    bench.store.pause(1, pause).await.expect("paused");
    let cancelled = bench.count("select min(first_id) from ready").await;
    let done = bench.store.cancel(1, cancelled, "mia", "").await;
    done.expect("cancelled");
}

fn rested(job: &Claimed) -> NewEntry {
    NewEntry {
        ending: Some(Ending::Rest {
            due: Some(Utc::now() + TimeDelta::hours(1)),
        }),
        ..journal(job, 1)
    }
}

/// Two jobs under a limit run, some wait.
async fn limited_jobs(bench: &Bench, worker: &mut TestWorker) {
    sqlx::query(
        "insert into limit_rule (tenant, name, scope, concurrency) values (1, 'service', 'reference', 2)",
    )
    .execute(&bench.pool)
    .await
    .expect("a rule");
    let key = LaneKey {
        limit_keys: vec!["service".into()],
        ..LaneKey::of_template(1, "test.noop", "", 0)
    };
    let lane = bench.store.lane(&key).await.expect("a lane");
    let mut request = bench.request();
    request.lane = lane;
    let stored = bench.store.submit(1, "test", &vec![request; 5]).await;
    stored.expect("stored");
    assert_eq!(claim(worker, lane, 5).await.len(), 2);
}

/// One that is planned, one that is being released, one that runs.
async fn batches(bench: &Bench, worker: &mut TestWorker) {
    let birds = json!({ "category": "birds" });
    plan(
        &bench.store,
        &recipe(json!({ "selection": birds, "strategy": "individual" })),
    )
    .await;
    bench.store.release().await.expect("released");
    let window =
        json!({ "selection": birds, "strategy": "individual", "release": { "window": 3 } });
    let second = plan(&bench.store, &recipe(window)).await;
    bench.store.release().await.expect("released");
    plan(
        &bench.store,
        &recipe(json!({ "selection": birds, "strategy": "object" })),
    )
    .await;
    let jobs = claim(worker, second.lane.expect("a lane"), 3).await;
    assert_eq!(jobs.len(), 3);
    let entries = [completed(&jobs[0]), exhausted(&jobs[1], FINGERPRINT)];
    let done = worker.record(&entries).await;
    assert_eq!(done.refused, [] as [i64; 0]);
}

pub async fn claim(worker: &mut TestWorker, lane: i32, quota: usize) -> Vec<Claimed> {
    let want = Want {
        limited: true,
        named: false,
        claim: Uuid::now_v7(),
        lanes: vec![(lane, quota)],
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}
