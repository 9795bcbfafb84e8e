//! Kill -9 in the middle of 10,000 jobs, on real processes and a durable Postgres: none is lost, none
//! ends twice.
//!
//! Three records are joined: the outcomes, the batch's own figures, and the counts of the sample
//! service, which knows how many distinct idempotency keys ever reached it.

mod fleet;
#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

use self::fleet::{Fleet, PATIENCE, ROLES};

/// Members of the batch.
const JOBS: i64 = 10_000;

/// One fleet at a time: they would only take each other's processor.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A fleet whose examples are applied, with the batch of 10,000 individual jobs.
async fn begun() -> Fleet {
    let fleet = Fleet::new().await;
    fleet.apply_examples().await;
    fleet.done(&["batch", "create", "classify-strikes"]).await;
    fleet
}

/// Waits until so many jobs have their outcome, in the middle of the batch.
async fn until_settled(fleet: &Fleet, wanted: i64) -> i64 {
    let since = Instant::now();
    loop {
        let settled = fleet.cluster.count(SETTLED).await;
        if settled >= wanted {
            return settled;
        }
        assert!(since.elapsed() < PATIENCE, "{settled} of {wanted} settled");
        sleep(Duration::from_millis(20)).await;
    }
}

/// All three records agree on 10,000.
async fn assert_all_once(fleet: &Fleet) {
    until_settled(fleet, JOBS).await;
    let cluster = &fleet.cluster;
    assert_eq!(cluster.count(SETTLED).await, JOBS);
    assert_eq!(cluster.count(COMPLETED).await, JOBS);
    assert_eq!(cluster.count(HOLDERS).await, 0, "no job is held any more");
    let since = Instant::now();
    while cluster.count(ENDED).await == 0 {
        assert!(since.elapsed() < PATIENCE, "the batch does not finish");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        cluster.count("select sum(n)::int8 from tally").await,
        JOBS,
        "the tallies tell each once"
    );
    assert_eq!(
        fleet.counted("/analyse/risk", "keys").await,
        JOBS,
        "each job reached the service under one key"
    );
}

const COMPLETED: &str = "
select count(distinct id) from outcome, generate_series(first_id, last_id) id where kind = 'completed'";

const ENDED: &str = "select count(*) from batch where state = 'completed'";

const SETTLED: &str = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome";

const HOLDERS: &str = "
select (select count(*) from ready) + (select count(*) from later) + (select count(*) from held)
     + (select count(*) from lease) + (select count(*) from wait)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_nothing_and_double_nothing() {
    let _alone = ALONE.lock().await;
    let mut fleet = begun().await;

    for settled in [1_000, 4_000, 7_000] {
        let reached = until_settled(&fleet, settled).await;
        assert!(reached < JOBS, "the kill came too late to prove anything");
        fleet.kill("worker").await;
        fleet.start("worker");
    }

    assert_all_once(&fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_fleet_goes_on_when_it_comes_back() {
    let _alone = ALONE.lock().await;
    let mut fleet = begun().await;

    let reached = until_settled(&fleet, 3_000).await;
    assert!(reached < JOBS, "the kill came too late to prove anything");
    for role in ROLES {
        fleet.kill(role).await;
    }
    for role in ROLES {
        fleet.start(role);
    }

    assert_all_once(&fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_comes_back_to_every_answered_job() {
    let _alone = ALONE.lock().await;
    let mut fleet = begun().await;

    for settled in [2_000, 6_000] {
        let reached = until_settled(&fleet, settled).await;
        assert!(reached < JOBS, "the kill came too late to prove anything");
        fleet.cluster.kill().await;
        fleet.cluster.restart().await;
    }

    assert_all_once(&fleet).await;
}
