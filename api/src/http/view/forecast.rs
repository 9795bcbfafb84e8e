//! When a batch is to be done, and when it will be.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::ForecastView;

/// What is said of a batch; looked at once a minute while it is released and runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastReply {
    /// When it is to be done.
    pub deadline: Option<DateTime<Utc>>,
    /// `finished`, `on_time`, `at_risk`, `late`, `missed`, `unknown` or `waiting`.
    pub light: String,
    /// When it will be done at the best speed of late; with most of it at rest, when the first of that is due.
    pub early: Option<DateTime<Utc>>,
    /// At the worst.
    pub late: Option<DateTime<Utc>>,
    /// What keeps it from being faster: `window`, `limit`, `worker slots`, `rate`, `step duration`.
    pub binding: Option<String>,
    /// How many times its share of the workers it has, because it would be late; 1 to 4.
    pub lift: i32,
    /// Workers of the size of today's that it needs to be done by its deadline; null where that is not known.
    pub desired_workers: Option<i32>,
    /// The last look.
    pub seen_at: Option<DateTime<Utc>>,
}

impl From<ForecastView> for ForecastReply {
    fn from(view: ForecastView) -> Self {
        Self {
            deadline: view.deadline,
            light: view.light,
            early: view.early,
            late: view.late,
            binding: Some(view.binding).filter(|binding| !binding.is_empty()),
            lift: view.lift,
            desired_workers: view.desired_workers,
            seen_at: view.seen_at,
        }
    }
}
