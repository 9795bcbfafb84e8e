//! Rate, hours, blackouts and stages: what lets jobs of a batch go, and who lets it go on when a stage was not good.

use std::collections::BTreeSet;

use crate::common::dead::failed;
use crate::common::recipe::{apply, flock, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker};
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{BatchView, DEFAULT_TENANT, HoldView};
use windlass_engine::{Error, Store};
use windlass_workflows::value::Value;

/// A batch of so many birds under these keys, planned, and a worker of its lane.
async fn planned(bench: &Bench, birds: usize, keys: serde_json::Value) -> (BatchView, TestWorker) {
    with_birds(&bench.store, &flock(birds, 7)).await;
    let mut all = json!({ "selection": { "category": "birds" }, "strategy": "individual" });
    let keys = keys.as_object().expect("a map").clone();
    all.as_object_mut().expect("a map").extend(keys);
    let batch = plan(&bench.store, &recipe(all)).await;
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch, worker)
}

async fn release(bench: &Bench) -> u64 {
    bench.store.release().await.expect("released")
}

async fn view(bench: &Bench, batch: i64) -> BatchView {
    let found = bench.store.batch(DEFAULT_TENANT, batch).await;
    found.expect("its view")
}

async fn hold(bench: &Bench, batch: i64) -> Option<HoldView> {
    let found = bench.store.batch_rules(DEFAULT_TENANT, batch).await;
    found.expect("its rules").hold
}

async fn reason(bench: &Bench, batch: i64) -> String {
    hold(bench, batch).await.expect("something").reason
}

async fn now(bench: &Bench) -> DateTime<Utc> {
    bench.store.clock().await.expect("a clock").now
}

/// The clock of schedules goes on by so much.
async fn pass(bench: &Bench, span: TimeDelta) {
    let to = now(bench).await + span;
    bench.store.set_clock(to).await.expect("moved");
}

async fn edit(bench: &Bench, batch: i64, patch: serde_json::Value) -> Result<(), Error> {
    let store = &bench.store;
    store
        .edit_batch(DEFAULT_TENANT, batch, &Value::from(patch))
        .await
        .map(drop)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> &'static str {
    match answer {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict expected, {other:?} found"),
    }
}

async fn resume(bench: &Bench, batch: i64, accept: bool) -> Result<String, Error> {
    let resumed = bench
        .store
        .resume_batch(DEFAULT_TENANT, batch, accept)
        .await;
    resumed.map(|pause| pause.scope)
}

/// So many go and come back, the first so many of them failed.
async fn settle(worker: &mut TestWorker, jobs: usize, bad: usize) {
    let claimed = worker.claim(jobs).await;
    assert_eq!(claimed.len(), jobs);
    let entries: Vec<_> = claimed[..bad].iter().map(failed).collect();
    worker.record(&entries).await;
    worker.complete(&claimed[bad..]).await;
}

#[tokio::test]
async fn a_rate_lets_go_what_its_bucket_holds_and_no_more_however_long_nobody_looked() {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    let keys = json!({ "release": { "rate": "2/min", "window": 30 } });
    let (batch, _) = planned(&bench, 40, keys).await;

    assert_eq!((release(&bench).await, release(&bench).await), (1, 0));
    assert_eq!(reason(&bench, batch.id).await, "rate");
    pass(&bench, TimeDelta::hours(1)).await;
    assert_eq!((release(&bench).await, release(&bench).await), (1, 0));

    edit(&bench, batch.id, json!({ "rate": null }))
        .await
        .expect("edited");
    assert_eq!((release(&bench).await, release(&bench).await), (28, 0));
    assert_eq!(reason(&bench, batch.id).await, "window");
}

#[tokio::test]
async fn outside_of_its_hours_a_batch_lets_nothing_go() {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    let keys = json!({ "release": { "hours": "05:00-11:00" } });
    let (batch, _) = planned(&bench, 10, keys).await;
    let day = now(&bench).await.date_naive() + Days::new(1);
    let at = |hour| {
        let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        day.and_time(time).and_utc()
    };

    bench.store.set_clock(at(12)).await.expect("noon");
    assert_eq!(release(&bench).await, 0);
    let held = hold(&bench, batch.id).await.expect("hours");
    let opens = at(5) + Days::new(1);
    assert_eq!((held.reason.as_str(), held.until), ("hours", Some(opens)));

    bench.store.set_clock(opens).await.expect("morning");
    assert_eq!(release(&bench).await, 10);
    assert_eq!(view(&bench, batch.id).await.state, "running");
}

