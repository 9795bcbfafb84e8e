//! Finding the figures in a prompt: JSON objects standing in the text, and the words around them.
//!
//! The last object holds the figures; those before it, such as a period, belong to the subject.

use serde_json::{Map, Value};

/// Objects read, and places tried for the beginning of each; together they bound the work on a hostile prompt.
const OBJECTS_MAX: usize = 16;
const STARTS_MAX: usize = 64;
/// What a prompt says between its subject and its figures.
const FIGURES_FOLLOW: &str = ", from these figures";

/// What a prompt asks for.
pub(super) struct Request {
    /// The words before the figures, without the instruction to use only them.
    pub(super) subject: String,
    /// The last object of the prompt; empty if there is none.
    pub(super) figures: Map<String, Value>,
}

impl Request {
    pub(super) fn read(prompt: &str) -> Self {
        let mut subject = String::new();
        let mut figures = Map::new();
        let mut rest = prompt;
        for _ in 0..OBJECTS_MAX {
            let Some((start, length, object)) = next_object(rest) else {
                break;
            };
            // What was taken for the figures so far was part of the subject.
            subject.push_str(&plain(&figures));
            subject.push_str(&rest[..start]);
            figures = object;
            rest = &rest[start + length..];
        }
        if figures.is_empty() {
            subject.push_str(rest);
        }
        Self {
            subject: trimmed(&subject),
            figures,
        }
    }
}

/// Where the first object stands, how long it is, and what it holds.
fn next_object(text: &str) -> Option<(usize, usize, Map<String, Value>)> {
    text.match_indices('{')
        .take(STARTS_MAX)
        .find_map(|(start, _)| {
            let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
            let object = values.next()?.ok()?;
            Some((start, values.byte_offset(), object))
        })
}

/// An object inside the subject, in words. A period reads as one.
fn plain(object: &Map<String, Value>) -> String {
    let text = |key| object.get(key).and_then(Value::as_str);
    let is_period = object.contains_key("from") && object.contains_key("to");
    match (text("from"), text("to")) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(from), None) => format!("the time since {from}"),
        (None, Some(to)) => format!("the time until {to}"),
        (None, None) if is_period => "all time".to_owned(),
        (None, None) => words(object),
    }
}

fn words(object: &Map<String, Value>) -> String {
    let parts: Vec<_> = object
        .iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    parts.join(", ")
}

fn trimmed(subject: &str) -> String {
    let end = subject.find(FIGURES_FOLLOW).unwrap_or(subject.len());
    let blank_or_stop = |sign: char| sign.is_whitespace() || ":,.".contains(sign);
    subject[..end].trim_matches(blank_or_stop).to_owned()
}
