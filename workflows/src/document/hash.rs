//! A document's content hash: what identifies a template version.
//!
//! Keys are sorted before hashing, so that a tool that writes them in another order has not made
//! another content; numbers keep their text, because `1` and `1.0` may print differently.

use sha2::{Digest, Sha256};

use super::step::Template;
use crate::value::Value;

/// SHA-256 of the canonical JSON, in hexadecimal.
pub fn content_hash(template: &Template) -> String {
    hash_value(&template.document)
}

/// The same for any value.
pub fn hash_value(value: &Value) -> String {
    hex::encode(Sha256::digest(sorted(value).to_json().as_bytes()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::List(list) => Value::list(list.items().iter().map(sorted)),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entries = entries.into_iter();
            Value::map(entries.map(|(key, value)| (key.clone(), sorted(value))))
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        hash_value(&Value::parse(text).unwrap())
    }

    #[test]
    fn the_order_of_keys_is_no_content_and_everything_else_is() {
        let base = hash(r#"{"a":{"x":1,"y":[1,2]},"b":true}"#);

        assert_eq!(base.len(), 64);
        assert_eq!(base, hash(r#"{"b":true,"a":{"y":[1,2],"x":1}}"#));
        assert_ne!(base, hash(r#"{"b":true,"a":{"y":[2,1],"x":1}}"#));
        assert_ne!(base, hash(r#"{"b":true,"a":{"y":[1,2],"x":1.0}}"#));
    }
}