#[tokio::test]
async fn a_blackout_of_its_calendar_holds_a_batch_as_the_calendar_is_now() {
    let bench = Bench::new().await;
    let days = |to: &str| {
        format!(
            "windlass: v1\nkind: Calendar\nname: days\n\
             blackout: [ {{ from: 2000-01-01T00:00, to: {to}T00:00, reason: freeze }} ]\n"
        )
    };
    apply(&bench.store, &[&days("2200-01-01")], "").await;
    let keys = json!({ "schedule": { "daily": { "at": "06:00" }, "calendar": "days" } });
    let (batch, _) = planned(&bench, 10, keys).await;

    assert_eq!(release(&bench).await, 0);
    let held = hold(&bench, batch.id).await.expect("a blackout");
    assert_eq!(held.reason, "blackout");
    assert!(held.message.contains("freeze"), "{held:?}");

    apply(&bench.store, &[&days("2001-01-01")], "").await;
    assert_eq!(release(&bench).await, 10);
}

#[tokio::test]
async fn a_spread_canary_goes_first_and_each_stage_opens_when_the_last_was_good() {
    let bench = Bench::new().await;
    let keys = json!({ "canary": { "items": 3, "pick": "spread", "ramp": [ 10, "50%" ] } });
    let (batch, mut worker) = planned(&bench, 29, keys).await;

    assert_eq!((release(&bench).await, release(&bench).await), (3, 0));
    bench.assert_held_once().await;
    let first: BTreeSet<String> = sqlx::query_scalar(
        "select member_key from job join ready on job.id between ready.first_id and ready.last_id",
    )
    .fetch_all(&bench.pool)
    .await
    .expect("keys")
    .into_iter()
    .collect();
    // The birds stand in the order of their keys.
    let wanted = ["b00000", "b00009", "b00019"].map(str::to_owned);
    assert_eq!(first, BTreeSet::from(wanted));

    settle(&mut worker, 2, 0).await;
    assert_eq!(release(&bench).await, 0);
    assert_eq!(reason(&bench, batch.id).await, "stage");
    settle(&mut worker, 1, 0).await;
    assert_eq!((release(&bench).await, release(&bench).await), (7, 0));
    settle(&mut worker, 7, 0).await;
    assert_eq!(release(&bench).await, 5);
    settle(&mut worker, 5, 0).await;
    assert_eq!(release(&bench).await, 14);
    bench.assert_held_once().await;
    assert_eq!(view(&bench, batch.id).await.state, "running");
}

