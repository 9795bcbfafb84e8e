//! A node with its pointer, and the reading of plain types: text, numbers, lists, objects.

use super::Reader;
use crate::document::nearest;
use crate::document::tree::{Entry, Tree, join};
use crate::problem::Problem;

/// A node and its JSON pointer.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub tree: &'a Tree,
    pub pointer: String,
}

impl<'a> Spot<'a> {
    pub fn root(tree: &'a Tree) -> Spot<'a> {
        let pointer = String::new();
        Spot { tree, pointer }
    }

    /// A tree that stands at that pointer of another one.
    pub fn at_pointer(tree: &'a Tree, pointer: String) -> Spot<'a> {
        Spot { tree, pointer }
    }

    /// The member named `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<Spot<'a>> {
        self.tree.entry(key).map(|entry| self.of(entry))
    }

    pub fn has(&self, key: &str) -> bool {
        self.tree.get(key).is_some()
    }

    pub fn of(&self, entry: &'a Entry) -> Spot<'a> {
        Spot {
            tree: &entry.value,
            pointer: join(&self.pointer, &entry.key),
        }
    }

    pub fn at(&self, index: usize, tree: &'a Tree) -> Spot<'a> {
        let pointer = format!("{}/{index}", self.pointer);
        Spot { tree, pointer }
    }

    /// The entries, if this is an object.
    pub fn entries(&self) -> &'a [Entry] {
        self.tree.as_map().unwrap_or_default()
    }

    pub fn problem(&self, code: &str, message: impl Into<String>) -> Problem {
        self.tree.problem(code, self.pointer.clone(), message)
    }

    /// A problem with one of the entries, at its key.
    pub fn problem_at(&self, entry: &Entry, code: &str, message: impl Into<String>) -> Problem {
        let pointer = join(&self.pointer, &entry.key);
        entry.place.problem(code, pointer, message)
    }
}

impl Reader {
    /// The same spot, if it is an object; keys that are not known are reported.
    pub fn object<'a>(&mut self, spot: &Spot<'a>, known: &[&str]) -> Option<Spot<'a>> {
        let spot = self.any_object(spot)?;
        for entry in spot.entries() {
            if !known.contains(&&*entry.key) {
                self.unknown_key(&spot, entry, known);
            }
        }
        Some(spot)
    }

    pub fn unknown_key(&mut self, spot: &Spot<'_>, entry: &Entry, known: &[&str]) {
        let key = &entry.key;
        let problem = spot.problem_at(
            entry,
            "document.unknown_key",
            format!("`{key}` is no key here"),
        );
        let hint = self
            .nearest(key, known.iter().copied())
            .unwrap_or_else(|| match known {
                [] => "leave it out: no keys are known here".to_owned(),
                _ => format!("known here: {}", known.join(", ")),
            });
        self.problems.push(problem.hint(hint));
    }

