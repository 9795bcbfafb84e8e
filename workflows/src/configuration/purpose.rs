//! `Purpose`: why work is done, by which template, and with what by default.

use super::header::{self, Header};
use super::limit::{self, LimitReference};
use super::reference::TemplateReference;
use super::shape;
use super::spec::{Spec, field};
use super::spot::Spot;
use crate::value::Value;

/// Why work is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Purpose {
    /// Name, title, description, labels.
    pub header: Header,
    /// What runs.
    pub template: TemplateReference,
    /// Defaults of the input; a map. The caller's and the configuration's keys win.
    pub input: Option<Value>,
    /// How soon, against other work.
    pub priority: Priority,
    /// Limits that its work is under.
    pub limits: Vec<LimitReference>,
}

/// How soon, against other work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Before all else.
    Urgent,
    /// Early.
    High,
    /// As it comes.
    #[default]
    Normal,
    /// Late.
    Low,
    /// When nothing else waits.
    Bulk,
}

impl Priority {
    /// All, most urgent first, with their words.
    pub const ALL: [(&str, Priority); 5] = [
        ("urgent", Priority::Urgent),
        ("high", Priority::High),
        ("normal", Priority::Normal),
        ("low", Priority::Low),
        ("bulk", Priority::Bulk),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Priority::ALL[self as usize].0
    }

    /// The one of that word.
    pub fn named(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == word)
            .map(|(_, priority)| priority)
    }
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("windlass"),
        field("kind"),
        field("name"),
        field("title"),
        field("description"),
        field("labels"),
        field("template"),
        field("input").or("{}"),
        field("priority").or("\"normal\""),
        field("limits"),
    ],
    later: &[
        "queue",
        "lane",
        "retry",
        "timeout",
        "expires_after",
        "idempotency",
        "consent",
        "subject",
        "retention",
    ],
};

pub(super) fn read(document: &Spot<'_>) -> Option<Purpose> {
    let header = header::read(document);
    let template = document
        .need("template")
        .and_then(|template| TemplateReference::at(&template));
    let input = document
        .get("input")
        .and_then(|input| shape::plain(input.object()?));
    let priority = document
        .get("priority")
        .and_then(|priority| priority.choice(&Priority::ALL));
    let limits = limit::references(document);
    Some(Purpose {
        header: header?,
        template: template?,
        input,
        priority: priority.unwrap_or_default(),
        limits: limits?,
    })
}
