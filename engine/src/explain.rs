//! Why is this job not running? The answer as a value, from the tables that the dispatcher reads.
//!
//! The store gathers the facts; the rest is one pure function of them.

mod lane;
mod started;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::lane::{at_maximum, closed, in_line, nobody, preferring, useless};
use self::started::{Started, batch, child, group};
use crate::Error;
use crate::store::{HoldView, JobView, PauseView, ShareView, Store, WaitCause};
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

/// A wish to cancel that has not come true yet.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub who: String,
    pub why: String,
}

/// Where a due job stands in its lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Jobs before it.
    pub jobs: i64,
    /// There are more than were counted.
    pub is_more: bool,
}

/// What keeps the jobs of one lane waiting, as the dispatcher sees it.
#[derive(Clone, Debug)]
pub(crate) struct LaneFacts {
    pub pauses: Vec<PauseView>,
    pub capacity: Capacity,
    /// Groups and queues with work or a share; read for due jobs only.
    pub shares: Vec<ShareView>,
    pub line: Line,
    /// The limits of its lane.
    pub limits: Vec<LimitFact>,
}

/// Who could take the jobs of a lane.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    pub queue: String,
    pub capability: String,
    pub workers: i64,
    pub able: i64,
    pub group: String,
    /// What its jobs had better be given to, and how many such workers live.
    pub preference: String,
    pub preferred: i64,
    /// Limits that its jobs were to take from and are not under.
    pub useless: Vec<String>,
    pub now: DateTime<Utc>,
}

/// One key of a limit that a job is under.
#[derive(Clone, Debug)]
pub(crate) struct LimitFact {
    pub name: String,
    pub value: String,
    pub cap: Option<i32>,
    pub used: i32,
    pub rate: Option<f64>,
    pub burst: Option<i32>,
    /// What one job takes.
    pub cost: i32,
    pub held_until: Option<DateTime<Utc>>,
    pub next_token_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Why a job is not running; nothing for one that runs. `ttl` is how long a worker counts as
    /// alive after its last heartbeat.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the job does not exist in this tenant.
    pub async fn explain(&self, tenant: i32, id: i64, ttl: Duration) -> Result<Vec<Reason>, Error> {
        let job = self.job(tenant, id).await?;
        let intents = self.intents(id).await?;
        let facts = self.lane_facts(tenant, &job, ttl).await?;
        let batch = match job.batch {
            Some(batch) if job.state == JobState::Scheduled => {
                let batch = self.batch(tenant, batch).await?;
                let hold = self.batch_rules(tenant, batch.id).await?.hold;
                Some((batch.state, batch.reason, hold))
            }
            _ => None,
        };
        if let Some(deferred) = self.deferred(&job).await? {
            return Ok(vec![deferred]);
        }
        let started = self.started_by(tenant, &job).await?;
        Ok(reasons(&job, &intents, &facts, batch.as_ref(), &started))
    }

    /// A worker could not do it and gave it back.
    async fn deferred(&self, job: &JobView) -> Result<Option<Reason>, Error> {
        if job.state != JobState::Scheduled || job.held.is_some() {
            return Ok(None);
        }
        let deferral = self.deferral(job.id).await?;
        Ok(deferral
            .filter(|(_, until)| job.due == Some(*until))
            .map(|(why, until)| Reason {
                until: Some(until),
                ..reason("deferred", format!("a worker gave it back unspent: {why}"))
            }))
    }

    async fn lane_facts(
        &self,
        tenant: i32,
        job: &JobView,
        ttl: Duration,
    ) -> Result<LaneFacts, Error> {
        let is_due = job.ready_since.is_some();
        Ok(LaneFacts {
            pauses: self.pauses_of_lane(job.lane).await?,
            capacity: self.capacity(job.lane, ttl).await?,
            shares: match is_due {
                true => self.shares(tenant).await?,
                false => Vec::new(),
            },
            line: match is_due {
                true => self.place_in_lane(job.id).await?,
                false => Line::default(),
            },
            limits: match is_due {
                true => self.limit_facts(job.lane).await?,
                false => Vec::new(),
            },
        })
    }
}

/// A batch's state, the reason beside it, and what holds its release back.
type BatchState = (String, Option<String>, Option<HoldView>);

