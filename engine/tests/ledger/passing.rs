//! Time that passes: paces, slots far ahead, new zone data, two keepers at once.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_engine::protocol::Trigger;
use windlass_engine::store::SlotView;
use windlass_workflows::calendar::ZONE_DATA;

use crate::common::recipe::apply;
use crate::kit::{Case, of_batches};
use crate::{PASSES_MAX, Scene, at};

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

/// A row of other zone data, as a vector has it: it lies at `at`, and its nominal time 09:00 is at `nine` now.
struct Row<'a> {
    word: &'a str,
    zone_data: &'a str,
    at: u32,
    nine: u32,
}

/// The hour of `08:00Z`.
fn hour(said: &str) -> u32 {
    let hour = said.strip_suffix(":00Z").expect("a full hour");
    hour.parse().expect("an hour")
}

/// What becomes of such a row, now at 07:30.
async fn replanned(row: Row<'_>, rules: &str) -> Scene {
    let zone = match i64::from(row.nine) - 9 {
        0 => "UTC".to_owned(),
        west => format!("Etc/GMT{west:+}"),
    };
    let scene = Scene::daily(&format!(", zone: {zone}{rules}")).await;
    scene.clock("20 12:00").await;
    scene.settle().await;
    scene.clock("21 07:30").await;
    scene
        .sql("delete from slot where at > '2040-11-21' or state = 'planned'")
        .await;
    scene
        .sql("update schedule set planned_until = '2040-11-22T07:00Z'")
        .await;
    let (state, reason) = match row.word.split_once(' ') {
        Some((state, reason)) => (state, Some(reason)),
        None => (row.word, None),
    };
    let other = "with other as (update schedule set zone_data = $1)
        insert into slot (tenant, schedule, at, fire_at, covers, revision, zone_data, state, reason, decided_at)
        values (1, 'briefs', $2, $2, '[\"2040-11-21T09:00:00\"]', 1, $1, $3, $4,
                case when $3 <> 'planned' then now() end)";
    sqlx::query(other)
        .bind(row.zone_data)
        .bind(at(&format!("21 {:02}:00", row.at)))
        .bind(state)
        .bind(reason)
        .execute(&scene.bench.pool)
        .await
        .expect("a row of other zone data");
    scene.settle().await;
    scene
}

/// The slots of the 21st, each with what its row says.
async fn slots(scene: &Scene) -> Vec<(DateTime<Utc>, String)> {
    let sql = "select at from slot where at::date = '2040-11-21' order by at";
    let mut told = Vec::new();
    for slot in scene.instants(sql).await {
        told.push((slot, scene.word(slot).await));
    }
    told
}

#[tokio::test]
async fn new_zone_data_moves_what_is_planned_and_repeats_nothing() {
    for mut case in of_batches("zone_data") {
        if case.has("binary_has") {
            left_to_a_newer_binary(&mut case).await;
            continue;
        }
        let (word, old, new) = (case.text("row"), case.text("old"), case.text("new"));
        let (old, new) = (hour(&old), hour(&new));
        let row = || Row {
            word: &word,
            zone_data: "2020a",
            at: old,
            nine: new,
        };
        let of = |hour: u32, word: &str| [(at(&format!("21 {hour:02}:00")), word.to_owned())];
        let expect = case.text("expect");
        match expect.as_str() {
            "one row at 09:00Z" => {
                let scene = replanned(row(), "").await;
                assert_eq!(slots(&scene).await, of(9, "planned"));
            }
            "due now, late or missed by grace and catch_up" => {
                for (rules, word) in [
                    (", catch_up: latest", "late"),
                    (", catch_up: none", "missed catch_up_none"),
                    (", catch_up: none, grace: 1h", "fired"),
                ] {
                    let scene = replanned(row(), rules).await;
                    assert_eq!(slots(&scene).await, of(new, word), "{rules}");
                }
            }
            "no second row (its nominal time is decided)" | "no second row" => {
                let scene = replanned(row(), "").await;
                assert_eq!(slots(&scene).await, of(old, &word));
            }
            other => panic!("a vector that nobody plays: {other}"),
        }
    }
}

/// Of a day that newer data moved from 09:00 to 08:00, the older binary would say 09:00.
async fn left_to_a_newer_binary(case: &mut Case) {
    assert_eq!(case.text("binary_has"), ZONE_DATA);
    assert_eq!(case.text("expect"), "planned rows untouched");
    let newer = case.text("schedule_has");
    let row = Row {
        word: "planned",
        zone_data: &newer,
        at: 8,
        nine: 9,
    };

    let scene = replanned(row, "").await;

    assert_eq!(
        slots(&scene).await,
        [(at("21 08:00"), "planned".to_owned())]
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
