//! `Category`: a named collection of documents, each with a key, perhaps with an object it belongs to.

use std::time::Duration;

use super::header::{self, Header};
use super::length;
use super::selection::{INVALID, Invalid};
use super::spec::{Spec, field, section};
use super::spot::{Fault, Spot};
use crate::schema::Schema;
use crate::value::Value;

/// A named collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// Name, title, description, labels.
    pub header: Header,
    /// What tells items apart.
    pub key: Key,
    /// The field that holds the object key.
    pub object: Option<String>,
    /// Top-level fields by whose values items are found without reading the others.
    pub indexes: Vec<String>,
    /// JSON Schema of an item; it also types the cells of a CSV file.
    pub schema: Option<Value>,
    /// How long items that are no longer in it, or all of a deleted one, stay readable.
    pub retention: Duration,
    /// What `apply` loads.
    pub data: Option<Data>,
}

impl Category {
    /// How long what is gone stays readable where a document says nothing.
    pub const RETENTION: Duration = Duration::from_secs(7 * 86_400);
}

/// What makes two documents of a category the same: which file its items come from does not, since what the file holds
/// is compared when it is loaded.
pub fn identity(canonical: &Value) -> Value {
    let Some(map) = canonical.as_map() else {
        return canonical.clone();
    };
    let members = map.iter().filter_map(|(key, value)| {
        if &**key != "data" || value.get("file").is_none() {
            return Some((key.clone(), value.clone()));
        }
        let kept = value.as_map()?.iter();
        let kept = kept.filter(|(key, _)| !matches!(&***key, "file" | "format"));
        let kept: Vec<_> = kept
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        (!kept.is_empty()).then(|| (key.clone(), Value::map(kept)))
    });
    Value::map(members)
}

/// What tells items apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The number of the row, from 1.
    Row,
    /// One field, or several joined with U+001F.
    Fields(Vec<String>),
}

/// What is loaded into a category.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Where from.
    pub load: Load,
    /// What becomes of items that it does not name.
    pub mode: Mode,
    /// What a row does that is no item.
    pub invalid: Invalid,
    /// What an empty CSV cell becomes.
    pub empty: Empty,
}

/// Where the items of a category come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// A file beside the document.
    File {
        /// Relative to the document.
        path: String,
        /// By default from the file's ending.
        format: Format,
    },
    /// The document itself.
    Items(Vec<Value>),
}

/// What becomes of the items of a category that a load does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They end: the load is the category.
    #[default]
    Replace,
    /// They stay: the load adds items, and changes those that have its keys.
    Merge,
}

impl Mode {
    const ALL: [(&str, Mode); 2] = [("replace", Mode::Replace), ("merge", Mode::Merge)];
}

/// How a file of items is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header line.
    Csv,
    /// One JSON object on each line.
    Ndjson,
    /// A JSON array of objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// All with their words, which are the endings of their files too.
    const ALL: [(&str, Format); 4] = [
        ("csv", Format::Csv),
        ("ndjson", Format::Ndjson),
        ("json", Format::Json),
        ("parquet", Format::Parquet),
    ];

    /// What the ending of a file says.
    pub fn of_path(path: &str) -> Option<Format> {
        let ending = path.rsplit('.').next()?.to_ascii_lowercase();
        let found = Format::ALL.into_iter().find(|(word, _)| *word == ending);
        found.map(|(_, format)| format)
    }
}

/// What an empty CSV cell becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// `null`
    #[default]
    Null,
    /// Nothing: the key is left out.
    Absent,
    /// An empty text.
    Text,
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("windlass"),
        field("kind"),
        field("name"),
        field("title"),
        field("description"),
        field("labels"),
        section("key", &KEY),
        field("object"),
        field("indexes").or("[]"),
        field("schema"),
        field("retention").or("\"7d\""),
        section("data", &DATA),
    ],
    later: &[],
};

const KEY: Spec = Spec {
    fields: &[field("row")],
    later: &[],
};

const DATA: Spec = Spec {
    fields: &[
        field("file"),
        field("items"),
        field("format"),
        field("mode").or("\"replace\""),
        field("invalid").or("\"refuse\""),
        field("empty").or("\"null\""),
    ],
    later: &[],
};

/// So many items stand in a document.
const ITEMS_MAX: usize = 1_000;

/// So many fields form a key.
const KEY_FIELDS_MAX: usize = 4;

/// So many indexes a category has: each costs its loads about as much as another index of the items.
const INDEXES_MAX: usize = 8;

/// Bytes of the name of an indexed field, so that it fits an index entry.
const FIELD_BYTES_MAX: usize = 1_000;

