//! A member: one document of a selection under its key.

use std::sync::OnceLock;

use crate::configuration::Strategy;
use crate::value::{ParseError, Value};

/// One document of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its place in the selection, from 1.
    pub n: u64,
    /// Unique within the batch.
    pub key: String,
    /// What it belongs to.
    pub object: Option<String>,
    /// What it says.
    pub document: Document,
}

/// What a member says, as compact JSON. Most plans only hand it on, so it is read where its meaning is asked for.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    value: OnceLock<Value>,
}

impl Document {
    /// What [`Value::to_json`] gave once, so that it hashes as its value does.
    pub fn stored(text: String) -> Document {
        let value = OnceLock::new();
        Document { text, value }
    }

    /// Compact JSON.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compact JSON, for good.
    pub fn into_text(self) -> String {
        self.text
    }

    /// What the text means.
    ///
    /// # Errors
    /// When what was stored is no JSON.
    pub fn value(&self) -> Result<&Value, ParseError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = Value::parse(&self.text)?;
        Ok(self.value.get_or_init(|| value))
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Document {
        Document {
            text: value.to_json(),
            value: OnceLock::from(value),
        }
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        self.text == other.text
    }
}

/// Why a document cannot be a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberProblem {
    /// The strategy needs an object.
    #[error("member {n} (key `{key}`) has no object key, which the strategy `object` needs")]
    MissingObject {
        /// Its place.
        n: u64,
        /// Its key.
        key: String,
    },
}

impl MemberProblem {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "invalid_row"
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        "fill the object field of the row, or leave the row out with a filter"
    }
}

impl Member {
    /// Can this be a member under `strategy`?
    ///
    /// # Errors
    /// When the strategy asks for an object and there is none.
    pub fn fits(&self, strategy: Strategy) -> Result<(), MemberProblem> {
        if strategy == Strategy::Object && self.object.is_none() {
            return Err(MemberProblem::MissingObject {
                n: self.n,
                key: self.key.clone(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_document_is_read_once_somebody_asks() {
        let document = Document::stored(r#"{"a":1.50}"#.to_owned());
        let value = Value::parse(r#"{ "a": 1.50 }"#).unwrap();

        assert_eq!(document.value(), Ok(&value));
        assert_eq!(document.value(), Ok(&value));
        assert_eq!(document, Document::from(value));
        assert_eq!(document.into_text(), r#"{"a":1.50}"#);
    }

    #[test]
    fn a_document_that_is_no_json_says_so_when_it_is_read() {
        let broken = Document::stored("{".to_owned());

        assert_eq!(broken.text(), "{");
        assert!(broken.value().is_err());
    }

    #[test]
    fn the_strategy_object_needs_an_object() {
        let member = Member {
            n: 3,
            key: "k".to_owned(),
            object: None,
            document: Document::stored("{}".to_owned()),
        };

        assert_eq!(member.fits(Strategy::Combined), Ok(()));
        let problem = member.fits(Strategy::Object).unwrap_err();
        assert_eq!(problem.code(), "invalid_row");
        assert!(problem.to_string().contains("member 3 (key `k`)"));
        assert!(problem.hint().contains("filter"));
    }
}
