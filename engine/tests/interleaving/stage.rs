//! A stage for two verbs that meet: a third session stands in the way of the first, so that the second
//! comes while the first holds its locks. Nothing here is left to chance or to time.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use windlass_engine::store::{Claimed, Hot, Want};

use super::common::Bench;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Whoever writes an outcome waits for this: it holds the locks that it took before.
pub const BEFORE_OUTCOME: &str = "insert into outcome (first_id, last_id, tenant, lane, kind)
    select id, id, tenant, lane, 'failed' from job";
/// The same, of the first job alone.
pub const BEFORE_FIRST_OUTCOME: &str = "insert into outcome (first_id, last_id, tenant, lane, kind)
    select min(id), min(id), 1, min(lane), 'failed' from job";
/// Whoever makes a job ready, or puts back the rest of an extent, waits for this.
pub const BEFORE_READY: &str = "insert into ready (first_id, last_id, lane, eff, run_at)
    select id, id, lane, now(), now() from job where id not in (select first_id from ready)";
/// Whoever splits the first extent after its third job waits for this.
pub const BEFORE_REST: &str = "insert into ready (first_id, last_id, lane, eff, run_at)
    select min(id) + 3, min(id) + 3, min(lane), now(), now() from job";
/// Whoever notes a wish waits for this.
pub const BEFORE_INTENT: &str =
    "insert into intent (job, verb, who, why) select id, 'cancel', '', '' from job";

/// Whoever stores the context of the tests waits for this.
pub const BEFORE_CONTEXT: &str =
    "insert into context (tenant, key, version, document) values (1, 'k', 7, '{}')";
/// Whoever lets a job rest waits for this.
pub const BEFORE_WAIT: &str = "insert into wait (job, n, lane) select id, 0, lane from job";
/// Whoever keeps the first signal of the tests waits for this.
pub const BEFORE_SIGNAL: &str = "insert into signal (tenant, key, id, name, data, expires_at)
    values (1, 'k', 's1', 'other', '{}', now())";
/// Whoever publishes waits for this.
pub const BEFORE_EVENT: &str = "insert into event (pos, tenant, kind, subject, data, at)
    select pos + 1, 1, 'other', '', '{}', now() from event_head";
/// Whoever notes that a job heard of payments to `a` waits for this.
pub const BEFORE_HEARD: &str =
    "insert into heard (job, name, key, pos) select id, 'order.paid', 'a', 0 from job";
/// Whoever starts a child with one of the ids that were drawn last waits for this.
pub const BEFORE_CHILD: &str = "insert into child (job, parent, activity, awaited, on_close)
    select id, 0, 1, false, 'cancel'
    from job_block, generate_series(last_value * 1000, last_value * 1000 + 999) id";

/// Two verbs' place to meet.
pub struct Stage {
    pub bench: Bench,
}

impl Stage {
    /// With as many ready jobs.
    pub async fn with_jobs(jobs: usize) -> Self {
        let bench = Bench::new().await;
        bench.submit(jobs).await;
        Self { bench }
    }

    /// Returns when exactly so many sessions wait for a lock.
    pub async fn blocked(&self, sessions: i64) {
        self.until(
            sessions,
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'",
        )
        .await;
    }

    /// Returns when a count is that.
    pub async fn until(&self, wanted: i64, count: &'static str) {
        let mut seen = self.bench.count(count).await;
        let looking = timeout(PATIENCE, async {
            while seen != wanted {
                sleep(LOOK_AGAIN).await;
                seen = self.bench.count(count).await;
            }
        });
        let in_time = looking.await.is_ok();
        assert!(in_time, "{wanted} expected, {seen} seen: {count}");
    }

    /// Breaks the connections that wait for a lock: what they did is rolled back.
    pub async fn break_waiting(&self) {
        self.run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .await;
    }

    /// Runs a statement that stands for the world outside.
    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql)
            .execute(&self.bench.pool)
            .await
            .expect("the statement runs");
    }

    /// Returns when the server has been up for two seconds: only then does it declare anybody dead.
    pub async fn grown_up(&self) {
        self.until(
            1,
            "select count(*) where now() - pg_postmaster_start_time() > interval '2 seconds'",
        )
        .await;
    }

    /// Where each job stands, with what it carries.
    pub async fn places(&self) -> BTreeMap<i64, String> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select id, 'ready ' || attempt || ' ' || losses from ready, generate_series(first_id, last_id) id
             union all select id, 'later ' || attempt || ' ' || losses from later, generate_series(first_id, last_id) id
             union all select id, 'held ' || reason from held, generate_series(first_id, last_id) id
             union all select id, 'lease' || case when stop @> id then ' stopped' else '' end
                       from lease, unnest(jobs) r, generate_series(lower(r), upper(r) - 1) id
             union all select job, 'wait' from wait where n = 0
             union all select id, kind from outcome, generate_series(first_id, last_id) id",
        )
        .fetch_all(&self.bench.pool)
        .await
        .expect("places");
        self.bench.assert_held_once().await;
        rows.into_iter().collect()
    }

    /// How many jobs stand in each place.
    pub async fn census(&self) -> BTreeMap<String, usize> {
        let mut census = BTreeMap::new();
        for place in self.places().await.into_values() {
            *census.entry(place).or_default() += 1;
        }
        census
    }

    /// Options of a connection of one's own.
    pub fn options(&self) -> PgConnectOptions {
        self.bench.database.options("test worker")
    }

    /// A pump's connection.
    pub async fn hot(&self) -> Hot {
        Hot::connect(&self.options()).await.expect("a connection")
    }

    /// What to claim under a name.
    pub fn want(&self, claim: Uuid, quota: usize) -> Want {
        Want {
            limited: false,
            named: false,
            claim,
            lanes: vec![(self.bench.lane, quota)],
        }
    }
}

/// Starts a verb that is expected to wait.
pub fn start<T: Send + 'static>(verb: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(verb)
}

/// The answer of a verb whose way is free.
pub async fn ended<T>(verb: JoinHandle<T>) -> T {
    timeout(PATIENCE, verb)
        .await
        .expect("its way is free")
        .expect("it does not panic")
}

/// The jobs' ids.
pub fn ids(jobs: &[Claimed]) -> Vec<i64> {
    let mut ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    ids.sort_unstable();
    ids
}

/// A census to compare with.
pub fn census<const N: usize>(places: [(&str, usize); N]) -> BTreeMap<String, usize> {
    places
        .into_iter()
        .map(|(place, jobs)| (place.to_owned(), jobs))
        .collect()
}

/// An answer of refused jobs, in order.
pub fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}
