//! What is done to the machine and what it remembers, as the text of a recording and back.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use windlass_workflows::machine::JobFacts;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::turn::{Entry, Head};
use windlass_workflows::program::Bundle;
use windlass_workflows::value::Value;

use crate::batches::batch;

/// Documents and entries are at most so deep, with what stands around them.
const DEPTH: u32 = 96;

pub fn json(text: &str) -> Value {
    Value::parse_within(text, DEPTH).expect("JSON")
}

pub fn instant(at: DateTime<Utc>) -> Value {
    Value::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn read_instant(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().expect("an instant");
    DateTime::parse_from_rfc3339(text)
        .expect("an instant")
        .to_utc()
}

fn member<'v>(value: &'v Value, key: &str) -> &'v Value {
    value
        .get(key)
        .unwrap_or_else(|| panic!("{key} is missing in {value}"))
}

fn text(value: &Value, key: &str) -> String {
    member(value, key).as_str().expect("text").to_owned()
}

fn count(value: &Value, key: &str) -> u32 {
    let count = member(value, key).as_u64().expect("a count");
    u32::try_from(count).expect("a count")
}

pub fn maybe(value: &Option<String>) -> Value {
    value.as_deref().map_or(Value::Null, Value::from)
}

fn read_maybe(value: &Value, key: &str) -> Option<String> {
    member(value, key).as_str().map(str::to_owned)
}

pub fn begun(bundle: &Bundle, facts: &JobFacts) -> String {
    let chunks = facts.batch.as_ref().and_then(|batch| batch.chunks);
    let job = Value::map([
        ("id", Value::from(facts.id)),
        ("nonce", Value::from(facts.nonce)),
        ("input", facts.input.clone()),
        ("created_at", instant(facts.created_at)),
        ("tenant", Value::from(facts.tenant.as_str())),
        ("chunks", chunks.map_or(Value::Null, Value::from)),
    ]);
    format!(
        "{{\"job\":{},\"bundle\":{}}}",
        job.to_json(),
        bundle.to_json()
    )
}

pub fn read_begun(told: &str) -> (Bundle, JobFacts) {
    let whole = json(told);
    let bundle = Bundle::from_json(&member(&whole, "bundle").to_json()).expect("a bundle");
    let job = member(&whole, "job");
    let number = |key| member(job, key).as_i64().expect("a number");
    let chunks = member(job, "chunks").as_u64();
    let facts = JobFacts {
        id: number("id"),
        nonce: number("nonce"),
        input: member(job, "input").clone(),
        created_at: read_instant(member(job, "created_at")),
        tenant: text(job, "tenant"),
        timeout: None,
        retry: None,
        item_key: None,
        batch: chunks.map(|_| batch(Some(count(job, "chunks")))),
    };
    (bundle, facts)
}

pub fn entry(entry: &Entry) -> String {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    format!("{} {} {at} {}", entry.seq, entry.kind, entry.data)
}

pub fn read_entry(told: &str) -> Entry {
    let parts: Vec<&str> = told.splitn(4, ' ').collect();
    Entry {
        seq: parts[0].parse().expect("a number"),
        kind: parts[1].to_owned(),
        at: read_instant(&Value::from(parts[2])),
        data: parts[3].to_owned(),
    }
}

pub fn head(head: &Head) -> String {
    let state = String::from_utf8(head.state.clone()).expect("text");
    format!("{} {} {state}", head.seq, head.fold)
}

pub fn read_head(told: &str) -> Head {
    let parts: Vec<&str> = told.splitn(3, ' ').collect();
    Head {
        seq: parts[0].parse().expect("a number"),
        fold: parts[1].parse().expect("a number"),
        state: parts[2].as_bytes().to_vec(),
    }
}

fn fault(fault: &Fault) -> Value {
    Value::map([
        ("type", Value::from(fault.kind.as_str())),
        ("status", Value::from(i64::from(fault.status))),
        ("title", maybe(&fault.title)),
        ("detail", fault.detail.clone().unwrap_or(Value::Null)),
        ("instance", maybe(&fault.instance)),
    ])
}

fn read_fault(value: &Value) -> Fault {
    let detail = member(value, "detail");
    Fault {
        kind: text(value, "type"),
        status: u16::try_from(count(value, "status")).expect("a status"),
        title: read_maybe(value, "title"),
        detail: (!detail.is_null()).then(|| detail.clone()),
        instance: read_maybe(value, "instance"),
    }
}

fn result(result: &Result<Value, Fault>) -> (&'static str, Value) {
    match result {
        Ok(output) => ("output", output.clone()),
        Err(error) => ("error", fault(error)),
    }
}

