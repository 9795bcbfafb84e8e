//! `use`: named functions, retries, errors and timeouts; the names of secrets, policies and catalogues.
//!
//! Names are resolved while tasks are read, so the checked form has no names to look up but those
//! of functions.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Authentication, Shape, Task};
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

/// What `use` gives to the template beside what is inlined where it is named.
#[derive(Default)]
pub(super) struct Definitions {
    pub functions: Vec<(String, Task)>,
    pub secrets: Vec<String>,
    pub authentications: Vec<(String, Authentication)>,
}

impl Reader {
    /// Reads `use`. A broken definition keeps its name, so that its users are not reported too.
    pub fn definitions(&mut self, spot: &Spot<'_>) -> Definitions {
        let Some(fields) = self.object(spot, &KEYS) else {
            return Definitions::default();
        };
        if let Some(entry) = fields.tree.entry("extensions") {
            let message = "`use.extensions` is not supported";
            let problem = fields.problem_at(entry, "unsupported.extension", message);
            self.problems
                .push(problem.hint("write the tasks out where they belong"));
        }
        let secrets = fields.get("secrets").map(|spot| self.secrets(&spot));
        let authentications = fields
            .get("authentications")
            .map(|spot| self.authentications(&spot));
        self.catalogs = fields
            .get("catalogs")
            .map(|spot| self.catalogs(&spot))
            .unwrap_or_default();
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
        self.own_functions = functions.len();
        let functions = functions
            .into_iter()
            .map(|(name, spot)| (name.clone(), self.function(name, &spot)));
        Definitions {
            functions: functions.collect(),
            secrets: secrets.unwrap_or_default(),
            authentications: authentications.unwrap_or_default(),
        }
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
    pub fn function(&mut self, name: String, spot: &Spot<'_>) -> Task {
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
        if self.problems.is_full() {
            return self.problems.count();
        }
        let section = match kind {
            "retry" => "retries".to_owned(),
            other => format!("{other}s"),
        };
        let names: Vec<&str> = match kind {
            "retry" => self.retries.keys().map(String::as_str).collect(),
            "error" => self.errors.keys().map(String::as_str).collect(),
            "timeout" => self.timeouts.keys().map(String::as_str).collect(),
            _ => self.functions.keys().map(String::as_str).collect(),
        };
        let message = format!("`use.{section}` has no `{name}`");
        let problem = spot.problem(&format!("reference.unknown_{kind}"), message);
        let hint = self.nearest(name, names);
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem.hint(format!("define it under use.{section}")),
        });
    }
}
