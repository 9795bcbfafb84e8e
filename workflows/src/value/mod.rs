//! JSON values as the language needs them: numbers keep their text, maps their order.
//!
//! A value is cheap to clone (its containers are shared) and knows its depth, because dropping or
//! comparing a very deep value would overflow the stack: too deep a value is refused when built.

mod exchange;
mod fault;
mod map;
mod number;
mod order;
mod patch;
mod read;
mod write;

use std::sync::Arc;

pub use fault::{ParseError, ParseFault};
pub use map::{Entries, List, Map, TooDeep};
pub use number::Number;

/// How deep a stored value may be; a scalar has depth 0, `[]` depth 1.
pub const DEPTH_STORED_MAX: u32 = 64;

/// How deep a value may be at all. Drop, equality and writing recurse this far at most, which fits
/// a 2 MiB stack many times over.
pub const DEPTH_BUILT_MAX: u32 = 256;

/// A JSON value. Cheap to clone; numbers are equal by value (`1 == 1.0`), maps in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number with the text it came with.
    Number(Number),
    /// Text.
    Text(Arc<str>),
    /// An array.
    List(Arc<List>),
    /// An object.
    Map(Arc<Map>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A list of these items.
    ///
    /// # Panics
    /// When deeper than [`DEPTH_BUILT_MAX`]; where depth is in a user's hand use [`List::new`].
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        let list = List::new(items.into_iter().collect(), DEPTH_BUILT_MAX);
        Value::List(Arc::new(list.expect("the caller keeps values shallow")))
    }

    /// A map of these entries; the last of two equal keys wins, at the first one's place.
    ///
    /// # Panics
    /// When deeper than [`DEPTH_BUILT_MAX`]; where depth is in a user's hand use [`Map::new`].
    pub fn map(entries: impl IntoIterator<Item = (impl Into<Arc<str>>, Value)>) -> Value {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
        let map = Map::new(entries.collect(), DEPTH_BUILT_MAX);
        Value::Map(Arc::new(map.expect("the caller keeps values shallow")))
    }

    /// The member named `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The item at `index`, if this is a list that has it.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.as_list()?.get(index)
    }

    /// The value at a JSON pointer (RFC 6901); the empty pointer is the value itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        if pointer.is_empty() {
            return Some(self);
        }
        let parts = pointer.strip_prefix('/')?.split('/');
        parts
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .try_fold(self, |value, part| value.child(&part))
    }

    fn child(&self, part: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(part),
            Value::List(list) if part == "0" || !part.starts_with(['0', '+']) => {
                list.items().get(part.parse::<usize>().ok()?)
            }
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number as an exact integer, if this is one (`1.0` and `1E2` are).
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number as an exact integer that is not negative, if this is one.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// The number as a finite float, rounded where it must be.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(list.items()),
            _ => None,
        }
    }

    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Levels of containers: 0 for a scalar, 1 for `[]`.
    pub fn depth(&self) -> u32 {
        match self {
            Value::List(list) => list.depth(),
            Value::Map(map) => map.depth(),
            _ => 0,
        }
    }

    /// The JSON name of the type: `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    /// This map with the other's top-level entries laid over it; a value that is no map gives way.
    pub fn merged(&self, other: &Value) -> Value {
        let (Some(under), Some(over)) = (self.as_map(), other.as_map()) else {
            return other.clone();
        };
        let entries = under.iter().chain(over.iter());
        Value::map(entries.map(|(key, value)| (key.clone(), value.clone())))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::from(i64::from(number))
    }
}

/// JSON has no word for what is not finite: those become `null`.
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_place_and_pointer() {
        let value = Value::parse(r#"{"a":[{"b/c":1},{"~":2}],"0":3}"#).unwrap();

        assert_eq!(value.pointer("/a/0/b~1c"), Some(&Value::from(1i64)));
        assert_eq!(value.pointer("/a/1/~0"), Some(&Value::from(2i64)));
        assert_eq!(value.pointer("/0"), Some(&Value::from(3i64)));
        assert_eq!(value.pointer("/a/01"), None);
        assert_eq!(value.pointer("a"), None);
        assert_eq!(
            value.get("a").and_then(|a| a.at(1)).map(Value::kind),
            Some("object")
        );
    }

    #[test]
    fn merging_lays_the_right_side_over_the_left() {
        let left = Value::parse(r#"{"a":1,"b":{"x":1}}"#).unwrap();
        let right = Value::parse(r#"{"b":2,"c":3}"#).unwrap();

        assert_eq!(left.merged(&right).to_json(), r#"{"a":1,"b":2,"c":3}"#);
        assert_eq!(left.merged(&Value::Null), Value::Null);
    }

    #[test]
    fn too_deep_a_list_is_refused_when_built() {
        let mut value = Value::Null;
        for _ in 0..DEPTH_BUILT_MAX {
            value = Value::list([value]);
        }

        assert_eq!(value.depth(), DEPTH_BUILT_MAX);
        assert!(List::new(vec![value], DEPTH_BUILT_MAX).is_err());
    }
}
