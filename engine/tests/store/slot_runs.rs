//! More than a thousand equal verdicts in a row are one row of the ledger.

use crate::common::own::{clock_to, pause_of};
use crate::common::runs::{
    LATE, MISSED, PAUSED, STEP, every_ten_minutes, fire_at, row, rows, scheduled,
};
use crate::common::told::{tell, told, with_webhook};
use chrono::TimeDelta;
use futures::future::join_all;
use windlass_engine::Store;
use windlass_engine::store::DEFAULT_TENANT;

/// Counts the rows of the ledger that are written from now on.
const COUNTING: &str = "
create sequence written;
create function count_it() returns trigger language plpgsql as $$ begin perform nextval('written'); return null; end $$;
create trigger count_it after insert or update or delete on slot for each row execute function count_it()";
/// Slots of each minute that are planned ahead: those of a day.
const AHEAD: i64 = 1_440;

#[tokio::test]
async fn a_hundred_thousand_slots_of_downtime_are_one_row_before_one_of_them_is_looked_at() {
    let rule = "interval: 1m, zone: UTC, catch_up: none, grace: 10s";
    let (bench, first) = scheduled(rule).await;
    let now = first + TimeDelta::minutes(99_999) + TimeDelta::seconds(30);

    let counting = sqlx::raw_sql(COUNTING).execute(&bench.pool).await;
    counting.expect("counted");
    let decided = fire_at(&bench, now).await;

    let written = bench.count("select last_value from written").await;
    assert_eq!(decided, 100_000);
    assert_eq!(rows(&bench).await, [row(first, 100_000, MISSED)]);
    assert_eq!(
        bench
            .count("select count(*) from slot where state = 'planned'")
            .await,
        AHEAD
    );
    // The day that was planned before is decided and folded, another is planned, and one row stands for all between.
    assert!(written < 4 * AHEAD, "{written} rows written");
}

#[tokio::test]
async fn a_thousand_equal_verdicts_stay_rows_and_one_more_makes_one_that_grows() {
    let (bench, first) = every_ten_minutes("").await;

    fire_at(&bench, first + STEP * 999 + LATE).await;
    assert_eq!(rows(&bench).await.len(), 1_000);

    fire_at(&bench, first + STEP * 1_000 + LATE).await;
    assert_eq!(rows(&bench).await, [row(first, 1_001, MISSED)]);

    fire_at(&bench, first + STEP * 1_001 + LATE).await;
    assert_eq!(rows(&bench).await, [row(first, 1_002, MISSED)]);
    let slot = bench
        .store
        .slot(DEFAULT_TENANT, "briefs", first + STEP * 7)
        .await;
    let slot = slot.expect("the row that stands for it");
    assert_eq!(
        (slot.at, slot.until, slot.n),
        (first, Some(first + STEP * 1_001), Some(1_002))
    );
    let view = bench
        .store
        .schedule(DEFAULT_TENANT, "briefs")
        .await
        .expect("a schedule");
    assert_eq!(
        (view.last_at, view.last_state.as_deref()),
        (slot.until, Some("missed"))
    );
    assert_eq!(view.next_at, Some(first + STEP * 1_002));
}

#[tokio::test]
async fn what_is_caught_up_has_rows_behind_those_of_the_others() {
    let rule = "interval: 10m, zone: UTC, overlap: allow, catch_up: { all: { max: 3 } }";
    let (bench, first) = scheduled(rule).await;

    fire_at(&bench, first + STEP * 2_999 + LATE).await;

    // A week are 1,008 slots.
    let old = row(first, 1_992, "missed: too_old");
    let more = row(first + STEP * 1_992, 1_005, "missed: over_limit");
    let late = (2_997..3_000).map(|n| row(first + STEP * n, 1, "late"));
    assert_eq!(
        rows(&bench).await,
        [vec![old, more], late.collect()].concat()
    );
}

#[tokio::test]
async fn a_pause_is_one_row_pass_after_pass_and_ends_at_its_end() {
    let (bench, first) = every_ten_minutes("").await;
    let mut pause = pause_of("briefs");
    pause.until = Some(first + STEP * 2_000);
    bench
        .store
        .pause(DEFAULT_TENANT, pause)
        .await
        .expect("paused");

    fire_at(&bench, first + STEP * 1_200).await;
    assert_eq!(rows(&bench).await, [row(first, 1_201, PAUSED)]);
    fire_at(&bench, first + STEP * 1_500).await;
    assert_eq!(rows(&bench).await, [row(first, 1_501, PAUSED)]);
    fire_at(&bench, first + STEP * 2_001 + LATE).await;

    let after = [0, 1].map(|n| row(first + STEP * (2_000 + n), 1, MISSED));
    assert_eq!(
        rows(&bench).await,
        [vec![row(first, 2_000, PAUSED)], after.to_vec()].concat()
    );
}

#[tokio::test]
async fn two_keepers_write_the_row_once() {
    let (bench, first) = every_ten_minutes("").await;
    clock_to(&bench, first + STEP * 1_999 + LATE).await;
    let keepers: Vec<Store> = join_all((0..2).map(|_| bench.database.store())).await;

    let passes = join_all(keepers.iter().map(Store::fire)).await;

    let decided: usize = passes
        .into_iter()
        .map(|pass| pass.expect("a pass").decided)
        .sum();
    assert_eq!(
        (decided, rows(&bench).await),
        (2_000, vec![row(first, 2_000, MISSED)])
    );
}

#[tokio::test]
async fn a_recipe_that_cannot_be_followed_leaves_one_row() {
    let rule = "interval: 1m, zone: UTC, catch_up: none";
    let (bench, first) = scheduled(rule).await;
    let gone = "update configuration set document = '{}' where kind = 'purpose'";
    sqlx::query(gone).execute(&bench.pool).await.expect("gone");

    let decided = fire_at(&bench, first + TimeDelta::minutes(1_100)).await;

    let rows = rows(&bench).await;
    assert_eq!((decided, rows.len(), rows[0].1), (1_101, 1, 1_101));
}

#[tokio::test]
async fn people_are_told_once_of_a_row_and_hear_for_how_many_it_stands() {
    let rule = "interval: 12h, zone: UTC, catch_up: none, alerts: { not_started_by: 15m }";
    let (bench, first) = scheduled(rule).await;
    with_webhook(&bench, "ops", "slot.*", "").await;
    let now = first + TimeDelta::hours(12) * 1_999 + TimeDelta::hours(1);
    fire_at(&bench, now).await;

    tell(&bench).await;

    let told = told(&bench, "ops").await;
    let of_many: Vec<_> = told
        .iter()
        .filter(|(kind, _, data)| kind == "slot.missed" && data["n"].is_i64())
        .collect();
    let rows = rows(&bench).await;
    let (many, few): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.1 > 1);
    assert_eq!(
        (many.len(), many[0].1, few.len()),
        (1, 1_998, 2),
        "who is told of a slot is told of its row"
    );
    assert_eq!(
        (of_many.len(), &of_many[0].2["n"]),
        (1, &serde_json::json!(1_998))
    );
    let behind = told.iter().filter(|(kind, ..)| kind == "slot.not_started");
    assert_eq!(behind.count(), 3);
}
