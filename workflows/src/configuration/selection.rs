//! `selection`: which members a batch has.

use super::category::{self, Key};
use super::shape;
use super::spec::{Spec, field, section};
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
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("category"),
        field("items"),
        section("key", &KEY),
        field("object"),
        field("filter"),
        field("limit"),
    ],
    later: &["file", "query", "http", "rows"],
};

const KEY: Spec = Spec {
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
    Some(Selection {
        source: source?,
        filter,
        limit: limit.and_then(|limit| u64::try_from(limit).ok()),
    })
}

fn read_source(selection: &Spot<'_>) -> Option<Source> {
    match (selection.get("category"), selection.get("items")) {
        (Some(category), None) => {
            for key in ["key", "object"] {
                if let Some(spot) = selection.get(key) {
                    let fault = Fault::new(format!("`{key}` belongs to `items`"));
                    spot.report(
                        "configuration.conflict",
                        fault.hint("the category has its own"),
                    );
                }
            }
            Some(Source::Category(category.name()?.to_owned()))
        }
        (None, Some(items)) => read_items(selection, &items),
        (Some(_), Some(_)) => {
            selection.refuse(Fault::new("`category` and `items` exclude each other"))
        }
        // A source of a later release is reported by its key.
        (None, None) if SPEC.later.iter().any(|key| selection.get(key).is_some()) => None,
        (None, None) => selection.refuse(Fault::new("`category` or `items` is needed")),
    }
}

fn read_items(selection: &Spot<'_>, items: &Spot<'_>) -> Option<Source> {
    let object = selection.get("object").and_then(|field| field.filled());
    let key = match selection.get("key") {
        Some(key) => category::read_key(&key)?,
        None => Key::Row,
    };
    Some(Source::Items {
        items: category::read_items(items, ITEMS_MAX)?,
        key,
        object: object.map(str::to_owned),
    })
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
    Some(shape::checked(spot, jq)?.text)
}
