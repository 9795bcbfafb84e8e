//! What a run asks of the world outside, as tests name and compare it.

use std::fmt;

use super::deed::Work;
use crate::machine::command::{Call, HttpRequest};
use crate::machine::secret::plainly_in;
use crate::value::Value;

/// Longest value that a message shows whole, in bytes.
const SHOWN_MAX: usize = 400;

/// Something that was asked of the world outside. Secrets stand in it as `{secret:name}`.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Pointer of the task.
    pub path: String,
    /// The function, if it is one: `name:version`.
    pub function: Option<String>,
    /// What it was given.
    pub given: Value,
    /// The piece of work of another task that it is done for.
    pub of: Option<Of>,
    /// It is all that is done for that piece: it goes by the name of what is called.
    pub is_all: bool,
}

/// A chunk of a job's members, or an item of a list.
#[derive(Clone, Debug)]
pub struct Of {
    /// The task that works through them.
    pub task: String,
    /// What it calls for each: a function's name, or a template's.
    pub call: String,
    /// Which one.
    pub number: Number,
}

/// Which chunk, or which item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A chunk, from 1.
    Chunk(u32),
    /// An item, from 0.
    Item(u32),
}

impl Of {
    /// Whether it is meant: by the task, or by what that calls.
    pub fn is(&self, work: &Work) -> bool {
        is_called(&self.call, work) || is_named(&self.task, &work.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Chunk(number) => write!(out, "chunk {number}"),
            Number::Item(index) => write!(out, "item {index}"),
        }
    }
}

impl Asked {
    /// An evaluated call of the task at that pointer.
    pub fn call(path: &str, call: &Call, of: Option<Of>) -> Asked {
        let (function, given) = match call {
            Call::Function { function, input } => {
                let name = format!("{}:{}", function.name, function.version);
                (Some(name), input.clone())
            }
            Call::Http(request) => (None, of_request(request)),
        };
        Asked {
            path: path.to_owned(),
            function,
            given: plainly_in(&given),
            of,
            is_all: false,
        }
    }

    /// Whether it is a call of that function of the catalogue.
    pub fn calls(&self, name: &str) -> bool {
        let function = self.function.as_deref();
        function.and_then(|function| function.split(':').next()) == Some(name)
    }

    /// Whether a step is meant: by its pointer, its name, or the function that it calls.
    pub fn is(&self, work: &Work) -> bool {
        let function = self.function.as_deref();
        let of = self.of.as_ref().filter(|_| self.is_all);
        let called = of.map(|of| of.call.as_str());
        let mut names = function.into_iter().chain(called);
        names.any(|name| is_called(name, work)) || is_named(&self.path, &work.0)
    }

    /// What a test would call it: what it calls for a piece of work, or its task.
    pub fn word(&self) -> String {
        match self.of.as_ref().filter(|_| self.is_all) {
            Some(of) => of.call.clone(),
            None => name(&self.path),
        }
    }

    /// What it is, in words.
    pub fn told(&self) -> String {
        let what = match &self.function {
            Some(function) => format!("`{function}`"),
            None => shown(&self.given),
        };
        let of = self.of.as_ref().map(|of| {
            let task = name(&of.task);
            format!(", {} of `{task}`", of.number)
        });
        let given = self.function.as_ref().map(|_| shown(&self.given));
        let given = given.map(|given| format!(", which is given {given}"));
        let (of, given) = (of.unwrap_or_default(), given.unwrap_or_default());
        format!("{what} at {}{of}{given}", self.path)
    }
}

fn is_called(name: &str, work: &Work) -> bool {
    let bare = |name: &'_ str| name.strip_suffix("@default").unwrap_or(name).to_owned();
    bare(name) == bare(&work.0)
}

/// Whether a task is meant: by its pointer or its name.
pub fn is_named(path: &str, task: &str) -> bool {
    path == task || name(path) == task
}

/// The name of the task that a pointer leads to.
pub fn name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.replace("~1", "/").replace("~0", "~")
}

/// A value in a message.
pub fn shown(value: &Value) -> String {
    let text = value.to_json();
    match text.len() > SHOWN_MAX {
        true => text.chars().take(SHOWN_MAX).chain("…".chars()).collect(),
        false => text,
    }
}

fn of_request(request: &HttpRequest) -> Value {
    let pairs = |pairs: &[(String, String)]| {
        let pairs = pairs.iter();
        Value::map(pairs.map(|(name, text)| (name.as_str(), Value::text(text.as_str()))))
    };
    let mut members = vec![
        ("method", Value::text(request.method.as_str())),
        ("url", Value::text(request.url.as_str())),
    ];
    if !request.headers.is_empty() {
        members.push(("headers", pairs(&request.headers)));
    }
    if !request.query.is_empty() {
        members.push(("query", pairs(&request.query)));
    }
    members.extend(request.body.clone().map(|body| ("body", body)));
    Value::map(members)
}
