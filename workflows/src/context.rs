//! Contexts that jobs share: what a save says, and changes that are computed: a formula is bare jq that makes a context's next document from the one
//! that stands. Whoever stores evaluates it while nobody else can change the context, so nothing is counted twice.

mod save;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::expression::{self, Budget, ExpressionError, Library, Scope, Source, SyntaxProblem};
use crate::machine::fault::Fault;
use crate::value::Value;

pub use self::save::{Edit, Save, name};

/// Largest document of a context, in bytes: a job that loads one has it as a value, of which the largest have a
/// megabyte, and mostly adds something.
pub const BYTES_MAX: usize = 512 * 1024;

/// Deepest document of a context: jobs put it into values of their own, which are 64 deep at most.
pub const DEPTH_MAX: u32 = 32;

/// Why a save is refused that a secret stands in.
pub const SECRET_IN_CONTEXT: &str = "a secret does not belong into a context";

/// What a formula sees beside the document: the evaluated `input` of its step.
const VARIABLES: [&str; 1] = ["input"];

/// The compiled jq of a change.
#[derive(Debug)]
pub struct Formula {
    text: String,
    library: Library,
}

impl Formula {
    /// Whether a text can be one, without compiling it.
    ///
    /// # Errors
    /// When it is no expression of ours.
    pub fn check(text: &str) -> Result<(), SyntaxProblem> {
        expression::check(&source(text)).map(drop)
    }

    /// Compiles one: a few milliseconds of work.
    ///
    /// # Errors
    /// When it is no expression of ours.
    pub fn compile(text: &str) -> Result<Self, SyntaxProblem> {
        let compiled = Library::compile(&[source(text)]);
        let library = compiled.map_err(|mut problems| problems.remove(0).1)?;
        let text = text.to_owned();
        Ok(Self { text, library })
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn source(text: &str) -> Source<'_> {
    let variables = &VARIABLES;
    Source { text, variables }
}

/// Which words of a `context-save` do not go together; nothing where all is well.
pub fn misfit(is_said: impl Fn(&str) -> bool) -> Option<&'static str> {
    match (is_said("patch"), is_said("change")) {
        (true, true) | (false, false) => {
            Some("`patch` or `change` says what becomes of it, one of them")
        }
        (_, true) if is_said("version") => Some(
            "`change` begins with what is stored, whatever its version is: leave out `version`",
        ),
        (true, _) if is_said("input") => Some("`input` is for `change`, which sees it as $input"),
        _ => None,
    }
}

/// A change of a context that is computed from what is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ComputedChange {
    formula: Arc<Formula>,
    input: Value,
    said: String,
}

/// Why a formula gives no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// It fails, or goes over its budget.
    #[error("`change` cannot be evaluated: {0}")]
    Failed(ExpressionError),
    /// Its answer is of this kind.
    #[error("`change` gives the whole document, an object, not {0}")]
    NoObject(&'static str),
}

impl ComputeError {
    /// The stable code of what failed, if the expression did.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Failed(error) => Some(error.code()),
            Self::NoObject(_) => None,
        }
    }
}

/// The error of a step whose change could not be computed.
pub fn fault(title: &str, code: Option<&str>) -> Fault {
    Fault {
        detail: code.map(|code| Value::map([("code", Value::text(code))])),
        ..Fault::standard("expression", 400, title)
    }
}

impl ComputedChange {
    /// The change that a formula makes with this `$input`.
    pub fn new(formula: Arc<Formula>, input: Option<Value>) -> Self {
        let change = Value::text(formula.text.clone());
        let said = [("change", Some(change)), ("input", input.clone())];
        let said = said
            .into_iter()
            .filter_map(|(key, part)| Some((key, part?)));
        Self {
            formula,
            said: Value::map(said).to_json(),
            input: input.unwrap_or_default(),
        }
    }

    /// `{ change, input }` as JSON text: what was asked for, as the history keeps it.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The document that it makes of `document` at that time.
    ///
    /// # Errors
    /// When the formula fails, goes over the budget or gives no object.
    pub fn of(
        &self,
        document: &Value,
        now: DateTime<Utc>,
        budget: Budget,
    ) -> Result<Value, ComputeError> {
        let variables = &[(VARIABLES[0], self.input.clone())];
        let scope = Scope { now, variables };
        let made = self.formula.library.evaluate(0, document, &scope, budget);
        let made = made.map_err(ComputeError::Failed)?;
        match made.as_map() {
            Some(_) => Ok(made),
            None => Err(ComputeError::NoObject(made.kind())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(text: &str, document: &str) -> Result<String, String> {
        let formula = Formula::compile(text).map_err(|problem| problem.message)?;
        let input = Value::parse(r#"{"by":2}"#).expect("JSON");
        let change = ComputedChange::new(Arc::new(formula), Some(input));
        let document = Value::parse(document).expect("JSON");
        let made = change.of(&document, DateTime::UNIX_EPOCH, Budget::default());
        made.map(|made| made.to_json())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_formula_sees_the_document_its_input_and_the_time() {
        let counts = computed(".n += $input.by", r#"{"n":1.50,"kept":true}"#);
        assert_eq!(counts.as_deref(), Ok(r#"{"n":3.5,"kept":true}"#));
        assert_eq!(computed(".n += 1", "{}").as_deref(), Ok(r#"{"n":1}"#));
        assert_eq!(computed("{ at: now }", "{}").as_deref(), Ok(r#"{"at":0}"#));
    }

    #[test]
    fn what_gives_no_object_is_no_document() {
        for (text, said) in [
            (
                ".n",
                "`change` gives the whole document, an object, not null",
            ),
            (
                "empty",
                "`change` cannot be evaluated: the expression gives no result",
            ),
            ("error(\"no\")", "`change` cannot be evaluated: no"),
            (
                "[range(1000000)] | {}",
                "`change` cannot be evaluated: the expression takes too many steps",
            ),
        ] {
            assert_eq!(computed(text, "{}"), Err(said.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_jq_or_names_another_variable_is_no_formula() {
        for (text, code) in [
            (".n +", "expression.syntax"),
            ("$context", "expression.unknown_variable"),
            ("env", "expression.forbidden"),
        ] {
            let problem = Formula::check(text).expect_err(text);
            assert_eq!(problem.code, code);
            assert_eq!(Formula::compile(text).expect_err(text), problem);
        }
    }
}
