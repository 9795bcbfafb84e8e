//! A claim begins at a floor while the head of its lane is dead: what comes to stand behind it is found, in
//! either order, and what is dead is not walked over again.

use std::time::Duration;

use sqlx::{Postgres, Transaction};
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use windlass_engine::store::{Claimed, Hot, NewEntry, NewRequest, connect_options};

use super::stage::{BEFORE_REST, Stage, census, ended, start};

/// Entries at the head of the lane that nobody may clear away: a walk over them leaves a floor.
const DEAD: i64 = 100_000;
const BURY: [&str; 2] = [
    "insert into ready (first_id, last_id, lane, eff, run_at)
     select 15000000 + n, 15000000 + n, lane.id, now() - interval '1 hour', now()
     from generate_series(1, 100000) n, (select min(id) as id from lane) lane",
    "delete from ready where first_id > 15000000",
];
/// Far longer than a floor holds.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Somebody reads for long, and much was claimed since.
async fn dead_head(stage: &Stage) -> Transaction<'static, Postgres> {
    let mut reader = stage.bench.pool.begin().await.expect("a transaction");
    for sql in [
        "set transaction isolation level repeatable read",
        "select count(*) from lane",
    ] {
        sqlx::query(sql).execute(&mut *reader).await.expect("read");
    }
    for sql in BURY {
        stage.run(sql).await;
    }
    reader
}

/// A pump's claim, which begins at its floors.
async fn claim(stage: &Stage, hot: &mut Hot, worker: Uuid, quota: usize) -> Vec<Claimed> {
    let want = stage.want(Uuid::now_v7(), quota);
    let exchanged = hot.exchange_of::<NewEntry>(worker, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}

#[tokio::test]
async fn i28a_an_urgent_job_that_comes_behind_the_floor_is_claimed_before_most_others() {
    let stage = Stage::with_jobs(3_000).await;
    let reader = dead_head(&stage).await;
    let mut worker = stage.bench.worker().await;
    let first = claim(&stage, &mut worker.hot, worker.id, 1).await;
    let urgent = NewRequest {
        priority: 1_800,
        ..stage.bench.request()
    };
    let submitted = stage.bench.store.submit(1, "test", &[urgent]).await;
    submitted.expect("submitted");
    let urgent = stage
        .bench
        .count("select first_id from ready where priority = 1800")
        .await;

    let mut before = first.len();
    let looking = timeout(PATIENCE, async {
        while claim(&stage, &mut worker.hot, worker.id, 1).await[0].id != urgent {
            before += 1;
            sleep(LOOK_AGAIN).await;
        }
    });

    looking.await.expect("it is found when the floor runs out");
    assert!(before < 3_000, "others were left: {before}");
    drop(reader);
}

#[tokio::test]
async fn i28b_a_rest_that_comes_behind_the_floor_of_another_claim_is_claimed_once() {
    let stage = Stage::with_jobs(10).await;
    // A claim of three looks at three extents, and locks them.
    for _ in 0..3 {
        stage.bench.submit(5).await;
    }
    let reader = dead_head(&stage).await;
    let (mut one, mut two) = (stage.bench.worker().await, stage.bench.worker().await);
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let claiming = start(async move { one.claim(3).await });
    stage.blocked(1).await;
    let behind = claim(&stage, &mut two.hot, two.id, 4).await;
    gate.release().await;
    assert_eq!((ended(claiming).await.len(), behind.len()), (3, 4));

    let mut left = 25 - 3 - 4;
    let looking = timeout(PATIENCE, async {
        while left > 0 {
            left -= claim(&stage, &mut two.hot, two.id, 4).await.len();
            sleep(LOOK_AGAIN).await;
        }
    });

    looking
        .await
        .expect("all are found when the floor runs out");
    drop(reader);
    assert_eq!(stage.census().await, census([("lease", 25)]));
}

#[tokio::test]
async fn i28c_many_claims_walk_over_a_dead_head_seldom() {
    let stage = Stage::with_jobs(1_000).await;
    let reader = dead_head(&stage).await;
    let worker = stage.bench.worker().await;
    // The server counts what a session read when it ends; one of a pooler's stays.
    let options = connect_options(stage.bench.database.direct_url(), "claims often");
    let options = options.expect("an address");
    let mut hot = Hot::connect(&options).await.expect("a connection");

    for _ in 0..100 {
        assert_eq!(claim(&stage, &mut hot, worker.id, 1).await.len(), 1);
    }

    hot.close().await;
    let there = "select count(*) from pg_stat_activity where application_name = 'claims often'";
    stage.until(0, there).await;
    let read = "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'ready_lane'";
    let read = stage.bench.count(read).await;
    // Each would walk over all of them. A floor is left behind for twenty times as long as the walk took.
    assert!((DEAD..20 * DEAD).contains(&read), "{read} entries");
    drop(reader);
}
