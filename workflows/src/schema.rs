//! JSON Schema 2020-12: compiled once, answers with every mismatch and its pointer.
//!
//! Nothing is fetched: a reference that leaves the schema does not compile. Patterns run in linear
//! time and messages never repeat the value, which may be large or personal.

mod endless;

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};

use crate::problem::Problem;
use crate::value::Value;

/// So many mismatches of one value are reported.
const MISMATCHES_MAX: usize = 50;

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A compiled schema. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schema {
    validator: Arc<Validator>,
}

/// Why a schema does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// In the schema.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

/// One way in which a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// In the value.
    pub pointer: String,
    /// The schema's keyword, such as `required`.
    pub keyword: String,
    /// Where the keyword was met, through references.
    pub schema_pointer: String,
    /// Without the value.
    pub message: String,
}

impl Schema {
    /// Compiles a schema: an object, `true` or `false`.
    ///
    /// # Errors
    /// When it is no JSON Schema, refers outside itself, or refers to itself without end.
    pub fn compile(schema: &Value) -> Result<Schema, SchemaError> {
        endless::check(schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
            .build(&serde_json::Value::from(schema))
            .map_err(|error| SchemaError {
                pointer: error.instance_path().to_string(),
                message: error.masked().to_string(),
            })?;
        Ok(Schema {
            validator: Arc::new(validator),
        })
    }

    /// Every mismatch as a problem; empty when the value fits.
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        let mismatches = self.mismatches(value).into_iter();
        mismatches.map(Mismatch::into_problem).collect()
    }

    /// Every mismatch; empty when the value fits.
    pub fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        let value = serde_json::Value::from(value);
        let errors = self.validator.iter_errors(&value).take(MISMATCHES_MAX);
        errors
            .map(|error| Mismatch {
                pointer: error.instance_path().to_string(),
                keyword: error.kind().keyword().to_owned(),
                schema_pointer: error.evaluation_path().to_string(),
                message: error.masked().to_string(),
            })
            .collect()
    }
}

impl Mismatch {
    /// A problem with the code `schema.mismatch`.
    pub fn into_problem(self) -> Problem {
        Problem::new("schema.mismatch", self.pointer, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(text: &str) -> Result<Schema, SchemaError> {
        Schema::compile(&Value::parse(text).unwrap())
    }

    #[test]
    fn every_mismatch_has_its_pointer_and_no_value() {
        let text =
            r#"{"type":"object","required":["a"],"properties":{"b":{"items":{"type":"string"}}}}"#;

        let value = Value::parse(r#"{"b":["x",4711]}"#).unwrap();
        let problems = schema(text).unwrap().problems(&value);

        let pointers: Vec<&str> = problems.iter().map(|problem| &*problem.pointer).collect();
        assert_eq!(pointers.len(), 2);
        assert!(pointers.contains(&"") && pointers.contains(&"/b/1"));
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains("4711"))
        );
        let fits = Value::parse(r#"{"a":1,"b":[]}"#).unwrap();
        assert!(schema(text).unwrap().problems(&fits).is_empty());
    }

    #[test]
    fn what_is_no_schema_does_not_compile() {
        for text in [
            r#"{"type":"strin"}"#,
            r#"{"$ref":"https://example.com/schema.json"}"#,
            r##"{"$ref":"#/$defs/missing"}"##,
            r#"{"pattern":"("}"#,
            r#"{"pattern":"(?=a)b"}"#,
            r#""text""#,
            "17",
        ] {
            assert!(schema(text).is_err(), "{text}");
        }
        assert!(schema("true").is_ok());
    }

    /// Each definition applies the next one twice.
    fn doubling(levels: usize) -> String {
        let definition = |n: usize| {
            format!(
                r##""{n}":{{"allOf":[{{"$ref":"#/$defs/{0}"}},{{"$ref":"#/$defs/{0}"}}]}},"##,
                n + 1
            )
        };
        let definitions: String = (0..levels).map(definition).collect();
        format!(r##"{{"$ref":"#/$defs/0","$defs":{{{definitions}"{levels}":true}}}}"##)
    }

    /// Each definition holds the next one at the bottom of a deep nest.
    fn nested(definitions: usize, levels: usize) -> String {
        let definition = |n: usize| {
            let open = r#"{"allOf":["#.repeat(levels);
            let close = "]}".repeat(levels);
            format!(r##""{n}":{open}{{"$ref":"#/$defs/{}"}}{close},"##, n + 1)
        };
        let all: String = (0..definitions).map(definition).collect();
        format!(r##"{{"$ref":"#/$defs/0","$defs":{{{all}"{definitions}":{{"type":"null"}}}}}}"##)
    }

    #[test]
    fn the_deepest_schema_that_is_taken_fits_a_small_stack() {
        let text = nested(63, 29);
        let run = move || schema(&text).map(|schema| schema.problems(&Value::from(1i64)).len());
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);

        assert_eq!(thread.unwrap().join().unwrap(), Ok(1));
        assert!(schema(&nested(65, 1)).is_err());
    }

    #[test]
    fn endless_references_are_refused_and_recursive_ones_work() {
        for text in [
            r##"{"$ref":"#"}"##,
            r##"{"allOf":[{"$ref":"#"}]}"##,
            &doubling(30),
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}"##,
        ] {
            assert!(schema(text).is_err(), "{text}");
        }
        assert!(schema(&doubling(5)).is_ok());
        let tree = schema(r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##).unwrap();
        let value = Value::parse(r#"{"next":{"next":{"next":7}}}"#).unwrap();
        assert_eq!(tree.problems(&value)[0].pointer, "/next/next/next");
    }
}
