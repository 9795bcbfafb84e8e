//! Schedules and their ledger as people see them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, PgPool};
use windlass_engine::Store;
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter};
use windlass_engine::testing::{TestDatabase, application};
use windlass_workflows::calendar::spread_offset;

const DOCUMENTS: &str =
    "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }
do:
  - say: { set: { word: hello } }
---
windlass: v1
kind: Category
name: birds
key: { row: true }
---
windlass: v1
kind: JobConfiguration
name: briefs
template: strikes.brief
selection: { category: birds }
strategy: individual
schedule: { interval: 1h, spread: 5m }
---
windlass: v1
kind: JobConfiguration
name: weekly
template: strikes.brief
selection: { category: birds }
strategy: individual
schedule: { weekly: { days: [ mon ], at: '06:00' }, zone: America/New_York }
";

async fn with_schedules() -> (TestDatabase, PgPool, Store) {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_documents(database, store).await
}

async fn with_documents(database: TestDatabase, store: Store) -> (TestDatabase, PgPool, Store) {
    store
        .apply(application(&[DOCUMENTS]))
        .await
        .expect("applied");
    let pool = database.pool().await;
    (database, pool, store)
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .expect("the statement runs");
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[tokio::test]
async fn a_schedule_shows_its_next_and_its_last_slot() {
    let (_database, pool, store) = with_schedules().await;
    run(
        &pool,
        "insert into slot (tenant, schedule, at, fire_at, revision, zone_data, state, reason, decided_at) values
            (1, 'briefs', '2020-01-01', '2020-01-01', 1, '', 'fired', null, now()),
            (1, 'briefs', '2020-01-02', '2020-01-02', 1, '', 'skipped', 'paused', now())",
    )
    .await;

    let page = store
        .schedules(DEFAULT_TENANT, None, 1)
        .await
        .expect("a page");
    let rest = store
        .schedules(DEFAULT_TENANT, page.next.as_deref(), 1)
        .await
        .expect("a page");

    let briefs = &page.items[0];
    assert_eq!(
        (briefs.name.as_str(), briefs.last_state.as_deref()),
        ("briefs", Some("skipped"))
    );
    assert_eq!(briefs.last_at, Some(instant("2020-01-02T00:00:00Z")));
    let now = store.clock().await.expect("the clock").now;
    let next = briefs.next_at.expect("a planned slot");
    assert!(next > now - TimeDelta::minutes(1) && next <= now + TimeDelta::hours(1));
    assert_eq!((rest.items[0].name.as_str(), rest.next), ("weekly", None));
}

#[tokio::test]
async fn the_ledger_is_read_by_time_and_state() {
    let (_database, pool, store) = with_schedules().await;
    run(
        &pool,
        "insert into slot (tenant, schedule, at, fire_at, revision, zone_data, state, decided_at)
         select 1, 'briefs', at, at, 1, '', case when extract(hour from at) = 3 then 'missed' else 'fired' end, now()
         from generate_series(timestamptz '2020-01-01', timestamptz '2020-01-01 09:00', '1 hour') at",
    )
    .await;
    let past = SlotFilter {
        until: Some(instant("2021-01-01T00:00:00Z")),
        ..SlotFilter::default()
    };
    let missed = SlotFilter {
        states: vec!["missed".to_owned()],
        ..past.clone()
    };
    let early = SlotFilter {
        until: Some(instant("2020-01-01T02:00:00Z")),
        ..past.clone()
    };

    let first = store
        .slots(DEFAULT_TENANT, "briefs", &past, None, 6)
        .await
        .expect("a page");
    let second = store
        .slots(DEFAULT_TENANT, "briefs", &past, first.next, 6)
        .await
        .expect("a page");
    let missed = store
        .slots(DEFAULT_TENANT, "briefs", &missed, None, 6)
        .await
        .expect("a page");
    let early = store
        .slots(DEFAULT_TENANT, "briefs", &early, None, 6)
        .await
        .expect("a page");

    assert_eq!(
        (first.items.len(), second.items.len(), second.next),
        (6, 4, None)
    );
    assert_eq!(first.items[5].at - second.items[0].at, TimeDelta::hours(1));
    assert_eq!(missed.items[0].at, instant("2020-01-01T03:00:00Z"));
    assert_eq!(early.items.len(), 2);
}

#[tokio::test]
async fn a_planned_slot_fires_at_its_place_in_the_spread() {
    let (_database, _pool, store) = with_schedules().await;

    let filter = SlotFilter::default();
    let ledger = store
        .slots(DEFAULT_TENANT, "briefs", &filter, None, 100)
        .await
        .expect("a page");

    let place = spread_offset("default/briefs", Duration::from_secs(5 * 60));
    let place = TimeDelta::from_std(place).expect("below five minutes");
    assert_eq!(ledger.items.len(), 24);
    assert!(
        ledger
            .items
            .iter()
            .all(|slot| slot.fire_at - slot.at == place)
    );
    let at = ledger.items[0].at;
    let one = store.slot(DEFAULT_TENANT, "briefs", at).await.expect("it");
    assert_eq!((one.state.as_str(), one.batch), ("planned", None));
}

#[tokio::test]
async fn what_has_no_schedule_is_not_found() {
    let (_database, _pool, store) = with_schedules().await;

    let schedule = store.schedule(DEFAULT_TENANT, "monthly").await;
    let at = instant("2020-01-01T00:00:00Z");
    let slot = store.slot(DEFAULT_TENANT, "weekly", at).await;

    assert_eq!(schedule.expect_err("none").code(), "not_found");
    assert_eq!(slot.expect_err("none").code(), "not_found");
}

#[tokio::test]
async fn today_s_slots_stand_on_the_front_page() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store.enter_development().await.expect("development");
    store
        .set_clock(instant("2027-03-01T12:30:00Z"))
        .await
        .expect("moved");
    let (_database, _pool, store) = with_documents(database, store).await;

    let home = store.home(DEFAULT_TENANT).await.expect("the front page");

    let at: Vec<DateTime<Utc>> = home.slots_today.iter().map(|slot| slot.at).collect();
    assert_eq!(at.len(), 11);
    assert_eq!(at[0], instant("2027-03-01T13:00:00Z"));
    assert_eq!(at[10], instant("2027-03-01T23:00:00Z"));
}
