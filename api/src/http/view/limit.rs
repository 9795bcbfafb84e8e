//! A limit, its keys, and what is in use of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{LimitUse, LimitView};

/// A limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitReply {
    /// Its name.
    pub name: String,
    /// To what it applies: `reference`, `tenant`, `purpose`, `template` or `queue`.
    pub scope: String,
    /// The purpose, template or queue; empty otherwise.
    pub scope_name: String,
    /// jq over a job's input that tells its keys apart.
    pub key: Option<String>,
    /// Jobs at once, of each key.
    pub concurrency: Option<i32>,
    /// Starts a second, of each key.
    pub rate: Option<f64>,
    /// Starts that may come together.
    pub burst: Option<i32>,
    /// `queue`, `reject_new`, `cancel_oldest` or `cancel_newest`.
    pub overflow: String,
    /// Keys that had work so far.
    pub keys: i64,
    /// Jobs that run under it now.
    pub used: i64,
    /// Keys that have no slot left.
    pub full_keys: i64,
}

/// One key of a limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitKeyReply {
    /// The key; empty for a limit that has one only.
    pub key: String,
    /// Jobs at once.
    pub concurrency: Option<i32>,
    /// Jobs that run now.
    pub used: i32,
    /// Starts a second.
    pub rate: Option<f64>,
    /// Starts that may come together.
    pub burst: Option<i32>,
    /// Starts that are saved up.
    pub tokens: Option<f64>,
    /// Nothing starts before: a remote asked for a rest.
    pub hold_until: Option<DateTime<Utc>>,
}

impl From<LimitView> for LimitReply {
    fn from(limit: LimitView) -> Self {
        Self {
            name: limit.name,
            scope: limit.scope,
            scope_name: limit.scope_name,
            key: limit.expression,
            concurrency: limit.concurrency,
            rate: limit.rate,
            burst: limit.burst,
            overflow: limit.overflow,
            keys: limit.keys,
            used: limit.used,
            full_keys: limit.full_keys,
        }
    }
}

impl From<LimitUse> for LimitKeyReply {
    fn from(key: LimitUse) -> Self {
        Self {
            key: key.value,
            concurrency: key.cap,
            used: key.used,
            rate: key.rate,
            burst: key.burst,
            tokens: key.tokens,
            hold_until: key.hold_until,
        }
    }
}
