//! The store: a pool for people and reports, and the one place that begins a transaction.
//!
//! The worker's hot verbs run on dedicated connections instead (`claim`, `record`, `heartbeat`).

mod admin;
pub(crate) mod alias;
mod approval;
pub(crate) mod batch;
mod batch_ask;
mod batch_cancel;
mod batch_member;
mod batch_report;
mod batch_row;
mod batch_rules;
pub(crate) mod breaker;
pub(crate) mod bulk;
pub(crate) mod calendar;
mod cancel;
pub(crate) mod category;
pub(crate) mod category_index;
pub(crate) mod category_merge;
pub(crate) mod category_version;
mod child;
mod child_batch;
mod clock;
pub(crate) mod configuration;
mod connect;
mod context;
pub(crate) mod copy;
pub(crate) mod delivery;
pub mod doctor;
mod duty;
mod effect;
mod event;
mod exchange;
pub(crate) mod extents;
pub(crate) mod flight;
mod forecast;
pub mod foreign;
mod gate;
mod group;
mod handler;
mod health;
mod heartbeat;
pub mod hook;
pub(crate) mod ids;
mod job;
pub(crate) mod lane;
mod lane_facts;
pub(crate) mod limit;
mod list;
mod load;
mod mail;
mod migrate;
pub(crate) mod notice;
mod notify;
pub(crate) mod overflow;
mod page;
mod partition;
mod pause;
mod pooler;
pub(crate) mod post;
mod redrive;
mod reject;
mod report;
pub(crate) mod schedule;
mod share;
mod signal;
pub(crate) mod slot;
pub(crate) mod slot_run;
pub(crate) mod source;
mod stage;
pub(crate) mod submit;
pub(crate) mod template;
mod timeline;
pub(crate) mod webhook;
mod worker_list;

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
pub use sqlx::postgres::PgConnectOptions as ConnectOptions;

pub use self::admin::{MigrationView, ServerFacts, make_database_anew, migrations, server_facts};
pub use self::alias::AliasView;
pub use self::approval::{ApprovalFilter, ApprovalView, NewDecision};
pub use self::batch::{BatchFilter, BatchView, CurrentJobs, PlannedCounts, Progress};
pub use self::batch_ask::{AskReason, AsksView, LastPlan, LeftOutCounts};
pub(crate) use self::batch_cancel::EXTENTS_MAX;
pub use self::batch_member::{ErrorGroup, MemberCursor, MemberView};
pub use self::batch_report::{BatchFigures, BatchReport, Phase, Phases};
pub use self::batch_rules::{BatchRulesView, HoldView};
pub use self::breaker::{BreakerRule, BreakerView};
pub use self::bulk::{BulkView, RefusedJob};
pub use self::cancel::Cancelled;
pub use self::category::{CategoryView, ItemView};
pub use self::category_index::CategoryIndex;
pub use self::category_version::CategoryVersion;
pub use self::child_batch::{NewChildBatch, Tolerated};
pub use self::clock::Clock;
pub use self::configuration::Revision;
pub use self::connect::{connect_options, pooled_options};
pub use self::context::{
    COMPUTED_MAX, CONTEXT_BYTES_MAX, CONTEXT_DEPTH_MAX, ContextChange, ContextChangeView,
    ContextReference, ContextSummary, ContextView, Expected, NewSave, ReferenceCursor, SaveEdit,
    TouchedContext, Toucher,
};
pub use self::delivery::{DeliveryTry, DeliveryView, Recorded, TakenDelivery, Tried};
pub use self::duty::{DutiesDue, Expired};
pub use self::exchange::{
    Claimed, ENTRIES_MAX, Ending, Exchanged, FLUSH_BYTES_MAX, Hot, LeaseKey, NewEntry, Taken, Want,
};
pub use self::forecast::{ForecastView, ThreatenedBatch};
pub use self::gate::Gate;
pub(crate) use self::gate::Session;
pub(crate) use self::group::GroupView;
pub use self::group::{NewGroup, NewItem};
pub use self::health::Health;
pub use self::heartbeat::{Beat, Incarnation, Renewed};
pub use self::job::{
    HeldView, JobView, JournalEntry, LeaseView, OutcomeView, RequestView, WaitCause,
};
pub use self::lane::{LaneAhead, LaneKey, PREFERENCE_PATIENCE, ShareAhead};
pub use self::limit::{LimitDrift, LimitUse, LimitView};
pub use self::list::JobFilter;
pub use self::load::{BatchOf, ChunkMember, EarlierJob, Loaded, Pinned};
pub use self::mail::{Letters, Unread};
pub use self::migrate::{fingerprint, migrate};
pub use self::notice::{AlertView, CallbackView, NewDelivery};
pub use self::notify::{Listener, Notifier};
pub use self::page::{PAGE_MAX, Page};
pub use self::partition::{PartitionsKept, RANGE_IDS, RangeView};
pub use self::pause::{NewPause, PauseView};
pub use self::pooler::{PoolerReport, check_pooler, settings_statements};
pub use self::post::{
    Cause, CauseKind, EndedChunk, Letter, LetterKind, NewApproval, NewChild, NewEvent, OnClose,
    POSTS_MAX, Post,
};
pub use self::redrive::{
    DEAD_COUNT_MAX, DeadGroup, NewRedrive, REDRIVE_JOBS_MAX, REDRIVE_RATE_MAX, RedriveView,
};
pub(crate) use self::reject::PAUSED;
pub use self::report::{BoundedCount, HomeFigures, QueueFigures};
pub use self::schedule::ScheduleView;
pub use self::share::{NewShare, ShareView, share_of_key};
pub use self::signal::{NewSignal, Signalled};
pub(crate) use self::slot::{Planning, plan_slots, unplan_slots, write_slots};
pub use self::slot::{SlotFilter, SlotView};
pub(crate) use self::submit::{Desk, Fate};
pub use self::submit::{Hold, NewRequest, OnDuplicate, SUBMIT_MAX, Submitted, Terms};

