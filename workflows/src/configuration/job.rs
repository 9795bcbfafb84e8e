//! `JobConfiguration`: which work is done over which members, and when.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::callback::{self, Callback};
use super::chunk::{self, Chunk};
use super::guard::{self, ApprovalRules, Guards};
use super::header::{self, Header};
use super::limit::{self, LimitReference};
use super::outside::PARAMETER_VARIABLES;
use super::purpose::Priority;
use super::reference::TemplateReference;
use super::rules::{self, Canary, Release, Tolerance};
use super::schedule;
use super::selection::{self, Selection, Source};
use super::shape;
use super::spec::{Spec, bag, each, field, section};
use super::spot::{Fault, Spot};
use super::time;
use crate::calendar::{By, Schedule};
use crate::document::step::Shape;
use crate::plan::is_context_key;

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
    /// Key of the context that the jobs of a batch share.
    pub context: Option<Shape>,
    /// When it runs by itself.
    pub schedule: Option<Schedule>,
    /// How fast jobs are let go.
    pub release: Release,
    /// A few go first.
    pub canary: Option<Canary>,
    /// How much may fail.
    pub tolerance: Option<Tolerance>,
    /// What stops a plan until a person decides.
    pub guards: Guards,
    /// Who decides then, and until when.
    pub approval: ApprovalRules,
    /// When it is to be done.
    pub deadline: Option<By>,
    /// The stream that its jobs stand in; `default` unless given.
    pub queue: Option<String>,
    /// The purpose's unless given.
    pub priority: Option<Priority>,
    /// What its batches' lanes get beside others of their group, 1 unless given.
    pub weight: Option<f64>,
    /// Limits that its jobs are under, beside those of its purpose.
    pub limits: Vec<LimitReference>,
    /// What is done about its batches.
    pub callbacks: Vec<Callback>,
}

impl JobConfiguration {
    /// When a batch is to be done whose slot, or creation, this is.
    pub fn done_by(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone = self
            .schedule
            .as_ref()
            .map_or(Tz::UTC, |schedule| schedule.zone);
        self.deadline.map(|deadline| deadline.instant(from, zone))
    }
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
        field("context"),
        section("schedule", &schedule::SPEC),
        bag("release", &rules::RELEASE),
        section("canary", &rules::CANARY),
        section("tolerance", &rules::TOLERANCE),
        bag("guards", &guard::GUARDS),
        bag("approval", &guard::APPROVAL),
        field("deadline"),
        field("queue").or("\"default\""),
        field("priority"),
        field("weight").or("1"),
        field("limits"),
        each("callbacks", &callback::SPEC).or("[]"),
    ],
    later: &["retention"],
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
    let context = document.get("context").and_then(|spot| read_context(&spot));
    let schedule = document
        .get("schedule")
        .and_then(|spot| schedule::read(&spot));
    refuse_scheduled_file(document, selection.as_ref());
    let priority = document
        .get("priority")
        .and_then(|priority| priority.choice(&Priority::ALL));
    let queue = read_queue(document);
    let deadline = document
        .get("deadline")
        .and_then(|spot| spot.parsed(time::by));
    let weight = guard::given(document, "weight", rules::read_weight);
    let limits = limit::references(document);
    let callbacks = callback::read_all(document);
    let release = guard::part(document, "release", rules::read_release);
    let canary = guard::given(document, "canary", rules::read_canary);
    let tolerance = guard::given(document, "tolerance", rules::read_tolerance);
    let guards = guard::part(document, "guards", guard::read_guards);
    let approval = guard::part(document, "approval", guard::read_approval);
    Some(JobConfiguration {
        header: header?,
        work: work?,
        selection: selection?,
        strategy: strategy?,
        chunk,
        input,
        context,
        schedule,
        release: release?,
        canary: canary?,
        tolerance: tolerance?,
        guards: guards?,
        deadline,
        queue: queue?,
        approval: approval?,
        priority,
        weight: weight?,
        limits: limits?,
        callbacks: callbacks?,
    })
}

/// A key, or what gives one before there is a member.
fn read_context(spot: &Spot<'_>) -> Option<Shape> {
    let key = spot.filled()?;
    let shape = shape::read_with(spot, &PARAMETER_VARIABLES)?;
    if matches!(shape, Shape::Constant(_)) && !is_context_key(key) {
        return spot.refuse(Fault::new(
            "a key has 1 to 255 bytes and no control characters",
        ));
    }
    Some(shape)
}

/// Nobody is there to send a file when a slot fires.
fn refuse_scheduled_file(document: &Spot<'_>, selection: Option<&Selection>) {
    let is_file = selection.is_some_and(|one| matches!(one.source, Source::File { .. }));
    if let Some(schedule) = document.get("schedule").filter(|_| is_file) {
        let fault = Fault::new("a schedule has no file to read");
        schedule.report(
            "configuration.conflict",
            fault.hint("load the file into a category and select that"),
        );
    }
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

/// A name, none or one.
fn read_queue(document: &Spot<'_>) -> Option<Option<String>> {
    match document.get("queue") {
        Some(queue) => queue.name().map(|name| Some(name.to_owned())),
        None => Some(None),
    }
}
