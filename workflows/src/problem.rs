//! What is wrong with a document: place, code, message, hint.
//!
//! Problems are collected and handed back all at once, never thrown singly, so that an author
//! corrects a document in one round.

use std::fmt;

use serde::{Deserialize, Serialize};

/// So many problems are reported of one document; a broken generator would fill memory with more.
const PROBLEMS_MAX: usize = 200;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, where documents come from files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// JSON pointer of the place; empty for the document itself.
    pub pointer: String,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// From 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u32>,
    /// The row of what was read, from 1, where there are rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub row: Option<u32>,
    /// Stable name of the kind of mistake, such as `flow.unknown_target`.
    pub code: String,
    /// One sentence that carries the values at hand.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a JSON pointer, without line and hint.
    pub fn new(
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Problem {
        Problem {
            code: code.into(),
            pointer: pointer.into(),
            message: message.into(),
            ..Problem::default()
        }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a place in the text; a line of 0 means that it is not known.
    pub fn at(mut self, line: u32, column: u32) -> Problem {
        if line > 0 {
            self.line = Some(line);
            self.column = Some(column);
        }
        self
    }

    /// The same in a row of what was read.
    pub fn in_row(mut self, row: u32) -> Problem {
        self.row = Some(row);
        self
    }

    /// The same in a file.
    pub fn in_file(mut self, file: impl Into<String>) -> Problem {
        self.file = Some(file.into());
        self
    }
}

/// `file:line:column: message [code] at /pointer (hint)`, as compilers write it.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(formatter, "{file}:")?;
        }
        match (self.line, self.column, self.row) {
            (Some(line), Some(column), _) => write!(formatter, "{line}:{column}: ")?,
            (_, _, Some(row)) => write!(formatter, "row {row}: ")?,
            _ => {}
        }
        write!(formatter, "{} [{}]", self.message, self.code)?;
        if !self.pointer.is_empty() {
            write!(formatter, " at {}", self.pointer)?;
        }
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Collects problems up to a bound.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    dropped: usize,
    is_cut: bool,
}

impl Problems {
    /// Adds one, unless the same is there already; beyond the bound it is only counted.
    pub fn push(&mut self, problem: Problem) {
        if self.is_full() {
            self.count();
        } else if !self.list.contains(&problem) {
            self.list.push(problem);
        }
    }

    /// Counts one that is not told: for those who saw that there are enough, and spared its telling.
    pub fn count(&mut self) {
        self.dropped += 1;
    }

    /// Says that there are enough, so that what would cost time was not looked at any more.
    pub fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Whether further problems are only counted, so that their places and hints need no thought.
    pub fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    /// Adds many.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the text, with a last line that tells how many were left out.
    pub fn into_list(mut self) -> Vec<Problem> {
        self.list
            .sort_by_key(|problem| (problem.line, problem.column));
        let listed = format!("{} further problems are not listed", self.dropped);
        let more = match (self.dropped, self.is_cut) {
            (0, false) => return self.list,
            (0, true) => "the expressions behind these were not checked".to_owned(),
            (_, false) => listed,
            (_, true) => format!("{listed}, and expressions behind these were not checked"),
        };
        let hint = "mend these first, then check again";
        self.list
            .push(Problem::new("document.more_problems", "", more).hint(hint));
        self.list
    }

    /// The value if nothing is wrong, else every problem.
    ///
    /// # Errors
    /// The collected problems.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self.into_list())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_like_a_compiler_s() {
        let problem = Problem::new("flow.unknown_target", "/do/0/a", "no task is named `b`")
            .at(3, 7)
            .hint("did you mean `c`?")
            .in_file("a.yaml");

        assert_eq!(
            problem.to_string(),
            "a.yaml:3:7: no task is named `b` [flow.unknown_target] at /do/0/a (did you mean `c`?)"
        );
    }

    #[test]
    fn problems_beyond_the_bound_are_counted() {
        let mut problems = Problems::default();
        for n in 0..PROBLEMS_MAX + 3 {
            problems.push(Problem::new("a", "", n.to_string()));
            problems.push(Problem::new("a", "", "0"));
        }

        let list = problems.into_list();

        assert_eq!(list.len(), PROBLEMS_MAX + 1);
        assert_eq!(
            list[PROBLEMS_MAX].message,
            "7 further problems are not listed"
        );
    }
}
