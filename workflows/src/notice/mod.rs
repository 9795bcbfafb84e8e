//! Notices: what happened that somebody outside may want to be told, who wants it, and how a delivery goes on.
//!
//! A notice is a row of the transaction of its fact. What is made of it (an event, a callback's input, the next try of a
//! delivery) is decided here, from values only.

mod backoff;
mod event;
mod threshold;

pub use backoff::{TRIES_MAX, pause};
pub use event::{Told, callback_input, event, keeps};
pub use threshold::{Judged, Threshold};

/// About what of a batch something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Its first job failed, parked or expired.
    FirstFailure,
    /// So many did.
    Threshold,
    /// It may not be done in time.
    AtRisk,
    /// It has ended, once a generation.
    Finished,
}

impl When {
    /// All with their words.
    pub const ALL: [(&str, When); 4] = [
        ("first_failure", When::FirstFailure),
        ("threshold", When::Threshold),
        ("at_risk", When::AtRisk),
        ("finished", When::Finished),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        When::ALL[self as usize].0
    }
}

/// Every event that a webhook may take.
pub const EVENTS: [&str; 17] = [
    "batch.first_failure",
    "batch.threshold",
    "batch.at_risk",
    "batch.finished",
    "callback.first_failure",
    "callback.threshold",
    "callback.at_risk",
    "callback.finished",
    "slot.fired",
    "slot.late",
    "slot.skipped",
    "slot.missed",
    "slot.manual",
    "slot.not_started",
    "slot.not_finished",
    "webhook.disabled",
    "webhook.dead",
];

/// What a later release tells of.
pub const LATER: [&str; 3] = ["job", "template", "campaign"];

/// Whether this is an event, or all events of a noun.
pub fn is_event(pattern: &str) -> bool {
    EVENTS.iter().any(|event| takes(pattern, event))
}

/// Whether a pattern takes an event: `batch.finished` itself, or `batch.*`.
pub fn takes(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(noun) => noun.ends_with('.') && event.starts_with(noun),
        None => pattern == event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_its_event_or_all_of_its_noun() {
        assert!(takes("batch.finished", "batch.finished"));
        assert!(takes("batch.*", "batch.finished"));
        assert!(!takes("batch.*", "slot.missed"));
        assert!(!takes("*", "slot.missed"));
        assert!(is_event("slot.*") && !is_event("slot.misst") && !is_event("job.*"));
    }
}
