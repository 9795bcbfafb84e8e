//! Why is this job not running? The answer as a value, from the tables that the dispatcher reads.
//!
//! The store gathers the facts; the rest is one pure function of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::Error;
use crate::store::{JobView, Store, WaitCause};
use crate::vocabulary::JobState;

/// One thing that keeps a job from running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable, such as `no_worker`.
    pub code: &'static str,
    /// One sentence for people.
    pub text: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// What somebody wants of a job or its lane that has not come true yet.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub verb: String,
    pub who: String,
    pub why: String,
    pub whole_lane: bool,
}

/// Who could take the jobs of a lane.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    pub queue: String,
    pub capability: String,
    pub workers: i64,
    pub able: i64,
    pub oldest: Option<DateTime<Utc>>,
}

impl Store {
    /// Why a job is not running; nothing for one that runs. `ttl` is how long a worker counts as
    /// alive after its last heartbeat.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the job does not exist in this tenant.
    pub async fn explain(&self, tenant: i32, id: i64, ttl: Duration) -> Result<Vec<Reason>, Error> {
        let job = self.job(tenant, id).await?;
        let intents = self.intents(id, job.lane).await?;
        let capacity = self.capacity(job.lane, ttl).await?;
        let batch = match job.batch {
            Some(batch) if job.state == JobState::Scheduled => {
                let batch = self.batch(tenant, batch).await?;
                Some((batch.state, batch.reason))
            }
            _ => None,
        };
        Ok(reasons(&job, &intents, &capacity, batch.as_ref()))
    }
}

/// A batch's state and the reason beside it.
type BatchState = (String, Option<String>);

fn reasons(
    job: &JobView,
    intents: &[Intent],
    capacity: &Capacity,
    batch: Option<&BatchState>,
) -> Vec<Reason> {
    let mut found: Vec<Reason> = match job.state {
        JobState::Running => return Vec::new(),
        JobState::Scheduled => vec![scheduled(job, batch)],
        JobState::Ready => ready(job, intents, capacity),
        JobState::Waiting => waiting(job),
        JobState::Paused | JobState::Parked => vec![stopped(job)],
        JobState::Unheld => vec![reason(
            "unheld",
            "it has neither holder nor outcome: report it with the job's journal",
        )],
        _ => return vec![ended(job)],
    };
    found.extend(
        intents
            .iter()
            .filter(|intent| !intent.whole_lane)
            .map(intended),
    );
    found
}

fn scheduled(job: &JobView, batch: Option<&BatchState>) -> Reason {
    match (&job.held, job.due) {
        (Some(_), _) => not_released(batch),
        (None, due) if job.attempt > 0 => Reason {
            until: due,
            ..reason(
                "retry_backoff",
                format!("try {} failed; it is tried again later", job.attempt),
            )
        },
        (None, due) => Reason {
            until: due,
            ..reason("not_due", "its start lies in the future")
        },
    }
}

fn not_released(batch: Option<&BatchState>) -> Reason {
    let Some((state, why)) = batch else {
        return reason("not_released", "it is planned and not released yet");
    };
    let why = why
        .as_deref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    match state.as_str() {
        "paused" => reason("batch_paused", format!("its batch is paused{why}")),
        "planning" => reason("batch_planning", "its batch is still being planned"),
        "planned" => reason(
            "batch_planned",
            format!("its batch is planned and not started{why}"),
        ),
        _ => reason(
            "release_window",
            format!("its batch releases as others end{why}"),
        ),
    }
}

fn ready(job: &JobView, intents: &[Intent], capacity: &Capacity) -> Vec<Reason> {
    let lane: Vec<Reason> = intents
        .iter()
        .filter(|intent| intent.whole_lane)
        .map(intended)
        .collect();
    if !lane.is_empty() {
        return lane;
    }
    if capacity.workers == 0 {
        return vec![reason(
            "no_worker",
            "no worker is alive: start one with `windlass serve --role worker`",
        )];
    }
    if capacity.able == 0 {
        return vec![nobody_able(capacity)];
    }
    vec![in_line(job, capacity)]
}

fn nobody_able(capacity: &Capacity) -> Reason {
    match capacity.capability.as_str() {
        "" => reason("workers_draining", "every living worker is draining"),
        name => reason(
            "no_capable_worker",
            format!("no living worker offers `{name}`"),
        ),
    }
}

fn in_line(job: &JobView, capacity: &Capacity) -> Reason {
    let ahead = match (capacity.oldest, job.ready_since) {
        (Some(oldest), Some(since)) => oldest < since,
        _ => false,
    };
    let queue = &capacity.queue;
    match ahead {
        true => reason(
            "behind_others",
            format!("older jobs of its lane in queue `{queue}` go first"),
        ),
        false => reason(
            "next_in_line",
            format!("it is first of its lane in queue `{queue}`; a free slot takes it"),
        ),
    }
}

fn waiting(job: &JobView) -> Vec<Reason> {
    if let Some(held) = job.held.as_ref() {
        return vec![reason(
            "cancelling",
            format!("it is being cancelled by {}: {}", held.who, held.why),
        )];
    }
    let timer = job.due.map(|due| Reason {
        until: Some(due),
        ..reason("timer", "it waits for a timer")
    });
    let causes = job.waits.iter().map(cause);
    timer.into_iter().chain(causes).collect()
}

fn cause(cause: &WaitCause) -> Reason {
    let key = cause.key.as_deref().unwrap_or("");
    match cause.kind.as_deref() {
        Some("signal") => reason("signal", format!("it waits for the signal `{key}`")),
        Some("child") => reason("child", format!("it waits for its job {key}")),
        kind => reason(
            "wait",
            format!("it waits for {} `{key}`", kind.unwrap_or("something")),
        ),
    }
}

fn stopped(job: &JobView) -> Reason {
    let (code, word) = match job.state {
        JobState::Paused => ("paused", "paused"),
        _ => ("parked", "parked"),
    };
    let (who, why) = job
        .held
        .as_ref()
        .map_or(("", ""), |held| (held.who.as_str(), held.why.as_str()));
    let by = if who.is_empty() {
        String::new()
    } else {
        format!(" by {who}")
    };
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    Reason {
        until: job.due,
        ..reason(code, format!("it is {word}{by}{why}"))
    }
}

fn ended(job: &JobView) -> Reason {
    let code = job
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.code.as_deref());
    let why = code
        .map(|code| format!(" with `{code}`"))
        .unwrap_or_default();
    reason("ended", format!("it is over: {}{why}", job.state.as_str()))
}

fn intended(intent: &Intent) -> Reason {
    let what = if intent.whole_lane { "its lane" } else { "it" };
    match intent.verb.as_str() {
        "cancel" => reason(
            "cancel_requested",
            format!("{} asked to cancel {what}: {}", intent.who, intent.why),
        ),
        _ => reason(
            "pause_requested",
            format!("{} paused {what}: {}", intent.who, intent.why),
        ),
    }
}

fn reason(code: &'static str, text: impl Into<String>) -> Reason {
    Reason {
        code,
        text: text.into(),
        until: None,
    }
}
