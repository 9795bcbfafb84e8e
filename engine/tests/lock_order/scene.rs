//! Rows that every verb finds something to do with, put back before each case.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::store::{Beat, Claimed, Ending, Hot, NewEntry, NewRequest};
use windlass_workflows::machine::turn::End;

use super::common::recipe::{BIRDS, apply, plan, recipe, with_birds};
use super::common::{Bench, TestWorker, completed, ending, journal};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n\
    schedule: { interval: 1h, zone: UTC, overlap: allow }\n";

/// A copy of every table, and the script that puts it back.
const KEEP: &str = "do $$
declare t record; script text := 'set local session_replication_role = replica;';
begin
    create schema kept;
    for t in select relname from pg_class
             where relnamespace = 'windlass'::regnamespace and relkind in ('r', 'p') and not relispartition
               and relname not like '\\_%'
    loop
        execute format('create table kept.%I as table windlass.%I', t.relname, t.relname);
        script := script || format(
            'delete from windlass.%I; insert into windlass.%I overriding system value table kept.%I;',
            t.relname, t.relname, t.relname);
    end loop;
    create table kept.script as select script;
end $$";

/// A database with jobs in every holder, batches in every state that a keeper looks for, and a due slot.
pub struct Scene {
    pub bench: Bench,
    /// Fresh for each case, so that it takes fresh ids.
    pub store: Mutex<Store>,
    pub hots: Mutex<Vec<Hot>>,
    pub beats: Mutex<Vec<Beat>>,
    pub worker: Uuid,
    /// Endings of everything that is leased.
    pub entries: Vec<NewEntry>,
    pub jobs: Jobs,
    script: String,
    look: Mutex<PgConnection>,
}

/// A job in each holder.
#[derive(Clone, Copy, Debug)]
pub struct Jobs {
    pub ready: i64,
    pub later: i64,
    pub parked: i64,
    pub planned: i64,
    pub waiting: i64,
    pub leased: i64,
    pub lost: i64,
}

impl Scene {
    pub async fn new() -> Arc<Self> {
        // A deadlock is told at once; a count of few rows is not worth the start of helpers.
        let settings = [
            ("deadlock_timeout", "100"),
            ("max_parallel_workers_per_gather", "0"),
        ];
        let bench = Bench::new().await.set(&settings).await;
        batches(&bench).await;
        let (worker, entries, jobs) = singles(&bench).await;
        sqlx::raw_sql(KEEP)
            .execute(&bench.pool)
            .await
            .expect("kept");
        let script = sqlx::query_scalar("select script from kept.script")
            .fetch_one(&bench.pool)
            .await
            .expect("a script");
        let options = bench.database.options("test worker");
        let look = PgConnection::connect(bench.database.url()).await;
        let (mut hots, mut beats) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            hots.push(Hot::connect(&options).await.expect("a connection"));
            beats.push(Beat::connect(&options).await.expect("a connection"));
        }
        Arc::new(Self {
            store: Mutex::new(bench.store.clone()),
            bench,
            hots: Mutex::new(hots),
            beats: Mutex::new(beats),
            worker,
            entries,
            jobs,
            script,
            look: Mutex::new(look.expect("a connection")),
        })
    }

    /// Puts every row back, then what the verbs of a case want to find.
    pub async fn reset(&self, prepare: &[&str]) {
        *self.store.lock().await = Store::new(self.bench.pool.clone());
        let script = format!("begin; {} {}; commit", self.script, prepare.join(";"));
        sqlx::raw_sql(AssertSqlSafe(script))
            .execute(&mut *self.look.lock().await)
            .await
            .expect("the scene is set");
    }

    /// How many sessions wait for a lock.
    pub async fn waiting(&self) -> i64 {
        sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'",
        )
        .fetch_one(&mut *self.look.lock().await)
        .await
        .expect("a count")
    }
}

/// A batch half released, one that is complete, one that is being planned, and a schedule that is due.
async fn batches(bench: &Bench) {
    let store = &bench.store;
    store.enter_development().await.expect("development");
    with_birds(store, BIRDS).await;
    apply(store, &[JOB], "").await;
    let hours = store.clock().await.expect("the clock").now + TimeDelta::hours(2);
    store.set_clock(hours).await.expect("moved");
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": 3 } }),
    );
    let released = plan(store, &source).await.id;
    store.release().await.expect("released");
    let complete = plan(store, &source).await.id;
    let planning = plan(store, &source).await.id;
    // The half released one has room again; the complete one has been told so in many rows.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "update batch set release_window = 4 where id = {released};
         update batch set state = 'running', expected = 100 where id = {complete};
         insert into tally (batch, kind, n) select {complete}, 'completed', 1 from generate_series(1, 100);
         update batch set state = 'planning', sealed = false, cursor_n = 0, planned_at = null where id = {planning}"
    )))
    .execute(&bench.pool)
    .await
    .expect("set back");
}

