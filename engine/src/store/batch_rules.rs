//! What a batch goes by while it runs, how far it has come by that, and what holds it back, as people see it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::plan::{Hold, stages};

use super::Store;
use crate::Error;
use crate::protocol::course::OnCourse;

/// The rules of a batch and its way by them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchRulesView {
    /// `rate`, `hours`, `zone`, `calendar`, `canary` and `tolerance`, as people wrote them.
    pub rules: BTreeMap<String, serde_json::Value>,
    /// Releases after each stage of its canary; empty without.
    pub stages: Vec<u64>,
    /// So many were let through by them.
    pub staged: u64,
    /// What holds jobs of it back.
    pub hold: Option<HoldView>,
    /// Bad endings that a person accepted.
    pub accepted: i64,
    /// Too much failed: `pause`, `fail` or `continue`.
    pub tripped: Option<String>,
    /// When.
    pub tripped_at: Option<DateTime<Utc>>,
}

/// What holds jobs of a batch back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// `tolerance_tripped`, `canary_failed`, `canary_inconclusive`, `stage`, `hours`, `blackout`, `rate` or `window`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// When it ends by itself, where that is known.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// The rules of a batch, and what holds it back now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn batch_rules(&self, tenant: i32, batch: i64) -> Result<BatchRulesView, Error> {
        Ok(view(&self.on_course(tenant, batch).await?))
    }
}

fn view(batch: &OnCourse) -> BatchRulesView {
    let rules = serde_json::from_str(&batch.stored.to_json());
    let canary = batch.rules.canary.as_ref();
    BatchRulesView {
        rules: rules.unwrap_or_default(),
        stages: canary.map_or_else(Vec::new, |canary| stages(canary, batch.course.jobs)),
        staged: batch.course.staged,
        hold: hold(batch),
        accepted: batch.row.accepted,
        tripped: batch.row.tripped.clone(),
        tripped_at: batch.row.tripped_at,
    }
}

/// What stopped it by its own rules, else what keeps its release from more.
fn hold(batch: &OnCourse) -> Option<HoldView> {
    if let Some(halt) = &batch.row.halt {
        let (reason, message) = halt.split_once(": ").unwrap_or((halt, ""));
        return Some(HoldView {
            reason: reason.to_owned(),
            message: message.to_owned(),
            until: None,
        });
    }
    let held = batch.allowed().hold.filter(|_| batch.may_release());
    held.as_ref().map(said)
}

fn said(hold: &Hold) -> HoldView {
    HoldView {
        reason: hold.as_str().to_owned(),
        message: hold.to_string(),
        until: hold.until(),
    }
}
