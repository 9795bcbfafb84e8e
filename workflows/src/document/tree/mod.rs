//! A document as a tree of values that know their line and column.
//!
//! Everything people write reaches us through here, templates and configuration alike, so this is
//! where hostile or careless text is stopped: no aliases, anchors, tags, merge keys or repeated
//! keys, bounded size, depth and number of nodes, and only `true` and `false` are booleans.

mod json;
mod lines;
mod scalar;
mod yaml;

use std::sync::Arc;

use self::lines::Line;
use crate::problem::{Problem, Problems};
use crate::value::Value;

/// Bytes of one text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Levels of containers.
pub const DEPTH_MAX: usize = 64;

/// Values of one text, containers included.
pub const NODES_MAX: usize = 100_000;

/// Bytes of one key. Keys are parts of pointers, and a pointer is made for each value.
pub const KEY_BYTES_MAX: usize = 256;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What it is.
    pub node: Node,
    /// Where it begins.
    pub place: Place,
    /// Of a text on several lines, where those stand.
    lines: Option<Arc<[Line]>>,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum Node {
    /// Null, boolean, number or text.
    Scalar(Value),
    /// An array.
    List(Vec<Tree>),
    /// An object, in the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its key.
    pub key: Arc<str>,
    /// Where the key begins.
    pub place: Place,
    /// Its value.
    pub value: Tree,
}

/// A place in a text, from 1; zero where there is no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// Reads a text. With `many`, a YAML text may hold several documents separated by `---`, and empty
/// ones are left out; without, it must hold exactly one.
///
/// # Errors
/// Every problem that does not make the rest of the text unreadable.
pub fn read(source: &str, format: Format, many: bool) -> Result<Vec<Tree>, Vec<Problem>> {
    if source.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the text has {} bytes; {TEXT_BYTES_MAX} are allowed",
            source.len()
        );
        let problem = Problem::new("document.too_large", "", message);
        let hint = "divide it; what tasks work on belongs into the input or a category";
        return Err(vec![problem.hint(hint)]);
    }
    let mut problems = Problems::default();
    let mut documents: Vec<Tree> = match format {
        Format::Yaml => yaml::read(source, &mut problems),
        Format::Json => json::read(source, &mut problems).into_iter().collect(),
    };
    if many {
        documents.retain(|document| !document.is_null());
    } else if problems.is_empty() {
        check_single(&documents, &mut problems);
    }
    problems.or(documents)
}

/// Reads a text that holds exactly one document.
///
/// # Errors
/// As [`read`].
pub fn read_one(source: &str, format: Format) -> Result<Tree, Vec<Problem>> {
    let mut documents = read(source, format, false)?;
    Ok(documents.remove(0))
}

fn check_single(documents: &[Tree], problems: &mut Problems) {
    match documents {
        [] => problems.push(Problem::new("document.empty", "", "the text is empty").at(1, 1)),
        [only] if only.is_null() => {
            problems.push(Problem::new("document.empty", "", "the text holds no value").at(1, 1))
        }
        [_] => {}
        [_, second, ..] => problems.push(
            second
                .problem(
                    "document.several",
                    "",
                    "one document is wanted here, this is a second",
                )
                .hint("put it into a text of its own"),
        ),
    }
}

impl Tree {
    /// A tree without places, for values that were not read from a text.
    pub fn from_value(value: &Value) -> Tree {
        Tree::at(value, Place::default())
    }

    /// A tree all of whose parts stand at one place, for what is not written there but named.
    pub fn at(value: &Value, place: Place) -> Tree {
        let entry = |(key, value): (&Arc<str>, &Value)| Entry {
            key: key.clone(),
            place,
            value: Tree::at(value, place),
        };
        let items = |items: &[Value]| items.iter().map(|item| Tree::at(item, place)).collect();
        let node = match value {
            Value::List(list) => Node::List(items(list.items())),
            Value::Map(map) => Node::Map(map.iter().map(entry).collect()),
            scalar => Node::Scalar(scalar.clone()),
        };
        Tree {
            node,
            place,
            lines: None,
        }
    }

