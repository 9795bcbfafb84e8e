//! A slot in a row that stands for many is still to be read, run, backfilled and caught up, and never decided twice.

use std::time::Duration;

use crate::common::Bench;
use crate::common::own::pause_of;
use crate::common::runs::{
    LATE, MISSED, PAUSED, STEP, apply_rule, every_ten_minutes, fire_at, missed, row, rows,
};
use chrono::{DateTime, TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::{Backfill, Trigger};
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter};
use windlass_workflows::calendar::CatchUp;

#[tokio::test]
async fn resuming_with_catch_up_takes_the_newest_out_of_the_row() {
    let (bench, first) = every_ten_minutes(", overlap: allow").await;
    let paused = bench.store.pause(DEFAULT_TENANT, pause_of("briefs")).await;
    paused.expect("paused");
    fire_at(&bench, first + STEP * 1_999).await;
    let pace = Duration::from_secs(3_600);
    let within = Duration::from_secs(7 * 86_400);
    let all = CatchUp::All {
        max: 3,
        within,
        pace,
    };

    let resumed = bench
        .store
        .resume_schedule(DEFAULT_TENANT, "briefs", Some(all));

    let (_, late) = resumed.await.expect("resumed");
    let let_go = [1_997, 1_998, 1_999]
        .map(|n| row(first + STEP * n, 1, "planned: late: let go after a pause"));
    assert_eq!(late, 3);
    assert_eq!(
        rows(&bench).await,
        [vec![row(first, 1_997, PAUSED)], let_go.to_vec()].concat()
    );
    let fired = bench.store.fire().await.expect("a pass");
    assert_eq!(fired.batches.len(), 1, "the others keep the pace");
}

/// Which slot each follows of those that were given a row with this reason, both by their number.
async fn followed(bench: &Bench, first: DateTime<Utc>, reason: &str) -> Vec<(i64, i64)> {
    let sql = "select (extract(epoch from at - $1) / 600)::bigint, (extract(epoch from previous - $1) / 600)::bigint
               from slot where reason = $2 order by at";
    let found = sqlx::query_as(sql).bind(first).bind(reason);
    found.fetch_all(&bench.pool).await.expect("slots")
}

async fn run_by_hand(bench: &Bench, at: DateTime<Utc>) {
    let slot = Trigger::Slot(at);
    let started = bench.store.trigger(DEFAULT_TENANT, "briefs", slot, "mia");
    assert!(started.await.expect("started").batch.is_some());
}

#[tokio::test]
async fn a_backfilled_slot_follows_one_that_ran_by_hand() {
    let (bench, first) = missed().await;
    run_by_hand(&bench, first + STEP * 102).await;

    let asked = bench
        .store
        .backfill(DEFAULT_TENANT, five(first, false))
        .await;

    let runs: Vec<_> = asked.expect("asked").iter().map(|slot| slot.runs).collect();
    assert_eq!(runs, [true, true, false, true, true]);
    assert_eq!(
        followed(&bench, first, "backfill").await,
        [(100, 99), (101, 100), (103, 102), (104, 103)]
    );
}

#[tokio::test]
async fn a_slot_that_is_caught_up_follows_one_that_ran_by_hand() {
    let (bench, first) = every_ten_minutes(", overlap: allow").await;
    let paused = bench.store.pause(DEFAULT_TENANT, pause_of("briefs")).await;
    paused.expect("paused");
    fire_at(&bench, first + STEP * 1_999).await;
    run_by_hand(&bench, first + STEP * 1_997).await;
    let all = CatchUp::All {
        max: 4,
        within: Duration::from_secs(7 * 86_400),
        pace: Duration::from_secs(3_600),
    };

    let resumed = bench
        .store
        .resume_schedule(DEFAULT_TENANT, "briefs", Some(all));

    assert_eq!(resumed.await.expect("resumed").1, 4);
    assert_eq!(
        followed(&bench, first, "late: let go after a pause").await,
        [
            (1_995, 1_994),
            (1_996, 1_995),
            (1_998, 1_997),
            (1_999, 1_998)
        ]
    );
}

/// A backfill of the slots 100 to 104.
fn five(first: DateTime<Utc>, dry_run: bool) -> Backfill {
    Backfill {
        schedule: "briefs".to_owned(),
        from: first + STEP * 100,
        to: first + STEP * 105,
        who: "mia".to_owned(),
        dry_run,
    }
}

#[tokio::test]
async fn a_backfill_takes_its_slots_out_and_gives_them_back() {
    let (bench, first) = missed().await;
    let whole = rows(&bench).await;

    let told = bench
        .store
        .backfill(DEFAULT_TENANT, five(first, true))
        .await
        .expect("told");
    assert!(
        told.len() == 5
            && told
                .iter()
                .all(|slot| slot.runs && slot.was.as_deref() == Some(MISSED))
    );
    assert_eq!(rows(&bench).await, whole, "a dry run changes nothing");

    let asked = bench
        .store
        .backfill(DEFAULT_TENANT, five(first, false))
        .await
        .expect("asked");
    assert_eq!(asked, told);
    let with = |told: &str| {
        let slots = (100..105).map(|n| row(first + STEP * n, 1, told));
        let parts = [
            row(first, 100, MISSED),
            row(first + STEP * 105, 1_895, MISSED),
        ];
        [
            vec![parts[0].clone()],
            slots.collect(),
            vec![parts[1].clone()],
        ]
        .concat()
    };
    assert_eq!(rows(&bench).await, with("planned: backfill"));
    let again = bench
        .store
        .backfill(DEFAULT_TENANT, five(first, false))
        .await
        .expect("asked");
    assert!(again.iter().all(|slot| !slot.runs));

    let taken = bench
        .store
        .cancel_backfill(DEFAULT_TENANT, "briefs")
        .await
        .expect("taken back");
    assert_eq!(taken, 5);
    assert_eq!(rows(&bench).await, with(MISSED));
    fire_at(&bench, first + STEP * 2_000 + LATE).await;
    assert_eq!(
        rows(&bench).await,
        [row(first, 2_001, MISSED)],
        "they are equal verdicts in a row"
    );
}

