//! Applying a set of documents: checked whole, stored in one transaction, idempotent.
//!
//! Templates are published, other documents get a revision where they changed, categories are loaded
//! and schedules planned, all or nothing. Every problem of every part comes back at once. A dry run
//! does the same and takes it back.

mod categories;
mod days;
mod pins;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::configuration::{
    self as documents, Content, Document, TemplateReference, VersionChoice,
};
use windlass_workflows::document::hash::hash_value;
use windlass_workflows::document::tree::Tree;
use windlass_workflows::problem::Problem;
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value;

use super::change::{Action, Change, diff};
use super::load::{LeftOut, ReadSeek, Untold};
use super::publish;
use super::references;
use super::timing::{self, Applied};
use crate::Error;
use crate::store::Session;
use crate::store::configuration::NewRevision;
use crate::store::{self, NewTemplate, Published, Revision, Store};
use crate::vocabulary::ConfigurationKind;

/// A set of documents to apply.
pub struct Application {
    /// Whose.
    pub tenant: i32,
    /// Who applies it.
    pub who: String,
    /// Read by `workflows::configuration::read`.
    pub documents: Vec<Document>,
    /// The texts of the files that the documents stand in, by name: kept beside templates.
    pub texts: BTreeMap<String, String>,
    /// The files that categories load, by the category's name.
    pub files: BTreeMap<String, Box<dyn ReadSeek>>,
    /// What templates take from elsewhere, by the template's name and version.
    pub resources: BTreeMap<String, Resources>,
    /// Say what would happen and store nothing.
    pub dry_run: bool,
}

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.documents.iter().map(Document::name).collect();
        write!(
            formatter,
            "Application({names:?}, dry_run: {})",
            self.dry_run
        )
    }
}

/// What an apply did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApplyReport {
    /// Whether nothing was stored.
    pub dry_run: bool,
    /// One for every document, in the order of the set.
    pub changes: Vec<Change>,
}

impl Store {
    /// Applies a set of documents.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the set; nothing is stored then.
    pub async fn apply(&self, application: Application) -> Result<ApplyReport, Error> {
        let catalogue = self.catalogue(application.tenant).await?;
        let now = self.clock().await?.now;
        let applied = self.transaction(move |connection| {
            Box::pin(async move {
                connection.remember().await?;
                let dry_run = application.dry_run;
                let applied = Applying::new(application, catalogue, now)
                    .run(connection)
                    .await?;
                if dry_run {
                    connection.forget().await?;
                }
                Ok(applied)
            })
        });
        let (mut report, untold) = applied.await?;
        categories::tell(&mut report, untold).await;
        Ok(report)
    }
}

/// An apply under way.
struct Applying {
    application: Application,
    catalogue: Catalogue,
    now: DateTime<Utc>,
    changes: Vec<Change>,
    problems: Vec<Problem>,
    /// Versions that are new, by the names of their documents.
    created: Vec<(i32, String, NewTemplate)>,
    /// Sources that were loaded before, by their categories: read again when nothing is locked any more.
    untold: Vec<(String, Untold)>,
}

impl Applying {
    fn new(application: Application, catalogue: Catalogue, now: DateTime<Utc>) -> Self {
        let (changes, problems) = (Vec::new(), Vec::new());
        Self {
            application,
            catalogue,
            now,
            changes,
            problems,
            created: Vec::new(),
            untold: Vec::new(),
        }
    }

    async fn run(
        mut self,
        connection: &mut Session,
    ) -> Result<(ApplyReport, Vec<(String, Untold)>), Error> {
        let documents = std::mem::take(&mut self.application.documents);
        store::configuration::lock(connection, self.application.tenant).await?;
        self.problems = references::check(connection, self.application.tenant, &documents).await?;
        self.documents(connection, &documents).await?;
        self.pins(connection, &documents).await?;
        if !self.problems.is_empty() {
            return Err(Error::Invalid {
                problems: self.problems,
            });
        }
        // Last of all: the counters stay locked until the commit.
        store::limit::keep(connection, self.application.tenant, &documents).await?;
        let report = ApplyReport {
            dry_run: self.application.dry_run,
            changes: self.changes,
        };
        Ok((report, self.untold))
    }

    async fn document(
        &mut self,
        connection: &mut Session,
        document: &Document,
        all: &[Document],
    ) -> Result<(), Error> {
        let kind = match document.kind() {
            documents::Kind::Template => {
                let Content::Template(tree) = &document.content else {
                    return Ok(());
                };
                return self.template(connection, document, tree, all).await;
            }
            documents::Kind::Purpose => ConfigurationKind::Purpose,
            documents::Kind::Category => ConfigurationKind::Category,
            documents::Kind::JobConfiguration => ConfigurationKind::JobConfiguration,
            documents::Kind::Connection => ConfigurationKind::Connection,
            documents::Kind::Limit => ConfigurationKind::Limit,
            documents::Kind::Calendar => ConfigurationKind::Calendar,
            documents::Kind::Webhook => ConfigurationKind::Webhook,
        };
        let revision = self.revision(connection, document, kind).await?;
        match &document.content {
            Content::Category(category) => {
                self.keep(connection, category).await?;
                self.load(connection, document, category).await
            }
            Content::JobConfiguration(job) => {
                let rule = document.canonical().get("schedule").map(Value::to_json);
                let applied = Applied {
                    tenant: self.application.tenant,
                    name: &job.header.name,
                    revision,
                    rule: rule.as_deref(),
                    schedule: job.schedule.as_ref(),
                    now: self.now,
                    own: None,
                };
                if self.never(connection, document, job).await? {
                    return Ok(());
                }
                self.tell_days(connection, job, rule.as_deref()).await?;
                timing::keep(connection, applied).await
            }
            Content::Calendar(calendar) => {
                if let Some(file) = &calendar.ical {
                    self.refuse(document, vec![missing_file(document, file, "/ical")]);
                }
                Ok(())
            }
            Content::Webhook(webhook) => {
                store::webhook::keep(connection, self.application.tenant, revision, webhook).await
            }
            _ => Ok(()),
        }
    }

