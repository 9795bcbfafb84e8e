//! Secrets as expressions see them: markers, which only whoever sends a request swaps for the values.
//!
//! A marker says the name and bears a mark that is drawn from the job's own row, so that text from
//! outside cannot pose as one. Values never enter the machine, and so neither journal nor history.

use sha2::{Digest, Sha256};

use super::{Execution, JobFacts};
use crate::value::{Map, Value};

/// What a marker begins with.
const OPENS: &str = "{windlass-secret:";

impl Execution {
    /// `$secrets`: a marker for each name that the template lists.
    pub(super) fn secrets(&self) -> Value {
        let used = self.program.document.get("use");
        let names = used
            .and_then(|used| used.get("secrets"))
            .and_then(Value::as_list);
        let names = names.unwrap_or_default().iter().filter_map(Value::as_str);
        Value::map(names.map(|name| (name, Value::from(marker(&self.facts, name)))))
    }

    /// `$authorization`: the scheme as it is, the parameter as a marker.
    pub(super) fn authorization(&self) -> Value {
        Value::Null
    }
}

fn mark(facts: &JobFacts) -> String {
    let mut hash = Sha256::new();
    hash.update(facts.nonce.to_be_bytes());
    hash.update(facts.created_at.timestamp_micros().to_be_bytes());
    hash.update(facts.input.to_json().as_bytes());
    hex::encode(&hash.finalize()[..8])
}

fn marker(facts: &JobFacts, name: &str) -> String {
    format!("{OPENS}{}:{name}}}", mark(facts))
}

/// The text or value with each marker of this job swapped for what `reveal` gives for its name.
///
/// # Errors
/// The name that `reveal` does not give.
pub fn revealed(
    facts: &JobFacts,
    value: &Value,
    reveal: &impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    let opens = format!("{OPENS}{}:", mark(facts));
    swapped(value, &opens, reveal)
}

fn swapped(
    value: &Value,
    opens: &str,
    reveal: &impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    match value {
        Value::Text(text) if text.contains(opens) => {
            let mut parts = text.split(opens);
            let mut whole = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (name, rest) = part.split_once('}').unwrap_or((part, ""));
                whole.push_str(&reveal(name).ok_or_else(|| name.to_owned())?);
                whole.push_str(rest);
            }
            Ok(Value::from(whole))
        }
        Value::List(_) => {
            let items = value.as_list().unwrap_or_default().iter();
            let items = items.map(|item| swapped(item, opens, reveal));
            Ok(Value::list(items.collect::<Result<Vec<_>, _>>()?))
        }
        Value::Map(map) => {
            let entries = Map::iter(map);
            let entries =
                entries.map(|(key, value)| Ok((key.clone(), swapped(value, opens, reveal)?)));
            Ok(Value::map(entries.collect::<Result<Vec<_>, String>>()?))
        }
        _ => Ok(value.clone()),
    }
}
