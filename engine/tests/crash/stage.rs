//! Where a story is played: a database that can be set back to how the story begins, and the connections
//! of its actor, which are the ones that fail.

use std::collections::HashSet;

use futures::future::BoxFuture;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::Mutex;
use uuid::Uuid;
use windlass_engine::store::{Beat, Claimed, ConnectOptions, Hot, Incarnation, NewEntry, Want};
use windlass_engine::{Error, Store};

use crate::common::{Bench, TestWorker};

/// The name by which the hooks know the sessions that fail.
pub const ACTOR: &str = "actor";
/// Nobody else is on this database, so names may be plain.
const WORKER: Uuid = Uuid::from_u128(1);

const ACTOR_CONNECTIONS: u32 = 4;

/// A part of a story.
type Part = Box<dyn for<'a> Fn(&'a Stage) -> Done<'a> + Send + Sync>;
/// What a part comes to.
pub type Done<'a> = BoxFuture<'a, Result<(), Error>>;

/// A small story: what a caller does, from a beginning, to an end.
pub struct Story {
    pub name: &'static str,
    /// Makes the beginning, once.
    pub set: Part,
    /// What fails. After an error its caller does it again, so it must be repeatable as a real one is.
    pub act: Part,
    /// What others have done by the time at which everything comes to its end.
    pub meanwhile: &'static str,
    /// Counts that hold once it was done and everything came to its end.
    pub expects: &'static [(&'static str, i64)],
}

impl Story {
    /// `act` in a database with a lane and a template and nothing else.
    pub fn new(
        name: &'static str,
        act: impl for<'a> Fn(&'a Stage) -> Done<'a> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            set: Box::new(|_| Box::pin(async { Ok(()) })),
            act: Box::new(act),
            meanwhile: "",
            expects: &[],
        }
    }

    /// It begins with this.
    pub fn after(
        self,
        set: impl for<'a> Fn(&'a Stage) -> Done<'a> + Send + Sync + 'static,
    ) -> Self {
        Self {
            set: Box::new(set),
            ..self
        }
    }

    /// Others do this beside it.
    pub fn meanwhile(self, meanwhile: &'static str) -> Self {
        Self { meanwhile, ..self }
    }

    /// It must come to this.
    pub fn expects(self, expects: &'static [(&'static str, i64)]) -> Self {
        Self { expects, ..self }
    }
}

/// The database and the actor.
pub struct Stage {
    pub bench: Bench,
    /// The actor's store.
    pub store: Store,
    /// The actor's worker.
    pub worker: Uuid,
    options: ConnectOptions,
    /// Kept through all plays: one that poisons a connection harms the next.
    pool: PgPool,
    /// The one who takes the work of the dead; its connections are kept through all plays.
    pub other: Mutex<TestWorker>,
    /// From where backends are killed: past a pooler, which may have a dead one for whoever asks next.
    pub killer: PgPool,
    /// From where the beginning is brought back: a session without triggers and references. Setting that for a moment
    /// would have each session of a pool plan all its statements anew, which takes longer than what they do.
    restorer: PgPool,
    /// Whether the actor does it again after an error.
    pub again: bool,
    /// What plays left that were judged, and whether they did all that they wanted.
    pub ends: HashSet<(String, bool)>,
}

impl Stage {
    pub async fn new() -> Self {
        // As a process connects: what is planned once is half of the work of all these plays.
        let bench = Bench::new().await;
        let bench = bench
            .set(&[("plan_cache_mode", "force_generic_plan")])
            .await;
        let options = bench.database.options(ACTOR);
        let pool = PgPoolOptions::new().max_connections(ACTOR_CONNECTIONS);
        let pool = pool.connect_with(options.clone()).await.expect("a pool");
        let store = Store::new(pool.clone());
        let other = Mutex::new(bench.worker().await);
        let killer = PgPoolOptions::new().max_connections(1);
        let killer = killer.connect(bench.database.direct_url()).await;
        let restorer = bench.database.options("restorer");
        let restorer = restorer.options([("session_replication_role", "replica")]);
        let pool_of_one = PgPoolOptions::new().max_connections(1);
        let restorer = pool_of_one.connect_with(restorer).await;
        Self {
            other,
            killer: killer.expect("the server answers"),
            restorer: restorer.expect("the server answers"),
            bench,
            store,
            pool,
            worker: WORKER,
            options,
            again: false,
            ends: HashSet::new(),
        }
    }

    /// A job of the beginning, by its place.
    pub async fn job(&self, place: i64) -> i64 {
        let sql = "select id from job order by id offset $1 limit 1";
        sqlx::query_scalar(sql)
            .bind(place)
            .fetch_one(&self.bench.pool)
            .await
            .expect("a job")
    }

    /// Some SQL of the beginning.
    pub async fn run(&self, sql: &'static str) {
        let done = sqlx::raw_sql(sql).execute(&self.bench.pool).await;
        done.expect("the statements run");
    }

    pub async fn beat(&self) -> Result<Beat, Error> {
        Beat::connect(&self.options).await
    }

    pub async fn hot(&self) -> Result<Hot, Error> {
        Hot::connect(&self.options).await
    }

