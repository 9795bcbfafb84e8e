//! A claim from lanes that a notification named, and no look has seen: the statement judges them itself.

use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;
use windlass_engine::store::{
    Claimed, LaneKey, Listener, NewPause, NewRequest, NewShare, Want, connect_options,
};
use windlass_engine::vocabulary::{PauseMode, PauseScope, ShareKind};

use crate::common::{Bench, TestWorker};

/// A notification comes at once.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// Jobs in a lane of the test's own template.
async fn submitted(bench: &Bench, capability: &str, limits: &[&str]) -> i32 {
    let key = LaneKey {
        limit_keys: limits.iter().map(|key| (*key).to_owned()).collect(),
        capability: capability.into(),
        ..LaneKey::of_template(1, "test.noop", "", 0)
    };
    let lane = bench.store.lane(&key).await.expect("a lane");
    let mut request = bench.request();
    request.lane = lane;
    let stored = bench.store.submit(1, "test", &[request]).await;
    stored.expect("submitted");
    lane
}

fn stocktaking() -> NewPause {
    NewPause {
        scope: PauseScope::Queue,
        subject: "default".into(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: "stocktaking".into(),
        until: None,
    }
}

async fn claim_named(worker: &mut TestWorker, lane: i32) -> Vec<Claimed> {
    let want = Want {
        limited: false,
        named: true,
        claim: Uuid::now_v7(),
        lanes: vec![(lane, 5)],
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("exchanged").claimed
}

#[tokio::test]
async fn a_commit_that_speaks_names_its_lane_and_the_claim_takes_from_it() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    let address = connect_options(bench.database.direct_url(), "listener");
    let mut listener = Listener::connect(&address.expect("an address"))
        .await
        .expect("an ear");

    let lane = submitted(&bench, "", &[]).await;
    let heard = timeout(HEARD_WITHIN, listener.next()).await;

    assert_eq!(heard.expect("in time"), Some(vec![lane]));
    assert_eq!(claim_named(&mut worker, lane).await.len(), 1);
    assert!(claim_named(&mut worker, lane).await.is_empty());
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_request_with_a_key_names_its_lane_too() {
    let bench = Bench::new().await;
    let address = connect_options(bench.database.direct_url(), "listener");
    let mut listener = Listener::connect(&address.expect("an address"))
        .await
        .expect("an ear");
    let keyed = NewRequest {
        idempotency_key: Some("once".into()),
        ..bench.request()
    };

    let stored = bench.store.submit(1, "test", &[keyed]).await;
    stored.expect("submitted");
    let heard = timeout(HEARD_WITHIN, listener.next()).await;

    assert_eq!(heard.expect("in time"), Some(vec![bench.lane]));
}

#[tokio::test]
async fn nothing_is_taken_from_a_paused_lane() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    let lane = submitted(&bench, "", &[]).await;
    let paused = bench.store.pause(1, stocktaking()).await.expect("paused");

    assert!(claim_named(&mut worker, lane).await.is_empty());
    bench.store.resume(1, paused.id).await.expect("resumed");

    assert_eq!(claim_named(&mut worker, lane).await.len(), 1);
}

/// A pump's list may be older than the pause, as that of one that waits for room under a limit is.
#[tokio::test]
async fn a_claim_by_an_old_list_takes_nothing_from_a_paused_lane() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    bench.submit(2).await;
    assert_eq!(worker.claim(1).await.len(), 1);
    let paused = bench.store.pause(1, stocktaking()).await.expect("paused");

    assert!(worker.claim(1).await.is_empty());
    bench.store.resume(1, paused.id).await.expect("resumed");

    assert_eq!(worker.claim(1).await.len(), 1);
}

#[tokio::test]
async fn nothing_is_taken_while_anybody_s_share_has_a_bound() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    let share = |minimum, maximum| NewShare {
        kind: ShareKind::Group,
        name: "1/somebody.else".into(),
        weight: 1,
        minimum,
        maximum,
        who: "leo".into(),
    };
    let lane = submitted(&bench, "", &[]).await;

    for (minimum, maximum, taken) in [(1, None, 0), (0, Some(9), 0), (0, None, 1)] {
        let share = share(minimum, maximum);
        bench.store.put_share(1, &share).await.expect("stored");
        let claimed = claim_named(&mut worker, lane).await;
        assert_eq!(
            claimed.len(),
            taken,
            "minimum {minimum}, maximum {maximum:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_taken_from_a_lane_with_limits() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    let rule = "insert into limit_rule (tenant, name, scope, concurrency) values (1, 'api', 'reference', 5)";
    sqlx::query(rule)
        .execute(&bench.pool)
        .await
        .expect("a rule");
    let lane = submitted(&bench, "", &["api:x"]).await;

    assert!(claim_named(&mut worker, lane).await.is_empty());
    assert_eq!(bench.count("select used::int8 from limit_use").await, 0);
}

#[tokio::test]
async fn nothing_is_taken_that_the_worker_has_no_handler_for() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    let lane = submitted(&bench, "print,fold", &[]).await;
    let id = worker.id;
    let can = async |handlers: &str| {
        let able = "update worker set capabilities = string_to_array($1, ',') where id = $2";
        let able = sqlx::query(able).bind(handlers).bind(id);
        able.execute(&bench.pool).await.expect("updated");
    };

    can("print").await;
    assert!(claim_named(&mut worker, lane).await.is_empty());
    can("fold,print").await;
    assert_eq!(claim_named(&mut worker, lane).await.len(), 1);
}
