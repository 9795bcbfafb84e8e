//! `use`: named functions, retries, errors and timeouts; the rest of it is refused.
//!
//! Names are resolved while tasks are read, so the checked form has no names to look up but those
//! of functions.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Shape, Task};
use crate::value::Value;

const KEYS: [&str; 8] = [
    "functions",
    "retries",
    "errors",
    "timeouts",
    "authentications",
    "secrets",
    "extensions",
    "catalogs",
];

const REFUSED: [(&str, &str, &str); 4] = [
    (
        "authentications",
        "unsupported.authentication",
        "call a service that needs none for now",
    ),
    (
        "secrets",
        "unsupported.secret",
        "secrets come with a later release",
    ),
    (
        "extensions",
        "unsupported.extension",
        "write the tasks out where they belong",
    ),
    (
        "catalogs",
        "unsupported.catalog",
        "use functions of the default catalogue",
    ),
];

impl Reader {
    /// Reads `use`; gives the functions. A broken definition keeps its name, so that its users are
    /// not reported too.
    pub fn definitions(&mut self, spot: &Spot<'_>) -> Vec<(String, Task)> {
        let Some(fields) = self.object(spot, &KEYS) else {
            return Vec::new();
        };
        for (key, code, hint) in REFUSED {
            if let Some(entry) = fields.tree.entry(key) {
                let message = format!("`use.{key}` is not supported yet");
                let problem = fields.problem_at(entry, code, message);
                self.problems.push(problem.hint(hint));
            }
        }
        for (name, spot) in self.named(&fields, "timeouts") {
            let delay = self.timeout_after(&spot);
            self.timeouts.insert(name, delay.unwrap_or_default());
        }
        for (name, spot) in self.named(&fields, "retries") {
            let retry = self.retry(&spot);
            self.retries.insert(name, retry.unwrap_or_default());
        }
        for (name, spot) in self.named(&fields, "errors") {
            let error = self.error(&spot);
            self.errors
                .insert(name, error.unwrap_or(Shape::Constant(Value::Null)));
        }
        let functions = self.named(&fields, "functions");
        let names = functions.iter().map(|(name, _)| name.clone());
        self.functions = names
            .enumerate()
            .map(|(index, name)| (name, index))
            .collect();
        functions
            .into_iter()
            .map(|(name, spot)| (name.clone(), self.function(name, &spot)))
            .collect()
    }

    fn named<'a>(&mut self, fields: &Spot<'a>, key: &str) -> Vec<(String, Spot<'a>)> {
        let spot = fields.get(key).and_then(|spot| self.any_object(&spot));
        let Some(spot) = spot else { return Vec::new() };
        let entries = spot.entries().iter();
        entries
            .map(|entry| (entry.key.to_string(), spot.of(entry)))
            .collect()
    }

    /// A function is a task without a place in a list (ruling 33).
    fn function(&mut self, name: String, spot: &Spot<'_>) -> Task {
        for key in ["then", "export"] {
            if let Some(spot) = spot.get(key) {
                let message = format!("a function has no `{key}`");
                let problem = spot.problem(&format!("function.{key}"), message);
                self.problems
                    .push(problem.hint("write it where the function is called"));
            }
        }
        self.task(name, spot)
    }

    /// The index of a function.
    pub fn function_index(&self, name: &str) -> Option<usize> {
        self.functions.get(name).copied()
    }

    /// A name that `use` should define and does not.
    pub fn unknown_name(&mut self, spot: &Spot<'_>, kind: &str, name: &str) {
        let section = match kind {
            "retry" => "retries".to_owned(),
            other => format!("{other}s"),
        };
        let mut names: Vec<&str> = match kind {
            "retry" => self.retries.keys().map(String::as_str).collect(),
            "error" => self.errors.keys().map(String::as_str).collect(),
            "timeout" => self.timeouts.keys().map(String::as_str).collect(),
            _ => self.functions.keys().map(String::as_str).collect(),
        };
        names.sort_unstable();
        let message = format!("`use.{section}` has no `{name}`");
        let problem = spot.problem(&format!("reference.unknown_{kind}"), message);
        let hint = self.nearest(name, names);
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem.hint(format!("define it under use.{section}")),
        });
    }
}
