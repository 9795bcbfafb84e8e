//! A promoted standby is not taken silently: it is told, followed, and gives no id twice.

mod common;

use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::store::{Beat, Incarnation, LaneKey, NewRequest, Submitted, connect_options};
use windlass_engine::testing::TestCluster;

use common::LEASE_TIME;

/// What a process has beside its pool is forgotten with it, as by a start.
async fn opened(cluster: &TestCluster) -> Store {
    let options = connect_options(cluster.url(), "windlass test").expect("our own address");
    Store::open(options, 2).await.expect("the server answers")
}

/// A job that is acknowledged; its id.
async fn accepted(store: &Store) -> i64 {
    let lane = store
        .lane(&LaneKey::of_template(1, "test.noop", "", 0))
        .await;
    let request = NewRequest {
        lane: lane.expect("a lane"),
        template_version: 1,
        input: "{}".into(),
        ..NewRequest::default()
    };
    let answers = store.submit(1, "test", &[request]).await.expect("stored");
    match answers.as_slice() {
        [Submitted::Created { job }] => *job,
        other => panic!("not created: {other:?}"),
    }
}

/// A worker enters, and a look sees that.
async fn acknowledged(cluster: &TestCluster, store: &Store) -> i64 {
    let options = connect_options(cluster.url(), "windlass test").expect("our own address");
    let mut beat = Beat::connect(&options).await.expect("a connection");
    let worker = Incarnation {
        id: Uuid::new_v4(),
        ..Incarnation::default()
    };
    beat.enter(&worker).await.expect("entered");
    let due = store.duties_due(LEASE_TIME).await.expect("a look");
    let seen = due.acknowledged.expect("a worker is about");
    beat.renew(worker.id).await.expect("answered");
    let renewed = beat.renew(worker.id).await.expect("answered");
    let beaten = renewed.expect("alive").acknowledged;
    assert!(seen < beaten, "{seen}, {beaten}");
    beaten
}

/// Draws numbers of transactions that come to nothing.
const COME_TO_NOTHING: &str = "do $$ begin
    for n in 1..2000 loop
        begin
            insert into tally (batch, kind, n) values (1, 'none', n);
            raise division_by_zero;
        exception when division_by_zero then null;
        end;
    end loop;
    raise division_by_zero;
end $$";

#[tokio::test]
async fn a_promoted_standby_that_was_behind_is_told_and_gives_no_id_twice() {
    let mut cluster = TestCluster::durable().await;
    let store = opened(&cluster).await;
    let new = store.follow_server().await.expect("a look");
    let first = accepted(&store).await;
    store.close().await;
    cluster.kill().await;
    cluster.keep_standby();
    cluster.restart().await;
    let store = opened(&cluster).await;
    let same = store.follow_server().await.expect("a look");
    for _ in 0..10 {
        accepted(&store).await;
    }
    let lost = accepted(&store).await;
    let seen = acknowledged(&cluster, &store).await;
    store.close().await;
    cluster.kill().await;

    cluster.promote_standby().await;

    let store = opened(&cluster).await;
    let moved = store.follow_server().await.expect("a look");
    let moved = moved.expect("it moved");
    let next = accepted(&store).await;
    let again = store.follow_server().await.expect("a look");
    let jobs = cluster.count("select count(*) from job").await;
    let fresh = "select count(*) from cluster where since >= pg_postmaster_start_time()";
    assert_eq!((new, same, again), (None, None, None), "nothing moved");
    assert_eq!((moved.timeline_before, moved.timeline), (1, 2));
    assert!(!moved.is_other_server);
    assert!(moved.went_back_behind(Some(seen)), "{moved:?}, {seen}");
    assert!(!moved.went_back_behind(None), "nobody saw it");
    assert_eq!(jobs, 2, "what was acknowledged after the copy is gone");
    assert!(first < lost && lost < next, "{first}, {lost}, {next}");
    assert_eq!(cluster.count(fresh).await, 1, "workers get a lease time");
}

#[tokio::test]
async fn a_promoted_standby_that_had_everything_lost_nothing() {
    let mut cluster = TestCluster::durable().await;
    let store = opened(&cluster).await;
    store.follow_server().await.expect("a look");
    accepted(&store).await;
    let seen = acknowledged(&cluster, &store).await;
    let drawn = sqlx::query(COME_TO_NOTHING)
        .execute(&cluster.pool().await)
        .await;
    drawn.expect_err("it comes to nothing");
    store.close().await;
    cluster.kill().await;
    cluster.keep_standby();

    cluster.promote_standby().await;

    let store = opened(&cluster).await;
    let moved = store.follow_server().await.expect("a look");
    let moved = moved.expect("it moved");
    assert_eq!(moved.timeline, 2);
    assert!(!moved.went_back_behind(Some(seen)), "{moved:?}, {seen}");
    assert_eq!(cluster.count("select count(*) from job").await, 1);
}
