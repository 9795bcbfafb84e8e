//! Alerts of slots: once a slot, when its work has not started or finished in time, and never for what a person skipped.

use crate::common::own::{clock_on, clock_to, developing, pause_of};
use crate::common::recipe::{BIRDS, apply, with_birds};
use crate::common::told::{tell, told, with_webhook};
use crate::common::{Bench, TestWorker};
use chrono::TimeDelta;
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter, SlotView};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n\
    schedule: { interval: 12h, alerts: { not_started_by: 15m, not_finished_by: 30m } }\n";

/// A schedule with alerts and a webhook, the clock at its first slot.
async fn at_the_slot() -> (Bench, SlotView) {
    let bench = developing().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "slot.*", "").await;
    apply(&bench.store, &[JOB], "").await;
    let first = slots(&bench).await.remove(0);
    clock_to(&bench, first.at).await;
    (bench, first)
}

async fn slots(bench: &Bench) -> Vec<SlotView> {
    let all = SlotFilter::default();
    let page = bench.store.slots(DEFAULT_TENANT, "briefs", &all, None, 100);
    let mut slots = page.await.expect("a page").items;
    slots.reverse();
    slots
}

/// What was told of slots that are behind.
async fn behind(bench: &Bench) -> Vec<String> {
    tell(bench).await;
    let told = told(bench, "ops").await;
    let kinds = told.into_iter().map(|(kind, ..)| kind);
    kinds.filter(|kind| kind.contains("not_")).collect()
}

#[tokio::test]
async fn work_that_nobody_starts_is_told_once_and_shown() {
    let (bench, first) = at_the_slot().await;
    clock_on(&bench, TimeDelta::minutes(14)).await;
    assert!(behind(&bench).await.is_empty());

    clock_on(&bench, TimeDelta::minutes(2)).await;
    assert_eq!(behind(&bench).await, ["slot.not_started"]);
    clock_on(&bench, TimeDelta::minutes(15)).await;
    let both = ["slot.not_started", "slot.not_finished"];
    assert_eq!(behind(&bench).await, both);
    clock_on(&bench, TimeDelta::minutes(15)).await;
    assert_eq!(behind(&bench).await, both);

    let slot = slots(&bench).await.remove(0);
    assert!(slot.not_started_at.is_some() && slot.not_finished_at.is_some());
    let since = first.at - TimeDelta::hours(1);
    let shown = bench
        .store
        .slot_alerts(DEFAULT_TENANT, since)
        .await
        .expect("read");
    let shown: Vec<_> = shown
        .iter()
        .map(|one| (one.what.as_str(), one.at))
        .collect();
    assert_eq!(
        shown,
        [("not_finished", first.at), ("not_started", first.at)]
    );
}

#[tokio::test]
async fn work_that_starts_in_time_and_ends_late_is_told_for_its_end_alone() {
    let (bench, _) = at_the_slot().await;
    let batch = bench.store.fire().await.expect("fired").batches[0];
    bench.store.plan().await.expect("planned");
    bench.store.release().await.expect("released");

    clock_on(&bench, TimeDelta::minutes(31)).await;
    assert_eq!(behind(&bench).await, ["slot.not_finished"]);

    let told = told(&bench, "ops").await;
    let (_, _, data) = told
        .iter()
        .find(|(kind, ..)| kind == "slot.not_finished")
        .expect("told");
    assert_eq!(data["batch"], format!("b_{batch}"));
    assert_eq!(data["schedule"], "briefs");
}

#[tokio::test]
async fn work_that_is_done_in_time_is_not_told_of() {
    let (bench, _) = at_the_slot().await;
    let batch = bench.store.fire().await.expect("fired").batches[0];
    bench.store.plan().await.expect("planned");
    bench.store.release().await.expect("released");
    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    let mut worker: TestWorker = bench.worker().await;
    worker.lane = view.lane.expect("a lane");
    let jobs = worker.claim(10).await;
    worker.complete(&jobs).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);

    clock_on(&bench, TimeDelta::minutes(31)).await;

    assert!(behind(&bench).await.is_empty());
    let left = "select count(*) from slot where decided_at is not null and (start_by is not null or finish_by is not null)";
    assert_eq!(bench.count(left).await, 0, "they are not looked at again");
}

#[tokio::test]
async fn what_a_person_paused_is_skipped_and_not_behind() {
    let (bench, _) = at_the_slot().await;
    let pause = pause_of("briefs");
    bench
        .store
        .pause(DEFAULT_TENANT, pause)
        .await
        .expect("paused");
    let before = "update pause set since = since - interval '2 days'";
    sqlx::query(before)
        .execute(&bench.pool)
        .await
        .expect("since before");
    bench.store.fire().await.expect("decided");

    clock_on(&bench, TimeDelta::minutes(40)).await;

    assert!(behind(&bench).await.is_empty());
    assert_eq!(slots(&bench).await[0].state, "skipped");
}

#[tokio::test]
async fn what_became_of_a_slot_is_told_where_somebody_takes_it() {
    let (bench, first) = at_the_slot().await;
    with_webhook(&bench, "lost", "slot.missed", "").await;
    bench.store.fire().await.expect("fired");
    tell(&bench).await;

    let told = told(&bench, "ops").await;
    assert_eq!(told[0].0, "slot.fired");
    let at = told[0].2["slot"].as_str().expect("when");
    assert_eq!(
        at.parse::<chrono::DateTime<chrono::Utc>>()
            .expect("an instant"),
        first.at
    );
    assert!(crate::common::told::told(&bench, "lost").await.is_empty());
}
