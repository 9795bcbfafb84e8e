//! `selection`: which members a batch has.

use super::category::{self, Format, Key};
use super::outside::{self, PagedService, Query};
use super::shape;
use super::spec::{Spec, bag, field, section};
use super::spot::{Fault, Spot};
use crate::value::Value;

/// Which members a batch has.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Where they come from.
    pub source: Source,
    /// jq; null is false, anything but a boolean an error.
    pub filter: Option<String>,
    /// The first so many that pass.
    pub limit: Option<u64>,
    /// What happens to rows that cannot be members.
    pub rows: Rows,
}

/// What happens to rows that cannot be members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Those without a key, or that do not fit otherwise.
    pub invalid: Invalid,
    /// Those whose key another row has.
    pub duplicate: Duplicate,
}

/// What an invalid row does: of a selection, or of a load of a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invalid {
    /// It refuses the whole.
    #[default]
    Refuse,
    /// It is left out, and the manifest or the report of the load says so.
    LeaveOut,
}

/// The words of [`Invalid`].
pub(super) const INVALID: [(&str, Invalid); 2] = [
    ("refuse", Invalid::Refuse),
    ("leave_out", Invalid::LeaveOut),
];

/// What a repeated key does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicate {
    /// It refuses the selection: a declared key claims to be unique.
    #[default]
    Refuse,
    /// The first row that has it is the member.
    First,
    /// The last row that has it is the member.
    Last,
}

/// Where members come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A category, by name, in the order of keys.
    Category(String),
    /// The document itself, in the order written.
    Items {
        /// Documents.
        items: Vec<Value>,
        /// What tells them apart; the row number unless given.
        key: Key,
        /// The field that holds the object key.
        object: Option<String>,
    },
    /// A file that is sent along, in its own order.
    File {
        /// Beside the document.
        path: String,
        /// By its ending.
        format: Format,
        /// What tells rows apart; the row number unless given.
        key: Key,
        /// The field that holds the object key.
        object: Option<String>,
    },
    /// A query on a registered Postgres, in the order that it gives.
    Query(Query),
    /// A service that is read page by page, in the order served.
    Http(PagedService),
}

impl Source {
    /// Whether a keeper must read it before the plan can be made.
    pub fn is_outside(&self) -> bool {
        matches!(self, Source::Query(_) | Source::Http(_))
    }

    /// What tells its rows apart, and what they belong to; a category has its own.
    pub fn identity(&self) -> Option<(&Key, Option<&String>)> {
        match self {
            Source::Category(_) => None,
            Source::Items { key, object, .. } | Source::File { key, object, .. } => {
                Some((key, object.as_ref()))
            }
            Source::Query(query) => Some((&query.key, query.object.as_ref())),
            Source::Http(service) => Some((&service.key, service.object.as_ref())),
        }
    }
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("category"),
        field("items"),
        field("file"),
        section("query", &outside::QUERY),
        section("http", &outside::HTTP),
        section("key", &KEY),
        field("object"),
        field("filter"),
        field("limit"),
        bag("rows", &ROWS),
    ],
    later: &[],
};

const ROWS: Spec = Spec {
    fields: &[
        field("invalid").or("\"refuse\""),
        field("duplicate").or("\"refuse\""),
    ],
    later: &[],
};

pub(super) const KEY: Spec = Spec {
    fields: &[field("row")],
    later: &[],
};

/// So many items stand in a configuration.
const ITEMS_MAX: usize = 10_000;

/// So many characters fit a filter.
const FILTER_CHARS_MAX: usize = 8_192;

pub(super) fn read(spot: &Spot<'_>) -> Option<Selection> {
    let selection = spot.object()?;
    let source = read_source(selection);
    let filter = selection
        .get("filter")
        .and_then(|filter| read_filter(&filter));
    let limit = selection
        .get("limit")
        .and_then(|limit| limit.integer(1, i64::MAX));
    let rows = match selection.get("rows") {
        Some(rows) => read_rows(rows.object()?),
        None => Some(Rows::default()),
    };
    Some(Selection {
        source: source?,
        filter,
        limit: limit.and_then(|limit| u64::try_from(limit).ok()),
        rows: rows?,
    })
}

