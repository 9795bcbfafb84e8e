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
    /// `$secrets`, as far as an expression names it: a marker for each secret, or for each of its members.
    pub(super) fn secrets(&self, text: &str) -> Value {
        let markers = uses(text).flatten().map(|path| {
            let marker = Value::from(marker(&self.facts, path));
            let mut parts = path.rsplit('.');
            let first = parts.next().unwrap_or(path).to_owned();
            parts.fold((first, marker), |(key, value), part| {
                (part.to_owned(), Value::map([(key, value)]))
            })
        });
        markers.fold(
            Value::map([] as [(&str, Value); 0]),
            |all, (name, value)| {
                let value = match all.get(&name) {
                    Some(known) if known.as_map().is_some() => known.merged(&value),
                    _ => value,
                };
                all.merged(&Value::map([(name, value)]))
            },
        )
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

/// The name at each use of `$secrets`, with its member if it has one, or nothing where more is done with it than to write it down.
pub(crate) fn uses(text: &str) -> impl Iterator<Item = Option<&str>> {
    const NAME: &str = "$secrets";
    text.match_indices(NAME).map(move |(at, _)| {
        let rest = text[at + NAME.len()..].strip_prefix('.')?;
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (before, after) = (text[..at].trim_end(), after.trim_start());
        let is_alone = before.is_empty() && after.is_empty();
        let is_inside = before.ends_with("\\(") && after.starts_with(')');
        let is_whole = name.split('.').all(|part| !part.is_empty());
        (is_whole && (is_alone || is_inside)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::uses;

    #[test]
    fn a_secret_is_written_down_or_worked_on() {
        let one = |text| uses(text).collect::<Vec<_>>();

        assert_eq!(one(" $secrets.key "), [Some("key")]);
        assert_eq!(one(r#""Bearer \($secrets.key)!""#), [Some("key")]);
        assert_eq!(one("$secrets.key | length"), [None]);
        assert_eq!(one("$secrets.crm.key"), [Some("crm.key")]);
        assert_eq!(one("$secrets"), [None]);
        assert_eq!(one("$secrets[\"key\"]"), [None]);
        assert!(one(".secrets.key").is_empty());
    }
}
