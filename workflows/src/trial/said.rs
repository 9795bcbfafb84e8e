//! What fills the holes of a sentence, and what stands below it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::asked::Number;
use super::deed::{Choice, Deed, Expectation, Prepared, Text, Work};
use super::members::Members;
use super::sheet;
use crate::document::tree::{self, Format, Tree};
use crate::duration;
use crate::machine::fault::{ERROR_TYPES, Fault};
use crate::problem::Problem;
use crate::value::Value;

/// What fills the holes of a sentence, and the document below it.
pub struct Said<'a> {
    pub holes: Vec<&'a str>,
    pub doc: Option<&'a Text>,
}

impl Said<'_> {
    pub fn hole(&self, index: usize) -> String {
        self.holes
            .get(index)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn work(&self, index: usize) -> Work {
        Work(self.hole(index))
    }

    pub fn text(&self) -> Result<&Text, String> {
        self.doc.ok_or_else(|| "a text is missing".to_owned())
    }

    pub fn value(&self) -> Result<Value, String> {
        value(self.text()?)
    }

    pub fn length(&self, index: usize) -> Result<Duration, String> {
        duration::parse(&self.hole(index)).map_err(|error| format!("{error}: {}", error.hint()))
    }

    pub fn instant(&self, index: usize) -> Result<DateTime<Utc>, String> {
        instant(&self.hole(index))
    }

    pub fn count(&self, index: usize) -> Result<usize, String> {
        let text = self.hole(index);
        text.parse()
            .map_err(|_| format!("`{text}` is no whole number"))
    }

    pub fn gives(&self, choice: Choice, after: Duration) -> Result<Deed, String> {
        let output = self.value()?;
        let gives = Prepared::Gives { output, after };
        Ok(Deed::Prepare(self.work(0), choice, gives))
    }

    pub fn fails(&self, choice: Choice, after: Duration) -> Result<Deed, String> {
        let fault = fault(&self.value()?)?;
        let again_after = None;
        let fails = Prepared::Fails {
            fault,
            after,
            again_after,
        };
        Ok(Deed::Prepare(self.work(0), choice, fails))
    }

    /// A chunk's number.
    pub fn of_chunk(&self, index: usize) -> Result<Choice, String> {
        self.small(index).map(|number| Choice {
            number: Some(Number::Chunk(number)),
            when: None,
        })
    }

    /// An item's index.
    pub fn of_item(&self, index: usize) -> Result<Choice, String> {
        self.small(index).map(|index| Choice {
            number: Some(Number::Item(index)),
            when: None,
        })
    }

    /// A condition over what a step is given.
    pub fn when(&self, index: usize) -> Choice {
        Choice {
            number: None,
            when: Some(self.hole(index)),
        }
    }

    fn small(&self, index: usize) -> Result<u32, String> {
        let count = self.count(index)?;
        u32::try_from(count).map_err(|_| format!("{count} is too large"))
    }

    /// The members of the job, as sheets write them.
    pub fn members(&self) -> Result<Members, String> {
        let text = self.text()?;
        sheet::members(&tree_of(text)?).map_err(|failure| {
            let line = failure.line + text.line;
            format!("{line}: {}", failure.message)
        })
    }

    /// Names in single quotes, with commas between them.
    pub fn properties(&self) -> Result<Deed, String> {
        let listed = self.hole(0);
        let names: Option<Vec<String>> = listed
            .split(',')
            .map(|name| {
                Some(
                    name.trim()
                        .strip_prefix('\'')?
                        .strip_suffix('\'')?
                        .to_owned(),
                )
            })
            .collect();
        let names = names.ok_or_else(|| format!("`{listed}` is no list such as 'a', 'b.c'"))?;
        Ok(Deed::Expect(Expectation::Properties(names)))
    }
}

/// The value of a YAML or JSON text; an empty one is null.
fn value(text: &Text) -> Result<Value, String> {
    if matches!(text.text.trim(), "" | "null") {
        return Ok(Value::Null);
    }
    tree_of(text).map(|tree| tree.to_value())
}

fn tree_of(text: &Text) -> Result<Tree, String> {
    let tree = tree::read_one(&text.text, Format::Yaml);
    tree.map_err(|problems| told(&problems, text.line))
}

/// Problems of a document that stands in a file from a line on.
pub fn told(problems: &[Problem], line: u32) -> String {
    let lines = problems.iter().map(|problem| {
        let mut problem = problem.clone();
        problem.line = problem.line.map(|own| own + line);
        problem.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| format!("`{text}` is no instant such as 2026-03-01T09:00:00Z"))
}

/// A type as tests write it: one of the standard's names alone, or a URI.
pub fn error_type(kind: &str) -> String {
    match kind.contains([':', '/']) {
        true => kind.to_owned(),
        false => format!("{ERROR_TYPES}{kind}"),
    }
}

/// An error as tests write it: `type` may be one of the standard's names alone.
pub fn fault(value: &Value) -> Result<Fault, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let status = value.get("status").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let kind = text("type").ok_or("an error has a `type`")?;
    Ok(Fault {
        kind: error_type(&kind),
        status: status.ok_or("an error has a `status`")?,
        title: text("title"),
        detail: value.get("detail").cloned(),
        instance: None,
    })
}
