//! The order of values that `sort`, `<` and `unique` use: null, false, true, numbers, texts, lists, maps.
//!
//! The walk tells its caller about every step, so that an expression pays for what it compares.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{List, Map, Value};

/// Bytes of text that are compared for the price of one step.
const BYTES_A_STEP: usize = 64;

impl Value {
    /// Where this value stands relative to another.
    pub fn order(&self, other: &Value) -> Ordering {
        self.order_counting(other, &mut |_| {})
    }

    /// The same, telling `count` how many steps each part took.
    pub(crate) fn order_counting(&self, other: &Value, count: &mut impl FnMut(u64)) -> Ordering {
        count(1);
        match (self, other) {
            (Value::Number(left), Value::Number(right)) => left.cmp(right),
            (Value::Text(left), Value::Text(right)) => {
                count((left.len().min(right.len()) / BYTES_A_STEP) as u64);
                left.cmp(right)
            }
            (Value::List(left), Value::List(right)) => order_lists(left, right, count),
            (Value::Map(left), Value::Map(right)) => order_maps(left, right, count),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(false) => 1,
            Value::Bool(true) => 2,
            Value::Number(_) => 3,
            Value::Text(_) => 4,
            Value::List(_) => 5,
            Value::Map(_) => 6,
        }
    }
}

fn order_lists(left: &Arc<List>, right: &Arc<List>, count: &mut impl FnMut(u64)) -> Ordering {
    if Arc::ptr_eq(left, right) {
        return Ordering::Equal;
    }
    let (left, right) = (left.items(), right.items());
    let mut pairs = left.iter().zip(right);
    pairs
        .find_map(|(a, b)| Some(a.order_counting(b, count)).filter(|order| order.is_ne()))
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Maps compare by their sorted keys first, then by their values in that order.
fn order_maps(left: &Arc<Map>, right: &Arc<Map>, count: &mut impl FnMut(u64)) -> Ordering {
    if Arc::ptr_eq(left, right) {
        return Ordering::Equal;
    }
    count((left.len() + right.len()) as u64);
    let keys = left.sorted_keys();
    let by_keys = keys.cmp(&right.sorted_keys());
    if by_keys.is_ne() {
        return by_keys;
    }
    keys.into_iter()
        .filter_map(|key| left.get(key).zip(right.get(key)))
        .find_map(|(a, b)| Some(a.order_counting(b, count)).filter(|order| order.is_ne()))
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_jq() {
        let rising = [
            "null",
            "false",
            "true",
            "-1",
            "0.5",
            "1",
            r#""""#,
            r#""a""#,
            r#""b""#,
            "[]",
            "[1]",
            "[1,0]",
            "[2]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"b":0}"#,
        ];

        let values: Vec<Value> = rising
            .iter()
            .map(|text| Value::parse(text).unwrap())
            .collect();

        for pair in values.windows(2) {
            assert_eq!(
                pair[0].order(&pair[1]),
                Ordering::Less,
                "{} {}",
                pair[0],
                pair[1]
            );
            assert_eq!(pair[1].order(&pair[0]), Ordering::Greater);
            assert_eq!(pair[0].order(&pair[0].clone()), Ordering::Equal);
        }
    }
}
