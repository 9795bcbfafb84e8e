//! Life and death: a heartbeat meets its death mark; outages, promotions, clocks, and a restored database.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use windlass_engine::store::{Beat, Expired, Hot, Incarnation, Store, Want, connect_options};
use windlass_engine::testing::TestCluster;

use super::common::{LEASE_TIME, completed};
use super::stage::{Stage, census, ended, ids, sorted, start};

/// Shorter than the server is up, longer than two statements are apart.
const SHORT: Duration = Duration::from_secs(2);
const HEARTBEAT: &str = include_str!("../../queries/worker/heartbeat.sql");
const MARK_DEAD: &str = include_str!("../../queries/worker/mark_dead.sql");

#[tokio::test]
async fn i08a_a_death_mark_that_waited_for_a_heartbeat_spares_the_worker() {
    let stage = Stage::with_jobs(10).await;
    stage.grown_up().await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    stage
        .run("update worker set seen = now() - interval '1 hour'")
        .await;
    let mut session = stage.bench.pool.begin().await.expect("a transaction");
    let stops = sqlx::query(HEARTBEAT)
        .bind(worker.id)
        .fetch_all(&mut *session)
        .await;
    assert_eq!(stops.expect("renewed").len(), 1);
    let store = stage.bench.store.clone();
    let expiring = start(async move { store.expire(SHORT).await });
    stage.blocked(1).await;

    session.commit().await.expect("renewed");

    assert_eq!(ended(expiring).await.expect("looked"), Expired::default());
    assert!(worker.complete(&jobs).await.refused.is_empty());
    assert_eq!(stage.census().await, census([("completed", 10)]));
}

#[tokio::test]
async fn i08b_a_heartbeat_that_waited_for_its_death_mark_is_told() {
    let stage = Stage::with_jobs(10).await;
    stage.grown_up().await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    stage
        .run("update worker set seen = now() - interval '1 hour'")
        .await;
    let mut session = stage.bench.pool.begin().await.expect("a transaction");
    let marked = sqlx::query(MARK_DEAD)
        .bind(SHORT.as_secs_f64())
        .fetch_all(&mut *session)
        .await;
    assert_eq!(marked.expect("marked").len(), 1);
    let (id, mut beat) = (worker.id, worker.beat);
    let beating = start(async move { beat.renew(id).await });
    stage.blocked(1).await;

    session.commit().await.expect("marked");

    assert_eq!(ended(beating).await.expect("answered"), None);
    let expired = stage.bench.store.expire(SHORT).await.expect("expired");
    assert_eq!((expired.workers, expired.jobs), (0, 10));
    let entries: Vec<_> = jobs.iter().map(completed).collect();
    let late = worker.hot.exchange(id, &entries, None).await.expect("sent");
    assert_eq!(sorted(late.refused), ids(&jobs));
}

/// A server with a worker that was heard last an hour ago, by its own clock.
async fn silent_worker(cluster: &TestCluster) -> Store {
    let store = Store::new(cluster.pool().await);
    let options = connect_options(cluster.url(), "test worker").expect("options");
    let mut beat = Beat::connect(&options).await.expect("a connection");
    beat.enter(&Incarnation::default()).await.expect("entered");
    let mut connection = PgConnection::connect(cluster.url()).await.expect("answers");
    sqlx::raw_sql(
        "update windlass.worker set seen = now() - interval '1 hour';
         update windlass.cluster set since = now() - interval '1 day'",
    )
    .execute(&mut connection)
    .await
    .expect("silenced");
    store
}

#[tokio::test]
async fn i31a_an_outage_of_the_server_kills_no_worker() {
    let mut cluster = TestCluster::durable().await;
    silent_worker(&cluster).await;
    cluster.kill().await;
    cluster.restart().await;
    let store = Store::new(cluster.pool().await);

    let just_back = store.expire(LEASE_TIME).await.expect("looked");
    let grown = store.expire(Duration::from_millis(1)).await;

    assert_eq!(just_back.workers, 0, "it could not have been heard");
    assert_eq!(grown.expect("looked").workers, 1);
}

#[tokio::test]
async fn i31b_a_promotion_kills_no_worker() {
    let stage = Stage::with_jobs(1).await;
    stage.grown_up().await;
    let _worker = stage.bench.worker().await;
    stage
        .run("update worker set seen = now() - interval '1 hour'")
        .await;
    stage.run("update cluster set since = now()").await;

    let promoted = stage.bench.store.expire(SHORT).await.expect("looked");
    stage
        .run("update cluster set since = now() - interval '1 hour'")
        .await;
    let grown = stage.bench.store.expire(SHORT).await.expect("looked");

    assert_eq!((promoted.workers, grown.workers), (0, 1));
}

