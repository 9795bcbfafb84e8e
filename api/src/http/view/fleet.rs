//! Workers and queues.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{QueueFigures, WorkerView};

use crate::http::habit::ids::WorkerId;

/// The workers, the living first.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkersReply {
    /// One each incarnation.
    pub items: Vec<WorkerReply>,
}

/// One incarnation of a worker process.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerReply {
    /// Its id.
    pub id: WorkerId,
    /// Whether its heartbeat is recent enough.
    pub alive: bool,
    /// Whether it finishes what it has and takes nothing new.
    pub draining: bool,
    /// Its last heartbeat.
    pub seen: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was found dead or left.
    pub dead_at: Option<DateTime<Utc>>,
    /// Jobs at once.
    pub slots: i32,
    /// Its binary.
    pub version: String,
    /// Its machine.
    pub host: String,
    /// `worker`, `keeper` …
    pub roles: Vec<String>,
    /// Handlers and labels that it offers.
    pub capabilities: Vec<String>,
    /// Jobs under its leases.
    pub jobs: i64,
}

/// Every queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueuesReply {
    /// Present even when zero.
    pub items: Vec<QueueReply>,
}

/// How much work a queue has.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueReply {
    /// Its name.
    pub queue: String,
    /// Due jobs.
    pub ready: i64,
    /// Jobs with a start or a retry in the future.
    pub later: i64,
    /// Those of them that are due within a minute.
    pub due_soon: i64,
    /// Planned, paused and parked jobs.
    pub held: i64,
    /// Jobs under lease.
    pub leased: i64,
    /// Age of the oldest due job.
    pub oldest_ready_seconds: f64,
}

impl From<WorkerView> for WorkerReply {
    fn from(worker: WorkerView) -> Self {
        Self {
            id: WorkerId(worker.id),
            alive: worker.alive,
            draining: worker.draining,
            seen: worker.seen,
            started_at: worker.started_at,
            dead_at: worker.dead_at,
            slots: worker.slots,
            version: worker.version,
            host: worker.host,
            roles: worker.roles,
            capabilities: worker.capabilities,
            jobs: worker.jobs,
        }
    }
}

impl From<QueueFigures> for QueueReply {
    fn from(queue: QueueFigures) -> Self {
        Self {
            queue: queue.queue,
            ready: queue.ready,
            later: queue.later,
            due_soon: queue.due_soon,
            held: queue.held,
            leased: queue.leased,
            oldest_ready_seconds: queue.oldest_ready_seconds,
        }
    }
}