fn reasons(
    job: &JobView,
    intents: &[Intent],
    facts: &LaneFacts,
    batch: Option<&BatchState>,
    started: &Started,
) -> Vec<Reason> {
    let is_due = job.ready_since.is_some();
    let mut found: Vec<Reason> = match job.state {
        JobState::Running => return Vec::new(),
        JobState::Scheduled => vec![scheduled(job, batch)],
        JobState::Ready => due(job, facts),
        JobState::Paused if is_due => due(job, facts),
        JobState::Waiting => waiting(job, started),
        JobState::Paused | JobState::Parked => vec![stopped(job)],
        JobState::Unheld => vec![reason(
            "unheld",
            "it has neither holder nor outcome: report it with the job's journal",
        )],
        _ => return vec![ended(job)],
    };
    if !is_due {
        // What will stop it once its own cause is over.
        found.extend(facts.pauses.iter().map(paused));
    }
    found.extend(intents.iter().map(intended));
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
    let Some((state, why, hold)) = batch else {
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
        _ => held_back(hold.as_ref(), &why),
    }
}

fn held_back(hold: Option<&HoldView>, why: &str) -> Reason {
    let code = match hold.map(|hold| hold.reason.as_str()) {
        Some("stage") => "release_stage",
        Some("hours") => "release_hours",
        Some("blackout") => "release_blackout",
        Some("rate") => "release_rate",
        _ => "release_window",
    };
    let message = match hold.filter(|_| code != "release_window") {
        Some(hold) => format!("its batch holds it back: {}", hold.message),
        None => format!("its batch releases as others end{why}"),
    };
    Reason {
        until: hold.and_then(|hold| hold.until),
        ..reason(code, message)
    }
}

/// Every condition that is not met: a person or a limit stops it, nobody can take it, or others go first.
fn due(job: &JobView, facts: &LaneFacts) -> Vec<Reason> {
    let mut found: Vec<Reason> = facts.pauses.iter().map(paused).collect();
    found.extend(facts.limits.iter().filter_map(closed));
    found.extend(nobody(&facts.capacity));
    found.extend(preferring(&facts.capacity, job.ready_since));
    found.extend(at_maximum(facts));
    if found.is_empty() {
        found.push(in_line(facts));
    }
    found.extend(facts.capacity.useless.iter().map(|name| useless(name)));
    found
}

/// A pause of the job's lane, by whatever covers it.
fn paused(pause: &PauseView) -> Reason {
    let what = match pause.scope.as_str() {
        "tenant" => "everything".to_owned(),
        scope => format!("its {scope} `{}`", pause.subject),
    };
    Reason {
        until: pause.until,
        ..reason(
            "paused",
            format!("{what} is paused{}", by(&pause.who, &pause.why)),
        )
    }
}

/// ` by leo: stocktaking`, as far as it is known.
fn by(who: &str, why: &str) -> String {
    let who = match who {
        "" => String::new(),
        who => format!(" by {who}"),
    };
    match why {
        "" => who,
        why => format!("{who}: {why}"),
    }
}

fn waiting(job: &JobView, started: &Started) -> Vec<Reason> {
    if let Some(held) = job.held.as_ref() {
        return vec![reason(
            "cancelling",
            format!("it is being cancelled{}", by(&held.who, &held.why)),
        )];
    }
    let timer = job.due.map(|due| Reason {
        until: Some(due),
        ..reason("timer", "it waits for a timer")
    });
    let causes = job.waits.iter().map(|one| cause(job.id, one, started));
    timer.into_iter().chain(causes).collect()
}

fn cause(job: i64, cause: &WaitCause, started: &Started) -> Reason {
    let name = cause.name.as_deref().unwrap_or("");
    let key = cause.key.as_deref().unwrap_or("");
    match (cause.kind.as_deref(), name, key) {
        (Some("signal"), _, _) if key == format!("j_{job}") => {
            reason("signal", format!("it waits for the signal `{name}`"))
        }
        (Some("signal"), _, _) => reason(
            "signal",
            format!("it waits for the signal `{name}` to `{key}`"),
        ),
        (Some("event"), "", "") => reason("event", "it waits for an event"),
        (Some("event"), "", _) => reason("event", format!("it waits for an event of `{key}`")),
        (Some("event"), _, "") => reason("event", format!("it waits for an event `{name}`")),
        (Some("event"), _, _) => reason(
            "event",
            format!("it waits for an event `{name}` of `{key}`"),
        ),
        (Some("approval"), _, _) => reason(
            "approval",
            format!("it waits for {key}'s approval of `{name}`"),
        ),
        (Some("group"), _, _) => group(key, &started.groups),
        (Some("child"), _, _) => child(key, &started.children),
        (Some("batch"), _, _) => batch(key, &started.batches),
        (kind, _, _) => reason(
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
    Reason {
        until: job.due,
        ..reason(code, format!("it is {word}{}", by(who, why)))
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
    reason(
        "cancel_requested",
        format!("its cancel was asked for{}", by(&intent.who, &intent.why)),
    )
}

fn reason(code: &'static str, text: impl Into<String>) -> Reason {
    Reason {
        code,
        text: text.into(),
        until: None,
    }
}
