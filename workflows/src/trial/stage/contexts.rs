//! Contexts of a trial: what the test says of them, and what its run makes of them. Kept in memory, and changed as
//! jobs change them; a call for which the test prepares an answer never comes here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::context::{self, BYTES_MAX, ComputedChange, DEPTH_MAX, Edit, Formula, Save};
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
    pub(super) fn load(&self, input: &Value, now: DateTime<Utc>) -> Option<Result<Value, Fault>> {
        let is_named = input.get("requestId").is_none();
        is_named.then(|| {
            let key = context::name(input, "key")?;
            let absent = Kept::default();
            let kept = self.standing(&key, now).unwrap_or(&absent);
            Ok(Value::map([
                ("key", Value::text(&*key)),
                ("version", Value::from(kept.version)),
                ("document", kept.document.clone()),
                ("subject", kept.subject.clone()),
            ]))
        })
    }

    /// What `context-save` gives.
    pub(super) fn save(&mut self, input: &Value, now: DateTime<Utc>) -> Result<Value, Fault> {
        let Save {
            key,
            edit,
            subject,
            ttl,
        } = Save::read(input)?;
        let last = self.0.get(&key).map_or(0, |kept| kept.version);
        let absent = Kept::default();
        let standing = self.standing(&key, now).unwrap_or(&absent);
        let document = match edit {
            Edit::Change { text, input } => computed(&key, (text, input), standing, now)?,
            Edit::Patch { patch, version } => patched(&key, (patch, version), standing)?,
        };
        let subject = subject.map(|subject| subject.map_or(Value::Null, Value::from));
        let over = ttl.map(|ttl| ttl.map(|ttl| later(now, ttl)));
        let kept = Kept {
            version: last + 1,
            document: fitting(&key, document)?,
            subject: subject.unwrap_or_else(|| standing.subject.clone()),
            expires_at: over.unwrap_or(standing.expires_at),
        };
        let version = Value::from(kept.version);
        let output = Value::map([("key", Value::text(&*key)), ("version", version)]);
        self.0.insert(key, kept);
        Ok(output)
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

fn computed(
    key: &str,
    (text, input): (&str, Option<&Value>),
    standing: &Kept,
    now: DateTime<Utc>,
) -> Result<Value, Fault> {
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

fn patched(
    key: &str,
    (patch, expected): (&Value, Option<i64>),
    standing: &Kept,
) -> Result<Value, Fault> {
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
