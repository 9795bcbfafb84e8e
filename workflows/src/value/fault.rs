//! What can be wrong with a JSON text, and where it stands.
//!
//! A position is counted only when there is a fault, so that reading itself need not count lines.

use super::TooDeep;

/// A text that is not the JSON we take, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at line {line}, column {column}")]
pub struct ParseError {
    /// What is wrong.
    pub fault: ParseFault,
    /// Bytes before the place.
    pub offset: usize,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// What can be wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFault {
    /// The text ends inside a value.
    #[error("the text ends too early")]
    End,
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Text after the value.
    #[error("more text after the value")]
    Trailing,
    /// The same key twice in one object.
    #[error("the key {0:?} stands twice in one object")]
    DuplicateKey(String),
    /// A wrong escape, a lone surrogate or a control character in a text.
    #[error("a wrong escape or a control character in a text")]
    Text,
    /// A number with too many digits or too large an exponent.
    #[error("a number that is too long or too large")]
    Number,
    /// Nested too deeply.
    #[error(transparent)]
    Depth(#[from] TooDeep),
    /// Too long a text or too many values.
    #[error("the text is too large")]
    Size,
}

impl ParseError {
    /// A fault at this many bytes into the text.
    pub(super) fn at(fault: ParseFault, text: &str, at: usize) -> ParseError {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |n| n + 1);
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        // Continuation bytes of UTF-8 do not begin a character.
        let characters = before[line_start..]
            .iter()
            .filter(|byte| **byte & 0xc0 != 0x80)
            .count();
        ParseError {
            fault,
            offset: before.len(),
            line: lines as u32 + 1,
            column: characters as u32 + 1,
        }
    }
}
