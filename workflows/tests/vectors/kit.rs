//! The reference vectors, taken apart: a test takes every field out of a case, and a case that goes with something left
//! in it fails. So nothing that the two files say is passed by.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use serde_json::{Map, Value};

/// Vectors of batches and of the ledger.
pub const BATCHES: &str = include_str!("batch-vectors.yaml");
/// Vectors of slots.
pub const SCHEDULES: &str = include_str!("schedule-vectors.yaml");

/// A file of vectors, section by section.
pub fn sections(text: &str) -> Map<String, Value> {
    serde_saphyr::from_str(text).expect("vectors are YAML")
}

/// The cases of a section of `batch-vectors.yaml`.
pub fn of_batches(section: &'static str) -> Vec<Case> {
    cases(BATCHES, section)
}

/// The one case of a section whose field says so; the others are read elsewhere.
pub fn one_of_batches(section: &'static str, field: &str, says: &str) -> Case {
    let list = sections(BATCHES).remove(section);
    let list = list.as_ref().and_then(Value::as_array);
    let found = list.expect("a section of cases").iter();
    let mut found = found.filter(|case| case[field] == says);
    let case = found.next().expect("the case").clone();
    let mut case = Case::new(section, case);
    case.take(field);
    case
}

/// The cases of a section of `schedule-vectors.yaml`.
pub fn of_schedules(section: &'static str) -> Vec<Case> {
    cases(SCHEDULES, section)
}

fn cases(text: &str, section: &'static str) -> Vec<Case> {
    let list = match sections(text).remove(section) {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        other => panic!("{section} is no section of cases: {other:?}"),
    };
    assert!(!list.is_empty(), "{section} has cases");
    list.into_iter()
        .map(|case| Case::new(section, case))
        .collect()
}

/// One vector, less what a test has taken out of it.
#[derive(Debug)]
pub struct Case {
    section: &'static str,
    told: String,
    fields: Map<String, Value>,
}

impl Case {
    pub fn new(section: &'static str, case: Value) -> Self {
        let told = format!("{section}: {case}");
        let Value::Object(fields) = case else {
            panic!("a case has fields: {told}");
        };
        Self {
            section,
            told,
            fields,
        }
    }

    /// The whole case, for messages.
    pub fn told(&self) -> String {
        self.told.clone()
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// A field that not every case has.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field)
    }

    pub fn need(&mut self, field: &str) -> Value {
        let found = self.take(field);
        found.unwrap_or_else(|| panic!("{field} of {}", self.told))
    }

    pub fn text(&mut self, field: &str) -> String {
        let found = self.need(field);
        let found = found.as_str().map(str::to_owned);
        found.unwrap_or_else(|| panic!("{field} of {} is text", self.told))
    }

    pub fn number(&mut self, field: &str) -> u64 {
        let found = self.need(field).as_u64();
        found.unwrap_or_else(|| panic!("{field} of {} is a count", self.told))
    }

    pub fn real(&mut self, field: &str) -> f64 {
        let found = self.need(field).as_f64();
        found.unwrap_or_else(|| panic!("{field} of {} is a number", self.told))
    }

    pub fn flag(&mut self, field: &str) -> bool {
        let found = self.need(field).as_bool();
        found.unwrap_or_else(|| panic!("{field} of {} is a yes or a no", self.told))
    }

    /// A field that the test plays word for word; whether the case has it.
    pub fn says(&mut self, field: &str, words: &str) -> bool {
        let found = self.take(field);
        if let Some(found) = &found {
            assert_eq!(found, words, "{field} of {}", self.told);
        }
        found.is_some()
    }

    /// Leaves a field to the test of this section in another file, which has to name it; whether the case has it.
    pub fn leave(&mut self, field: &str, to: &str) -> bool {
        let is_there = self.take(field).is_some();
        if is_there {
            let named = format!("\"{field}\"");
            assert!(reads(to, self.section).contains(&named), "{to}: {named}");
        }
        is_there
    }

    /// Leaves the rest of a case to the test of this section in another file, which has to name the case.
    pub fn leave_whole(&mut self, name: &str, to: &str) {
        assert!(reads(to, self.section).contains(name), "{to}: {name}");
        self.fields.clear();
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.fields.is_empty() {
            let left: Vec<_> = self.fields.keys().collect();
            panic!("nobody looks at {left:?} of {}", self.told);
        }
    }
}

/// The text of a test that reads this section.
pub fn reads(path: &str, section: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join(path));
    let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
    let asks = ["batches", "schedules"].map(|file| format!("of_{file}(\"{section}\""));
    let is_asked = asks.iter().any(|asks| text.contains(asks));
    assert!(is_asked, "{path} reads no {section}");
    text
}
