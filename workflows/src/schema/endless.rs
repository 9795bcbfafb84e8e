//! Refuses schemas that refer to themselves without descending into the value, or too often.
//!
//! The first has no meaning, and a validator that follows it recurses until the stack ends; the
//! second, doubling at each reference, would validate for hours.

use std::collections::{HashMap, HashSet};

use super::SchemaError;
use crate::document::tree::join;
use crate::value::Value;

/// References in one schema; compiling follows them one inside the other, and four times as many
/// deep nests overflow a stack of 2 MiB.
const REFERENCES_MAX: usize = 64;

/// How many subschemas may apply to one value, each counted as often as it is reached.
const APPLIED_MAX: usize = 10_000;

/// Keywords whose values are data.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// Keywords whose subschemas apply to the same value.
const IN_PLACE: [&str; 9] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "contentSchema",
];

/// Refuses dynamic references and identifiers, which could hide a circle, then looks for circles.
pub(super) fn check(schema: &Value) -> Result<(), SchemaError> {
    let mut arrows = HashMap::new();
    let references = collect(schema, schema, String::new(), &mut arrows)?;
    if references > REFERENCES_MAX {
        let message =
            format!("the schema has {references} references; {REFERENCES_MAX} are allowed");
        return Err(refusal("", message));
    }
    let mut finished = HashMap::new();
    for start in arrows.keys() {
        follow(start, &arrows, &mut finished)?;
    }
    Ok(())
}

type Arrows = HashMap<String, Vec<String>>;

/// Notes, for each subschema, which others apply to the same value; gives the references' number.
fn collect(
    root: &Value,
    at: &Value,
    pointer: String,
    arrows: &mut Arrows,
) -> Result<usize, SchemaError> {
    let mut references = 0;
    for (key, child) in children(at).filter(|(key, _)| !DATA.contains(&key.as_str())) {
        let below = join(&pointer, &key);
        refuse_dynamic(&key, child, &below)?;
        if let ("$ref", Value::Text(text)) = (key.as_str(), child) {
            references += 1;
            let target = local(root, text, &below)?;
            arrows.entry(pointer.clone()).or_default().push(target);
        } else if IN_PLACE.contains(&key.as_str()) {
            let targets = in_place(&key, child, &below);
            arrows.entry(pointer.clone()).or_default().extend(targets);
        }
        references += collect(root, child, below, arrows)?;
    }
    Ok(references)
}

fn in_place(key: &str, child: &Value, pointer: &str) -> Vec<String> {
    let several = child.as_list().is_some() || key == "dependentSchemas";
    if several {
        return children(child)
            .map(|(part, _)| join(pointer, part))
            .collect();
    }
    vec![pointer.to_owned()]
}

fn children(value: &Value) -> Box<dyn Iterator<Item = (String, &Value)> + '_> {
    match value {
        Value::Map(map) => Box::new(map.iter().map(|(key, child)| (key.to_string(), child))),
        Value::List(list) => {
            let items = list.items().iter().enumerate();
            Box::new(items.map(|(index, child)| (index.to_string(), child)))
        }
        _ => Box::new(std::iter::empty()),
    }
}

fn local(root: &Value, reference: &str, pointer: &str) -> Result<String, SchemaError> {
    let target = reference.strip_prefix('#').filter(|target| {
        let plain = target.is_empty() || target.starts_with('/');
        plain && !target.contains('%') && root.pointer(target).is_some()
    });
    target.map(str::to_owned).ok_or_else(|| {
        let message =
            format!("`{reference}` is no pointer into this schema such as `#/$defs/name`");
        refusal(pointer, message)
    })
}

fn refuse_dynamic(key: &str, value: &Value, pointer: &str) -> Result<(), SchemaError> {
    let refused = ["$dynamicRef", "$recursiveRef", "$id"].contains(&key);
    if !refused || value.as_str().is_none() {
        return Ok(());
    }
    let message = format!("`{key}` is not supported in a schema here");
    Err(refusal(pointer, message))
}

fn refusal(pointer: &str, message: impl Into<String>) -> SchemaError {
    SchemaError {
        pointer: pointer.to_owned(),
        message: message.into(),
    }
}

/// Depth first on a stack of its own; `finished` holds how many subschemas each one applies.
fn follow<'a>(
    start: &'a str,
    arrows: &'a Arrows,
    finished: &mut HashMap<&'a str, usize>,
) -> Result<(), SchemaError> {
    let mut path: Vec<(&str, usize)> = vec![(start, 0)];
    let mut open: HashSet<&str> = HashSet::from([start]);
    while let Some((at, next)) = path.last_mut() {
        let at = *at;
        let targets = arrows.get(at).map_or(&[][..], Vec::as_slice);
        let target = targets.get(*next).map(String::as_str);
        *next += 1;
        match target {
            None => {
                open.remove(at);
                finished.insert(at, applied(at, targets, finished)?);
                path.pop();
            }
            Some(target) if finished.contains_key(target) => {}
            Some(target) if !open.insert(target) => {
                return Err(refusal(target, "the schema refers to itself without end"));
            }
            Some(target) => path.push((target, 0)),
        }
    }
    Ok(())
}

fn applied(
    at: &str,
    targets: &[String],
    finished: &HashMap<&str, usize>,
) -> Result<usize, SchemaError> {
    let below = targets
        .iter()
        .filter_map(|target| finished.get(target.as_str()));
    let count = below.fold(1usize, |sum, count| sum.saturating_add(*count));
    if count > APPLIED_MAX {
        let message = format!("more than {APPLIED_MAX} subschemas would apply to one value");
        return Err(refusal(at, message));
    }
    Ok(count)
}