    /// The worker says that it is there.
    pub async fn enter(&self) {
        let mut beat = self.beat().await.expect("a connection");
        let entered = beat.enter(&incarnation(self.worker)).await;
        entered.expect("entered");
    }

    /// Records what `how` makes of each job, over a connection of its own.
    pub async fn record(
        &self,
        jobs: &[Claimed],
        how: impl Fn(&Claimed) -> NewEntry,
    ) -> Result<(), Error> {
        let entries: Vec<NewEntry> = jobs.iter().map(how).collect();
        let mut hot = self.hot().await?;
        self.exchange(&mut hot, &entries, None).await.map(drop)
    }

    /// Records one entry, over a connection of its own.
    pub async fn write(&self, entry: NewEntry) -> Result<(), Error> {
        let mut hot = self.hot().await?;
        self.exchange(&mut hot, &[entry], None).await.map(drop)
    }

    /// All jobs that there are become a batch a kind, released and sealed.
    pub async fn batched(&self) {
        self.run(
            "insert into batch (tenant, name, state, strategy, template_version, lane, document, sealed, expected, released)
             select 1, 'birds', 'running', 'individual', template_version, lane, '{}', true, count(*), count(*)
             from job group by template_version, lane;
             update lane set batch = (select id from batch);
             update job set batch = (select id from batch)",
        )
        .await;
    }

    /// What a pump does: after an error it asks what became of its last exchange, and sends the rest.
    pub async fn exchange(
        &self,
        hot: &mut Hot,
        entries: &[NewEntry],
        want: Option<&Want>,
    ) -> Result<Vec<Claimed>, Error> {
        let (mut entries, mut want) = (entries.to_vec(), want);
        let mut claimed = Vec::new();
        if self.again {
            let landed = hot.recorded(&entries).await?;
            entries.retain(|entry| !landed.contains(&entry.job));
            if let Some(wanted) = want {
                claimed = hot.of_claim(wanted.claim).await?;
            }
            want = want.filter(|_| claimed.is_empty());
        }
        if !entries.is_empty() || want.is_some() {
            let exchanged = hot.exchange(self.worker, &entries, want).await?;
            claimed.extend(exchanged.claimed);
        }
        Ok(claimed)
    }

    /// The claim of this number, of up to `quota` jobs of the bench's lane.
    pub fn want(&self, number: u128, quota: usize) -> Want {
        Want {
            claim: Uuid::from_u128(number),
            lanes: vec![(self.bench.lane, quota)],
            limited: false,
            named: false,
        }
    }

    /// What the claim of this number holds, at the beginning of a story.
    pub async fn claimed(&self, number: u128) -> Result<Vec<Claimed>, Error> {
        let mut hot = Hot::connect(&self.bench.database.options("stage")).await?;
        let claimed = hot.of_claim(Uuid::from_u128(number)).await;
        hot.close().await;
        claimed
    }

    /// Jobs that the worker has claimed, at the beginning of a story.
    pub async fn claim(&self, number: u128, jobs: usize) {
        self.bench.submit(jobs).await;
        self.enter().await;
        let mut hot = self.hot().await.expect("a connection");
        let want = self.want(number, jobs);
        let claimed = self.exchange(&mut hot, &[], Some(&want)).await;
        assert_eq!(claimed.expect("claimed").len(), jobs);
        hot.close().await;
    }
}

/// A worker that says nothing but its name.
pub fn incarnation(id: Uuid) -> Incarnation {
    Incarnation {
        id,
        ..Incarnation::default()
    }
}

/// Keeps the beginning, and makes `kept.restore()`, which brings it back.
const KEEP: &str = "
create schema kept;
create table kept.place (name text, value bigint, called bool);
do $$
declare
    named text;
    steps text := '';
begin
    for named in
        select relname from pg_class
        where relnamespace = 'windlass'::regnamespace and relkind in ('r', 'p') and not relispartition
          and relname <> '_sqlx_migrations'
        order by relname
    loop
        execute format('create table kept.%I as table windlass.%I', named, named);
        steps := steps || format('delete from windlass.%I; insert into windlass.%I overriding system value table kept.%I;',
                                 named, named, named);
    end loop;
    for named in
        select relname from pg_class where relnamespace = 'windlass'::regnamespace and relkind = 'S'
    loop
        execute format('insert into kept.place select %L, last_value, is_called from windlass.%I', named, named);
    end loop;
    steps := steps || 'perform setval((''windlass.'' || name)::regclass, value, called) from kept.place;';
    execute 'create function kept.restore() returns void language plpgsql as $f$ begin ' || steps || ' end $f$';
end $$;
";

impl Stage {
    /// What is there now is how the story begins.
    pub async fn keep(&self) {
        self.run(KEEP).await;
    }

    /// Back to the beginning.
    pub async fn restore(&mut self) {
        let restored = sqlx::query("select kept.restore()");
        let restored = restored.execute(&self.restorer).await;
        restored.expect("the beginning is back");
        // What the process remembered is forgotten with it.
        self.store = Store::new(self.pool.clone());
        self.again = false;
    }
}
