//! What an apply changes, as people read it: one line for every value that is new, gone or other.

use std::collections::BTreeMap;

use serde::Serialize;
use windlass_workflows::document::tree::join;
use windlass_workflows::value::Value;

use super::load::LeftOut;

/// Lines of one difference; beyond it they are counted.
const LINES_MAX: usize = 200;

/// What happens to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was not there.
    Created,
    /// It has a new revision.
    Changed,
    /// It is the same.
    Unchanged,
}

/// One document of an apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `template`, or the word of a [`ConfigurationKind`](crate::vocabulary::ConfigurationKind).
    pub kind: &'static str,
    /// Its name; of a template `namespace.name@version`.
    pub name: String,
    /// The file that it stands in.
    pub file: String,
    /// What happens.
    pub action: Action,
    /// The revision in force afterwards; templates have versions instead.
    pub revision: Option<i32>,
    /// `+ pointer: value` and `- pointer: value`.
    pub diff: Vec<String>,
    /// Items of a category afterwards, when its data were looked at.
    pub items: Option<i64>,
    /// Rows of these data.
    pub read: Option<i64>,
    /// Those that are no items, where the category goes on without them.
    pub left_out: LeftOut,
}

/// The difference between two canonical documents.
pub(super) fn diff(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (leaves(old), leaves(new));
    let gone = old
        .iter()
        .filter(|(pointer, value)| new.get(*pointer) != Some(value));
    let come = new
        .iter()
        .filter(|(pointer, value)| old.get(*pointer) != Some(value));
    let mut lines: Vec<(&String, char, &String)> =
        gone.map(|(pointer, value)| (pointer, '-', value)).collect();
    lines.extend(come.map(|(pointer, value)| (pointer, '+', value)));
    lines.sort_by_key(|(pointer, sign, _)| (*pointer, *sign == '+'));
    let all = lines.len();
    let shown = lines.into_iter().take(LINES_MAX);
    let mut shown: Vec<String> = shown
        .map(|(pointer, sign, value)| format!("{sign} {pointer}: {value}"))
        .collect();
    if all > LINES_MAX {
        shown.push(format!("… {} further lines", all - LINES_MAX));
    }
    shown
}

fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(value, String::new(), &mut found);
    found
}

fn gather(value: &Value, pointer: String, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            map.iter()
                .for_each(|(key, value)| gather(value, join(&pointer, key), found));
        }
        Value::List(list) if !list.items().is_empty() => {
            let items = list.items().iter().enumerate();
            items.for_each(|(index, value)| gather(value, format!("{pointer}/{index}"), found));
        }
        leaf => {
            found.insert(pointer, leaf.to_json());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_went_and_what_came() {
        let old = Value::parse(r#"{"a":{"at":"06:00"},"b":[1,2],"same":true}"#).unwrap();
        let new = Value::parse(r#"{"a":{"at":"07:00"},"b":[1],"c":{},"same":true}"#).unwrap();

        assert_eq!(
            diff(&old, &new),
            [
                "- /a/at: \"06:00\"",
                "+ /a/at: \"07:00\"",
                "- /b/1: 2",
                "+ /c: {}"
            ]
        );
    }

    #[test]
    fn equal_documents_have_none() {
        let value = Value::parse(r#"{"a":[1,{"b":null}]}"#).unwrap();

        assert!(diff(&value, &value).is_empty());
    }
}