fn read_rows(rows: &Spot<'_>) -> Option<Rows> {
    let invalid = match rows.get("invalid") {
        Some(word) => word.choice(&INVALID),
        None => Some(Invalid::Refuse),
    };
    let duplicate = match rows.get("duplicate") {
        Some(word) => word.choice(&[
            ("refuse", Duplicate::Refuse),
            ("first", Duplicate::First),
            ("last", Duplicate::Last),
        ]),
        None => Some(Duplicate::Refuse),
    };
    Some(Rows {
        invalid: invalid?,
        duplicate: duplicate?,
    })
}

/// The keys that say where members come from.
const SOURCES: [&str; 5] = ["category", "items", "file", "query", "http"];

fn read_source(selection: &Spot<'_>) -> Option<Source> {
    let given: Vec<&str> = SOURCES
        .into_iter()
        .filter(|key| selection.get(key).is_some())
        .collect();
    match *given.as_slice() {
        [key] => {
            let source = selection.get(key)?;
            match key {
                "category" => read_category(selection, &source),
                "items" => read_items(selection, &source),
                "file" => read_file(selection, &source),
                _ => read_outside(selection, key, &source),
            }
        }
        [] => selection.refuse(Fault::new(format!(
            "one of `{}` is needed",
            SOURCES.join("`, `")
        ))),
        _ => selection.refuse(Fault::new(format!(
            "`{}` exclude each other",
            given.join("` and `")
        ))),
    }
}

fn read_category(selection: &Spot<'_>, category: &Spot<'_>) -> Option<Source> {
    refuse_identity(selection, "the category has its own");
    Some(Source::Category(category.name()?.to_owned()))
}

fn read_outside(selection: &Spot<'_>, word: &str, source: &Spot<'_>) -> Option<Source> {
    refuse_identity(selection, &format!("write it inside of `{word}`"));
    match word {
        "query" => outside::read_query(source.object()?).map(Source::Query),
        _ => outside::read_http(source.object()?).map(Source::Http),
    }
}

/// What tells rows apart stands beside `items` and `file` only.
fn refuse_identity(selection: &Spot<'_>, hint: &str) {
    for spot in ["key", "object"].map(|key| (key, selection.get(key))) {
        if let (key, Some(spot)) = spot {
            let fault = Fault::new(format!("`{key}` belongs to `items` and `file`"));
            spot.report("configuration.conflict", fault.hint(hint));
        }
    }
}

fn read_items(selection: &Spot<'_>, items: &Spot<'_>) -> Option<Source> {
    let (key, object) = identity(selection)?;
    Some(Source::Items {
        items: category::read_items(items, ITEMS_MAX)?,
        key,
        object,
    })
}

fn read_file(selection: &Spot<'_>, file: &Spot<'_>) -> Option<Source> {
    let (key, object) = identity(selection)?;
    let path = file.filled()?;
    let Some(format) = Format::of_path(path) else {
        let fault = Fault::new(format!("the ending of `{path}` names no format"));
        return file.refuse(fault.hint("csv, ndjson, json or parquet"));
    };
    Some(Source::File {
        path: path.to_owned(),
        format,
        key,
        object,
    })
}

/// What tells rows apart, and what they belong to.
pub(super) fn identity(spot: &Spot<'_>) -> Option<(Key, Option<String>)> {
    let object = spot.get("object").and_then(|field| field.filled());
    let key = match spot.get("key") {
        Some(key) => category::read_key(&key)?,
        None => Key::Row,
    };
    Some((key, object.map(str::to_owned)))
}

/// A filter is bare jq; braces around it change nothing.
fn read_filter(spot: &Spot<'_>) -> Option<String> {
    let text = spot.filled()?;
    if text.chars().count() > FILTER_CHARS_MAX {
        return spot.refuse(Fault::new(format!(
            "a filter has at most {FILTER_CHARS_MAX} characters"
        )));
    }
    let jq = shape::inside(text).unwrap_or(text);
    Some(shape::checked(spot, jq, &super::VARIABLES)?.text)
}
