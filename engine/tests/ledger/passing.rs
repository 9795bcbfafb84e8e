//! Time that passes: paces, slots far ahead, new zone data, two keepers at once.

use chrono::TimeDelta;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::SlotView;

use crate::common::recipe::apply;
use crate::{PASSES_MAX, Scene, at, vectors};

#[tokio::test]
async fn a_slot_far_ahead_is_run_by_hand_and_does_not_fire_again() {
    let scene = Scene::daily("").await;
    let far = at("29");

    assert_eq!(scene.trigger(Trigger::Slot(far)).await, None);
    scene.end().await;
    assert_eq!(
        scene.trigger(Trigger::Slot(far)).await.as_deref(),
        Some("slot_already_ran")
    );
    let before_end = scene.batches().await;
    scene.clock("28 10:00").await;
    scene.settle().await;
    let before = scene.batches().await;
    scene.clock("29 09:01").await;
    scene.settle().await;

    assert_eq!((before_end, scene.batches().await), (1, before));
    assert_eq!(scene.slot(far).await.expect("a row").state, "manual");
}

#[tokio::test]
async fn what_catch_up_let_through_starts_at_its_pace_and_is_not_superseded() {
    let scene = Scene::daily(", catch_up: { all: { pace: 10m } }").await;
    scene.clock("21 10:00").await;

    scene.settle().await;
    let told = |slot: Option<SlotView>| slot.map(|slot| slot.state).unwrap_or_default();
    let first = [
        told(scene.slot(at("19")).await),
        told(scene.slot(at("20")).await),
    ];
    scene.clock("21 10:12").await;
    scene.settle().await;
    let second = [
        told(scene.slot(at("20")).await),
        told(scene.slot(at("21")).await),
    ];
    scene.clock("21 10:25").await;
    scene.settle().await;

    assert_eq!(first, ["late", "planned"]);
    assert_eq!(second, ["late", "planned"]);
    assert_eq!(told(scene.slot(at("21")).await), "late");
    assert_eq!(scene.batches().await, 3);
}

/// What becomes of a row of older zone data, whose nominal time 09:00 is this instant now.
async fn replanned(zone: &str, row: &'static str) -> Scene {
    let scene = Scene::daily(&format!(", zone: {zone}")).await;
    scene.clock("20 12:00").await;
    scene.settle().await;
    scene.clock("21 07:30").await;
    scene
        .sql("delete from slot where at > '2040-11-21' or state = 'planned'")
        .await;
    scene.sql(row).await;
    scene
        .sql("update schedule set planned_until = '2040-11-22T07:00Z'")
        .await;
    scene.settle().await;
    scene
}

const PLANNED: &str = "with older as (update schedule set zone_data = '2020a')
    insert into slot (tenant, schedule, at, fire_at, covers, revision, zone_data, state)
    values (1, 'briefs', '2040-11-21T08:00Z', '2040-11-21T08:00Z', '[\"2040-11-21T09:00:00\"]', 1, '2020a', 'planned')";
const FIRED: &str = "with older as (update schedule set zone_data = '2020a')
    insert into slot (tenant, schedule, at, fire_at, covers, revision, zone_data, state, decided_at)
    values (1, 'briefs', '2040-11-21T07:00Z', '2040-11-21T07:00Z', '[\"2040-11-21T09:00:00\"]', 1, '2020a', 'fired', now())";
const SKIPPED: &str = "with older as (update schedule set zone_data = '2020a')
    insert into slot (tenant, schedule, at, fire_at, covers, revision, zone_data, state, reason, decided_at)
    values (1, 'briefs', '2040-11-21T07:00Z', '2040-11-21T07:00Z', '[\"2040-11-21T09:00:00\"]', 1, '2020a', 'skipped', 'paused', now())";
const NEWER: &str = "with newer as (update schedule set zone_data = '2999a')
    insert into slot (tenant, schedule, at, fire_at, covers, revision, zone_data, state)
    values (1, 'briefs', '2040-11-21T08:00Z', '2040-11-21T08:00Z', '[\"2040-11-21T09:00:00\"]', 1, '2999a', 'planned')";

#[tokio::test]
async fn new_zone_data_moves_what_is_planned_and_repeats_nothing() {
    assert_eq!(vectors("zone_data").len(), 5);
    let state = async |scene: &Scene, time: &str| {
        let slot = scene.slot(at(&format!("21 {time}"))).await;
        slot.map(|slot| slot.state)
    };

    let scene = replanned("UTC", PLANNED).await;
    assert_eq!(state(&scene, "08:00").await, None);
    assert_eq!(state(&scene, "09:00").await.as_deref(), Some("planned"));

    let scene = replanned("Etc/GMT-2", PLANNED).await;
    assert_eq!(state(&scene, "08:00").await, None);
    assert_eq!(state(&scene, "07:00").await.as_deref(), Some("late"));

    for row in [FIRED, SKIPPED] {
        let scene = replanned("Etc/GMT-1", row).await;
        assert_eq!(
            state(&scene, "08:00").await,
            None,
            "its nominal time is decided"
        );
        assert_ne!(state(&scene, "07:00").await.as_deref(), Some("planned"));
    }

    let scene = replanned("UTC", NEWER).await;
    assert_eq!(state(&scene, "08:00").await.as_deref(), Some("planned"));
    assert_eq!(
        state(&scene, "09:00").await,
        None,
        "an older binary leaves it alone"
    );
}

#[tokio::test]
async fn two_keepers_fire_ten_thousand_slots_once_each() {
    let scene = Scene::daily(", enabled: false").await;
    let store = &scene.bench.store;
    // As late as it gets: 20 schedules with 500 slots each, all of them due.
    let texts: Vec<String> = (0..20)
        .map(|n| {
            format!(
                "windlass: v1\nkind: JobConfiguration\nname: beat-{n}\npurpose: brief\n\
                 selection: {{ category: birds }}\nstrategy: individual\n\
                 schedule: {{ interval: 1m, overlap: allow, catch_up: {{ all: {{ max: 1000 }} }} }}\n"
            )
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    apply(store, &texts, "").await;
    let from = store.clock().await.expect("the clock").now;
    store
        .set_clock(from + TimeDelta::minutes(500))
        .await
        .expect("moved");
    let other = scene.bench.database.store().await;

    let mut fired = 0;
    for _ in 0..PASSES_MAX {
        let (one, two) = tokio::join!(store.fire(), other.fire());
        fired += one.expect("a pass").batches.len() + two.expect("a pass").batches.len();
        if fired >= 10_000 {
            break;
        }
    }

    let count = async |sql| scene.bench.count(sql).await;
    let slots = count("select count(*) from slot where state in ('fired', 'late')").await;
    assert!((10_000..=10_040).contains(&slots), "{slots}");
    assert_eq!(i64::try_from(fired).expect("few"), slots);
    assert_eq!(scene.batches().await, slots);
    assert_eq!(
        count("select count(distinct (schedule, slot_at)) from batch").await,
        slots
    );
    assert_eq!(count("select count(distinct batch) from slot").await, slots);
}