#[tokio::test]
async fn a_slot_in_the_row_is_run_by_hand_once() {
    let (bench, first) = missed().await;
    let run = |n: i32, by: TimeDelta| {
        let slot = Trigger::Slot(first + STEP * n + by);
        bench.store.trigger(DEFAULT_TENANT, "briefs", slot, "mia")
    };

    for n in [0, 1_000, 1_999] {
        assert!(
            run(n, TimeDelta::zero())
                .await
                .expect("started")
                .batch
                .is_some()
        );
    }

    let ran = |n: i32| row(first + STEP * n, 1, "manual: run by mia");
    let left = |n: i32, count| row(first + STEP * n, count, MISSED);
    assert_eq!(
        rows(&bench).await,
        [
            ran(0),
            left(1, 999),
            ran(1_000),
            left(1_001, 998),
            ran(1_999)
        ]
    );
    let again = run(1_000, TimeDelta::zero()).await;
    assert!(
        matches!(
            again,
            Err(Error::Conflict {
                code: "slot_already_ran",
                ..
            })
        ),
        "{again:?}"
    );
    let between = run(500, TimeDelta::minutes(1)).await.expect_err("no slot");
    assert!(format!("{between:?}").contains("not_a_slot"), "{between:?}");
    assert_eq!(bench.count("select count(*) from batch").await, 3);
}

#[tokio::test]
async fn pages_show_the_row_wherever_it_reaches() {
    let (bench, first) = missed().await;
    fire_at(&bench, first + STEP * 2_000).await;
    let page = |since: i32, until: i32| {
        let filter = SlotFilter {
            since: Some(first + STEP * since),
            until: Some(first + STEP * until),
            ..SlotFilter::default()
        };
        let store = bench.store.clone();
        async move {
            store
                .slots(DEFAULT_TENANT, "briefs", &filter, None, 1)
                .await
                .expect("a page")
        }
    };

    let inside = page(500, 600).await;
    let latest = page(500, 2_001).await;
    let before = page(-5, 0).await;
    let behind = page(2_001, 3_000).await;

    assert_eq!(inside.items[0].n, Some(2_000));
    assert_eq!(
        (latest.items[0].state.as_str(), latest.items[0].n),
        ("fired", None)
    );
    let filter = SlotFilter {
        since: Some(first + STEP * 500),
        ..SlotFilter::default()
    };
    let next = bench
        .store
        .slots(DEFAULT_TENANT, "briefs", &filter, latest.next, 9)
        .await;
    let next = next.expect("a page");
    assert_eq!(
        (next.items.len(), next.items[0].at, next.next),
        (1, first, None)
    );
    assert!(before.items.is_empty());
    assert!(behind.items.iter().all(|slot| slot.n.is_none()));
}

#[tokio::test]
async fn the_front_page_has_the_row_that_reaches_into_its_day() {
    let (bench, first) = missed().await;

    let home = bench
        .store
        .home(DEFAULT_TENANT)
        .await
        .expect("the front page");

    let runs: Vec<_> = home
        .slots_today
        .iter()
        .filter(|slot| slot.n.is_some())
        .collect();
    assert_eq!((runs.len(), runs[0].at, runs[0].n), (1, first, Some(2_000)));
}

#[tokio::test]
async fn an_edit_leaves_the_row_alone_and_begins_another() {
    let (bench, first) = missed().await;
    apply_rule(&bench, "interval: 5m, zone: UTC, catch_up: none").await;
    let edited = bench.store.clock().await.expect("the clock").now;

    fire_at(&bench, edited + TimeDelta::minutes(5) * 1_500).await;

    let rows = rows(&bench).await;
    assert_eq!(rows[0], row(first, 2_000, MISSED));
    assert!(
        rows[1].0 > edited && rows[1].1 > 1_490 && rows[1].2 == MISSED,
        "{rows:?}"
    );
}

#[tokio::test]
async fn new_zone_data_gives_no_slot_of_the_row_another_one() {
    let (bench, _) = missed().await;
    let before = rows(&bench).await;
    let old = sqlx::query("update schedule set zone_data = '2001a'")
        .execute(&bench.pool)
        .await;
    old.expect("old zones");

    bench.store.fire().await.expect("a pass");

    assert_eq!(rows(&bench).await, before);
    assert_eq!(
        bench
            .count("select count(*) from slot where state = 'planned'")
            .await,
        2 * 144
    );
}
