//! The two containers: lists, and maps that keep the order of their keys.
//!
//! Each carries its depth, counted once when it is built. That is the only place where depth can
//! grow, so it is where depth is refused.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Value;

/// Entries in the order of their writing. The hash is keyed by a secret of the process, since keys come from
/// anybody, and cheaper than the standard one.
pub type Entries = IndexMap<Arc<str>, Value, ahash::RandomState>;

/// A value would have become deeper than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is nested {depth} levels deep; {limit} are allowed")]
pub struct TooDeep {
    /// How deep it would have been.
    pub depth: u32,
    /// How deep it may be.
    pub limit: u32,
}

fn checked(depth_of_children: u32, limit: u32) -> Result<u32, TooDeep> {
    let depth = depth_of_children.saturating_add(1);
    if depth > limit.min(super::DEPTH_BUILT_MAX) {
        return Err(TooDeep { depth, limit });
    }
    Ok(depth)
}

/// Items in a row, and how deep they go.
#[derive(Clone, Debug)]
pub struct List {
    items: Vec<Value>,
    depth: u32,
}

impl List {
    /// A list of these items.
    ///
    /// # Errors
    /// When it would be deeper than `limit`.
    pub fn new(items: Vec<Value>, limit: u32) -> Result<List, TooDeep> {
        let depth = checked(items.iter().map(Value::depth).max().unwrap_or(0), limit)?;
        Ok(List { items, depth })
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The items, to be changed and built anew.
    pub(crate) fn into_items(self) -> Vec<Value> {
        self.items
    }

    /// Levels of containers, this one included.
    pub fn depth(&self) -> u32 {
        self.depth
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        self.items == other.items
    }
}

/// Entries in the order of their writing, and how deep they go.
#[derive(Clone, Debug)]
pub struct Map {
    entries: Entries,
    depth: u32,
}

impl Map {
    /// A map of these entries.
    ///
    /// # Errors
    /// When it would be deeper than `limit`.
    pub fn new(entries: Entries, limit: u32) -> Result<Map, TooDeep> {
        let depth = checked(entries.values().map(Value::depth).max().unwrap_or(0), limit)?;
        Ok(Map { entries, depth })
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// The entry at this place in the order.
    pub fn at(&self, index: usize) -> Option<(&Arc<str>, &Value)> {
        self.entries.get_index(index)
    }

    /// Whether there is an entry under `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The entries in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Value)> + Clone {
        self.entries.iter()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> + Clone {
        self.entries.keys()
    }

    /// The values in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + Clone {
        self.entries.values()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, to be changed and built anew.
    pub(crate) fn into_entries(self) -> Entries {
        self.entries
    }

    /// Levels of containers, this one included.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The keys in their own order, as `keys` and comparison want them.
    pub(crate) fn sorted_keys(&self) -> Vec<&Arc<str>> {
        let mut keys: Vec<&Arc<str>> = self.entries.keys().collect();
        keys.sort_unstable();
        keys
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.entries == other.entries
    }
}
