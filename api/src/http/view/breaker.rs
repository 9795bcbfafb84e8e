//! Breakers: which error stopped which template, and what would.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{BreakerRule, BreakerView};

use crate::http::habit::ids::{JobId, PauseId};

/// Where the breaker of a template stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakerReply {
    /// `namespace.name`.
    pub template: String,
    /// `closed`; `open`: nothing starts; `probing`: some went to see.
    pub state: String,
    /// The error that opened it last; none when a person did.
    pub fingerprint: Option<String>,
    /// The error's stable name.
    pub code: Option<String>,
    /// Jobs that it had stopped when the breaker opened.
    pub failures: i64,
    /// Jobs that had ended beside them, these included.
    pub ended: i64,
    /// One of them.
    pub sample: Option<JobId>,
    /// How many jobs go, or will go, to see: 1, then 10.
    pub step: i32,
    /// Probes that failed in a row.
    pub refusals: i32,
    /// When it came into this state.
    pub since: DateTime<Utc>,
    /// When the next probe may go.
    pub due: Option<DateTime<Utc>>,
    /// Who moved it last: `windlass`, or a person.
    pub who: String,
    /// In words.
    pub why: String,
    /// The pause that it holds its template with.
    pub pause: Option<PauseId>,
}

impl From<BreakerView> for BreakerReply {
    fn from(view: BreakerView) -> Self {
        Self {
            template: view.template,
            state: view.state,
            fingerprint: view.fingerprint,
            code: view.code,
            failures: view.failures,
            ended: view.ended,
            sample: view.sample.map(JobId),
            step: view.step,
            refusals: view.refusals,
            since: view.since,
            due: view.due,
            who: view.who,
            why: view.why,
            pause: view.pause.map(PauseId),
        }
    }
}

/// What opens the breaker of a template.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakerRuleReply {
    /// `namespace.name`, or `all`.
    pub template: String,
    /// Whether it may open by itself.
    pub is_on: bool,
    /// So many jobs stopped by one error within the window.
    pub failures: i32,
    /// Which part of what ended beside them that must be, 0 to 1.
    pub share: f64,
    /// In seconds.
    pub window_seconds: i32,
    /// Seconds before the first probe; twice as long after each one that failed.
    pub rest_seconds: i32,
}

impl BreakerRuleReply {
    /// The rule of a template, or of all.
    pub fn new(template: &str, rule: BreakerRule) -> Self {
        Self {
            template: template.to_owned(),
            is_on: rule.is_on,
            failures: rule.failures,
            share: rule.share,
            window_seconds: rule.window_seconds,
            rest_seconds: rule.rest_seconds,
        }
    }
}
