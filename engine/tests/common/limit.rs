//! Lanes under limits: their claims, their counters, and time that goes by for them.

use uuid::Uuid;
use windlass_engine::store::{Claimed, LaneKey, Want};

use super::{Bench, TestWorker};

/// A lane under some keys, sorted.
pub async fn lane(bench: &Bench, keys: &[&str]) -> i32 {
    let key = LaneKey {
        limit_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        ..LaneKey::of_template(1, "test.noop", "", 0)
    };
    bench.store.lane(&key).await.expect("a lane")
}

pub async fn submit(bench: &Bench, lane: i32, jobs: usize) {
    let mut request = bench.request();
    request.lane = lane;
    for page in vec![request; jobs].chunks(1_000) {
        let submitted = bench.store.submit(1, "test", page).await;
        submitted.expect("submitted");
    }
}

/// Units in use, by key.
pub async fn used(bench: &Bench) -> Vec<i32> {
    let used = sqlx::query_scalar("select used from limit_use order by key");
    used.fetch_all(&bench.pool).await.expect("counters")
}

pub async fn claim(worker: &mut TestWorker, lanes: &[(i32, usize)]) -> Vec<Claimed> {
    let want = Want {
        limited: true,
        named: false,
        claim: Uuid::now_v7(),
        lanes: lanes.to_vec(),
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}

/// Time goes by for the buckets.
pub async fn pass(bench: &Bench, seconds: i32) {
    sqlx::query("update limit_use set refilled_at = refilled_at - make_interval(secs => $1)")
        .bind(seconds)
        .execute(&bench.pool)
        .await
        .expect("later");
}
