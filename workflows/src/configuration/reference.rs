//! Names by which documents speak of each other.
//!
//! `namespace.name` is the newest usable version, `namespace.name@1.2.3` exactly one, and
//! `namespace.name@stable` the one that this alias means when work starts.

use std::fmt;

use semver::Version;

use super::spot::{Fault, Spot, is_name};

/// What a reference points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A template, by [`TemplateReference`].
    Template,
    /// A purpose, by name.
    Purpose,
    /// A category, by name.
    Category,
    /// A limit, by name.
    Limit,
    /// A calendar, by name.
    Calendar,
    /// A connection, by name.
    Connection,
    /// A webhook, by name.
    Webhook,
}

impl ReferenceKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReferenceKind::Template => "template",
            ReferenceKind::Purpose => "purpose",
            ReferenceKind::Category => "category",
            ReferenceKind::Limit => "limit",
            ReferenceKind::Calendar => "calendar",
            ReferenceKind::Connection => "connection",
            ReferenceKind::Webhook => "webhook",
        }
    }
}

/// A name that must exist where the document is stored, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it points at.
    pub kind: ReferenceKind,
    /// As written.
    pub name: String,
    /// Where.
    pub pointer: String,
    /// From 1; 0 where there is no text.
    pub line: u32,
    /// From 1; 0 where there is no text.
    pub column: u32,
}

impl Reference {
    /// The reference that stands at a spot, if a text stands there.
    pub(super) fn at(spot: Option<Spot<'_>>, kind: ReferenceKind) -> Option<Reference> {
        let spot = spot?;
        Some(Reference {
            kind,
            name: spot.tree.as_str()?.to_owned(),
            line: spot.tree.place.line,
            column: spot.tree.place.column,
            pointer: spot.pointer,
        })
    }

    /// The webhooks and purposes that a document names under `callbacks`.
    pub(super) fn each_callback(document: &Spot<'_>) -> Vec<Reference> {
        let callbacks = document.get("callbacks");
        let items = callbacks.filter(|all| all.tree.as_list().is_some_and(|all| !all.is_empty()));
        let items = items.and_then(|all| all.items(usize::MAX));
        let named = items.unwrap_or_default().into_iter().flat_map(|item| {
            [
                Reference::at(item.get("webhook"), ReferenceKind::Webhook),
                Reference::at(item.get("purpose"), ReferenceKind::Purpose),
            ]
        });
        named.flatten().collect()
    }

    /// The limits that a document names under `limits`.
    pub(super) fn each_limit(document: &Spot<'_>) -> Vec<Reference> {
        let limits = document.get("limits");
        let items =
            limits.filter(|limits| limits.tree.as_list().is_some_and(|all| !all.is_empty()));
        let items = items.and_then(|limits| limits.items(usize::MAX));
        let named = items.unwrap_or_default().into_iter().filter_map(|item| {
            let mut reference = Reference::at(Some(item), ReferenceKind::Limit)?;
            if let Some((name, _)) = reference.name.split_once(':') {
                reference.name = name.to_owned();
            }
            Some(reference)
        });
        named.collect()
    }
}

/// Which template, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateReference {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Which version.
    pub version: VersionChoice,
}

/// Which version of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionChoice {
    /// The newest one that is neither deprecated nor retired.
    Newest,
    /// This one.
    Exact(Version),
    /// The one that people gave this name, when somebody asks.
    Alias(String),
}

impl TemplateReference {
    /// Reads `namespace.name`, `namespace.name@1.2.3` or `namespace.name@alias`; a part of a template is
    /// `namespace.name/part`.
    ///
    /// # Errors
    /// A message for people.
    pub fn parse(text: &str) -> Result<TemplateReference, String> {
        read(text).ok_or_else(|| format!("`{text}` is no template reference"))
    }

    /// `namespace.name`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    pub(super) fn at(spot: &Spot<'_>) -> Option<TemplateReference> {
        let text = spot.text()?;
        match read(text) {
            Some(reference) => Some(reference),
            None => spot.refuse(
                Fault::new(format!("`{text}` is no template reference"))
                    .hint("write namespace.name, namespace.name@1.2.3 or namespace.name@alias"),
            ),
        }
    }
}

fn read(text: &str) -> Option<TemplateReference> {
    let (path, version) = match text.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (text, None),
    };
    let (namespace, name) = path.split_once('.')?;
    let mut parts = name.splitn(2, '/');
    if !is_name(namespace) || !parts.all(is_name) {
        return None;
    }
    let version = match version {
        None => VersionChoice::Newest,
        Some(alias) if is_alias(alias) => VersionChoice::Alias(alias.to_owned()),
        Some(version) => VersionChoice::Exact(Version::parse(version).ok()?),
    };
    Some(TemplateReference {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        version,
    })
}

/// Whether this may name a version: a word that no version could be.
pub fn is_alias(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && is_name(text)
}

/// As it is written in documents.
impl fmt::Display for TemplateReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.namespace, self.name)?;
        match &self.version {
            VersionChoice::Newest => Ok(()),
            VersionChoice::Exact(version) => write!(formatter, "@{version}"),
            VersionChoice::Alias(alias) => write!(formatter, "@{alias}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in [
            "strikes.state-brief",
            "strikes.classify-strike@1.0.0",
            "strikes.state-brief@stable",
            "strikes.state-brief@v2",
        ] {
            assert_eq!(TemplateReference::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_no_reference() {
        for text in [
            "state-brief",
            "a.b@1.0",
            "A.b",
            "a.b.c",
            "a.b@",
            "a.b@Stable",
            "a.b@-x",
            "a.b@x@y",
            "",
        ] {
            assert!(TemplateReference::parse(text).is_err(), "{text}");
        }
    }
}
