//! One document of a file: its kind, its name, its content, and whom it speaks of.

use super::spec::Spec;
use super::{Calendar, Category, Connection, JobConfiguration, Limit, Purpose, Reference, Webhook};
use super::{calendar, category, connection, job, limit, purpose, webhook};
use crate::document::tree::{Place, Tree};
use crate::problem::Problem;
use crate::value::Value;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it stands in.
    pub file: String,
    /// Where it begins.
    pub place: Place,
    /// What it says.
    pub content: Content,
    pub(super) canonical: Value,
    pub(super) references: Vec<Reference>,
}

/// What a document says.
#[derive(Clone, Debug)]
pub enum Content {
    /// A template, to be read by `document`; only its header was looked at.
    Template(Tree),
    /// Why work is done.
    Purpose(Purpose),
    /// A named collection.
    Category(Category),
    /// Which work is done over which members, and when.
    JobConfiguration(Box<JobConfiguration>),
    /// A service.
    Connection(Connection),
    /// How much of one thing may run.
    Limit(Limit),
    /// Which days are open.
    Calendar(Calendar),
    /// Who is told outside.
    Webhook(Webhook),
}

/// The kinds of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A template version.
    Template,
    /// A purpose.
    Purpose,
    /// A category.
    Category,
    /// A job configuration.
    JobConfiguration,
    /// A connection.
    Connection,
    /// A limit.
    Limit,
    /// A calendar.
    Calendar,
    /// A webhook.
    Webhook,
}

impl Kind {
    /// Those that have the header, with their words.
    pub const CONFIGURATION: [(&str, Kind); 7] = [
        ("Purpose", Kind::Purpose),
        ("Category", Kind::Category),
        ("JobConfiguration", Kind::JobConfiguration),
        ("Connection", Kind::Connection),
        ("Limit", Kind::Limit),
        ("Calendar", Kind::Calendar),
        ("Webhook", Kind::Webhook),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Template => "Template",
            Kind::Purpose => "Purpose",
            Kind::Category => "Category",
            Kind::JobConfiguration => "JobConfiguration",
            Kind::Connection => "Connection",
            Kind::Limit => "Limit",
            Kind::Calendar => "Calendar",
            Kind::Webhook => "Webhook",
        }
    }
}

impl Content {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Content::Template(_) => Kind::Template,
            Content::Purpose(_) => Kind::Purpose,
            Content::Category(_) => Kind::Category,
            Content::JobConfiguration(_) => Kind::JobConfiguration,
            Content::Connection(_) => Kind::Connection,
            Content::Limit(_) => Kind::Limit,
            Content::Calendar(_) => Kind::Calendar,
            Content::Webhook(_) => Kind::Webhook,
        }
    }

    /// Its name; of a template `namespace.name@version`, as far as it is written.
    pub fn name(&self) -> String {
        match self {
            Content::Template(tree) => template_name(tree),
            Content::Purpose(purpose) => purpose.header.name.clone(),
            Content::Category(category) => category.header.name.clone(),
            Content::JobConfiguration(job) => job.header.name.clone(),
            Content::Connection(connection) => connection.header().name.clone(),
            Content::Limit(limit) => limit.header.name.clone(),
            Content::Calendar(calendar) => calendar.header.name.clone(),
            Content::Webhook(webhook) => webhook.header.name.clone(),
        }
    }

    pub(super) fn canonical(&self, tree: &Tree) -> Value {
        match self.spec() {
            Some(spec) => spec.canonical(tree),
            None => tree.to_value(),
        }
    }

    fn spec(&self) -> Option<&'static Spec> {
        match self {
            Content::Template(_) => None,
            Content::Purpose(_) => Some(&purpose::SPEC),
            Content::Category(_) => Some(&category::SPEC),
            Content::JobConfiguration(_) => Some(&job::SPEC),
            Content::Connection(Connection::Postgres(_)) => Some(&connection::POSTGRES),
            Content::Connection(Connection::Http(_)) => Some(&connection::HTTP),
            Content::Connection(Connection::Generate(_)) => Some(&connection::GENERATE),
            Content::Connection(Connection::Analyse(_)) => Some(&connection::ANALYSE),
            Content::Connection(Connection::Channel(_)) => Some(&connection::CHANNEL),
            Content::Limit(_) => Some(&limit::SPEC),
            Content::Calendar(_) => Some(&calendar::SPEC),
            Content::Webhook(_) => Some(&webhook::SPEC),
        }
    }
}

impl Document {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.content.kind()
    }

    /// Its name; of a template `namespace.name@version`.
    pub fn name(&self) -> String {
        self.content.name()
    }

    /// Its content in schema order, defaults left out: equal canonical forms are no change.
    pub fn canonical(&self) -> &Value {
        &self.canonical
    }

    /// Closes the days of the iCalendar file that a calendar names: they stand in it from now on, and the
    /// file's name no more.
    ///
    /// # Errors
    /// `calendar.ical`, with what cannot be imported.
    pub fn import(&mut self, text: &str) -> Result<(), Problem> {
        let Content::Calendar(calendar) = &mut self.content else {
            return Ok(());
        };
        let days = Calendar::imported(text).map_err(|why| {
            let problem = self.place.problem("calendar.ical", "/ical", why);
            let hint = "whole days, once or every year, are imported; write others under `closed`";
            problem.hint(hint).in_file(&*self.file)
        })?;
        calendar.ical = None;
        let imported = days
            .iter()
            .map(|(date, name)| (date.to_string(), Value::from(name.as_str())));
        let imported = Value::map(imported.collect::<Vec<_>>());
        for (date, name) in days {
            calendar.days.closed.entry(date).or_insert(name);
        }
        let members = self
            .canonical
            .as_map()
            .into_iter()
            .flat_map(|map| map.iter());
        let kept = members.filter(|(key, _)| !["ical", "imported"].contains(&&***key));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
        let whole = Value::map(kept.chain([("imported".into(), imported)]));
        self.canonical = calendar::SPEC.canonical(&Tree::from_value(&whole));
        Ok(())
    }

    /// The names it speaks of; of templates, the purpose: what else they name is found when they are checked.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }
}

fn template_name(tree: &Tree) -> String {
    let part = |key: &str| {
        let found = tree.get("document").and_then(|header| header.get(key));
        found.and_then(Tree::as_str).unwrap_or_default().to_owned()
    };
    format!("{}.{}@{}", part("namespace"), part("name"), part("version"))
}
