//! What changed between two versions of a template, step by step.
//!
//! A step is the same one when the names around it are: a new place is a move, other words are a
//! change, and the keys that differ are named.

use std::collections::HashMap;

use serde::Serialize;

use super::outline::{List, Step, steps};
use crate::value::Value;

/// Parts of a document beside its steps, each compared as a whole.
const PARTS: [&str; 6] = [
    "input", "output", "timeout", "schedule", "evaluate", "document",
];

/// Definitions that steps name.
const DEFINITIONS: [&str; 7] = [
    "functions",
    "retries",
    "errors",
    "timeouts",
    "authentications",
    "secrets",
    "catalogs",
];

/// Keys of a step that hold other steps; those are told by themselves.
const INNER: [&str; 5] = ["do", "try", "catch", "fork", "foreach"];

/// What became of a step or of another part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
    /// It stands at another place of its list, before or behind other steps that stayed.
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub change: Change,
    /// The names that lead to the step, or the part of the document.
    pub step: String,
    /// The keys that differ, of what changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// Every difference, parts of the document first, then steps in the order of the newer version.
pub fn between(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let parts = PARTS.into_iter();
    parts.for_each(|part| compare(part, old.get(part), new.get(part), &mut found));
    let kinds = DEFINITIONS.into_iter();
    kinds.for_each(|kind| definitions(kind, old, new, &mut found));
    lists(&steps(old), &steps(new), &mut found);
    found
}

fn definitions(kind: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
    let place = format!("/use/{kind}");
    let (old, new) = (old.pointer(&place), new.pointer(&place));
    let (Some(Value::Map(before)), Some(Value::Map(after))) = (old, new) else {
        return compare(&format!("use.{kind}"), old, new, found);
    };
    let names = before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(name)));
    for name in names {
        let step = format!("use.{kind}.{name}");
        compare(&step, before.get(name), after.get(name), found);
    }
}

fn compare(step: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    let change = match (old, new) {
        (None, None) => return,
        (Some(old), Some(new)) if old == new => return,
        (None, Some(_)) => Change::Added,
        (Some(_), None) => Change::Removed,
        (Some(_), Some(_)) => Change::Changed,
    };
    let keys = match (old, new) {
        (Some(old), Some(new)) => differing(old, new, &[]),
        _ => Vec::new(),
    };
    let step = step.to_owned();
    found.push(Difference { change, step, keys });
}

/// Names of members that differ, of two objects.
fn differing(old: &Value, new: &Value, beside: &[&str]) -> Vec<String> {
    let (Value::Map(old), Value::Map(new)) = (old, new) else {
        return Vec::new();
    };
    let added = new.keys().filter(|key| !old.contains_key(key));
    let keys = old.keys().chain(added);
    keys.filter(|key| !beside.contains(&&***key) && old.get(key) != new.get(key))
        .map(|key| key.to_string())
        .collect()
}

fn lists(old: &[Step<'_>], new: &[Step<'_>], found: &mut Vec<Difference>) {
    let before: HashMap<&str, &Step<'_>> = old.iter().map(|step| (step.name, step)).collect();
    let stays = kept_order(old, new);
    for step in new {
        match before.get(step.name) {
            None => whole(step, Change::Added, found),
            Some(earlier) => {
                if !stays.contains(&step.name) {
                    found.push(told(step, Change::Moved, Vec::new()));
                }
                pair(earlier, step, found);
            }
        }
    }
    let gone = old
        .iter()
        .filter(|step| new.iter().all(|later| later.name != step.name));
    gone.for_each(|step| whole(step, Change::Removed, found));
}

