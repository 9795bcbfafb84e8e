//! One value of a document while it is read: what it is, where it stands, and what is wrong with it.
//!
//! Every reading returns `Option`: none means that a problem was reported, and the reader goes on,
//! because all problems of a document come back at once.

use std::cell::RefCell;
use std::fmt::Display;

use crate::document::nearest;
use crate::document::tree::{Tree, join};
use crate::problem::{Problem, Problems};

/// What is wrong with a text: a message, perhaps a hint.
pub(super) struct Fault(pub String, pub Option<String>);

impl Fault {
    pub fn new(message: impl Display) -> Fault {
        Fault(message.to_string(), None)
    }

    pub fn hint(mut self, hint: impl Display) -> Fault {
        self.1 = Some(hint.to_string());
        self
    }
}

/// A value at its place.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub tree: &'a Tree,
    pub pointer: String,
    pub problems: &'a RefCell<Problems>,
}

impl<'a> Spot<'a> {
    /// Reports a problem here.
    pub fn report(&self, code: &str, fault: Fault) {
        let mut problem = self.tree.problem(code, self.pointer.clone(), fault.0);
        problem.hint = fault.1;
        self.problems.borrow_mut().push(problem);
    }

    /// Reports a value that does not fit.
    pub fn refuse<T>(&self, fault: Fault) -> Option<T> {
        self.report("configuration.value", fault);
        None
    }

    /// Reports a value that a later release brings.
    pub fn later<T>(&self, what: impl Display) -> Option<T> {
        let fault = Fault::new(format!("{what} is not supported yet"));
        let fault = fault.hint("a later release brings it");
        self.report("configuration.not_supported_yet", fault);
        None
    }

    /// Reports a problem that was found elsewhere, at its place.
    pub fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The member under `key`.
    pub fn get(&self, key: &str) -> Option<Spot<'a>> {
        let tree = self.tree.get(key)?;
        Some(self.at(key, tree))
    }

    /// The member under `key`, which must be there.
    pub fn need(&self, key: &str) -> Option<Spot<'a>> {
        let found = self.get(key);
        if found.is_none() && self.tree.as_map().is_some() {
            let fault = Fault::new(format!("`{key}` is missing"));
            self.report("configuration.missing_key", fault);
        }
        found
    }

    fn at(&self, part: &str, tree: &'a Tree) -> Spot<'a> {
        Spot {
            tree,
            pointer: join(&self.pointer, part),
            problems: self.problems,
        }
    }

    fn mistyped<T>(&self, wanted: &str) -> Option<T> {
        let found = self.tree.kind();
        let fault = Fault::new(format!("{wanted} expected, {found} found"));
        self.report("configuration.type", fault);
        None
    }

    /// Must be an object.
    pub fn object(&self) -> Option<&Spot<'a>> {
        match self.tree.as_map() {
            Some(_) => Some(self),
            None => self.mistyped("an object"),
        }
    }

    /// The members of an object.
    pub fn members(&self) -> Option<Vec<(&'a str, Spot<'a>)>> {
        let Some(entries) = self.tree.as_map() else {
            return self.mistyped("an object");
        };
        let members = entries
            .iter()
            .map(|entry| (&*entry.key, self.at(&entry.key, &entry.value)));
        Some(members.collect())
    }

    /// The items of a list within bounds.
    pub fn items(&self, most: usize) -> Option<Vec<Spot<'a>>> {
        let Some(items) = self.tree.as_list() else {
            return self.mistyped("a list");
        };
        if items.is_empty() || items.len() > most {
            let count = items.len();
            return self.refuse(Fault::new(format!(
                "1 to {most} items expected, {count} found"
            )));
        }
        let spots = items.iter().enumerate();
        Some(
            spots
                .map(|(index, item)| self.at(&index.to_string(), item))
                .collect(),
        )
    }

    /// Each item of a list, read by `one`.
    pub fn each<T>(&self, most: usize, one: impl Fn(&Spot<'a>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.items(most)?.iter().map(one).collect();
        read.into_iter().collect()
    }

    /// A list, or one item for a list of one.
    pub fn one_or_each<T>(
        &self,
        most: usize,
        one: impl Fn(&Spot<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        match self.tree.as_list() {
            Some(_) => self.each(most, one),
            None => Some(vec![one(self)?]),
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&'a str> {
        match self.tree.as_str() {
            Some(text) => Some(text),
            None => self.mistyped("text"),
        }
    }

    /// A text that is not empty.
    pub fn filled(&self) -> Option<&'a str> {
        match self.text()? {
            "" => self.refuse(Fault::new("this text must not be empty")),
            text => Some(text),
        }
    }

    /// A text with a meaning of its own.
    pub fn parsed<T>(&self, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(fault) => self.refuse(fault),
        }
    }

    /// An integer within bounds.
    pub fn integer(&self, least: i64, most: i64) -> Option<i64> {
        let Some(number) = self.tree.as_scalar().and_then(|value| value.as_i64()) else {
            return self.mistyped("an integer");
        };
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.refuse(Fault::new(format!(
            "{number} is not within {least} and {most}"
        )))
    }

    /// A number within bounds.
    pub fn number(&self, least: f64, most: f64) -> Option<f64> {
        let Some(number) = self.tree.as_scalar().and_then(|value| value.as_f64()) else {
            return self.mistyped("a number");
        };
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.refuse(Fault::new(format!(
            "{number} is not within {least} and {most}"
        )))
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Option<bool> {
        match self.tree.as_scalar().and_then(|value| value.as_bool()) {
            Some(flag) => Some(flag),
            None => self.mistyped("`true` or `false`"),
        }
    }

    /// One word of a few.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if let Some((_, value)) = found {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let fault = Fault::new(format!("`{text}` is none of {}", words.join(", ")));
        self.refuse(Fault(fault.0, nearest::hint(text, words)))
    }

    /// One word of a few, some of which a later release brings.
    pub fn choice_or_later<T: Copy>(&self, choices: &[(&str, T)], later: &[&str]) -> Option<T> {
        match self.tree.as_str().filter(|text| later.contains(text)) {
            Some(text) => self.later(format!("`{text}`")),
            None => self.choice(choices),
        }
    }

    /// A name as all documents have them.
    pub fn name(&self) -> Option<&'a str> {
        let name = self.text()?;
        if is_name(name) {
            return Some(name);
        }
        let message = format!("`{name}` is no name");
        let hint = "lower-case letters, digits and inner hyphens, at most 63";
        self.refuse(Fault::new(message).hint(hint))
    }
}

/// `a-z`, `0-9` and inner hyphens, 1 to 63 of them.
pub fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
