//! Schedules fire: every slot once, always with a row that says what became of it.

use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, refused, with_birds};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use windlass_engine::Store;
use windlass_engine::protocol::{Planned, Trigger};
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter, SlotView};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n";
/// Its slots are the full hours.
const HOURLY: &str = "schedule: { interval: 1h, zone: UTC }\n";

/// A store in development, with one job configuration under a schedule.
async fn bench(schedule: &str) -> Bench {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    with_birds(&bench.store, BIRDS).await;
    apply(&bench.store, &[&format!("{JOB}{schedule}")], "").await;
    bench
}

async fn ledger(bench: &Bench) -> Vec<SlotView> {
    let mut slots = bench
        .store
        .slots(DEFAULT_TENANT, "briefs", &SlotFilter::default(), None, 200)
        .await
        .expect("a page")
        .items;
    slots.reverse();
    slots
}

async fn slot(bench: &Bench, at: DateTime<Utc>) -> SlotView {
    bench
        .store
        .slot(DEFAULT_TENANT, "briefs", at)
        .await
        .expect("a slot")
}

async fn clock_to(bench: &Bench, instant: DateTime<Utc>) {
    bench.store.set_clock(instant).await.expect("moved");
}

/// Runs a batch to its end, without a worker.
async fn end(bench: &Bench, batch: i64) {
    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(batch)
    );
    bench.store.release().await.expect("released");
    sqlx::query("insert into tally (batch, kind, n) select id, 'completed', expected from batch where id = $1")
        .bind(batch)
        .execute(&bench.pool)
        .await
        .expect("settled");
    assert_eq!(bench.store.finish().await.expect("finished"), [batch]);
}

