//! Numbered values: each stands once in the journal, however many frames hold it.

use crate::value::Value;

/// A value and its number. Number 0 is the job's input, which is read from its row.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: u32,
    pub(crate) value: Value,
}

impl Held {
    /// The number of the job's input.
    pub(crate) const INPUT: u32 = 0;
}

/// The same value in the same memory: equal without being compared.
pub(crate) fn is_shared(left: &Value, right: &Value) -> bool {
    use std::sync::Arc;
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Arc::ptr_eq(left, right),
        (Value::List(left), Value::List(right)) => Arc::ptr_eq(left, right),
        (Value::Map(left), Value::Map(right)) => Arc::ptr_eq(left, right),
        _ => false,
    }
}

/// Equal to the letter: numbers by their text, keys in their order.
pub(crate) fn is_same(left: &Value, right: &Value) -> bool {
    if is_shared(left, right) {
        return true;
    }
    match (left, right) {
        (Value::List(_), Value::List(_)) => {
            let (left, right) = (
                left.as_list().unwrap_or_default(),
                right.as_list().unwrap_or_default(),
            );
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| is_same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right.iter())
                    .all(|((a, left), (b, right))| a == b && is_same(left, right))
        }
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Number(_), Value::Number(_)) => left.to_json() == right.to_json(),
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

/// Bytes of a value as JSON, near enough for a bound and without writing it.
pub(crate) fn bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::Text(text) => text.len() + 2,
        Value::List(_) => {
            value
                .as_list()
                .unwrap_or_default()
                .iter()
                .map(|item| bytes(item) + 1)
                .sum::<usize>()
                + 2
        }
        Value::Map(map) => {
            map.iter()
                .map(|(key, value)| key.len() + bytes(value) + 4)
                .sum::<usize>()
                + 2
        }
    }
}