pub(super) fn read(document: &Spot<'_>) -> Option<Category> {
    let header = header::read(document);
    let key = document.need("key").and_then(|key| read_key(&key));
    let object = document.get("object").and_then(|field| field.filled());
    let indexes = match document.get("indexes") {
        Some(indexes) => read_indexes(&indexes),
        None => Some(Vec::new()),
    };
    let schema = document
        .get("schema")
        .and_then(|schema| read_schema(&schema));
    let data = document.get("data").and_then(|data| read_data(&data));
    if let Some(Key::Row) = key {
        refuse_merge(document);
    }
    let retention = document.get("retention").map(|age| age.parsed(length::age));
    Some(Category {
        header: header?,
        key: key?,
        object: object.map(str::to_owned),
        indexes: indexes?,
        schema,
        retention: retention.unwrap_or(Some(Category::RETENTION))?,
        data,
    })
}

/// `key: field | [field, …] | { row: true }`.
pub(super) fn read_key(spot: &Spot<'_>) -> Option<Key> {
    if spot.tree.as_map().is_none() {
        let field = |field: &Spot<'_>| Some(field.filled()?.to_owned());
        return Some(Key::Fields(spot.one_or_each(KEY_FIELDS_MAX, field)?));
    }
    let row = spot.need("row")?;
    match row.flag()? {
        true => Some(Key::Row),
        false => row.refuse(Fault::new("only `true` is possible").hint("or name a field")),
    }
}

/// Names of fields, each once; an empty list is none.
fn read_indexes(spot: &Spot<'_>) -> Option<Vec<String>> {
    if spot.tree.as_list().is_some_and(|fields| fields.is_empty()) {
        return Some(Vec::new());
    }
    let fields = spot.each(INDEXES_MAX, |field| {
        let name = field.filled()?;
        if name.len() > FIELD_BYTES_MAX || name.contains('\0') {
            let message =
                format!("a field of at most {FIELD_BYTES_MAX} bytes without NUL is expected");
            return field.refuse(Fault::new(message));
        }
        Some(name.to_owned())
    })?;
    let mut sorted = fields.clone();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => spot.refuse(Fault::new(format!("`{}` stands twice", pair[0]))),
        None => Some(fields),
    }
}

/// The number of a row says nothing of the rows of another load.
fn refuse_merge(document: &Spot<'_>) {
    let mode = document.get("data").and_then(|data| data.get("mode"));
    let Some(mode) = mode.filter(|mode| mode.tree.as_str() == Some("merge")) else {
        return;
    };
    let fault = Fault::new("items that are told apart by their row cannot be merged");
    mode.report("merge_needs_key", fault.hint(MERGE_HINT));
}

/// What to do where rows cannot be merged.
pub const MERGE_HINT: &str = "let `key` name the fields that tell items apart";

fn read_schema(spot: &Spot<'_>) -> Option<Value> {
    let schema = spot.tree.to_value();
    match Schema::compile(&schema) {
        Ok(_) => Some(schema),
        Err(error) => {
            let place = spot.tree.place_of(&error.pointer);
            let pointer = format!("{}{}", spot.pointer, error.pointer);
            spot.push(place.problem("configuration.schema", pointer, error.message));
            None
        }
    }
}

fn read_data(spot: &Spot<'_>) -> Option<Data> {
    let data = spot.object()?;
    let empties = [
        ("null", Empty::Null),
        ("absent", Empty::Absent),
        ("text", Empty::Text),
    ];
    let empty = data.get("empty").and_then(|empty| empty.choice(&empties));
    let mode = match data.get("mode") {
        Some(mode) => mode.choice(&Mode::ALL)?,
        None => Mode::Replace,
    };
    let invalid = match data.get("invalid") {
        Some(invalid) => invalid.choice(&INVALID)?,
        None => Invalid::Refuse,
    };
    let load = match (data.get("file"), data.get("items")) {
        (Some(file), None) => read_file(data, &file)?,
        (None, Some(items)) => Load::Items(read_items(&items, ITEMS_MAX)?),
        _ => return data.refuse(Fault::new("exactly one of `file` and `items` is needed")),
    };
    Some(Data {
        load,
        mode,
        invalid,
        empty: empty.unwrap_or_default(),
    })
}

/// Objects written in a document.
pub(super) fn read_items(spot: &Spot<'_>, most: usize) -> Option<Vec<Value>> {
    if spot.tree.as_list().is_some_and(|items| items.is_empty()) {
        return Some(Vec::new());
    }
    spot.each(most, |item| Some(item.object()?.tree.to_value()))
}

fn read_file(data: &Spot<'_>, file: &Spot<'_>) -> Option<Load> {
    let path = file.filled()?.to_owned();
    let format = match data.get("format") {
        Some(format) => format.choice(&Format::ALL)?,
        None => match Format::of_path(&path) {
            Some(format) => format,
            None => {
                let fault = Fault::new(format!("the ending of `{path}` names no format"));
                return file.refuse(fault.hint("give `format`: csv, ndjson, json or parquet"));
            }
        },
    };
    Some(Load::File { path, format })
}
