//! A job as it was stored a moment ago, from what its request said: nobody needs to read it again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::known::Known;
use crate::store::{JobView, NewRequest, RequestView, Submitted};
use crate::vocabulary::JobState;

/// What is kept of a request for its receipt.
pub(super) struct Said {
    lane: i32,
    priority: i32,
    start_at: Option<DateTime<Utc>>,
    expires_after: Option<Duration>,
    request: Option<RequestView>,
}

impl NewRequest {
    /// All but the input.
    pub(super) fn clone_said(&self) -> Said {
        let is_said = self.idempotency_key.is_some()
            || self.start_at.is_some()
            || self.expires_at.is_some()
            || self.expires_after.is_some()
            || self.timeout.is_some()
            || self.retry_revision.is_some()
            || self.tags.is_some();
        let request = is_said.then(|| RequestView {
            idempotency_key: self.idempotency_key.clone(),
            who: String::new(),
            start_at: self.start_at,
            expires_at: self.expires_at,
            successor_of: None,
            tags: self
                .tags
                .clone()
                .and_then(|tags| serde_json::from_value(tags).ok())
                .unwrap_or_default(),
        });
        Said {
            lane: self.lane,
            priority: self.priority,
            start_at: self.start_at,
            expires_after: self.expires_after,
            request,
        }
    }
}

impl Said {
    /// When it expires that is due then, where it does not say so.
    fn expires(&self, due: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = TimeDelta::from_std(self.expires_after?).ok()?;
        due.checked_add_signed(after)
    }
}

/// The job that was stored at `at`.
pub(super) fn view(
    known: &Known,
    said: &Said,
    submitted: &Submitted,
    at: DateTime<Utc>,
    who: &str,
) -> JobView {
    let (id, successor_of) = match submitted {
        Submitted::Succeeds { job, first } => (*job, Some(*first)),
        Submitted::Replaced { job, .. }
        | Submitted::Created { job }
        | Submitted::Extended { job }
        | Submitted::Duplicate { job }
        | Submitted::KeyReused { job }
        | Submitted::Rejected { job } => (*job, None),
        Submitted::InFlight => (0, None),
    };
    let starts = said.start_at.filter(|start| *start > at);
    let due = said.start_at.unwrap_or(at);
    let ready_since = due - TimeDelta::seconds(i64::from(said.priority));
    let request = said.request.clone().map(|request| RequestView {
        who: who.to_owned(),
        successor_of,
        expires_at: request.expires_at.or_else(|| said.expires(due)),
        ..request
    });
    JobView {
        id,
        state: JobState::from(
            if starts.is_some() {
                "scheduled"
            } else {
                "ready"
            }
            .to_owned(),
        ),
        template: known.label.clone(),
        purpose: known.resolved.purpose.clone(),
        queue: "default".to_owned(),
        lane: said.lane,
        batch: None,
        member_key: None,
        object: None,
        parent: None,
        redrive_of: None,
        created_at: at,
        attempt: 0,
        losses: 0,
        journaled: false,
        due: starts,
        ready_since: starts.is_none().then_some(ready_since),
        lease: None,
        held: None,
        waits: Vec::new(),
        outcome: None,
        request,
    }
}
