//! Blocks that are copied at the same time: the second waits for its turn, however long, and is nobody's until then.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use windlass_engine::Store;
use windlass_engine::protocol::Planned;

use crate::common::Bench;
use crate::common::recipe::{create, flock, plan};
use crate::{MANY, bench, digest, over_birds};

/// Blocks that were copied ahead belong to nobody when another planner moves the cursor before them.
#[tokio::test]
async fn nothing_stays_of_blocks_whose_batch_was_taken_meanwhile() {
    let bench = bench(&flock(MANY, 7)).await;
    let undisturbed = plan(&bench.store, &over_birds("individual")).await;
    let batch = create(&bench.store, &over_birds("individual")).await;
    let mut other = bench.pool.begin().await.expect("a transaction");
    sqlx::query("select from batch where id = $1 for update")
        .bind(batch)
        .execute(&mut *other)
        .await
        .expect("locked");
    let planning = tokio::spawn({
        let store = bench.store.clone();
        async move { store.plan().await }
    });

    two_under_way(&bench).await;
    move_cursor(&mut other, batch, 1).await;
    other.commit().await.expect("committed");

    let planned = planning.await.expect("no panic").expect("no fault");
    assert_eq!(planned, Planned::Taken(batch));
    let jobs = bench.count("select count(*) from job").await;
    assert_eq!(jobs, MANY as i64, "those of the other batch");
    bench.assert_held_once().await;

    let mut own = bench.pool.acquire().await.expect("a connection");
    move_cursor(&mut own, batch, 0).await;
    while bench.store.plan().await.expect("planned") != Planned::Idle {}
    assert_eq!(
        digest(&bench, batch).await,
        digest(&bench, undisturbed.id).await
    );
    bench.assert_held_once().await;
}

/// The one before it may take longer than a transaction may be idle.
#[tokio::test]
async fn a_block_that_waits_for_its_turn_is_not_cut_off() {
    let bench = bench(&flock(MANY, 7)).await;
    let batch = create(&bench.store, &over_birds("individual")).await;
    let options = bench.database.options("windlass test");
    let options = options.options([("idle_in_transaction_session_timeout", "200ms")]);
    let pool = PgPoolOptions::new().connect_with(options).await;
    let impatient = Store::new(pool.expect("the test server answers"));
    let mut other = bench.pool.begin().await.expect("a transaction");
    sqlx::query("select from batch where id = $1 for update")
        .bind(batch)
        .execute(&mut *other)
        .await
        .expect("locked");
    let planning = tokio::spawn(async move { impatient.plan().await });

    two_under_way(&bench).await;
    idle_for_long(&bench).await;
    other.commit().await.expect("committed");

    let planned = planning.await.expect("no panic").expect("no fault");
    assert_eq!(planned, Planned::Sealed(batch));
    bench.assert_held_once().await;
}

/// Waits until a block has been idle for longer than it might, or was cut off.
async fn idle_for_long(bench: &Bench) {
    let over = "select count(*) filter (where state_change > now() - interval '600 ms') = 0
                from pg_stat_activity
                where datname = current_database() and state = 'idle in transaction' and query like '%copy job%'";
    for _ in 0..1_000 {
        let is_over: bool = sqlx::query_scalar(over)
            .fetch_one(&bench.pool)
            .await
            .expect("an answer");
        if is_over {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no block waits");
}

/// Waits until one block waits for the lock of its batch, and the one behind it for its turn.
async fn two_under_way(bench: &Bench) {
    let waiting = "select count(*) filter (where wait_event_type = 'Lock') > 0
                      and count(*) filter (where query like 'copy job%' or query like '%copy job (%') > 0
                   from pg_stat_activity where datname = current_database()";
    for _ in 0..1_000 {
        let both: bool = sqlx::query_scalar(waiting)
            .fetch_one(&bench.pool)
            .await
            .expect("an answer");
        if both {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("two blocks are not under way");
}

async fn move_cursor(connection: &mut sqlx::PgConnection, batch: i64, to: i64) {
    sqlx::query("update batch set cursor_n = $2 where id = $1")
        .bind(batch)
        .bind(to)
        .execute(connection)
        .await
        .expect("moved");
}
