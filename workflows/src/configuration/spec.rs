//! The keys of each section in schema order: those of this release with their defaults, and those
//! that a later one brings.
//!
//! One table serves two ends. It refuses what is not ours, and it writes the canonical form (schema
//! order, defaults left out), so that equal content is recognised as no change.

use std::cell::RefCell;

use crate::document::nearest;
use crate::document::tree::{Entry, Node, Tree, join};
use crate::problem::Problems;
use crate::value::Value;

/// What a section may hold.
pub(super) struct Spec {
    pub fields: &'static [Field],
    /// Keys of a later release.
    pub later: &'static [&'static str],
}

/// One key.
pub(super) struct Field {
    name: &'static str,
    /// As JSON text.
    default: Option<&'static str>,
    inner: Inner,
}

/// What stands under a key.
enum Inner {
    /// Checked by the reader of the document.
    Free,
    /// An object; in the canonical form an empty one is left out.
    Bag(&'static Spec),
    /// An object that means something even when empty.
    Section(&'static Spec),
    /// A list of objects.
    Each(&'static Spec),
    /// An object whose keys are names.
    Named(&'static Spec),
}

/// A key with a plain value.
pub(super) const fn field(name: &'static str) -> Field {
    with(name, Inner::Free)
}

/// A key with an object that says nothing when all its values are defaults.
pub(super) const fn bag(name: &'static str, spec: &'static Spec) -> Field {
    with(name, Inner::Bag(spec))
}

/// A key with an object.
pub(super) const fn section(name: &'static str, spec: &'static Spec) -> Field {
    with(name, Inner::Section(spec))
}

/// A key with a list of objects.
pub(super) const fn each(name: &'static str, spec: &'static Spec) -> Field {
    with(name, Inner::Each(spec))
}

/// A key with an object of named objects.
pub(super) const fn named(name: &'static str, spec: &'static Spec) -> Field {
    with(name, Inner::Named(spec))
}

const fn with(name: &'static str, inner: Inner) -> Field {
    Field {
        name,
        default: None,
        inner,
    }
}

impl Field {
    /// The same with a default, as JSON text.
    pub const fn or(self, default: &'static str) -> Field {
        Field {
            name: self.name,
            default: Some(default),
            inner: self.inner,
        }
    }

    fn is_default(&self, value: &Value) -> bool {
        let default = self.default.and_then(|text| Value::parse(text).ok());
        let is_empty = value.as_map().is_some_and(|map| map.is_empty());
        default.as_ref() == Some(value) || (matches!(self.inner, Inner::Bag(_)) && is_empty)
    }
}

impl Spec {
    /// Reports every key that is not ours, all the way down.
    pub fn check(&self, tree: &Tree, pointer: &str, problems: &RefCell<Problems>) {
        for entry in tree.as_map().unwrap_or_default() {
            let pointer = join(pointer, &entry.key);
            match self.field(&entry.key) {
                Some(field) => field.check(&entry.value, &pointer, problems),
                None => self.refuse(entry, &pointer, problems),
            }
        }
    }

    fn refuse(&self, entry: &Entry, pointer: &str, problems: &RefCell<Problems>) {
        let key = &*entry.key;
        let problem = if self.later.contains(&key) {
            let message = format!("`{key}` is not supported yet");
            let problem = entry
                .place
                .problem("configuration.not_supported_yet", pointer, message);
            problem.hint("leave it out; a later release brings it")
        } else {
            let known = self.fields.iter().map(|field| field.name);
            let message = format!("nothing here is named `{key}`");
            let problem = entry
                .place
                .problem("configuration.unknown_key", pointer, message);
            match nearest::hint(key, known.clone().chain(self.later.iter().copied())) {
                Some(hint) => problem.hint(hint),
                None => problem.hint(format!("known: {}", known.collect::<Vec<_>>().join(", "))),
            }
        };
        problems.borrow_mut().push(problem);
    }

    /// The same content in schema order, without what is default anyway.
    pub fn canonical(&self, tree: &Tree) -> Value {
        let written = self.fields.iter().filter_map(|field| {
            let value = field.canonical(tree.get(field.name)?);
            (!field.is_default(&value)).then_some((field.name, value))
        });
        Value::map(written)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    fn check(&self, tree: &Tree, pointer: &str, problems: &RefCell<Problems>) {
        match self.inner {
            Inner::Free => {}
            Inner::Bag(spec) | Inner::Section(spec) => spec.check(tree, pointer, problems),
            Inner::Each(spec) => {
                for (index, item) in tree.as_list().unwrap_or_default().iter().enumerate() {
                    spec.check(item, &join(pointer, index.to_string()), problems);
                }
            }
            Inner::Named(spec) => {
                for entry in tree.as_map().unwrap_or_default() {
                    spec.check(&entry.value, &join(pointer, &entry.key), problems);
                }
            }
        }
    }

    fn canonical(&self, tree: &Tree) -> Value {
        match (&self.inner, &tree.node) {
            (Inner::Bag(spec) | Inner::Section(spec), Node::Map(_)) => spec.canonical(tree),
            (Inner::Each(spec), Node::List(items)) => {
                Value::list(items.iter().map(|item| spec.canonical(item)))
            }
            (Inner::Named(spec), Node::Map(entries)) => Value::map(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), spec.canonical(&entry.value))),
            ),
            _ => tree.to_value(),
        }
    }
}
