//! An error of the language, as `raise`, a step or an expression produces it and `catch` sees it.

use crate::value::Value;

/// Prefix of the standard's error types (ruling 24).
pub const ERROR_TYPES: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/";

/// An error of the language: the members of an RFC 9457 problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// URI.
    pub kind: String,
    /// HTTP-like status.
    pub status: u16,
    /// Short text.
    pub title: Option<String>,
    /// Long text or data.
    pub detail: Option<Value>,
    /// Pointer of the task that raised it; filled in by the machine.
    pub instance: Option<String>,
}

impl Fault {
    /// A fault of one of the standard's eight names, such as `communication`.
    pub fn standard(name: &str, status: u16, title: impl Into<String>) -> Self {
        Self {
            kind: format!("{ERROR_TYPES}{name}"),
            status,
            title: Some(title.into()),
            detail: None,
            instance: None,
        }
    }

    /// The same, raised at `pointer` unless it says where.
    pub(super) fn at(mut self, pointer: &str) -> Self {
        self.instance.get_or_insert_with(|| pointer.to_owned());
        self
    }

    /// The last segment of the type: the code in reports, such as `communication`.
    pub fn code(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or(&self.kind)
    }

    /// The same as tables take it.
    pub(super) fn kept_code(&self) -> String {
        kept(self.code())
    }
}

/// A text of an error as tables take it: Postgres keeps no U+0000.
pub(super) fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
