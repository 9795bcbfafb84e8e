//! JSON Schemas of `input`, `output` and `export`, compiled once with their program.
//!
//! Nothing is fetched: a reference to another document makes the program unbuildable.

use crate::value::Value;

/// At most so many violations are told: one bad list would fill the error with its items.
const VIOLATIONS_MAX: usize = 5;

/// A compiled schema.
pub(crate) struct Schema {
    validator: jsonschema::Validator,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Schema")
    }
}

impl Schema {
    /// Compiles a schema, 2020-12 unless it names its own draft.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        let schema = plain(schema)?;
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self { validator })
    }

    /// What is wrong with a value, or nothing.
    pub(crate) fn violations(&self, value: &Value) -> Vec<String> {
        let value = match plain(value) {
            Ok(value) => value,
            Err(reason) => return vec![reason],
        };
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(&value).take(VIOLATIONS_MAX);
        errors
            .map(|error| format!("{}: {}", place(&error.instance_path().to_string()), error))
            .collect()
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn plain(value: &Value) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}