fn pair(old: &Step<'_>, new: &Step<'_>, found: &mut Vec<Difference>) {
    let mut keys = differing(old.body, new.body, &INNER);
    // Beside their lists, those keys say things of their own.
    for (key, list) in [("catch", "do"), ("fork", "branches"), ("foreach", "do")] {
        let (before, after) = (old.body.get(key), new.body.get(key));
        let inner = match (before, after) {
            (Some(before), Some(after)) => differing(before, after, &[list]),
            (None, None) => Vec::new(),
            _ => vec![String::new()],
        };
        let inner = inner.iter().map(|inner| match inner.as_str() {
            "" => key.to_owned(),
            inner => format!("{key}.{inner}"),
        });
        keys.extend(inner);
    }
    if !keys.is_empty() {
        found.push(told(new, Change::Changed, keys));
    }
    let roles = |of: &Step<'_>| of.lists.iter().map(|list| list.role).collect::<Vec<_>>();
    let mut all = roles(old);
    all.extend(
        roles(new)
            .into_iter()
            .filter(|role| !roles(old).contains(role)),
    );
    for role in all {
        lists(inside(&old.lists, role), inside(&new.lists, role), found);
    }
}

fn inside<'s, 'a>(lists: &'s [List<'a>], role: &str) -> &'s [Step<'a>] {
    let list = lists.iter().find(|list| list.role == role);
    list.map_or(&[], |list| &list.steps)
}

fn whole(step: &Step<'_>, change: Change, found: &mut Vec<Difference>) {
    let all = step.with_inner();
    found.extend(all.into_iter().map(|step| told(step, change, Vec::new())));
}

fn told(step: &Step<'_>, change: Change, keys: Vec<String>) -> Difference {
    let step = step.path.clone();
    Difference { change, step, keys }
}

/// Names of a longest run of steps whose order is the same in both: all others moved.
fn kept_order<'a>(old: &[Step<'a>], new: &[Step<'a>]) -> Vec<&'a str> {
    let places: HashMap<&str, usize> = old
        .iter()
        .zip(0..)
        .map(|(step, n)| (step.name, n))
        .collect();
    // Longest increasing subsequence: the last step of the best run of each length, and who came before.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    let both: Vec<(&str, usize)> = new
        .iter()
        .filter_map(|step| Some((step.name, *places.get(step.name)?)))
        .collect();
    for (index, (_, place)) in both.iter().enumerate() {
        let length = ends.partition_point(|end| both[*end].1 < *place);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let last = std::iter::successors(ends.last().copied(), |index| before[*index]);
    last.map(|index| both[index].0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tree::{Format, read_one};

    fn told(old: &str, new: &str) -> Vec<String> {
        let [old, new] = [old, new].map(|text| read_one(text, Format::Yaml).unwrap().to_value());
        let lines = between(&old, &new).into_iter().map(|one| {
            let keys = one.keys.join(",");
            format!("{:?} {} {keys}", one.change, one.step)
                .trim()
                .to_lowercase()
        });
        lines.collect()
    }

    const OLD: &str = "
document: { name: a, version: 1.0.0 }
use: { retries: { often: { delay: PT1S }, gone: {} } }
do:
  - a: { set: { x: 1 } }
  - b: { try: [ { c: { wait: PT1S } } ], catch: { do: [ { h: { set: {} } } ] } }
  - d: { wait: PT1S }
  - e: { wait: PT1S }
";

    #[test]
    fn the_same_document_does_not_differ() {
        assert_eq!(told(OLD, OLD), [""; 0]);
    }

    #[test]
    fn what_changed_is_told_by_step_and_key() {
        let new = "
document: { name: a, version: 1.1.0 }
input: { from: . }
use: { retries: { often: { delay: PT2S } } }
do:
  - d: { wait: PT1S }
  - a: { set: { x: 2 }, then: end }
  - b: { try: [ { c: { wait: PT1S } }, { n: { do: [ { m: { set: {} } } ] } } ], catch: { retry: often } }
  - f: { wait: PT1S }
";
        assert_eq!(
            told(OLD, new),
            [
                "added input",
                "changed document version",
                "changed use.retries.often delay",
                "removed use.retries.gone",
                "moved d",
                "changed a set,then",
                "changed b catch.retry",
                "added b/n",
                "added b/n/m",
                "removed b/catch/h",
                "added f",
                "removed e",
            ]
        );
    }
}
