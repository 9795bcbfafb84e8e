//! Is a request's input what its template takes?

use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::Error;
use crate::protocol::known::Known;

/// Largest input of a request, as compact JSON.
const INPUT_BYTES_MAX: usize = 1 << 20;

/// The input as text, or every fault of it.
pub(super) fn checked(known: &Known, input: &Value) -> Result<String, Error> {
    let text = input.to_json();
    let mut problems = known
        .schema
        .as_ref()
        .map_or_else(Vec::new, |schema| schema.problems(input));
    if text.len() > INPUT_BYTES_MAX {
        let message = format!(
            "the input has {} bytes; {INPUT_BYTES_MAX} are allowed",
            text.len()
        );
        problems.push(Problem::new("too_large", "/input", message));
    }
    match problems.is_empty() {
        true => Ok(text),
        false => Err(Error::Invalid {
            problems: problems.into_iter().map(under_input).collect(),
        }),
    }
}

fn under_input(problem: Problem) -> Problem {
    if problem.pointer.starts_with("/input") || problem.pointer.starts_with("/template") {
        return problem;
    }
    Problem {
        pointer: format!("/input{}", problem.pointer),
        ..problem
    }
}
