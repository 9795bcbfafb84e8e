//! What a batch goes by while it runs, and what holds it back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{BatchRulesView, HoldView};

/// The rules of a batch, and how far it has come by them.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchRulesReply {
    /// `rate`, `hours`, `canary`, `tolerance`, and `zone` and `calendar` of its schedule, as they were written.
    #[serde(flatten)]
    pub rules: BTreeMap<String, serde_json::Value>,
    /// Releases after each stage of its canary; empty without.
    pub stages: Vec<u64>,
    /// So many releases were let through by its stages.
    pub staged: u64,
    /// What holds jobs of it back now.
    pub waiting: Option<HoldReply>,
    /// Bad endings that a person accepted.
    pub accepted: i64,
    /// Too much failed, and what was done: `pause`, `fail` or `continue`.
    pub tripped: Option<String>,
    /// When.
    pub tripped_at: Option<DateTime<Utc>>,
}

/// What holds jobs of a batch back.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldReply {
    /// `tolerance_tripped`, `canary_failed`, `canary_inconclusive`, `stage`, `hours`, `blackout`, `rate` or `window`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// When it ends by itself, where that is known.
    pub until: Option<DateTime<Utc>>,
}

impl From<BatchRulesView> for BatchRulesReply {
    fn from(view: BatchRulesView) -> Self {
        Self {
            rules: view.rules,
            stages: view.stages,
            staged: view.staged,
            waiting: view.hold.map(HoldReply::from),
            accepted: view.accepted,
            tripped: view.tripped,
            tripped_at: view.tripped_at,
        }
    }
}

impl From<HoldView> for HoldReply {
    fn from(hold: HoldView) -> Self {
        Self {
            reason: hold.reason,
            message: hold.message,
            until: hold.until,
        }
    }
}
