//! `Purpose`: why work is done, by which template, and with what by default.

use super::header::{self, Header};
use super::limit::{self, LimitReference};
use super::reference::TemplateReference;
use super::shape;
use super::spec::{Spec, field};
use super::spot::{Fault, Spot};
use crate::expression::{self, Source};
use crate::value::Value;

/// The queue of work that names none.
const QUEUE: &str = "default";

/// Why work is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Purpose {
    /// Name, title, description, labels.
    pub header: Header,
    /// What runs.
    pub template: TemplateReference,
    /// Defaults of the input; a map. The caller's and the configuration's keys win.
    pub input: Option<Value>,
    /// The stream that its work goes through.
    pub queue: String,
    /// How soon, against other work.
    pub priority: Priority,
    /// Limits that its work is under.
    pub limits: Vec<LimitReference>,
    /// The class of consent that the subject of a job must have given; none where its work is not governed.
    pub consent: Option<String>,
    /// The jq that reads the subject of a job from its input.
    pub subject: Option<String>,
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
        field("queue").or("\"default\""),
        field("priority").or("\"normal\""),
        field("limits"),
        field("consent"),
        field("subject"),
    ],
    later: &[
        "lane",
        "retry",
        "timeout",
        "expires_after",
        "idempotency",
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
    let queue = document.get("queue").map(|queue| queue.name());
    let limits = limit::references(document);
    let consent = document.get("consent").map(|class| class.name());
    let subject = document
        .get("subject")
        .map(|subject| read_subject(&subject));
    check_consent(document)?;
    Some(Purpose {
        header: header?,
        template: template?,
        input,
        queue: queue.unwrap_or(Some(QUEUE))?.to_owned(),
        priority: priority.unwrap_or_default(),
        limits: limits?,
        consent: consent.map_or(Some(None), |class| {
            class.map(|class| Some(class.to_owned()))
        })?,
        subject: subject.map_or(Some(None), |subject| subject.map(Some))?,
    })
}

/// Who must have agreed is asked of each job, so a class without a subject says nothing.
fn check_consent(document: &Spot<'_>) -> Option<()> {
    if document.get("consent").is_some() && document.get("subject").is_none() {
        let fault = Fault::new("`consent` needs `subject`");
        let hint = "say whose: subject: '${ .contact.id }'";
        document.report("configuration.missing_key", fault.hint(hint));
        return None;
    }
    Some(())
}

fn read_subject(spot: &Spot<'_>) -> Option<String> {
    let Some(jq) = shape::inside(spot.text()?) else {
        let fault = Fault::new("an expression is expected");
        return spot.refuse(fault.hint("write subject: '${ .contact.id }'"));
    };
    let source = Source {
        text: jq,
        variables: &[],
    };
    match expression::check(&source) {
        Ok(_) => Some(jq.to_owned()),
        Err(problem) => {
            spot.report(problem.code, Fault(problem.message, problem.hint));
            None
        }
    }
}
