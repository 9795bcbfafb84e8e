//! Trading values with serde: stored rows, protocol bodies, and libraries that want their own type.
//!
//! From JSON text the numbers keep their writing. Behind `flatten`, `untagged` or an internal tag
//! serde has already made numbers of them: keep values out of such places where the text matters.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::{Entries, List, Map, Number, Value};

/// The name under which `serde_json` hands over a value's own text.
const RAW: &str = "$serde_json::private::RawValue";

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(number) = self.plain_integer() {
            return serializer.serialize_i64(number);
        }
        let text = RawValue::from_string(self.written().into_owned());
        text.map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => number.serialize(serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.items().len()))?;
                for item in list.items() {
                    out.serialize_element(item)?;
                }
                out.end()
            }
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map.iter() {
                    out.serialize_entry(&**key, value)?;
                }
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, Whole)
    }
}

/// Takes a value's own text from `serde_json`; any other format says what it holds.
struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(Parts)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((key, text)) if key == RAW => Value::parse(&text).map_err(A::Error::custom),
            _ => Err(A::Error::custom("expected a JSON text")),
        }
    }
}

/// Takes a value part by part.
struct Parts;

struct Part(Value);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_any(Parts).map(Part)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(Parts)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::from_written(&number.to_string())))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("a number is not finite"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Part(item)) = items.next_element()? {
            list.push(item);
        }
        let list = List::new(list, super::DEPTH_STORED_MAX).map_err(A::Error::custom)?;
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Entries::default();
        while let Some((key, Part(value))) = entries.next_entry::<String, Part>()? {
            if map.insert(key.as_str().into(), value).is_some() {
                return Err(A::Error::custom(format!("the key {key:?} stands twice")));
            }
        }
        let map = Map::new(map, super::DEPTH_STORED_MAX).map_err(A::Error::custom)?;
        Ok(Value::Map(map.into()))
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => flag.into(),
            serde_json::Value::Number(number) => {
                Value::Number(Number::from_written(&number.to_string()))
            }
            serde_json::Value::String(text) => text.into(),
            serde_json::Value::Array(items) => Value::list(items.into_iter().map(Value::from)),
            serde_json::Value::Object(map) => Value::map(
                map.into_iter()
                    .map(|(key, value)| (key, Value::from(value))),
            ),
        }
    }
}

/// For libraries that only know serde's values; long numbers are rounded, too large ones are null.
impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => integer.into(),
                (None, Some(integer)) => integer.into(),
                (None, None) => number.as_f64().into(),
            },
            Value::Text(text) => (&**text).into(),
            Value::List(list) => list.items().iter().map(serde_json::Value::from).collect(),
            Value::Map(map) => map
                .iter()
                .map(|(key, value)| (key.to_string(), serde_json::Value::from(value)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"b":[1E2,12345678901234567890123,1.0,-7],"a":null,"c":"x"}"#;

    #[test]
    fn number_text_survives_serde_json_both_ways() {
        let value: Value = serde_json::from_str(TEXT).unwrap();

        assert_eq!(value.to_json(), TEXT);
        assert_eq!(serde_json::to_string(&value).unwrap(), TEXT);
    }

    #[test]
    fn a_tagged_enum_loses_only_the_writing_of_numbers() {
        #[derive(serde::Deserialize)]
        #[serde(tag = "kind")]
        enum Tagged {
            One { data: Value },
        }

        let text = r#"{"kind":"One","data":{"n":1E2,"m":[true,null,"x"]}}"#;
        let Tagged::One { data } = serde_json::from_str(text).unwrap();

        assert_eq!(
            data,
            Value::parse(r#"{"n":100,"m":[true,null,"x"]}"#).unwrap()
        );
    }

    #[test]
    fn serde_values_are_taken_and_given() {
        let given: serde_json::Value =
            serde_json::from_str(r#"{"b":1,"a":[0.5,18446744073709551615]}"#).unwrap();

        let value = Value::from(given.clone());

        assert_eq!(serde_json::Value::from(&value), given);
        assert_eq!(serde_json::from_value::<Value>(given).unwrap(), value);
    }

    #[test]
    fn a_repeated_key_is_refused_in_a_body_too() {
        assert!(serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).is_err());
    }
}