/// Whom the rule of death marks when the server itself is old: a young one protects everybody.
async fn marked(stage: &Stage) -> usize {
    let rule = MARK_DEAD.replace("pg_postmaster_start_time()", "now() - interval '1 day'");
    assert_ne!(
        rule, MARK_DEAD,
        "the guard of a young server is where it was"
    );
    sqlx::query(AssertSqlSafe(rule))
        .bind(LEASE_TIME.as_secs_f64())
        .fetch_all(&stage.bench.pool)
        .await
        .expect("judged")
        .len()
}

/// The database's clock judges alone: a jump of ten seconds against a lease time of thirty kills nobody.
#[tokio::test]
async fn i31c_a_clock_that_jumps_ten_seconds_kills_no_worker() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    for jump in [
        "update worker set seen = now() - interval '10 seconds'",
        "update worker set seen = now() + interval '10 seconds'",
    ] {
        stage.run(jump).await;
        assert_eq!(marked(&stage).await, 0, "{jump}");
        let renewed = worker.beat.renew(worker.id).await.expect("answered");
        assert!(renewed.is_some());
    }
    let ahead = "select count(*) from worker where seen > now()";
    assert_eq!(
        stage.bench.count(ahead).await,
        0,
        "a beat goes by the new time"
    );
    assert!(worker.complete(&jobs).await.refused.is_empty());
    stage
        .run("update worker set seen = now() - interval '31 seconds'")
        .await;
    assert_eq!(marked(&stage).await, 1, "the rule itself works");
}

/// A restore gives the same ids to other jobs. What an old worker still wants to record is refused, and
/// the keys that effects outside carry are new, so nobody answers them from memory.
#[tokio::test]
async fn i32_after_a_restore_an_old_worker_records_nothing_and_effects_have_new_keys() {
    let stage = Stage::with_jobs(10).await;
    let mut old = stage.bench.worker().await;
    let lost = old.claim(10).await;
    stage
        .run(
            "do $$ begin
                 truncate job, ready, lease, outcome, request, request_key, worker;
                 alter sequence job_block restart;
             end $$",
        )
        .await;
    let restored = Store::new(stage.bench.pool.clone());
    let requests = vec![stage.bench.request(); 10];
    restored.submit(1, "test", &requests).await.expect("stored");
    let mut new = stage.bench.worker().await;
    let jobs = new.claim(10).await;
    assert_eq!(ids(&jobs), ids(&lost), "ids come again");

    let late = old.complete(&lost).await;
    let claimed = old.claim(10).await;

    assert_eq!(sorted(late.refused), ids(&lost));
    assert!(claimed.is_empty(), "its incarnation is unknown");
    assert_eq!(old.beat.renew(old.id).await.expect("answered"), None);
    let repeated = lost
        .iter()
        .any(|was| jobs.iter().any(|is| is.nonce == was.nonce));
    assert!(!repeated, "an effect's key is made of the nonce");
    assert!(new.complete(&jobs).await.refused.is_empty());
    assert_eq!(stage.census().await, census([("completed", 10)]));
}

/// F5: a process that drains holds on to nothing when it is killed, and never claims as somebody else.
#[tokio::test]
async fn i09c_a_draining_worker_that_dies_leaves_its_jobs_to_others() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    worker.beat.drain(worker.id).await.expect("draining");
    stage.bench.silence(&worker).await;
    drop(worker);
    let expired = stage.bench.store.expire(LEASE_TIME).await.expect("expired");
    assert_eq!(expired.jobs, 10);
    let mut heir: Hot = stage.hot().await;
    let unknown = uuid::Uuid::new_v4();

    let nobody = heir
        .exchange(
            unknown,
            &[],
            Some(&Want {
                limited: false,
                named: false,
                claim: unknown,
                lanes: vec![(stage.bench.lane, 10)],
            }),
        )
        .await
        .expect("asked");

    assert!(
        nobody.claimed.is_empty(),
        "who never entered claims nothing"
    );
    let mut next = stage.bench.worker().await;
    let mut again = Vec::new();
    while again.len() < 10 {
        let claimed = next.claim(10).await;
        assert!(!claimed.is_empty(), "all of them come back");
        again.extend(claimed);
    }
    assert_eq!(ids(&again), ids(&jobs));
}
