//! What a command says when it cannot go on: a code, one line of cause, one line of what to try.

use std::io;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::text::clean;
use crate::client::ClientError;
use crate::config::ConfigProblems;
use crate::exit::Exit;
use crate::local_postgres::LocalDatabaseError;

/// Problems of a document that are shown; the rest is counted.
const PROBLEMS_SHOWN_MAX: usize = 50;

/// A command that could not be done. Boxed, since every answer has room for one.
#[derive(Debug)]
pub struct CliError(Box<Trouble>);

/// What went wrong.
#[derive(Debug)]
pub struct Trouble {
    /// Stable code.
    pub code: String,
    /// One line.
    pub message: String,
    /// What lies below it.
    pub cause: Option<String>,
    /// What to type or to change.
    pub hint: Option<String>,
    /// Each single problem of a document.
    pub problems: Vec<Value>,
    /// The server's problem document, for `-o json`.
    pub document: Option<Value>,
    /// What the process ends with.
    pub exit: Exit,
}

impl Deref for CliError {
    type Target = Trouble;

    fn deref(&self) -> &Trouble {
        &self.0
    }
}

impl DerefMut for CliError {
    fn deref_mut(&mut self) -> &mut Trouble {
        &mut self.0
    }
}

impl CliError {
    /// An error with a code and a line.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Trouble {
            code: code.to_owned(),
            message: message.into(),
            cause: None,
            hint: None,
            problems: Vec::new(),
            document: None,
            exit,
        }))
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// With what to try.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what lies below it.
    pub fn because(mut self, cause: &dyn std::error::Error) -> Self {
        self.cause = Some(chain(cause));
        self
    }

    /// As lines for standard error; what comes from elsewhere is escaped.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "error[{}]: {}",
            clean(&self.code),
            clean(&self.message)
        )];
        lines.extend(
            self.cause
                .iter()
                .map(|cause| format!("  cause: {}", clean(cause))),
        );
        lines.extend(
            self.problems
                .iter()
                .take(PROBLEMS_SHOWN_MAX)
                .map(problem_line),
        );
        if let Some(more) = self
            .problems
            .len()
            .checked_sub(PROBLEMS_SHOWN_MAX)
            .filter(|more| *more > 0)
        {
            lines.push(format!("  … and {more} more"));
        }
        lines.extend(
            self.hint
                .iter()
                .map(|hint| format!("  try: {}", clean(hint))),
        );
        lines
    }

    /// As a problem document.
    pub fn to_document(&self) -> Value {
        self.document.clone().unwrap_or_else(|| {
            serde_json::json!({
                "type": "about:blank", "title": self.message, "code": self.code, "detail": self.cause,
                "hint": self.hint, "problems": self.problems,
            })
        })
    }
}

/// `file:line:column  code  message (hint)`, with what of it is known.
pub fn problem_line(problem: &Value) -> String {
    line(problem, str::to_owned)
}

/// `file:line:column  warning[code]  message (hint)`, with what of it is known.
pub fn warning_line(warning: &Value) -> String {
    line(warning, |code| format!("warning[{code}]"))
}

fn line(problem: &Value, code: impl Fn(&str) -> String) -> String {
    let text = |name: &str| {
        problem
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let number = |name: &str| {
        problem
            .get(name)
            .and_then(Value::as_u64)
            .map(|number| number.to_string())
    };
    let file = text("file")
        .or_else(|| text("path"))
        .or_else(|| text("pointer"));
    let row = || number("row").map(|row| format!("row {row}"));
    let line = number("line").or_else(row);
    let place: Vec<String> = [file.map(str::to_owned), line, number("column")]
        .into_iter()
        .flatten()
        .collect();
    let hint = text("hint")
        .map(|hint| format!(" ({hint})"))
        .unwrap_or_default();
    let line = format!(
        "  {}  {}  {}{hint}",
        place.join(":"),
        code(text("code").unwrap_or("?")),
        text("message").unwrap_or("?")
    );
    clean(&line)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        text = format!("{text}: {below}");
        source = below.source();
    }
    text
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => {
                let exit = match refusal.code.as_str() {
                    "key_reused" => Exit::Refused,
                    _ => Exit::of_status(refusal.status),
                };
                let mut made = Self::new(exit, &refusal.code, refusal.detail.clone());
                made.hint = refusal.hint.clone();
                made.problems.clone_from(&refusal.problems);
                made.document = Some(refusal.document);
                made
            }
            ClientError::Unreachable { ref source, .. } => Self::new(Exit::Unreachable, "server_unreachable", error.to_string())
                .because(source)
                .hint("start one with `windlass dev`, or say where it is with --server or WINDLASS_SERVER"),
            ClientError::Address { .. } => Self::usage(error.to_string()).hint("--server http://127.0.0.1:7411"),
            ClientError::Strange { .. } => Self::new(Exit::Failed, "strange_answer", error.to_string()).hint("is this a Windlass server?"),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Failed, "io", error.to_string())
    }
}

impl From<windlass_floor::Error> for CliError {
    fn from(error: windlass_floor::Error) -> Self {
        Self::new(Exit::Failed, "bench_failed", chain(&error))
    }
}

impl From<ConfigProblems> for CliError {
    fn from(error: ConfigProblems) -> Self {
        let hint = "windlass config show --origin";
        Self::new(Exit::Usage, "configuration", error.problems.join("; ")).hint(hint)
    }
}

impl From<LocalDatabaseError> for CliError {
    fn from(error: LocalDatabaseError) -> Self {
        let code = error.code();
        let mut made = Self::new(
            Exit::NoPostgres,
            code,
            error.to_string().lines().next().unwrap_or_default(),
        );
        made.cause = std::error::Error::source(&error).map(chain);
        made.problems = Vec::new();
        let typed: Vec<_> = error
            .to_string()
            .lines()
            .skip(1)
            .map(|line| line.trim().to_owned())
            .collect();
        made.hint = (!typed.is_empty()).then(|| typed.join("   or   "));
        made
    }
}

impl From<windlass_engine::Error> for CliError {
    fn from(error: windlass_engine::Error) -> Self {
        let exit = if error.is_transient() {
            Exit::Unreachable
        } else {
            Exit::Failed
        };
        let mut made = Self::new(exit, error.code(), error.to_string());
        made.cause = std::error::Error::source(&error).map(chain);
        if error.is_from_pooler() {
            return made
                .hint("database.url is a pooler: name the database itself in database.direct_url");
        }
        if let windlass_engine::Error::Conflict { hint, .. } = error {
            made.hint = hint;
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_with_their_place() {
        let problem = serde_json::json!({"file": "a.yaml", "line": 3, "column": 5, "code": "unknown_field", "message": "no `x` here", "hint": "remove it"});

        assert_eq!(
            problem_line(&problem),
            "  a.yaml:3:5  unknown_field  no `x` here (remove it)"
        );
    }

    #[test]
    fn control_bytes_of_others_are_escaped() {
        let error = CliError::new(Exit::Failed, "x", "red \u{1b}[31m");

        assert_eq!(error.lines(), ["error[x]: red \\u{1b}[31m"]);
    }
}
