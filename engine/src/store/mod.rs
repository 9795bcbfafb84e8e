//! The store: a pool for people and reports, and the one place that begins a transaction.
//!
//! The worker's hot verbs run on dedicated connections instead (`claim`, `record`, `heartbeat`).

mod admin;
mod batch;
mod batch_member;
mod batch_report;
mod batch_row;
mod cancel;
pub(crate) mod category;
mod clock;
pub(crate) mod configuration;
mod connect;
mod duty;
mod exchange;
mod handler;
mod health;
mod heartbeat;
pub(crate) mod ids;
mod job;
pub(crate) mod lane;
mod lane_facts;
mod list;
mod load;
mod migrate;
mod notify;
mod page;
mod report;
pub(crate) mod schedule;
pub(crate) mod slot;
mod submit;
pub(crate) mod template;
mod worker_list;

use std::sync::Arc;

use futures::future::BoxFuture;
pub use sqlx::postgres::PgConnectOptions as ConnectOptions;
use sqlx::{PgConnection, PgPool};

pub use self::admin::{MigrationView, ServerFacts, make_database_anew, migrations, server_facts};
pub use self::batch::{BatchFilter, BatchView, CurrentJobs, PlannedCounts, Progress};
pub use self::batch_member::{ErrorGroup, MemberCursor, MemberView};
pub use self::batch_report::{BatchFigures, BatchReport, Phase, Phases};
pub use self::cancel::Cancelled;
pub use self::category::{CategoryView, ItemView};
pub use self::clock::Clock;
pub use self::configuration::Revision;
pub use self::connect::connect_options;
pub use self::duty::Expired;
pub use self::exchange::{
    Claimed, ENTRIES_MAX, Ending, Exchanged, FLUSH_BYTES_MAX, Hot, LeaseKey, NewEntry, Want,
};
pub use self::health::Health;
pub use self::heartbeat::{Beat, Incarnation};
pub use self::job::{
    HeldView, JobView, JournalEntry, LeaseView, OutcomeView, RequestView, WaitCause,
};
pub use self::lane::{LaneAhead, LaneKey};
pub use self::list::JobFilter;
pub use self::load::{BatchOf, ChunkMember, Loaded, Pinned};
pub use self::migrate::{fingerprint, migrate};
pub use self::notify::{Listener, Notifier};
pub use self::page::{PAGE_MAX, Page};
pub use self::report::{BoundedCount, HomeFigures, QueueFigures};
pub use self::schedule::ScheduleView;
pub use self::slot::{Planning, SlotFilter, SlotView, plan_slots, unplan_slots};
pub use self::submit::{NewRequest, SUBMIT_MAX, Submitted};

pub use self::template::{NewTemplate, Published, TemplateVersion};
pub use self::worker_list::WorkerView;

use crate::Error;

/// The tenant that everything belongs to until callers have credentials.
pub const DEFAULT_TENANT: i32 = 1;

/// Everything that Windlass remembers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    lanes: lane::LaneCache,
    ids: Arc<ids::Ids>,
}

impl Store {
    /// A store on an existing pool, whose connections have `windlass` on their search path.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            lanes: lane::LaneCache::default(),
            ids: Arc::default(),
        }
    }

    /// The pool, for single-statement verbs.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs `work` in one transaction, which commits when it answers `Ok`.
    ///
    /// # Cancel safety
    /// Runs on a task of its own that nobody drops: a cancelled `begin` would hand a connection
    /// inside an open transaction back to the pool (transact-rs/sqlx#4393). Dropped by the caller,
    /// the transaction still ends by itself, in a commit or a rollback.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let pool = self.pool.clone();
        let task = tokio::spawn(async move {
            let mut transaction = pool.begin().await?;
            let answer = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(answer)
        });
        match task.await {
            Ok(answer) => answer,
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        }
    }
}
