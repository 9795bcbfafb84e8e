//! Metered jq: the expressions of a template, checked when published, bounded when evaluated.
//!
//! jaq evaluates; the value type, the library and the limits are ours, so that neither a slip nor
//! malice can hang a worker, fill its memory or overflow its stack.

mod access;
mod arithmetic;
mod check;
mod datum;
mod guards;
mod hints;
mod library;
mod meter;
mod natives;
mod necessary;
mod path;
mod regular;
mod removal;
mod scan;
mod structure;
mod texts;
mod vocabulary;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::value::Value;

pub use library::Library;
pub use meter::Budget;
pub(crate) use necessary::{Necessary, Order, necessary};

/// An expression and the variables that are bound where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The jq text, without `${ }`.
    pub text: &'a str,
    /// Names of variables, without `$`.
    pub variables: &'a [&'a str],
}

/// What an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The outside variables that it names, without `$`.
    pub variables: BTreeSet<String>,
    /// Whether it asks for `now`.
    pub clock: bool,
}

/// Why an expression cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxProblem {
    /// `expression.syntax`, `.unknown_variable`, `.too_deep`, `.too_long` or `.forbidden`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Bytes of the expression before the place.
    pub offset: usize,
}

/// What an evaluation may see besides its input.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The instant that `now` answers: the journaled one of the transition.
    pub now: DateTime<Utc>,
    /// Values by name, without `$`; what is bound but not given is null.
    pub variables: &'a [(&'a str, Value)],
}

/// Why an evaluation gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No result at all.
    #[error("the expression gives no result")]
    Empty,
    /// The expression itself failed.
    #[error("{0}")]
    Failed(String),
    /// Too many steps.
    #[error("the expression takes too many steps")]
    Steps,
    /// Too much memory.
    #[error("the expression builds too much data")]
    Memory,
    /// Too deep a value, or too deep a recursion.
    #[error("the expression goes too deep")]
    Depth,
    /// A result that JSON cannot write.
    #[error("the expression gives a number that is not finite")]
    NotFinite,
    /// A defect of ours, contained.
    #[error("the expression could not be evaluated: {0}")]
    Internal(String),
}

impl ExpressionError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ExpressionError::Empty => "expression.empty",
            ExpressionError::Failed(_) => "expression.failed",
            ExpressionError::Steps => "expression.steps",
            ExpressionError::Memory => "expression.memory",
            ExpressionError::Depth => "expression.depth",
            ExpressionError::NotFinite => "expression.not_finite",
            ExpressionError::Internal(_) => "expression.internal",
        }
    }
}

/// Checks one expression alone.
///
/// # Errors
/// When it is no expression of ours; the problem says where and what to write instead.
pub fn check(source: &Source<'_>) -> Result<Reads, SyntaxProblem> {
    check::all(std::slice::from_ref(source)).remove(0)
}