    /// Adds a member to an object, as if it stood there. Elsewhere nothing is added.
    pub(crate) fn graft(&mut self, keys: &[&str], tree: Tree) {
        let Node::Map(entries) = &mut self.node else {
            return;
        };
        let mut known = entries.iter_mut();
        match keys {
            [] => {}
            [key] => entries.push(Entry {
                key: Arc::from(*key),
                place: tree.place,
                value: tree,
            }),
            [key, rest @ ..] => {
                if let Some(entry) = known.find(|entry| &*entry.key == *key) {
                    entry.value.graft(rest, tree);
                }
            }
        }
    }

    /// The value without its places.
    pub fn to_value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(items) => Value::list(items.iter().map(Tree::to_value)),
            Node::Map(entries) => Value::map(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value())),
            ),
        }
    }

    /// The member named `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry named `key`, if this is an object that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| &*entry.key == key)
    }

    /// The entries, if this is an object.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.node {
            Node::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub fn as_list(&self) -> Option<&[Tree]> {
        match &self.node {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// The scalar, if this is one.
    pub fn as_scalar(&self) -> Option<&Value> {
        match &self.node {
            Node::Scalar(value) => Some(value),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.node, Node::Scalar(Value::Null))
    }

    /// The JSON name of the type.
    pub fn kind(&self) -> &'static str {
        match &self.node {
            Node::Scalar(value) => value.kind(),
            Node::List(_) => "array",
            Node::Map(_) => "object",
        }
    }

    /// The tree at a JSON pointer; the empty pointer is the tree itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Tree> {
        parts(pointer)?.try_fold(self, |tree, part| tree.child(&part))
    }

    /// Where the value at a JSON pointer stands; where there is none, its nearest parent's place.
    pub fn place_of(&self, pointer: &str) -> Place {
        let mut tree = self;
        for part in parts(pointer).into_iter().flatten() {
            match tree.child(&part) {
                Some(child) => tree = child,
                None => break,
            }
        }
        tree.place
    }

    /// Where the last key of a JSON pointer stands; for items and absent values as [`Self::place_of`].
    pub fn key_place_of(&self, pointer: &str) -> Place {
        let key = pointer.rsplit_once('/').and_then(|(parent, part)| {
            let part = part.replace("~1", "/").replace("~0", "~");
            Some(self.pointer(parent)?.entry(&part)?.place)
        });
        key.unwrap_or_else(|| self.place_of(pointer))
    }

    /// A problem at this place.
    pub fn problem(
        &self,
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Problem {
        self.place.problem(code, pointer, message)
    }

    fn child(&self, part: &str) -> Option<&Tree> {
        match &self.node {
            Node::Map(_) => self.get(part),
            Node::List(items) => items.get(part.parse::<usize>().ok()?),
            Node::Scalar(_) => None,
        }
    }
}

impl Place {
    /// A problem at this place.
    pub fn problem(
        self,
        code: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(code, pointer, message).at(self.line, self.column)
    }
}

/// Reading ended early; the problem is reported.
struct Stopped;

fn too_deep(place: Place, pointer: &str) -> Problem {
    let message = format!("the document is nested deeper than {DEPTH_MAX} levels");
    let hint = "move inner tasks to `use.functions`, or into a template of their own";
    let problem = place.problem("document.too_deep", pointer, message);
    problem.hint(hint)
}

fn key_too_long(place: Place, pointer: &str) -> Problem {
    let message = format!("a key has at most {KEY_BYTES_MAX} bytes");
    place.problem("document.key_too_long", pointer, message)
}

/// A pointer with one more part, escaped.
pub fn join(pointer: &str, part: impl AsRef<str>) -> String {
    let part = part.as_ref();
    if part.contains(['~', '/']) {
        let escaped = part.replace('~', "~0").replace('/', "~1");
        return format!("{pointer}/{escaped}");
    }
    format!("{pointer}/{part}")
}

fn parts(pointer: &str) -> Option<impl Iterator<Item = String> + '_> {
    let rest = match pointer {
        "" => None,
        _ => Some(pointer.strip_prefix('/')?),
    };
    let parts = rest.into_iter().flat_map(|rest| rest.split('/'));
    Some(parts.map(|part| part.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests;
