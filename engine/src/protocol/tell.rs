//! What people and programs tell jobs: signals and events, as CloudEvents.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use serde_json::value::RawValue;
use windlass_workflows::problem::Problem;

use crate::store::{NewEvent, NewSignal, Signalled};
use crate::{Error, Store};

/// Signals that nobody takes are kept so long unless their sender says otherwise: seven days.
pub const SIGNAL_TTL: Duration = Duration::from_secs(7 * 86_400);
/// Longer ones stay behind when a template is long gone.
const SIGNAL_TTL_MAX: Duration = Duration::from_secs(365 * 86_400);
/// As the machine bounds every value.
const DATA_BYTES_MAX: usize = 1 << 20;
/// Names, keys, ids and types that are longer carry data, which belongs elsewhere.
const TEXT_BYTES_MAX: usize = 255;

/// Type of the event that a signal is to a template.
pub fn signal_type(name: &str) -> String {
    format!("io.windlass.signal.{name}.v1")
}

/// The name of the signal that an event of this type is, if it is one.
pub fn signal_name(kind: &str) -> Option<&str> {
    kind.strip_prefix("io.windlass.signal.")?
        .strip_suffix(".v1")
        .filter(|name| !name.is_empty())
}

/// What tells an event from all others: two sources that use the same id say different things.
pub fn event_uid(source: &str, id: &str) -> String {
    // A source without a space is as it was written.
    let source = source.replace('%', "%25").replace(' ', "%20");
    format!("{source} {id}")
}

/// A signal, as a caller sends it.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Whom it is for.
    pub to: To,
    /// Its name.
    pub name: String,
    /// A second one of this id to the same address is the first one.
    pub id: String,
    /// JSON.
    pub data: Option<Box<RawValue>>,
    /// How long it is kept.
    pub ttl: Duration,
    /// When it is sent.
    pub at: DateTime<Utc>,
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// One job.
    Job(i64),
    /// Whoever waits under this key.
    Key(String),
}

/// An event, as a caller publishes it.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Its type.
    pub kind: String,
    /// A second one of this id from the same source is dropped.
    pub id: String,
    /// Who says so.
    pub source: String,
    /// What it is about.
    pub subject: Option<String>,
    /// JSON.
    pub data: Option<Box<RawValue>>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Sends a signal to a job that has not ended, or to whoever waits under a key, now or later.
    ///
    /// # Errors
    /// `invalid`; `not_found` and `illegal_state` of the job. A repeat with the same id sends it once.
    ///
    /// # Cancel safety
    /// Dropped, it may have been sent.
    pub async fn signal(&self, tenant: i32, signal: Signal) -> Result<Signalled, Error> {
        let mut problems = Vec::new();
        text(
            &mut problems,
            "/name",
            &signal.name,
            is_name,
            "letters, digits, `.`, `_` and `-`",
        );
        text(&mut problems, "/id", &signal.id, |_| true, "any text");
        if let To::Key(key) = &signal.to {
            let hint = "any text that is no id of a job, such as order-17";
            text(&mut problems, "/key", key, |key| !is_job(key), hint);
        }
        data(&mut problems, signal.data.as_deref());
        if signal.ttl.is_zero() || signal.ttl > SIGNAL_TTL_MAX {
            let message = "a signal is kept for up to a year";
            problems.push(Problem::new("wrong_value", "/ttl", message).hint("7d"));
        }
        refuse(problems)?;
        let key = match signal.to {
            To::Job(job) => {
                let key = format!("j_{job}");
                if let Err(error) = self.open_job(tenant, job).await {
                    // It may have ended because of this very signal: a repeat has the first answer.
                    let sent = self.sent_signal(tenant, &key, &signal.id).await?;
                    return sent.ok_or(error);
                }
                key
            }
            To::Key(key) => key,
        };
        let kind = signal_type(&signal.name);
        let data = envelope(
            &signal.id,
            "/windlass",
            &kind,
            Some(&key),
            signal.at,
            signal.data,
        );
        self.send_signal(NewSignal {
            tenant,
            key,
            id: signal.id,
            name: signal.name,
            data,
            ttl: signal.ttl,
        })
        .await
    }

    /// Publishes events: every job that waits for their type and subject is given them, and those that wait
    /// later, if they are older than the event.
    ///
    /// # Errors
    /// `invalid`; then none is published.
    ///
    /// # Cancel safety
    /// Dropped, they may have been written, and a keeper publishes them.
    pub async fn tell(&self, tenant: i32, occurrences: Vec<Occurrence>) -> Result<(), Error> {
        let mut problems = Vec::new();
        for one in &occurrences {
            let hint = "any text that does not begin with io.windlass., such as order.paid";
            let is_free = |kind: &str| !kind.starts_with("io.windlass.");
            text(&mut problems, "/type", &one.kind, is_free, hint);
            text(&mut problems, "/id", &one.id, |_| true, "any text");
            text(&mut problems, "/source", &one.source, |_| true, "any text");
            if let Some(subject) = &one.subject {
                text(&mut problems, "/subject", subject, |_| true, "any text");
            }
            data(&mut problems, one.data.as_deref());
        }
        refuse(problems)?;
        let events = occurrences.into_iter().map(|one| NewEvent {
            data: envelope(
                &one.id,
                &one.source,
                &one.kind,
                one.subject.as_deref(),
                one.at,
                one.data,
            ),
            uid: Some(event_uid(&one.source, &one.id)),
            kind: one.kind,
            subject: one.subject.unwrap_or_default(),
        });
        let events: Vec<NewEvent> = events.collect();
        self.append_events(tenant, &events).await?;
        // Who does not come to it leaves it to the keeper.
        if let Err(error) = self.publish_events().await {
            tracing::debug!(error = %error, "events are left to the keeper");
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    name.chars().all(fits)
}

fn is_job(key: &str) -> bool {
    key.strip_prefix("j_")
        .is_some_and(|number| number.parse::<i64>().is_ok())
}

fn text(
    problems: &mut Vec<Problem>,
    place: &str,
    text: &str,
    fits: impl Fn(&str) -> bool,
    hint: &str,
) {
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) || !fits(text) || text.contains('\0') {
        let message = format!("it has 1 to {TEXT_BYTES_MAX} bytes: {hint}");
        problems.push(Problem::new("wrong_value", place, message));
    }
}

fn data(problems: &mut Vec<Problem>, data: Option<&RawValue>) {
    let Some(data) = data else {
        return;
    };
    if data.get().len() > DATA_BYTES_MAX {
        let message = format!("it has {} bytes, more than 1 MiB", data.get().len());
        problems.push(Problem::new("wrong_value", "/data", message));
    } else if let Err(error) = windlass_workflows::value::Value::parse(data.get()) {
        problems.push(Problem::new("wrong_value", "/data", error.to_string()));
    }
}

fn refuse(problems: Vec<Problem>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid { problems })
}

/// The CloudEvent as JSON text, with the data as it was written.
fn envelope(
    id: &str,
    source: &str,
    kind: &str,
    subject: Option<&str>,
    at: DateTime<Utc>,
    data: Option<Box<RawValue>>,
) -> String {
    let mut envelope = json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "time": at.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    if let Some(subject) = subject {
        envelope["subject"] = subject.into();
    }
    let head = envelope.to_string();
    match data {
        Some(data) => format!(r#"{},"data":{}}}"#, head.trim_end_matches('}'), data.get()),
        None => head,
    }
}