    async fn template(
        &mut self,
        connection: &mut Session,
        document: &Document,
        tree: &Tree,
        all: &[Document],
    ) -> Result<(), Error> {
        let source = self.source(document, all);
        let resources = self.application.resources.remove(&document.name());
        let resources = resources.unwrap_or_default();
        let tenant = self.application.tenant;
        let template = match publish::check_tree(tree, source, &self.catalogue, &resources) {
            Ok(template) => template,
            // What is published stays so, whatever rules came since.
            Err(_) if stands(connection, tenant, document).await? => {
                self.changed(document, Action::Unchanged, Vec::new());
                return Ok(());
            }
            Err(problems) => {
                self.refuse(document, problems);
                return Ok(());
            }
        };
        let published = publish::publish(connection, tenant, &template, self.now, all).await;
        let (action, diff) = match published {
            Ok((Published::Created(version), said)) => {
                self.created.push((version, document.name(), template));
                (Action::Created, said)
            }
            Ok((Published::Unchanged(_), said)) => (Action::Unchanged, said),
            Err(Error::Conflict {
                code,
                message,
                hint,
            }) => {
                let problem = Problem::new(code, "/document/version", message);
                let problem = problem.hint(hint.unwrap_or_default());
                self.refuse(document, placed(tree, vec![problem]));
                return Ok(());
            }
            Err(Error::Invalid { problems }) => {
                self.refuse(document, placed(tree, problems));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.changed(document, action, diff);
        Ok(())
    }

    /// Says what became of a template.
    fn changed(&mut self, document: &Document, action: Action, diff: Vec<String>) {
        self.changes.push(Change {
            kind: "template",
            name: document.name(),
            file: document.file.clone(),
            action,
            revision: None,
            diff,
            items: None,
            read: None,
            left_out: LeftOut::default(),
        });
    }

    /// What the author wrote: the file, or the document's part of it.
    fn source(&self, document: &Document, all: &[Document]) -> String {
        let same = all.iter().filter(|other| other.file == document.file);
        let beside = same.count();
        let text = self.application.texts.get(&document.file);
        match text {
            Some(text) if beside == 1 => text.clone(),
            Some(text) if !document.file.ends_with(".json") => {
                documents::part(text, document.place.line)
            }
            _ => document.canonical().to_json(),
        }
    }

    /// Keeps a revision if the content changed; answers with the one in force.
    async fn revision(
        &mut self,
        connection: &mut Session,
        document: &Document,
        kind: ConfigurationKind,
    ) -> Result<i32, Error> {
        let tenant = self.application.tenant;
        let (name, hash) = (document.name(), hash_value(document.canonical()));
        let latest = store::configuration::latest(connection, tenant, kind, &name).await?;
        let (action, revision, diff) = compare(latest.as_ref(), document, &hash);
        if action != Action::Unchanged {
            let new = NewRevision {
                kind,
                name: &name,
                revision,
                document: &document.canonical().to_json(),
                hash: &hash,
                source_file: &document.file,
                applied_by: &self.application.who,
            };
            store::configuration::insert(connection, tenant, new).await?;
        }
        let (file, kind) = (document.file.clone(), kind.as_str());
        let revision_now = Some(revision);
        self.changes.push(Change {
            kind,
            name,
            file,
            action,
            revision: revision_now,
            diff,
            items: None,
            read: None,
            left_out: LeftOut::default(),
        });
        Ok(revision)
    }

    /// Collects problems; those of the document itself are placed in its file.
    fn refuse(&mut self, document: &Document, problems: Vec<Problem>) {
        let placed = problems.into_iter().map(|problem| match problem.file {
            Some(_) => problem,
            None => problem.in_file(&*document.file),
        });
        self.problems.extend(placed);
    }
}

/// Whether a template is published with this very content.
async fn stands(connection: &mut Session, tenant: i32, document: &Document) -> Result<bool, Error> {
    match TemplateReference::parse(&document.name()) {
        Ok(named) if matches!(named.version, VersionChoice::Exact(_)) => {
            let found = store::template::find(connection, tenant, &named).await?;
            let hash = hash_value(document.canonical());
            Ok(found.is_some_and(|found| found.hash == hash))
        }
        _ => Ok(false),
    }
}

/// Problems of a template that is sound alone, where its tree has them.
fn placed(tree: &Tree, problems: Vec<Problem>) -> Vec<Problem> {
    let placed = problems.into_iter().map(|problem| {
        let place = tree.place_of(&problem.pointer);
        problem.at(place.line, place.column)
    });
    placed.collect()
}

fn compare(
    latest: Option<&Revision>,
    document: &Document,
    hash: &str,
) -> (Action, i32, Vec<String>) {
    let Some(latest) = latest else {
        return (Action::Created, 1, Vec::new());
    };
    let old = Value::parse(&latest.document).unwrap_or(Value::Null);
    if latest.hash == hash || categories::is_same(document, &old) {
        return (Action::Unchanged, latest.revision, Vec::new());
    }
    (
        Action::Changed,
        latest.revision + 1,
        diff(&old, document.canonical()),
    )
}

fn missing_file(document: &Document, path: &str, pointer: &str) -> Problem {
    let message = format!("the file `{path}` does not exist beside the document");
    Problem::new("file_not_found", pointer, message)
        .hint("the path is relative to the document")
        .at(document.place.line, document.place.column)
}
