//! JSON that is stored as text and sent as it is, number text and key order included.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Any JSON value, as it was stored.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = serde_json::Value)]
pub struct Raw(Box<RawValue>);

impl Raw {
    /// Stored text. What is no JSON, which we never store, is logged and shown as `null`.
    pub fn new(text: String) -> Self {
        Self(RawValue::from_string(text).unwrap_or_else(|error| {
            tracing::error!(error = %error, "stored text is no JSON");
            RawValue::NULL.to_owned()
        }))
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}