#[tokio::test]
async fn a_canary_that_failed_halts_its_batch_until_a_person_accepts_it() {
    let bench = Bench::new().await;
    let keys = json!({ "canary": { "items": 4, "require_ok": "80%" } });
    let (batch, mut worker) = planned(&bench, 20, keys).await;
    release(&bench).await;
    settle(&mut worker, 4, 1).await;

    assert_eq!(release(&bench).await, 0);
    let seen = view(&bench, batch.id).await;
    assert_eq!(seen.state, "paused");
    let said = seen.reason.expect("a reason");
    assert!(said.starts_with("canary_failed: 3 of 4"), "{said}");
    assert_eq!(reason(&bench, batch.id).await, "canary_failed");
    assert_eq!(code(resume(&bench, batch.id, false).await), "canary_failed");
    let pauses = bench.store.pauses(DEFAULT_TENANT, None, 10).await;
    let halt = pauses.expect("a page").items.remove(0).id;
    let by_pause = bench.store.resume(DEFAULT_TENANT, halt).await;
    assert_eq!(code(by_pause), "canary_failed");

    assert_eq!(resume(&bench, batch.id, true).await.expect("on"), "halt");
    assert_eq!(release(&bench).await, 16);
    assert_eq!(view(&bench, batch.id).await.state, "running");
    assert!(matches!(
        resume(&bench, batch.id, true).await,
        Err(Error::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_failed_canary_goes_on_when_less_is_required_or_its_jobs_do_well_again() {
    let bench = Bench::new().await;
    let keys = json!({ "canary": { "items": 4, "ramp": [ 8 ] } });
    let (batch, mut worker) = planned(&bench, 20, keys).await;
    release(&bench).await;
    settle(&mut worker, 4, 2).await;
    release(&bench).await;
    let all = NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    };
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch.id, all);
    begun.await.expect("begun");
    while bench.store.pace_restarts().await.expect("paced").is_some() {}

    resume(&bench, batch.id, false)
        .await
        .expect("nothing is bad");
    assert_eq!(release(&bench).await, 2);
    // The restarted ones, not two that were never tried.
    assert_eq!(
        bench.count("select count(*) from job join ready on job.id between first_id and last_id where redrive_of is not null").await,
        2
    );
    settle(&mut worker, 2, 0).await;
    assert_eq!(release(&bench).await, 4);

    settle(&mut worker, 4, 1).await;
    release(&bench).await;
    assert_eq!(code(resume(&bench, batch.id, false).await), "canary_failed");
    edit(
        &bench,
        batch.id,
        json!({ "canary": { "require_ok": "80%" } }),
    )
    .await
    .expect("edited");
    resume(&bench, batch.id, false).await.expect("good enough");
    assert_eq!(release(&bench).await, 12);
}

#[tokio::test]
async fn a_canary_of_which_nothing_is_judged_says_so_and_cancelled_jobs_hold_no_stage() {
    let bench = Bench::new().await;
    let keys = json!({ "canary": { "items": 2 } });
    let (batch, _) = planned(&bench, 6, keys).await;
    release(&bench).await;
    let jobs: Vec<i64> = sqlx::query_scalar("select id from job order by id")
        .fetch_all(&bench.pool)
        .await
        .expect("jobs");
    for job in &jobs[..2] {
        let cancelled = bench.store.cancel(DEFAULT_TENANT, *job, "mia", "no").await;
        cancelled.expect("cancelled");
    }

    assert_eq!(release(&bench).await, 0);
    assert_eq!(
        code(resume(&bench, batch.id, false).await),
        "canary_inconclusive"
    );
    resume(&bench, batch.id, true).await.expect("accepted");
    assert_eq!(release(&bench).await, 4);
}

#[tokio::test]
async fn releasers_at_once_go_beyond_neither_window_nor_stage() {
    let bench = Bench::new().await;
    let keys = json!({
        "release": { "window": 25 }, "canary": { "items": 40, "pick": "spread", "ramp": [ 90, 150 ] }
    });
    let (batch, mut worker) = planned(&bench, 300, keys).await;
    let keepers: Vec<Store> = join_all((0..4).map(|_| bench.database.store())).await;

    let (mut stage, stages) = (0, [40, 90, 150, 300]);
    while view(&bench, batch.id).await.released < 300 {
        let passes = join_all(keepers.iter().map(Store::release)).await;
        assert!(passes.iter().all(Result::is_ok), "{passes:?}");
        let seen = view(&bench, batch.id).await;
        assert!(seen.released - seen.progress.settled <= 25);
        if seen.progress.settled == stages[stage] {
            stage += 1;
        }
        assert!(seen.released <= stages[stage], "{} {stage}", seen.released);
        let claimed = worker.claim(10).await;
        worker.complete(&claimed).await;
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn an_edit_acts_at_once_and_takes_nothing_back() {
    let bench = Bench::new().await;
    let (batch, mut worker) = planned(&bench, 20, json!({ "release": { "window": 8 } })).await;
    release(&bench).await;

    edit(&bench, batch.id, json!({ "window": 5, "priority": "high" }))
        .await
        .expect("edited");
    assert_eq!(release(&bench).await, 0);
    assert_eq!(view(&bench, batch.id).await.released, 8);
    settle(&mut worker, 4, 0).await;
    assert_eq!(release(&bench).await, 1);
    let high = "select max(priority)::int8 from ready";
    assert_eq!(bench.count(high).await, 600);
    edit(&bench, batch.id, json!({ "deadline": "2h" }))
        .await
        .expect("edited");
    let said = bench.store.forecast(DEFAULT_TENANT, batch.id).await;
    let deadline = said.expect("read").and_then(|said| said.deadline);
    assert!(deadline.is_some_and(|at| at > Utc::now() + TimeDelta::minutes(100)));

    let wrong = edit(&bench, batch.id, json!({ "window": 0, "speed": 3 })).await;
    assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");
    let cancelled = bench
        .store
        .cancel_batch(DEFAULT_TENANT, batch.id, "mia", "no");
    cancelled.await.expect("cancelled");
    let late = edit(&bench, batch.id, json!({ "window": 9 })).await;
    assert_eq!(code(late), "illegal_state");
}

#[tokio::test]
async fn a_forecast_names_what_stops_a_batch_before_what_paces_it() {
    let bench = Bench::new().await;
    let keys = json!({ "canary": { "items": 4 } });
    let (batch, mut worker) = planned(&bench, 20, keys).await;
    release(&bench).await;
    let look = async || {
        bench.store.forecast_batches().await.expect("looked");
        sqlx::query("update forecast set seen_at = seen_at - interval '2 minutes'")
            .execute(&bench.pool)
            .await
            .expect("time passed");
        let said = bench.store.forecast(DEFAULT_TENANT, batch.id).await;
        said.expect("read").expect("something").binding
    };

    assert_eq!(look().await, "stage");
    settle(&mut worker, 4, 4).await;
    release(&bench).await;
    assert_eq!(look().await, "pause");
}
