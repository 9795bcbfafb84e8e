//! Contexts of a trial: what the test says of them, and what its run makes of them. Kept in memory, and changed as
//! jobs change them; a call for which the test prepares an answer never comes here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::context::{self, BYTES_MAX, ComputedChange, DEPTH_MAX, Formula, misfit};
use crate::duration;
use crate::expression::Budget;
use crate::machine::fault::Fault;
use crate::policy::retry::later;
use crate::value::Value;

/// All contexts of one trial, by key.
#[derive(Clone, Debug, Default)]
pub(in crate::trial) struct Contexts(BTreeMap<String, Kept>);

#[derive(Clone, Debug, Default)]
struct Kept {
    version: i64,
    document: Value,
    subject: Value,
    expires_at: Option<DateTime<Utc>>,
}

impl Contexts {
    /// Says what stands there when the run begins.
    pub(in crate::trial) fn put(&mut self, key: &str, document: Value) {
        let kept = Kept {
            version: 1,
            document,
            ..Kept::default()
        };
        self.0.insert(key.to_owned(), kept);
    }

    /// What stands there now.
    pub(in crate::trial) fn document(&self, key: &str, now: DateTime<Utc>) -> Option<&Value> {
        self.standing(key, now).map(|kept| &kept.document)
    }

    fn standing(&self, key: &str, now: DateTime<Utc>) -> Option<&Kept> {
        let kept = self.0.get(key);
        kept.filter(|kept| kept.expires_at.is_none_or(|over| over > now))
    }

    /// What `context-load` gives; nothing where another way than a key names the context.
    pub(super) fn load(&self, input: &Value, now: DateTime<Utc>) -> Option<Value> {
        let key = input.get("key")?.as_str()?;
        let absent = Kept::default();
        let kept = self.standing(key, now).unwrap_or(&absent);
        Some(Value::map([
            ("key", Value::text(key)),
            ("version", Value::from(kept.version)),
            ("document", kept.document.clone()),
            ("subject", kept.subject.clone()),
        ]))
    }

    /// What `context-save` gives.
    pub(super) fn save(&mut self, input: &Value, now: DateTime<Utc>) -> Result<Value, Fault> {
        let key = input.get("key").and_then(Value::as_str);
        let key = key.ok_or_else(|| unfit("`key` is a text"))?;
        if let Some(which) = misfit(|part| input.get(part).is_some()) {
            return Err(unfit(which));
        }
        let last = self.0.get(key).map_or(0, |kept| kept.version);
        let absent = Kept::default();
        let standing = self.standing(key, now).unwrap_or(&absent);
        let document = match input.get("change") {
            Some(change) => computed(key, (change, input.get("input")), standing, now)?,
            None => patched(key, input, standing)?,
        };
        let kept = Kept {
            version: last + 1,
            document: fitting(key, document)?,
            subject: input.get("subject").unwrap_or(&standing.subject).clone(),
            expires_at: over(input.get("ttl"), now)?.unwrap_or(standing.expires_at),
        };
        let version = Value::from(kept.version);
        self.0.insert(key.to_owned(), kept);
        Ok(Value::map([
            ("key", Value::text(key)),
            ("version", version),
        ]))
    }
}

impl Kept {
    fn whole(&self) -> Value {
        match self.version {
            0 => Value::map([] as [(&str, Value); 0]),
            _ => self.document.clone(),
        }
    }
}

fn unfit(what: &str) -> Fault {
    Fault::standard("configuration", 400, format!("a context's {what}"))
}

fn computed(
    key: &str,
    (change, input): (&Value, Option<&Value>),
    standing: &Kept,
    now: DateTime<Utc>,
) -> Result<Value, Fault> {
    let text = change.as_str();
    let text = text.ok_or_else(|| unfit("`change` is jq as a text, without ${ }"))?;
    let formula = Formula::compile(text).map_err(|problem| {
        let title = format!("`change` is no jq of ours: {problem}");
        context::fault(&title, Some(problem.code))
    })?;
    let change = ComputedChange::new(formula.into(), input.cloned());
    let made = change.of(&standing.whole(), now, Budget::default());
    made.map_err(|error| {
        let title = format!("the context `{key}` stays as it is: {error}");
        context::fault(&title, error.code())
    })
}

fn patched(key: &str, input: &Value, standing: &Kept) -> Result<Value, Fault> {
    let patch = input.get("patch").filter(|patch| patch.as_map().is_some());
    let patch = patch.ok_or_else(|| unfit("`patch` is an object"))?;
    let expected = input.get("version").and_then(Value::as_i64);
    if expected.is_some_and(|expected| expected != standing.version) {
        let version = standing.version;
        let title = format!("the context `{key}` has version {version}");
        return Err(Fault::standard("communication", 409, title));
    }
    Ok(standing.whole().patched(patch))
}

fn fitting(key: &str, document: Value) -> Result<Value, Fault> {
    if document.depth() > DEPTH_MAX || document.to_json().len() > BYTES_MAX {
        let title = format!(
            "the context `{key}` would be larger than {BYTES_MAX} bytes, or deeper than {DEPTH_MAX} levels"
        );
        return Err(Fault::standard("validation", 413, title));
    }
    Ok(document)
}

/// When it is over; nothing if that stays as it was.
fn over(ttl: Option<&Value>, now: DateTime<Utc>) -> Result<Option<Option<DateTime<Utc>>>, Fault> {
    match ttl {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(ttl) => {
            let length = ttl.as_str().and_then(|text| duration::parse(text).ok());
            let length = length.ok_or_else(|| unfit("`ttl` is a duration"))?;
            Ok(Some(Some(later(now, length))))
        }
    }
}
