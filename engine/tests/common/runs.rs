//! Schedules with many equal verdicts in a row, and their ledger.

use chrono::{DateTime, TimeDelta, Utc};

use super::Bench;
use super::own::{clock_to, developing};
use super::recipe::{BIRDS, apply, with_birds};

pub const STEP: TimeDelta = TimeDelta::minutes(10);
/// A slot is late by then.
pub const LATE: TimeDelta = TimeDelta::minutes(6);

/// A schedule of a step that catches nothing up, and its first slot.
pub async fn every_ten_minutes(rest: &str) -> (Bench, DateTime<Utc>) {
    scheduled(&format!("interval: 10m, zone: UTC, catch_up: none{rest}")).await
}

pub async fn scheduled(rule: &str) -> (Bench, DateTime<Utc>) {
    let bench = developing().await;
    with_birds(&bench.store, BIRDS).await;
    apply_rule(&bench, rule).await;
    let first = sqlx::query_scalar("select min(at) from slot")
        .fetch_one(&bench.pool)
        .await
        .expect("a slot");
    (bench, first)
}

pub async fn apply_rule(bench: &Bench, rule: &str) {
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
         selection: {{ category: birds }}\nstrategy: individual\nschedule: {{ {rule} }}\n"
    );
    apply(&bench.store, &[&text], "").await;
}

/// Fires at an instant; how many slots were decided.
pub async fn fire_at(bench: &Bench, instant: DateTime<Utc>) -> usize {
    clock_to(bench, instant).await;
    bench.store.fire().await.expect("a pass").decided
}

/// What has come, oldest first: the first slot of each row, how many it stands for, and what it says. No two rows overlap.
pub async fn rows(bench: &Bench) -> Vec<(DateTime<Utc>, i64, String)> {
    let overlapping =
        "select count(*) from slot one join slot other on one.schedule = other.schedule
        and one.at < other.at and other.at <= one.until";
    assert_eq!(bench.count(overlapping).await, 0);
    let now = bench.store.clock().await.expect("the clock").now;
    let sql = "select at, coalesce(n, 1), state || coalesce(': ' || reason, '') from slot where at <= $1 order by at";
    let rows = sqlx::query_as(sql).bind(now).fetch_all(&bench.pool).await;
    rows.expect("the ledger")
}

pub fn row(at: DateTime<Utc>, n: i64, told: &str) -> (DateTime<Utc>, i64, String) {
    (at, n, told.to_owned())
}

pub const MISSED: &str = "missed: catch_up_none";
pub const PAUSED: &str = "skipped: paused";

/// 2,000 missed slots, the first of which is given.
pub async fn missed() -> (Bench, DateTime<Utc>) {
    let (bench, first) = every_ten_minutes("").await;
    fire_at(&bench, first + STEP * 1_999 + LATE).await;
    assert_eq!(rows(&bench).await, [row(first, 2_000, MISSED)]);
    (bench, first)
}
