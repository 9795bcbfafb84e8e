//! What a template takes from elsewhere: read once, when it is published, and pinned in its version.
//!
//! Reading is somebody else's: whoever publishes asks `check::wanted` what to read, and hands over texts
//! and what could not be read. What the template used of them is kept in its bundle, so a job needs no
//! network to begin, and an edit of the remote document changes no version.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::document::tree::{self, Format};
use crate::problem::Problem;
use crate::value::Value;

/// Documents that one template may take from elsewhere: each is a call to somebody's server.
pub const RESOURCES_MAX: usize = 16;

/// One thing from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// As it was read.
    Read(Arc<str>),
    /// It could not be read; the problem lacks its place.
    Failed(Problem),
    /// What was used of it when a version was published.
    Pinned {
        /// SHA-256 of the text, in hexadecimal.
        hash: Arc<str>,
        /// What was used.
        value: Value,
    },
}

/// All of a template, by address. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    known: BTreeMap<String, Resource>,
}

impl Resources {
    /// Adds one; what is pinned already stays.
    pub fn add(&mut self, name: impl Into<String>, resource: Resource) {
        self.known.entry(name.into()).or_insert(resource);
    }

    /// The one at this address.
    pub fn get(&self, name: &str) -> Option<&Resource> {
        self.known.get(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many more may be read, [`RESOURCES_MAX`] in all.
    pub fn room(&self) -> usize {
        let read = self.known.values();
        let read = read.filter(|one| !matches!(one, Resource::Pinned { .. }));
        RESOURCES_MAX.saturating_sub(read.count())
    }

    /// What stands at this address, as it is pinned or as it was read, and its hash.
    pub(crate) fn document(&self, url: &str) -> Option<Result<(Arc<str>, Value), Problem>> {
        Some(match self.get(url)? {
            Resource::Pinned { hash, value } => Ok((hash.clone(), value.clone())),
            Resource::Failed(problem) => Err(problem.clone()),
            Resource::Read(text) => read(text).map(|value| (hash(text), value)),
        })
    }

    /// The same of a schema.
    pub(crate) fn schema(&self, url: &str) -> Option<Result<(Arc<str>, Value), Problem>> {
        let found = self.document(url)?;
        Some(found.map(|(hash, value)| (hash, unnamed(&value))))
    }

    /// What is pinned, as the bundle keeps it.
    pub(crate) fn to_value(&self) -> Value {
        let pinned = self.known.iter().filter_map(|(name, one)| match one {
            Resource::Pinned { hash, value } => {
                let members = [
                    ("hash", Value::text(hash.clone())),
                    ("value", value.clone()),
                ];
                Some((name.as_str(), Value::map(members)))
            }
            Resource::Read(_) | Resource::Failed(_) => None,
        });
        Value::map(pinned)
    }

    /// As `to_value` wrote it.
    pub(crate) fn from_value(value: Option<&Value>) -> Self {
        let entries = value.and_then(Value::as_map);
        let entries = entries.into_iter().flat_map(|map| map.iter());
        let known = entries.filter_map(|(name, one)| {
            let pinned = Resource::Pinned {
                hash: Arc::from(one.get("hash")?.as_str()?),
                value: one.get("value")?.clone(),
            };
            Some((name.to_string(), pinned))
        });
        Self {
            known: known.collect(),
        }
    }
}

/// A text of YAML or JSON within the bounds of documents that people write.
fn read(text: &str) -> Result<Value, Problem> {
    let tree = tree::read_one(text, Format::Yaml);
    tree.map(|tree| tree.to_value()).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        let message = format!("it is neither JSON nor YAML: {}", first.unwrap_or_default());
        Problem::new("resource.unreadable", "", message)
    })
}

fn hash(text: &str) -> Arc<str> {
    Arc::from(hex::encode(Sha256::digest(text.as_bytes())))
}

/// Without the name that it has for others: here it is known by its address, and refers to itself by `#`.
fn unnamed(schema: &Value) -> Value {
    let Some(map) = schema.as_map() else {
        return schema.clone();
    };
    let members = map.iter().filter(|(key, _)| &***key != "$id");
    Value::map(members.map(|(key, value)| (key.clone(), value.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinned_is_read_again_and_wins() {
        let mut resources = Resources::default();
        let pinned = Resource::Pinned {
            hash: Arc::from("ab"),
            value: Value::from(true),
        };
        resources.add("https://x/", pinned.clone());
        resources.add("https://y/", Resource::Read(Arc::from("{}")));

        let mut again = Resources::from_value(Some(&resources.to_value()));
        again.add("https://x/", Resource::Read(Arc::from("other")));

        assert_eq!(again.get("https://x/"), Some(&pinned));
        assert_eq!(again.get("https://y/"), None);
        assert!(Resources::from_value(None).is_empty());
    }

    #[test]
    fn a_schema_loses_its_own_name() {
        let mut resources = Resources::default();
        let text = r#"{"$id":"https://x/","type":"object"}"#;
        resources.add("https://x/", Resource::Read(Arc::from(text)));

        let (_, schema) = resources.schema("https://x/").unwrap().unwrap();

        assert_eq!(schema.to_json(), r#"{"type":"object"}"#);
        resources.add("https://z/", Resource::Read(Arc::from("a: [")));
        assert_eq!(
            resources.schema("https://z/").unwrap().unwrap_err().code,
            "resource.unreadable"
        );
    }
}
