//! The callbacks of a batch on its page: what it told others, and whether it reached them.

use windlass_engine::store::CallbackView;

use super::page::Now;
use super::words::When;

/// A callback that came.
pub(super) struct CallbackRow {
    pub kind: String,
    /// The webhook that it tells, or the purpose of its job.
    pub whom: String,
    pub job: Option<String>,
    /// `told` once its notice is carried out; of a webhook what became of the delivery.
    pub state: String,
    pub problem: Option<String>,
    pub at: When,
}

impl CallbackRow {
    pub fn new(callback: CallbackView, now: Now) -> Self {
        Self {
            state: state(&callback).to_owned(),
            kind: callback.kind.replace('_', " "),
            whom: callback.webhook.or(callback.purpose).unwrap_or_default(),
            job: callback.job.map(|job| format!("j_{job}")),
            problem: callback.problem,
            at: When::new(callback.at, now.real),
        }
    }
}

fn state(callback: &CallbackView) -> &str {
    match callback {
        one if one.problem.is_some() => "failed",
        CallbackView {
            delivery_state: Some(state),
            ..
        } => state,
        CallbackView { job: Some(_), .. } => "started",
        _ => "waiting",
    }
}