/// Single jobs in every holder; the living worker, and how all that is leased wants to end.
async fn singles(bench: &Bench) -> (Uuid, Vec<NewEntry>, Jobs) {
    let (mut alive, mut dead) = (bench.worker().await, bench.worker().await);
    bench.submit(40).await;
    let first = at_once(&mut alive, 6).await;
    let second = at_once(&mut alive, 4).await;
    let lost = at_once(&mut dead, 6).await;
    bench.silence(&dead).await;
    let done = at_once(&mut alive, 2).await;
    alive.complete(&done).await;
    let parked = alive.claim(2).await;
    let park = End::Park {
        reason: "look".into(),
    };
    let waiting = alive.claim(2).await;
    let rest = |job: &Claimed| NewEntry {
        ending: Some(Ending::Rest {
            due: Some(Utc::now() - TimeDelta::hours(1)),
        }),
        ..journal(job, 1)
    };
    let stopped = alive.claim(2).await;
    alive
        .record(&[
            ending(&parked[0], Ending::Machine(park.clone())),
            ending(&parked[1], Ending::Machine(park)),
            rest(&waiting[0]),
            rest(&waiting[1]),
            ending(&stopped[0], Ending::Back),
            ending(&stopped[1], Ending::Back),
        ])
        .await;
    let planned = bench
        .count("select first_id from held where reason = 'planned' limit 1")
        .await;
    let later = future(bench).await;
    age(bench, [stopped[0].id, stopped[1].id], lost[5].id).await;
    let jobs = Jobs {
        ready: bench
            .count("select last_id - 1 from ready order by last_id - first_id desc limit 1")
            .await,
        later,
        parked: parked[0].id,
        planned,
        waiting: waiting[0].id,
        leased: second[1].id,
        lost: lost[1].id,
    };
    let leased = [first, second, lost].concat();
    (alive.id, leased.iter().map(completed).collect(), jobs)
}

/// What time, an expiry and a person would have left: two jobs that are to be cancelled, leases that
/// nobody lists, a wish, and keys whose hold is over.
async fn age(bench: &Bench, stopped: [i64; 2], wish: i64) {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "with gone as (delete from ready where first_id in ({0}, {1}) returning *)
         insert into held (first_id, last_id, lane, eff, run_at, reason)
             select id, id, lane, eff, run_at, 'cancelling' from gone, generate_series(first_id, last_id) id;
         update lease set claimed_at = now() - interval '1 hour';
         insert into intent (job, verb, who, why, at)
             values ({2}, 'cancel', 'mia', '', now() - interval '1 hour');
         insert into wait (job, n, lane, tenant, kind, name, key)
             select job, 1, lane, 1, 'signal', 'go', 'k' from wait where n = 0
             union all select job, 2, lane, 1, 'event', 'order.paid', '' from wait where n = 0;
         insert into request_key (tenant, scope, key, hash, job, expires_at)
             select 1, 'tenant', 'old' || n, 'x', 1, now() - interval '1 hour' from generate_series(1, 5) n",
        stopped[0], stopped[1], wish
    )))
    .execute(&bench.pool)
    .await
    .expect("aged");
}

async fn at_once(worker: &mut TestWorker, jobs: usize) -> Vec<Claimed> {
    let claimed = worker.claim(jobs).await;
    assert_eq!(claimed.len(), jobs);
    claimed
}

/// Five jobs of a later time, which has come.
async fn future(bench: &Bench) -> i64 {
    let start_at = Some(Utc::now() + TimeDelta::hours(1));
    let requests = vec![
        NewRequest {
            start_at,
            ..bench.request()
        };
        5
    ];
    bench
        .store
        .submit(1, "test", &requests)
        .await
        .expect("submitted");
    sqlx::query("update later set run_at = now() - interval '1 minute'")
        .execute(&bench.pool)
        .await
        .expect("due");
    bench.count("select first_id + 2 from later").await
}
