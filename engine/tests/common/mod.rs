//! What the tests of the hot path share: a store with a template, a lane, jobs, and workers to claim them.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod bulk;
pub mod contexts;
pub mod dead;
pub mod flying;
pub mod keys;
pub mod limit;
pub mod mail;
pub mod own;
pub mod recipe;
pub mod runs;
pub mod things;
pub mod told;

use std::time::Duration;

use chrono::Utc;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::store::{
    Beat, Claimed, Ending, Exchanged, Hot, Incarnation, LaneKey, NewEntry, NewRequest, Want,
};
use windlass_engine::testing::TestDatabase;
use windlass_workflows::machine::turn::{End, Entry, Outcome, OutcomeKind};

/// A lease time that no test waits for.
pub const LEASE_TIME: Duration = Duration::from_secs(30);

/// A database with one lane.
pub struct Bench {
    pub database: TestDatabase,
    pub store: Store,
    pub pool: PgPool,
    pub lane: i32,
    pub version: i32,
}

impl Bench {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let pool = database.pool().await;
        let store = Store::new(pool.clone());
        let version = sqlx::query_scalar(
            "insert into template_version (tenant, namespace, name, version, rank, hash, source, bundle, semantics, journaled)
             values (1, 'test', 'noop', '1.0.0', '{1,0,0,1}', 'x', '', '{}', 1, false) returning id",
        )
        .fetch_one(&pool)
        .await
        .expect("a template version");
        let lane = store
            .lane(&LaneKey::of_template(1, "test.noop", "", 0))
            .await
            .expect("a lane");
        // Nobody is declared dead while the server is young: the tests' server must count as old.
        sqlx::query("update cluster set since = now() - interval '1 day'")
            .execute(&pool)
            .await
            .expect("an old cluster");
        Self {
            database,
            store,
            pool,
            lane,
            version,
        }
    }

    /// The same database under other settings, for all connections from now on.
    pub async fn set(mut self, settings: &[(&str, &str)]) -> Self {
        for (name, value) in settings {
            let sql = format!(
                "do $$ begin
                     execute format('alter database %I set {name} = {value}', current_database());
                 end $$"
            );
            sqlx::query(AssertSqlSafe(sql))
                .execute(&self.pool)
                .await
                .expect("a setting");
        }
        self.pool = self.database.pool().await;
        self.store = Store::new(self.pool.clone());
        self
    }

    pub fn request(&self) -> NewRequest {
        NewRequest {
            lane: self.lane,
            template_version: self.version,
            input: "{}".into(),
            ..NewRequest::default()
        }
    }

    pub async fn submit(&self, jobs: usize) {
        let requests = vec![self.request(); jobs];
        for page in requests.chunks(1_000) {
            self.store.submit(1, "test", page).await.expect("submitted");
        }
    }

    pub async fn worker(&self) -> TestWorker {
        let options = self.database.options("test worker");
        let id = Uuid::new_v4();
        let mut beat = Beat::connect(&options).await.expect("a connection");
        beat.enter(&Incarnation {
            id,
            ..Incarnation::default()
        })
        .await
        .expect("entered");
        TestWorker {
            id,
            hot: Hot::connect(&options).await.expect("a connection"),
            beat,
            lane: self.lane,
        }
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.pool)
            .await
            .expect("a count")
    }

    /// Every job stands in exactly one holder or outcome.
    pub async fn assert_held_once(&self) {
        let broken = self.broken().await;
        assert_eq!(broken, 0, "jobs that do not stand in exactly one place");
    }

    /// How many jobs do not stand in exactly one place.
    pub async fn broken(&self) -> i64 {
        let sql = include_str!("../../queries/doctor/places.sql");
        let rows: Vec<(String, i64, Vec<String>, Vec<String>)> = sqlx::query_as(sql)
            .bind(0_i64)
            .bind(1_i64 << 60)
            .bind(0_i32)
            .fetch_all(&self.pool)
            .await
            .expect("the doctor's look");
        let jobs = rows.iter().filter(|row| row.0 != "place_without_job");
        jobs.map(|row| row.1).sum()
    }

    /// A worker has been silent for longer than the lease time, and was marked dead for it.
    pub async fn silence(&self, worker: &TestWorker) {
        sqlx::query(
            "update worker set seen = now() - interval '1 hour', dead_at = now() where id = $1",
        )
        .bind(worker.id)
        .execute(&self.pool)
        .await
        .expect("silenced");
    }
}

/// A worker's connections, driven by hand.
pub struct TestWorker {
    pub id: Uuid,
    pub hot: Hot,
    pub beat: Beat,
    pub lane: i32,
}

impl TestWorker {
    pub async fn claim(&mut self, quota: usize) -> Vec<Claimed> {
        let want = Want {
            limited: false,
            named: false,
            claim: Uuid::now_v7(),
            lanes: vec![(self.lane, quota)],
        };
        self.hot
            .exchange(self.id, &[], Some(&want))
            .await
            .expect("claimed")
            .claimed
    }

    pub async fn record(&mut self, entries: &[NewEntry]) -> Exchanged {
        self.hot
            .exchange(self.id, entries, None)
            .await
            .expect("exchanged")
    }

    pub async fn complete(&mut self, jobs: &[Claimed]) -> Exchanged {
        let entries: Vec<NewEntry> = jobs.iter().map(completed).collect();
        self.record(&entries).await
    }
}

pub fn ending(job: &Claimed, ending: Ending) -> NewEntry {
    NewEntry::leaving(job.id, job.lease, ending, job.journaled)
}

pub fn completed(job: &Claimed) -> NewEntry {
    ending(
        job,
        Ending::Machine(End::Outcome(outcome(OutcomeKind::Completed, Some("{}")))),
    )
}

pub fn outcome(kind: OutcomeKind, result: Option<&str>) -> Outcome {
    Outcome {
        kind,
        code: None,
        fingerprint: None,
        result: result.map(Into::into),
    }
}

pub fn journal(job: &Claimed, seq: i32) -> NewEntry {
    NewEntry {
        job: job.id,
        lease: job.lease,
        obeys: false,
        entry: Some(Entry {
            seq,
            kind: "started".into(),
            at: Utc::now(),
            data: "{}".into(),
        }),
        head: None,
        ending: None,
        remembers: true,
        undoes: false,
        members: 0,
        post: None,
    }
}
