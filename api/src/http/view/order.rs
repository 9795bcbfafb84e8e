//! Pauses and shares: who stopped what, and who gets how much.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{PauseView, ShareView};

use crate::http::habit::ids::PauseId;

/// A pause that lasts.
#[derive(Debug, Serialize, ToSchema)]
pub struct PauseReply {
    /// Its id.
    pub id: PauseId,
    /// `queue`, `template`, `purpose`, `tenant`, `batch`, `configuration` or `job`.
    pub scope: String,
    /// Which one: a name, or the id of a batch or job; empty for the tenant.
    pub subject: String,
    /// `hold`: new work waits. `reject`: new work is refused.
    pub mode: String,
    /// Who paused it.
    pub who: String,
    /// In their words.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

impl From<PauseView> for PauseReply {
    fn from(pause: PauseView) -> Self {
        let subject = match pause.scope.as_str() {
            "batch" => format!("b_{}", pause.subject),
            "job" => format!("j_{}", pause.subject),
            _ => pause.subject,
        };
        Self {
            id: PauseId(pause.id),
            scope: pause.scope,
            subject,
            mode: pause.mode,
            who: pause.who,
            reason: pause.why,
            since: pause.since,
            until: pause.until,
        }
    }
}

/// Groups and queues.
#[derive(Debug, Serialize, ToSchema)]
pub struct LanesReply {
    /// Queues first; at most 1,000.
    pub items: Vec<LaneReply>,
}

/// What a group or queue may get, and what it has.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneReply {
    /// A group's purpose, or its template where work came without one; `queue:NAME` of a queue.
    pub key: String,
    /// `group` or `queue`.
    pub kind: String,
    /// Its part beside the others, 1 to 1,000.
    pub weight: i32,
    /// With fewer jobs in flight than this it goes first.
    pub minimum: i32,
    /// With so many jobs in flight it gets no more.
    pub maximum: Option<i32>,
    /// Who said so; empty where nobody did.
    pub who: String,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// Jobs under lease.
    pub in_flight: i64,
    /// Whether due work waits.
    pub has_work: bool,
    /// Whether some of that stands still for a pause.
    pub is_paused: bool,
}

impl From<ShareView> for LaneReply {
    fn from(share: ShareView) -> Self {
        Self {
            key: share.key(),
            kind: share.kind,
            weight: share.weight,
            minimum: share.minimum,
            maximum: share.maximum,
            who: share.who,
            at: share.at,
            in_flight: share.in_flight,
            has_work: share.has_work,
            is_paused: share.is_paused,
        }
    }
}