fn read_result(value: &Value) -> Result<Value, Fault> {
    match value.get("error") {
        Some(error) => Err(read_fault(error)),
        None => Ok(member(value, "output").clone()),
    }
}

pub fn number(activity: Activity) -> (&'static str, Value) {
    ("activity", Value::from(activity.0))
}

/// `{at, <word>: {…}}`.
pub fn told(event: &Event) -> String {
    let inner = match &event.kind {
        EventKind::Started { attempt, losses } => vec![
            ("attempt", Value::from(*attempt)),
            ("losses", Value::from(*losses)),
        ],
        EventKind::Succeeded { activity, output } => {
            vec![number(*activity), ("output", output.clone())]
        }
        EventKind::Failed {
            activity,
            fault: error,
            again_after,
        } => {
            let again = again_after.map(|again| Value::from(again.as_millis() as i64));
            vec![
                number(*activity),
                ("error", fault(error)),
                ("again_after_ms", again.unwrap_or(Value::Null)),
            ]
        }
        EventKind::Chunk {
            activity,
            number: of,
            result: given,
        } => vec![
            number(*activity),
            ("number", Value::from(*of)),
            result(given),
        ],
        EventKind::Mail {
            id,
            envelope,
            arrived,
        } => vec![
            ("id", Value::from(*id)),
            ("envelope", envelope.clone()),
            ("arrived", instant(*arrived)),
        ],
        EventKind::Settled {
            activity,
            by,
            result: given,
        } => vec![
            number(*activity),
            ("by", Value::from(by.as_str())),
            result(given),
        ],
        other => decision(other),
    };
    let members = [
        ("at", instant(event.at)),
        (event.kind.word(), Value::map(inner)),
    ];
    Value::map(members).to_json()
}

fn decision(kind: &EventKind) -> Vec<(&'static str, Value)> {
    match kind {
        EventKind::Unknown { activity } | EventKind::Retry { activity } => vec![number(*activity)],
        EventKind::EffectTaken { activity, holder } => {
            vec![number(*activity), ("holder", Value::from(holder.as_str()))]
        }
        EventKind::Skip { activity, output } => vec![number(*activity), ("output", output.clone())],
        EventKind::Fail {
            activity,
            fault: error,
        } => vec![number(*activity), ("error", fault(error))],
        EventKind::Cancel { who, why } => vec![
            ("who", Value::from(who.as_str())),
            ("why", Value::from(why.as_str())),
        ],
        _ => Vec::new(),
    }
}

pub fn read_told(told: &str) -> Event {
    let whole = json(told);
    let (word, inner) = whole.as_map().and_then(|map| map.at(1)).expect("an event");
    Event {
        at: read_instant(member(&whole, "at")),
        kind: read_kind(word, inner),
    }
}

fn read_kind(word: &str, inner: &Value) -> EventKind {
    let activity = || Activity(count(inner, "activity"));
    match word {
        "started" => EventKind::Started {
            attempt: count(inner, "attempt"),
            losses: count(inner, "losses"),
        },
        "succeeded" => EventKind::Succeeded {
            activity: activity(),
            output: member(inner, "output").clone(),
        },
        "failed" => EventKind::Failed {
            activity: activity(),
            fault: read_fault(member(inner, "error")),
            again_after: member(inner, "again_after_ms")
                .as_u64()
                .map(Duration::from_millis),
        },
        "chunk" => EventKind::Chunk {
            activity: activity(),
            number: count(inner, "number"),
            result: read_result(inner),
        },
        "mail" => EventKind::Mail {
            id: member(inner, "id").as_i64().expect("an id"),
            envelope: member(inner, "envelope").clone(),
            arrived: read_instant(member(inner, "arrived")),
        },
        "settled" => EventKind::Settled {
            activity: activity(),
            by: text(inner, "by"),
            result: read_result(inner),
        },
        "due" => EventKind::Due,
        "continued" => EventKind::Continued,
        _ => read_decision(word, inner),
    }
}

fn read_decision(word: &str, inner: &Value) -> EventKind {
    let activity = || Activity(count(inner, "activity"));
    match word {
        "unknown" => EventKind::Unknown {
            activity: activity(),
        },
        "effect_taken" => EventKind::EffectTaken {
            activity: activity(),
            holder: text(inner, "holder"),
        },
        "retry" => EventKind::Retry {
            activity: activity(),
        },
        "skip" => EventKind::Skip {
            activity: activity(),
            output: member(inner, "output").clone(),
        },
        "fail" => EventKind::Fail {
            activity: activity(),
            fault: read_fault(member(inner, "error")),
        },
        "cancel" => EventKind::Cancel {
            who: text(inner, "who"),
            why: text(inner, "why"),
        },
        other => panic!("no event is called {other}"),
    }
}
