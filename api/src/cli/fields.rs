//! One thing as people read it: a field a line, what is inside of a field beside it or below it.
//!
//! In a pipe each field stays one line of JSON; this form is for the terminal alone.

use serde_json::{Map, Value};

use super::output::shown;
use super::text::clean;

/// Spaces between columns.
const GAP: &str = "  ";

/// The lines of an object; empty fields are left out.
pub fn lines(fields: &Map<String, Value>) -> Vec<String> {
    let told: Vec<_> = fields.iter().filter(|(_, value)| is_told(value)).collect();
    let width = told.iter().map(|(key, _)| clean(key).chars().count()).max();
    let width = width.unwrap_or_default();
    told.into_iter()
        .flat_map(|(key, value)| field(&clean(key), width, value))
        .collect()
}

fn field(key: &str, width: usize, value: &Value) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(inner) if !inner.values().all(is_plain) => lines(inner),
        Value::Array(items) if !items.iter().all(is_plain) => items.iter().map(beside).collect(),
        _ => return vec![format!("{key:width$}{GAP}{}", beside(value))],
    };
    let indented = below.into_iter().map(|line| format!("{GAP}{line}"));
    std::iter::once(key.to_owned()).chain(indented).collect()
}

/// A value on one line; of an object, each name before its value.
fn beside(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return shown(value);
    };
    let pair = |(key, value): (&String, &Value)| format!("{} {}", clean(key), shown(value));
    let told = fields.iter().filter(|(_, value)| is_told(value)).map(pair);
    told.collect::<Vec<_>>().join(GAP)
}

fn is_told(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(is_told),
        _ => true,
    }
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_inside_of_a_field_stands_beside_or_below_it() {
        let batch = json!({
            "id": "b_1", "reason": null, "tags": [],
            "planned": {"members": 3, "chunks": null},
            "rules": {"canary": {"items": 10}, "stages": [10, 300]},
            "errors": [{"code": "bad", "sample": ["j_1", "j_2"]}],
        });

        let lines = lines(batch.as_object().expect("an object"));

        let expected = [
            "id       b_1",
            "planned  members 3",
            "rules",
            "  canary  items 10",
            "  stages  10,300",
            "errors",
            "  code bad  sample j_1,j_2",
        ];
        assert_eq!(lines, expected);
    }
}
