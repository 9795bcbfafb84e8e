//! `JobConfiguration`: which work is done over which members, and when.

use super::chunk::{self, Chunk};
use super::header::{self, Header};
use super::limit::{self, LimitReference};
use super::purpose::Priority;
use super::reference::TemplateReference;
use super::schedule;
use super::selection::{self, Selection};
use super::shape;
use super::spec::{Spec, bag, field, section};
use super::spot::{Fault, Spot};
use crate::calendar::Schedule;
use crate::document::step::Shape;

/// Which work is done over which members, and when.
#[derive(Clone, Debug)]
pub struct JobConfiguration {
    /// Name, title, description, labels.
    pub header: Header,
    /// What runs.
    pub work: Work,
    /// Over what.
    pub selection: Selection,
    /// How members become jobs.
    pub strategy: Strategy,
    /// How the members of one job are cut.
    pub chunk: Option<Chunk>,
    /// What the template receives instead of the member; a map.
    pub input: Option<Shape>,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// How fast jobs are let go.
    pub release: Release,
    /// What stops a plan until a person decides.
    pub guards: Guards,
    /// The purpose's unless given.
    pub priority: Option<Priority>,
    /// Limits that its jobs are under, beside those of its purpose.
    pub limits: Vec<LimitReference>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A purpose, by name.
    Purpose(String),
    /// A template.
    Template(TemplateReference),
}

/// How members become jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// A job for every member.
    Individual,
    /// A job for every object.
    Object,
    /// One job for all.
    Combined,
}

impl Strategy {
    /// All with their words.
    pub const ALL: [(&str, Strategy); 3] = [
        ("individual", Strategy::Individual),
        ("object", Strategy::Object),
        ("combined", Strategy::Combined),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Strategy::ALL[self as usize].0
    }

    /// The strategy of this word.
    pub fn named(word: &str) -> Option<Strategy> {
        let found = Strategy::ALL.into_iter().find(|(name, _)| *name == word);
        found.map(|(_, strategy)| strategy)
    }
}

/// How fast jobs are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// So many released and unsettled jobs at most.
    pub window: u64,
}

impl Default for Release {
    fn default() -> Release {
        Release { window: 100_000 }
    }
}

/// What stops a plan until a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// So many members at least.
    pub min_members: u64,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards { min_members: 1 }
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
        field("purpose"),
        field("template"),
        section("selection", &selection::SPEC),
        field("strategy"),
        section("chunk", &chunk::SPEC),
        field("input"),
        section("schedule", &schedule::SPEC),
        bag("release", &RELEASE),
        bag("guards", &GUARDS),
        field("priority"),
        field("limits"),
    ],
    later: &[
        "context",
        "canary",
        "tolerance",
        "approval",
        "deadline",
        "queue",
        "weight",
        "callbacks",
        "retention",
    ],
};

const RELEASE: Spec = Spec {
    fields: &[field("window").or("100000")],
    later: &["rate", "hours"],
};

const GUARDS: Spec = Spec {
    fields: &[field("min_members").or("1")],
    later: &["max_members", "max_change", "same_as_last", "max_left_out"],
};

pub(super) fn read(document: &Spot<'_>) -> Option<JobConfiguration> {
    let header = header::read(document);
    let work = read_work(document);
    let selection = document
        .need("selection")
        .and_then(|spot| selection::read(&spot));
    let strategy = document
        .need("strategy")
        .and_then(|strategy| strategy.choice(&Strategy::ALL));
    let chunk = read_chunk(document, strategy);
    let input = document
        .get("input")
        .and_then(|input| shape::read(input.object()?));
    let schedule = document
        .get("schedule")
        .and_then(|spot| schedule::read(&spot));
    let priority = document
        .get("priority")
        .and_then(|priority| priority.choice(&Priority::ALL));
    let limits = limit::references(document);
    let (release, guards) = (read_release(document), read_guards(document));
    Some(JobConfiguration {
        header: header?,
        work: work?,
        selection: selection?,
        strategy: strategy?,
        chunk,
        input,
        schedule,
        release: release?,
        guards: guards?,
        priority,
        limits: limits?,
    })
}

fn read_work(document: &Spot<'_>) -> Option<Work> {
    match (document.get("purpose"), document.get("template")) {
        (Some(purpose), None) => Some(Work::Purpose(purpose.name()?.to_owned())),
        (None, Some(template)) => TemplateReference::at(&template).map(Work::Template),
        _ => {
            let fault = Fault::new("exactly one of `purpose` and `template` is needed");
            document.refuse(fault)
        }
    }
}

fn read_chunk(document: &Spot<'_>, strategy: Option<Strategy>) -> Option<Chunk> {
    let spot = document.get("chunk")?;
    if strategy == Some(Strategy::Individual) {
        let fault = Fault::new("`chunk` needs the strategy `object` or `combined`");
        spot.report(
            "configuration.conflict",
            fault.hint("an individual job has one member"),
        );
        return None;
    }
    chunk::read(&spot)
}

fn read_release(document: &Spot<'_>) -> Option<Release> {
    let Some(release) = document.get("release") else {
        return Some(Release::default());
    };
    let Some(window) = release.object()?.get("window") else {
        return Some(Release::default());
    };
    let window = u64::try_from(window.integer(1, i64::MAX)?).ok()?;
    Some(Release { window })
}

fn read_guards(document: &Spot<'_>) -> Option<Guards> {
    let Some(guards) = document.get("guards") else {
        return Some(Guards::default());
    };
    let Some(least) = guards.object()?.get("min_members") else {
        return Some(Guards::default());
    };
    let min_members = u64::try_from(least.integer(0, i64::MAX)?).ok()?;
    Some(Guards { min_members })
}