    /// The name that was meant, unless there are problems enough.
    pub fn nearest<'n>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        match self.problems.is_full() {
            true => None,
            false => nearest::hint(name, candidates),
        }
    }

    /// The same spot, if it is an object, whatever its keys.
    pub fn any_object<'a>(&mut self, spot: &Spot<'a>) -> Option<Spot<'a>> {
        if spot.tree.as_map().is_none() {
            self.wrong_type(spot, "an object");
            return None;
        }
        Some(spot.clone())
    }

    /// The only entry of an object, as lists of named things hold them.
    pub fn only_entry<'a>(&mut self, spot: &Spot<'a>, what: &str) -> Option<&'a Entry> {
        let object = self.any_object(spot)?;
        if let [entry] = object.entries() {
            return Some(entry);
        }
        let message = format!("{what} is an object with one key, its name");
        let problem = spot.problem("document.item", message);
        let hint = "begin each item with `- name:` and indent what belongs to it";
        self.problems.push(problem.hint(hint));
        None
    }

    /// The items, if this is a list.
    pub fn items<'a>(&mut self, spot: &Spot<'a>) -> Vec<Spot<'a>> {
        let Some(items) = spot.tree.as_list() else {
            self.wrong_type(spot, "a list");
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(index, tree)| spot.at(index, tree)).collect()
    }

    /// The text, if this is one.
    pub fn text<'a>(&mut self, spot: &Spot<'a>) -> Option<&'a str> {
        let text = spot.tree.as_str();
        if text.is_none() {
            self.wrong_type(spot, "text");
        }
        text
    }

    /// The truth value, if this is one.
    pub fn boolean(&mut self, spot: &Spot<'_>) -> Option<bool> {
        let flag = spot.tree.as_scalar().and_then(|value| value.as_bool());
        if flag.is_none() {
            self.wrong_type(spot, "true or false");
        }
        flag
    }

    /// The whole number, if this is one between the bounds.
    pub fn integer(&mut self, spot: &Spot<'_>, least: i64, most: i64) -> Option<i64> {
        let number = spot.tree.as_scalar().and_then(|value| value.as_i64());
        let Some(number) = number else {
            self.wrong_type(spot, "a whole number");
            return None;
        };
        if (least..=most).contains(&number) {
            return Some(number);
        }
        let message = format!("{number} is not between {least} and {most}");
        let hint = match number < least {
            true => format!("write {least} or more"),
            false => format!("write {most} or less"),
        };
        self.problems
            .push(spot.problem("document.range", message).hint(hint));
        None
    }

    /// The member, which must be there.
    pub fn required<'a>(&mut self, spot: &Spot<'a>, key: &str) -> Option<Spot<'a>> {
        let found = spot.get(key);
        if found.is_none() {
            let problem = spot.problem("document.missing_key", format!("`{key}` is missing"));
            self.problems.push(problem.hint(format!("add `{key}:`")));
        }
        found
    }

    pub fn wrong_type(&mut self, spot: &Spot<'_>, wanted: &str) {
        let found = match spot.tree.kind() {
            "null" => "nothing",
            "boolean" => "a boolean",
            "number" => "a number",
            "string" => "text",
            "array" => "a list",
            _ => "an object",
        };
        let problem = spot.problem(
            "document.type",
            format!("{wanted} is wanted here, {found} was found"),
        );
        self.problems.push(problem.hint(instead(wanted, spot)));
    }
}

/// How to write what is wanted in place of what was found.
fn instead(wanted: &str, spot: &Spot<'_>) -> String {
    let key = match spot.pointer.rsplit('/').next() {
        Some(key) if !key.is_empty() && key.parse::<usize>().is_err() => key,
        _ => "key",
    };
    match (wanted, spot.tree.kind()) {
        ("text", "number" | "boolean") => "put it into quotes".to_owned(),
        ("text", _) => format!("write `{key}: a text`"),
        ("true or false", "string") => "leave the quotes out: true or false".to_owned(),
        ("true or false", _) => "write true or false".to_owned(),
        ("a whole number", "string") => "write digits alone, without quotes".to_owned(),
        ("a whole number", _) => "write digits alone, such as 3".to_owned(),
        ("a list", "object") => "begin each entry with `- `".to_owned(),
        ("a list", _) => format!("write `{key}: [ … ]`, or an entry a line, each after `- `"),
        ("an object", "array") => "leave the `- ` out: keys with values are wanted".to_owned(),
        ("an object", "null") => format!("indent what belongs to `{key}`, or write `{{}}`"),
        ("an object", _) => {
            format!("write `{key}: {{ … }}`, or keys with values on indented lines")
        }
        ("a length of time", _) => {
            "write ISO 8601 such as PT30S, or an object such as { seconds: 30 }".to_owned()
        }
        ("at least one unit of time", _) => "such as { seconds: 30 }".to_owned(),
        ("an expression or an object", _) => {
            "write ${ . } with jq inside, or keys with values".to_owned()
        }
        (wanted, _) if wanted.starts_with("an expression") => {
            "write ${ … } with jq inside".to_owned()
        }
        (wanted, _) if wanted.starts_with("ISO 8601") => "write one text".to_owned(),
        (wanted, _) if wanted.starts_with("names") => "such as { gpu: true }".to_owned(),
        _ => "such as { dollars: 5 }".to_owned(),
    }
}