pub use self::handler::offered;
pub use self::template::{NewTemplate, Published, StepCost, TemplateVersion};
pub use self::timeline::Moved;
pub use self::webhook::WebhookView;
pub use self::worker_list::WorkerView;

use crate::Error;

/// The tenant that everything belongs to until callers have credentials.
pub const DEFAULT_TENANT: i32 = 1;

/// Everything that Windlass remembers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    gate: Gate,
    lanes: lane::LaneCache,
    ids: Arc<ids::Ids>,
    combiner: Arc<submit::combine::Combiner>,
    freed_behind: Arc<AtomicI64>,
    told_behind: Arc<AtomicI64>,
    returned_behind: Arc<AtomicI64>,
    forgot_behind: Arc<AtomicI64>,
    asked_behind: Arc<AtomicI64>,
    passed_behind: Arc<Mutex<signal::Place>>,
    pub(crate) known: Arc<crate::protocol::known::KnownCache>,
    rejects: reject::Rejects,
    notifier: Notifier,
}

impl Store {
    /// A store on an existing pool, whose connections have `windlass` on their search path.
    pub fn new(pool: impl Into<Gate>) -> Self {
        Self {
            gate: pool.into(),
            lanes: lane::LaneCache::default(),
            ids: Arc::default(),
            combiner: Arc::default(),
            freed_behind: Arc::default(),
            told_behind: Arc::default(),
            returned_behind: Arc::default(),
            forgot_behind: Arc::default(),
            asked_behind: Arc::default(),
            passed_behind: Arc::default(),
            known: Arc::default(),
            rejects: reject::Rejects::default(),
            notifier: Notifier::default(),
        }
    }

    /// Who tells workers of what this store and its clones submit, while somebody runs it.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// The pool, for single-statement verbs.
    pub(crate) fn pool(&self) -> &Gate {
        &self.gate
    }

    /// Runs `work` in one transaction, which commits when it answers `Ok`.
    ///
    /// # Cancel safety
    /// Runs on a task of its own that nobody drops, where the pool is at home. Dropped by the caller, the
    /// transaction still ends by itself, in a commit or a rollback.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Session) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let gate = self.gate.clone();
        let task = self.gate.spawn(async move {
            let mut transaction = gate.begin().await?;
            match work(&mut transaction).await {
                Ok(answer) => {
                    transaction.commit().await?;
                    Ok(answer)
                }
                Err(refused) => {
                    transaction.rollback().await;
                    Err(refused)
                }
            }
        });
        match task.await {
            Ok(answer) => answer,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
            },
        }
    }
}
