//! A document of a category with its key and object.

use super::KEY_SEPARATOR;
use crate::configuration::{Category, Key};
use crate::document::tree::join;
use crate::problem::Problem;
use crate::schema::Schema;
use crate::value::{DEPTH_STORED_MAX, Value};

/// A document of a category.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What tells it apart.
    pub key: String,
    /// What it belongs to.
    pub object: Option<String>,
    /// What it says.
    pub document: Value,
}

/// Reads documents of one category.
#[derive(Clone, Debug)]
pub struct ItemReader {
    key: Key,
    object: Option<String>,
    schema: Option<Schema>,
}

/// Bytes of one document as compact JSON.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Where an item stands in its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub row: u64,
    pub line: u64,
}

impl Place {
    pub fn problem(self, pointer: &str, message: impl Into<String>) -> Problem {
        let line = u32::try_from(self.line).unwrap_or(u32::MAX);
        Problem::new("invalid_row", pointer, message).at(line, 1)
    }
}

impl ItemReader {
    /// A reader for the items of `category`.
    ///
    /// # Errors
    /// When its schema does not compile.
    pub fn new(category: &Category) -> Result<ItemReader, Vec<Problem>> {
        let schema = category.schema.as_ref().map(Schema::compile).transpose();
        let schema = schema.map_err(|error| {
            let pointer = format!("/schema{}", error.pointer);
            vec![Problem::new("configuration.schema", pointer, error.message)]
        })?;
        Ok(ItemReader::of(
            category.key.clone(),
            category.object.clone(),
            schema,
        ))
    }

    /// A reader for documents that stand in a selection.
    pub fn of(key: Key, object: Option<String>, schema: Option<Schema>) -> ItemReader {
        ItemReader {
            key,
            object,
            schema,
        }
    }

    /// The item of a document that is row `row` (from 1) and stands on line `line` of its source.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn item(&self, row: u64, line: u64, document: Value) -> Result<Item, Vec<Problem>> {
        let place = Place { row, line };
        if document.as_map().is_none() {
            let message = format!("an object expected, {} found", document.kind());
            return Err(vec![place.problem("", message)]);
        }
        if document.depth() > DEPTH_STORED_MAX {
            let message = format!("the document is nested deeper than {DEPTH_STORED_MAX} levels");
            return Err(vec![place.problem("", message)]);
        }
        let bytes = document.to_json().len();
        if bytes > DOCUMENT_BYTES_MAX {
            let message =
                format!("the document has {bytes} bytes; {DOCUMENT_BYTES_MAX} are allowed");
            return Err(vec![place.problem("", message)]);
        }
        let mut problems = self.mismatches(place, &document);
        let key = self.key(place, &document);
        let object = self.object(place, &document);
        match (key, object) {
            (Ok(key), Ok(object)) if problems.is_empty() => Ok(Item {
                key,
                object,
                document,
            }),
            (key, object) => {
                problems.extend(key.err().map(|problem| *problem));
                problems.extend(object.err().map(|problem| *problem));
                Err(problems)
            }
        }
    }

    fn mismatches(&self, place: Place, document: &Value) -> Vec<Problem> {
        let Some(schema) = &self.schema else {
            return Vec::new();
        };
        let mismatches = schema.mismatches(document).into_iter();
        mismatches
            .map(|mismatch| place.problem(&mismatch.pointer, mismatch.message))
            .collect()
    }

    fn key(&self, place: Place, document: &Value) -> Result<String, Box<Problem>> {
        let Key::Fields(fields) = &self.key else {
            return Ok(place.row.to_string());
        };
        let mut key = String::new();
        for (index, field) in fields.iter().enumerate() {
            let value = document.get(field).unwrap_or(&Value::Null);
            let text = key_text(value).filter(|text| !text.is_empty());
            let Some(text) = text else {
                let message = format!("the key `{field}` is {}", missing(value));
                return Err(Box::new(place.problem(&join("", field), message)));
            };
            if index > 0 {
                key.push(KEY_SEPARATOR);
            }
            key.push_str(&text);
        }
        Ok(key)
    }

    /// An absent object is no mistake here: only the strategy `object` needs one.
    fn object(&self, place: Place, document: &Value) -> Result<Option<String>, Box<Problem>> {
        let Some(field) = &self.object else {
            return Ok(None);
        };
        let value = document.get(field).unwrap_or(&Value::Null);
        if value.is_null() || value.as_str() == Some("") {
            return Ok(None);
        }
        let message = || format!("the object key `{field}` is {}", missing(value));
        let text =
            key_text(value).ok_or_else(|| Box::new(place.problem(&join("", field), message())))?;
        Ok(Some(text))
    }
}

fn missing(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing or null",
        Value::List(_) => "a list, not text or a number",
        Value::Map(_) => "an object, not text or a number",
        _ => "empty",
    }
}

/// A value as text of a key: `1.0` and `1` are both `1`. Null and containers have none.
pub fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.written().into_owned(),
        }),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document of so many levels.
    fn nested(levels: u32) -> Value {
        let inner = (1..levels).fold(Value::Null, |inner, _| Value::list([inner]));
        Value::map([("a", inner)])
    }

    #[test]
    fn a_document_that_is_too_deep_to_be_stored_is_no_item() {
        let reader = ItemReader::of(Key::Row, None, None);

        assert!(reader.item(1, 1, nested(DEPTH_STORED_MAX)).is_ok());
        let problems = reader.item(1, 1, nested(DEPTH_STORED_MAX + 1)).unwrap_err();

        assert_eq!(problems[0].code, "invalid_row");
        assert!(problems[0].message.contains("64 levels"), "{problems:?}");
    }
}
