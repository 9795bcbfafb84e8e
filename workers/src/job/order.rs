//! What people want of a running job, as the store wrote it down.

use windlass_engine::store::{Claimed, Ending};
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::turn::{End, Outcome, OutcomeKind};

/// `{ "order": "cancel", "who": …, "why": … }`, as the store wrote it.
pub(super) fn cancel_event(order: &str) -> EventKind {
    let (who, why) = who_and_why(order);
    EventKind::Cancel { who, why }
}

/// How a job ends that somebody cancelled.
pub(super) fn cancelled(order: &str) -> Ending {
    let (who, why) = who_and_why(order);
    cancelled_by(&who, &why)
}

/// How a job ends that makes a step's call for nobody.
pub(super) fn unasked() -> Ending {
    cancelled_by("windlass", "no job asks for this call")
}

fn cancelled_by(who: &str, why: &str) -> Ending {
    let result = serde_json::json!({ "title": "cancelled", "detail": why, "who": who }).to_string();
    let (code, result) = (Some("cancelled".into()), Some(result));
    Ending::Machine(End::Outcome(Outcome {
        kind: OutcomeKind::Cancelled,
        code,
        fingerprint: None,
        result,
    }))
}

/// How a job ends that nobody started in time. One that was begun before goes on, however late it is.
pub(super) fn expired(claimed: &Claimed) -> Option<Ending> {
    let is_fresh = !claimed.journaled && claimed.attempt == 0 && claimed.losses == 0;
    let is_late = claimed
        .expires_at
        .is_some_and(|end| end <= claimed.claimed_at);
    (is_fresh && is_late).then(|| {
        Ending::Machine(End::Outcome(Outcome {
            kind: OutcomeKind::Expired,
            code: Some("not_started_in_time".into()),
            fingerprint: None,
            result: None,
        }))
    })
}

fn who_and_why(order: &str) -> (String, String) {
    let value: serde_json::Value = serde_json::from_str(order).unwrap_or_default();
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    (text("who"), text("why"))
}