#[tokio::test]
async fn a_weekly_slot_is_planned_a_day_ahead_and_fires_once() {
    let bench =
        bench("schedule: { weekly: { days: [ mon ], at: '06:00' }, zone: America/New_York }\n")
            .await;
    let monday: DateTime<Utc> = "2040-01-02T11:00:00Z".parse().expect("an instant");

    clock_to(&bench, monday - TimeDelta::hours(25)).await;
    bench.store.fire().await.expect("a pass");
    assert!(ledger(&bench).await.iter().all(|slot| slot.at < monday));
    clock_to(&bench, monday - TimeDelta::hours(23)).await;
    bench.store.fire().await.expect("a pass");
    let planned = slot(&bench, monday).await;
    assert_eq!(
        (
            planned.state.as_str(),
            planned.covers.as_str(),
            planned.batch
        ),
        ("planned", r#"["2040-01-02T06:00:00"]"#, None)
    );

    // What lay in the years between is over; its one late batch must not stand in the way.
    sqlx::query("update batch set state = 'cancelled', finished_at = now()")
        .execute(&bench.pool)
        .await
        .expect("over");
    clock_to(&bench, monday + TimeDelta::seconds(1)).await;
    let fired = bench.store.fire().await.expect("a pass");
    let again = bench.store.fire().await.expect("a pass");

    assert_eq!(
        (fired.batches.len(), fired.decided, again.batches.len()),
        (1, 1, 0)
    );
    let slot = slot(&bench, monday).await;
    assert_eq!(
        (slot.state.as_str(), slot.batch),
        ("fired", Some(fired.batches[0]))
    );
    let batch = bench
        .store
        .batch(DEFAULT_TENANT, fired.batches[0])
        .await
        .expect("its batch");
    assert_eq!(
        (
            batch.name.as_str(),
            batch.created_by.as_str(),
            batch.slot_at
        ),
        ("briefs 2040-01-02 06:00", "schedule", Some(monday))
    );
    assert_eq!(
        (batch.schedule.as_deref(), batch.state.as_str()),
        (Some("briefs"), "planning")
    );
}

#[tokio::test]
async fn keepers_at_once_fire_two_hundred_slots_once_each() {
    let bench = bench("schedule: { interval: 6m, zone: UTC, overlap: allow, catch_up: { all: { max: 1000, pace: 0s } } }\n").await;
    let now = bench.store.clock().await.expect("the clock").now;
    clock_to(&bench, now + TimeDelta::hours(20)).await;
    let keepers: Vec<Store> = join_all((0..2).map(|_| bench.database.store())).await;

    let mut batches = Vec::new();
    while batches.len() < 200 {
        let passes = join_all(keepers.iter().map(Store::fire)).await;
        batches.extend(
            passes
                .into_iter()
                .flat_map(|pass| pass.expect("a pass").batches),
        );
    }

    assert_eq!(batches.len(), 200);
    assert_eq!(bench.count("select count(*) from batch").await, 200);
    assert_eq!(
        bench
            .count("select count(distinct batch) from slot where state in ('fired', 'late')")
            .await,
        200
    );
    assert_eq!(
        bench
            .count("select count(distinct slot_at) from batch")
            .await,
        200
    );
}

#[tokio::test]
async fn two_hundred_schedules_each_fire_once_under_two_keepers() {
    let bench = bench("").await;
    let named = |n: usize| {
        format!(
            "{}{HOURLY}",
            JOB.replace("name: briefs", &format!("name: briefs-{n}"))
        )
    };
    let texts: Vec<String> = (0..200).map(named).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    apply(&bench.store, &texts, "").await;
    let now = bench.store.clock().await.expect("the clock").now;
    clock_to(&bench, now + TimeDelta::hours(1)).await;
    let keepers: Vec<Store> = join_all((0..2).map(|_| bench.database.store())).await;

    let passes = join_all(keepers.iter().map(Store::fire)).await;
    let fired: usize = passes
        .into_iter()
        .map(|pass| pass.expect("a pass").batches.len())
        .sum();

    assert_eq!(
        fired, 200,
        "one pass of each, and no schedule behind the first hundred is left out"
    );
    assert_eq!(
        bench
            .count("select count(distinct schedule) from batch")
            .await,
        200
    );
}

#[tokio::test]
async fn after_a_long_pause_the_newest_runs_late_and_the_older_are_superseded() {
    let bench = bench(&HOURLY.replace("zone: UTC", "zone: UTC, catch_up: latest")).await;
    let first = ledger(&bench).await[0].at;
    clock_to(&bench, first + TimeDelta::minutes(5 * 60 + 30)).await;

    let fired = bench.store.fire().await.expect("a pass");

    let told: Vec<_> = ledger(&bench)
        .await
        .into_iter()
        .take(7)
        .map(|slot| (slot.state, slot.reason))
        .collect();
    let missed = ("missed".to_owned(), Some("superseded".to_owned()));
    assert_eq!(
        told[..5],
        [
            missed.clone(),
            missed.clone(),
            missed.clone(),
            missed.clone(),
            missed
        ]
    );
    assert_eq!(
        told[5..],
        [("late".to_owned(), None), ("planned".to_owned(), None)]
    );
    assert_eq!((fired.batches.len(), fired.decided), (1, 6));
}

#[tokio::test]
async fn a_slot_waits_for_the_batch_before_it_and_starts_after() {
    let bench = bench(&HOURLY.replace("zone: UTC", "zone: UTC, overlap: queue_one")).await;
    let first = ledger(&bench).await[0].at;
    clock_to(&bench, first).await;
    let before = bench.store.fire().await.expect("a pass").batches[0];

    let second = first + TimeDelta::hours(1);
    clock_to(&bench, second).await;
    assert!(bench.store.fire().await.expect("a pass").batches.is_empty());
    let waiting = slot(&bench, second).await;
    assert_eq!(waiting.state, "planned");
    assert!(waiting.reason.expect("a reason").starts_with("waiting"));

    // Waiting is not lateness: catch-up does not judge it again. It starts late, and a newer one would take its place.
    clock_to(&bench, second + TimeDelta::minutes(50)).await;
    end(&bench, before).await;
    let after = bench.store.fire().await.expect("a pass").batches;
    let started = slot(&bench, second).await;
    assert_eq!(
        (started.state.as_str(), started.batch, started.reason),
        ("late", Some(after[0]), None)
    );

    let (third, fourth) = (second + TimeDelta::hours(1), second + TimeDelta::hours(2));
    clock_to(&bench, third).await;
    bench.store.fire().await.expect("a pass");
    clock_to(&bench, fourth).await;
    bench.store.fire().await.expect("a pass");
    assert_eq!(
        slot(&bench, third).await.reason.as_deref(),
        Some("superseded")
    );
    assert_eq!(slot(&bench, fourth).await.state, "planned");
}

#[tokio::test]
async fn a_slot_is_run_by_hand_once_and_an_extra_run_has_no_row() {
    let bench = bench(HOURLY).await;
    let first = ledger(&bench).await[0].at;
    let trigger = |what| bench.store.trigger(DEFAULT_TENANT, "briefs", what, "mia");

    let batch = trigger(Trigger::Slot(first))
        .await
        .expect("a future slot")
        .batch;
    let twice = trigger(Trigger::Slot(first)).await.expect_err("it ran");
    let unknown = refused(trigger(Trigger::Slot(first + TimeDelta::seconds(1))).await);
    let extra = trigger(Trigger::Extra).await.expect("beside the schedule");
    let extra = extra.batch.expect("a batch");

    assert_eq!(
        (twice.code(), unknown.code.as_str()),
        ("slot_already_ran", "not_a_slot")
    );
    let row = slot(&bench, first).await;
    assert_eq!(
        (row.state.as_str(), row.batch, row.reason.as_deref()),
        ("manual", batch, Some("run by mia"))
    );
    assert_eq!(
        bench
            .count("select count(*) from slot where batch is not null")
            .await,
        1
    );
    let extra = bench.store.batch(DEFAULT_TENANT, extra).await.expect("it");
    assert_eq!(
        (
            extra.slot_at,
            extra.created_by.as_str(),
            extra.configuration.as_deref()
        ),
        (None, "mia", Some("briefs"))
    );
    clock_to(&bench, first).await;
    assert!(
        bench.store.fire().await.expect("a pass").batches.is_empty(),
        "the slot has run already"
    );
}

#[tokio::test]
async fn one_slot_by_hand_from_many_hands_at_once_makes_one_batch() {
    let bench = bench(HOURLY).await;
    let first = ledger(&bench).await[0].at;

    let hands = join_all((0..8).map(|_| {
        bench
            .store
            .trigger(DEFAULT_TENANT, "briefs", Trigger::Slot(first), "mia")
    }))
    .await;

    assert_eq!(
        hands.iter().filter(|hand| hand.is_ok()).count(),
        1,
        "{hands:?}"
    );
    assert_eq!(bench.count("select count(*) from batch").await, 1);
}

#[tokio::test]
async fn a_recipe_that_became_unusable_leaves_its_due_slots_missed_with_the_reason() {
    let bench = bench(HOURLY).await;
    let first = ledger(&bench).await[0].at;
    sqlx::query("update configuration set document = '{}' where kind = 'purpose'")
        .execute(&bench.pool)
        .await
        .expect("broken");
    clock_to(&bench, first).await;

    let fired = bench.store.fire().await.expect("a pass");

    assert_eq!((fired.batches.len(), fired.decided), (0, 1));
    let row = slot(&bench, first).await;
    assert_eq!((row.state.as_str(), row.batch), ("missed", None));
    assert!(!row.reason.expect("a reason").is_empty());
    assert_eq!(
        slot(&bench, first + TimeDelta::hours(1)).await.state,
        "planned"
    );
}

#[tokio::test]
async fn the_spread_of_a_schedule_is_the_same_whoever_plans_its_slots() {
    let bench = bench(&HOURLY.replace("zone: UTC", "zone: UTC, spread: 30m")).await;
    let applied = ledger(&bench).await;
    let offset = applied[0].fire_at - applied[0].at;
    clock_to(&bench, applied[0].at + TimeDelta::hours(10)).await;

    bench.store.fire().await.expect("a pass");

    let all = ledger(&bench).await;
    assert!(all.len() > applied.len(), "the keeper planned some");
    assert!(
        all.iter().all(|slot| slot.fire_at - slot.at == offset),
        "{all:?}"
    );
}

#[tokio::test]
async fn the_clock_moves_forward_and_in_development_only() {
    let bench = Bench::new().await;
    let later = Utc::now() + TimeDelta::hours(1);
    let in_production = bench.store.set_clock(later).await;
    bench.store.enter_development().await.expect("development");
    let moved = bench.store.set_clock(later).await.expect("moved");
    let back = bench.store.set_clock(later - TimeDelta::minutes(1)).await;

    assert_eq!(in_production.expect_err("refused").code(), "illegal_state");
    assert_eq!(back.expect_err("refused").code(), "illegal_state");
    assert!(moved.now >= later && moved.mode == "development");
    assert!(
        bench
            .store
            .moved_now()
            .await
            .expect("the clock")
            .is_some_and(|now| now >= later)
    );
}

#[tokio::test]
async fn the_clock_moves_to_the_very_instant_again_and_again() {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    let first = Utc::now() + TimeDelta::milliseconds(3_600_400);

    for step in 0..10 {
        let instant = first + TimeDelta::milliseconds(10_300 * step);
        assert!(
            bench.store.set_clock(instant).await.expect("moved").now >= instant,
            "a slot of this instant is due"
        );
    }
}
