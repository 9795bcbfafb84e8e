//! `Purpose`: why work is done, by which template, and with what by default.

use std::time::Duration;

use super::guard::{given, part};
use super::header::{self, Header};
use super::length;
use super::limit::{self, LimitReference};
use super::reference::TemplateReference;
use super::retry;
use super::shape;
use super::spec::{Spec, bag, field, section};
use super::spot::{Fault, Spot};
use crate::expression::{self, Reads, Source};
use crate::policy::step::StepRetry;
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
    /// The jq that reads the lane of a job from its input, in place of the template's.
    pub lane: Option<String>,
    /// Limits that its work is under.
    pub limits: Vec<LimitReference>,
    /// What becomes of failed steps that stand in no `try`.
    pub retry: Option<Box<StepRetry>>,
    /// How long a job may take from its start on, unless its template says so.
    pub timeout: Option<Duration>,
    /// Not started so long after it was due, a request ends `expired`, unless it says more.
    pub expires_after: Option<Duration>,
    /// What the key of a request means that says nothing of it.
    pub idempotency: Idempotency,
    /// The class of consent that the subject of a job must have given; none where its work is not governed.
    pub consent: Option<String>,
    /// The jq that reads the subject of a job from its input.
    pub subject: Option<String>,
}

/// What an idempotency key means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idempotency {
    /// Where it counts.
    pub scope: KeyScope,
    /// How long.
    pub hold: KeyHold,
}

/// Where an idempotency key counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyScope {
    /// In the whole tenant.
    #[default]
    Tenant,
    /// Among the requests for one template, whichever version.
    Template,
    /// Among the requests that name one batch.
    Batch,
}

/// How long an idempotency key stays taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHold {
    /// So long from the request on.
    For(Duration),
    /// Until its job has an outcome.
    Active,
    /// For ever.
    Forever,
}

impl Default for KeyHold {
    /// A day.
    fn default() -> Self {
        Self::For(Duration::from_hours(24))
    }
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
        field("lane"),
        field("limits"),
        section("retry", &retry::SPEC),
        field("timeout"),
        field("expires_after"),
        bag("idempotency", &IDEMPOTENCY),
        field("consent"),
        field("subject"),
    ],
    later: &["retention"],
};

const IDEMPOTENCY: Spec = Spec {
    fields: &[field("scope").or("\"tenant\""), field("hold").or("\"24h\"")],
    later: &[],
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
    let lane = given(document, "lane", read_lane);
    let retry = given(document, "retry", retry::read);
    let timeout = given(document, "timeout", read_length);
    let expires_after = given(document, "expires_after", read_length);
    let idempotency = part(document, "idempotency", read_idempotency);
    let consent = given(document, "consent", |class| class.name());
    let subject = given(document, "subject", read_subject);
    check_consent(document)?;
    Some(Purpose {
        header: header?,
        template: template?,
        input,
        queue: queue.unwrap_or(Some(QUEUE))?.to_owned(),
        priority: priority.unwrap_or_default(),
        lane: lane?,
        limits: limits?,
        retry: retry?.map(Box::new),
        timeout: timeout?,
        expires_after: expires_after?,
        idempotency: idempotency?,
        consent: consent?.map(str::to_owned),
        subject: subject?,
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
    of_input(spot, "write subject: '${ .contact.id }'").map(|(jq, _)| jq)
}

/// Which lane a job has must not hang on when somebody asks.
fn read_lane(spot: &Spot<'_>) -> Option<String> {
    let (jq, reads) = of_input(spot, "write lane: '${ .campaign }'")?;
    if reads.clock {
        let message = "a lane is read from the input alone: it must not ask for the time";
        spot.report("expression.forbidden", Fault::new(message));
        return None;
    }
    Some(jq)
}

/// The jq that reads something from the input, and what it asks for beside.
fn of_input(spot: &Spot<'_>, hint: &str) -> Option<(String, Reads)> {
    let Some(jq) = shape::inside(spot.text()?) else {
        let fault = Fault::new("an expression is expected");
        return spot.refuse(fault.hint(hint));
    };
    let source = Source {
        text: jq,
        variables: &[],
    };
    match expression::check(&source) {
        Ok(reads) => Some((jq.to_owned(), reads)),
        Err(problem) => {
            spot.report(problem.code, Fault(problem.message, problem.hint));
            None
        }
    }
}

/// A length that is more than nothing.
fn read_length(spot: &Spot<'_>) -> Option<Duration> {
    spot.parsed(|text| match length::parse(text)? {
        Duration::ZERO => Err(Fault::new("this is no time at all").hint("leave it out")),
        length => Ok(length),
    })
}

fn read_idempotency(spot: &Spot<'_>) -> Option<Idempotency> {
    let scopes = [
        ("tenant", KeyScope::Tenant),
        ("template", KeyScope::Template),
        // Which batch, the request says.
        ("batch", KeyScope::Batch),
    ];
    let scope = given(spot, "scope", |word| word.choice(&scopes));
    let hold = given(spot, "hold", read_hold);
    Some(Idempotency {
        scope: scope?.unwrap_or_default(),
        hold: hold?.unwrap_or_default(),
    })
}

fn read_hold(spot: &Spot<'_>) -> Option<KeyHold> {
    match spot.text()? {
        "active" => Some(KeyHold::Active),
        "forever" => Some(KeyHold::Forever),
        _ => read_length(spot).map(KeyHold::For),
    }
}
