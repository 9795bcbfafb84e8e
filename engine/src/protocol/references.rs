//! Names by which documents speak of each other: each must stand in the set or in the store.

use std::collections::BTreeSet;

use windlass_workflows::configuration::{
    Content, Document, Reference, ReferenceKind, Source, Strategy, TemplateReference, VersionChoice,
};
use windlass_workflows::document::nearest;
use windlass_workflows::problem::Problem;

use crate::Error;
use crate::store;
use crate::store::Session;
use crate::vocabulary::ConfigurationKind;

/// The names that one apply brings.
#[derive(Debug, Default)]
struct Names {
    /// `namespace.name@version`
    versions: BTreeSet<String>,
    /// `namespace.name`
    templates: BTreeSet<String>,
    purposes: BTreeSet<String>,
    categories: BTreeSet<String>,
    limits: BTreeSet<String>,
    calendars: BTreeSet<String>,
    connections: BTreeSet<String>,
    webhooks: BTreeSet<String>,
}

impl Names {
    fn of(documents: &[Document]) -> Names {
        let mut names = Names::default();
        for document in documents {
            let name = document.name();
            match &document.content {
                Content::Template(_) => {
                    let path = name.split('@').next().unwrap_or_default();
                    names.templates.insert(path.to_owned());
                    names.versions.insert(name);
                }
                Content::Purpose(_) => _ = names.purposes.insert(name),
                Content::Category(_) => _ = names.categories.insert(name),
                Content::Limit(_) => _ = names.limits.insert(name),
                Content::Calendar(_) => _ = names.calendars.insert(name),
                Content::Connection(_) => _ = names.connections.insert(name),
                Content::Webhook(_) => _ = names.webhooks.insert(name),
                Content::JobConfiguration(_) => {}
            }
        }
        names
    }

    /// Those of one kind; of templates without their versions.
    fn of_kind(&self, kind: ReferenceKind) -> &BTreeSet<String> {
        match kind {
            ReferenceKind::Template => &self.templates,
            ReferenceKind::Purpose => &self.purposes,
            ReferenceKind::Category => &self.categories,
            ReferenceKind::Limit => &self.limits,
            ReferenceKind::Calendar => &self.calendars,
            ReferenceKind::Connection => &self.connections,
            ReferenceKind::Webhook => &self.webhooks,
        }
    }
}

/// As what the named document is kept; templates are kept as versions.
fn stored_as(kind: ReferenceKind) -> Option<ConfigurationKind> {
    match kind {
        ReferenceKind::Template => None,
        ReferenceKind::Purpose => Some(ConfigurationKind::Purpose),
        ReferenceKind::Category => Some(ConfigurationKind::Category),
        ReferenceKind::Limit => Some(ConfigurationKind::Limit),
        ReferenceKind::Calendar => Some(ConfigurationKind::Calendar),
        ReferenceKind::Connection => Some(ConfigurationKind::Connection),
        ReferenceKind::Webhook => Some(ConfigurationKind::Webhook),
    }
}

/// Every reference that points at nothing.
pub(super) async fn check(
    connection: &mut Session,
    tenant: i32,
    documents: &[Document],
) -> Result<Vec<Problem>, Error> {
    let (names, mut problems) = (Names::of(documents), Vec::new());
    for document in documents {
        for reference in document.references() {
            if !exists(connection, tenant, &names, reference).await? {
                problems.push(unknown(connection, tenant, &names, document, reference).await?);
            }
        }
        problems.extend(without_object(connection, tenant, documents, document).await?);
    }
    Ok(problems)
}

async fn exists(
    connection: &mut Session,
    tenant: i32,
    names: &Names,
    reference: &Reference,
) -> Result<bool, Error> {
    let name = reference.name.as_str();
    let Some(kind) = stored_as(reference.kind) else {
        return template_exists(connection, tenant, names, name).await;
    };
    if names.of_kind(reference.kind).contains(name) {
        return Ok(true);
    }
    if reference.kind == ReferenceKind::Category && is_deleted(connection, tenant, name).await? {
        return Ok(false);
    }
    let found = store::configuration::latest(connection, tenant, kind, name).await?;
    Ok(found.is_some())
}

/// Whether a category was deleted: its document is kept, and means nothing until it is brought back.
async fn is_deleted(connection: &mut Session, tenant: i32, name: &str) -> Result<bool, Error> {
    let found = store::category::find(connection, tenant, name).await?;
    Ok(found.is_some_and(|category| category.deleted_at.is_some()))
}

async fn template_exists(
    connection: &mut Session,
    tenant: i32,
    names: &Names,
    name: &str,
) -> Result<bool, Error> {
    let Ok(reference) = TemplateReference::parse(name) else {
        return Ok(false);
    };
    let in_set = match reference.version {
        VersionChoice::Newest => names.templates.contains(name),
        VersionChoice::Exact(_) => names.versions.contains(name),
        VersionChoice::Alias(_) => false,
    };
    if in_set {
        return Ok(true);
    }
    Ok(store::template::find(connection, tenant, &reference)
        .await?
        .is_some())
}

async fn unknown(
    connection: &mut Session,
    tenant: i32,
    names: &Names,
    document: &Document,
    reference: &Reference,
) -> Result<Problem, Error> {
    let (mut known, looked_for) = match stored_as(reference.kind) {
        None => template_names(connection, tenant, names, &reference.name).await?,
        Some(kind) => {
            let stored = store::configuration::names(connection, tenant, kind);
            (stored.await?, reference.name.as_str())
        }
    };
    known.extend(match reference.kind {
        ReferenceKind::Template => Vec::new(),
        kind => names.of_kind(kind).iter().cloned().collect(),
    });
    let kind = reference.kind.as_str();
    let message = format!("the {kind} `{}` does not exist", reference.name);
    let problem = Problem::new("unknown_reference", &*reference.pointer, message)
        .at(reference.line, reference.column)
        .in_file(&*document.file);
    if reference.kind == ReferenceKind::Category && known.iter().any(|one| one == looked_for) {
        return Ok(problem.hint(format!(
            "it was deleted: `windlass category undelete {looked_for}` brings it back"
        )));
    }
    let hint = nearest::hint(looked_for, known.iter().map(String::as_str));
    Ok(problem.hint(hint.unwrap_or_else(|| missing_hint(reference.kind).to_owned())))
}

fn missing_hint(kind: ReferenceKind) -> &'static str {
    match kind {
        ReferenceKind::Template => "publish it first, or apply its file together with this one",
        _ => "apply its document first, or together with this one",
    }
}

/// The names to compare with, and the name: versions and aliases where the template itself is known.
async fn template_names<'a>(
    connection: &mut Session,
    tenant: i32,
    names: &Names,
    name: &'a str,
) -> Result<(Vec<String>, &'a str), Error> {
    let path = name.split('@').next().unwrap_or_default();
    let mut templates = store::template::names(connection, tenant).await?;
    templates.extend(names.templates.iter().cloned());
    if path == name || !templates.iter().any(|known| known == path) {
        return Ok((templates, path));
    }
    let mut versions = store::alias::reference_names(connection, tenant, path).await?;
    versions.extend(
        names
            .versions
            .iter()
            .filter(|known| known.starts_with(path))
            .cloned(),
    );
    Ok((versions, name))
}

/// A batch by object needs a category that says which field the object is.
async fn without_object(
    connection: &mut Session,
    tenant: i32,
    documents: &[Document],
    document: &Document,
) -> Result<Option<Problem>, Error> {
    let Content::JobConfiguration(job) = &document.content else {
        return Ok(None);
    };
    let (Strategy::Object, Source::Category(name)) = (job.strategy, &job.selection.source) else {
        return Ok(None);
    };
    let object = match in_set(documents, name) {
        Some(object) => object,
        None => match stored(connection, tenant, name).await? {
            Some(object) => object,
            None => return Ok(None),
        },
    };
    if object.is_some() {
        return Ok(None);
    }
    let message = format!("the category `{name}` names no `object`, which the strategy needs");
    let problem = Problem::new("missing_object", "/strategy", message)
        .hint(format!("add `object: FIELD` to the category `{name}`"));
    let (line, column) = (document.place.line, document.place.column);
    Ok(Some(problem.at(line, column).in_file(&*document.file)))
}

/// The object field of a category of the set: none when it is not there, none inside when it has none.
fn in_set(documents: &[Document], name: &str) -> Option<Option<String>> {
    documents
        .iter()
        .find_map(|document| match &document.content {
            Content::Category(category) if category.header.name == name => {
                Some(category.object.clone())
            }
            _ => None,
        })
}

async fn stored(
    connection: &mut Session,
    tenant: i32,
    name: &str,
) -> Result<Option<Option<String>>, Error> {
    let kind = ConfigurationKind::Category;
    let Some(found) = store::configuration::latest(connection, tenant, kind, name).await? else {
        return Ok(None);
    };
    match found.content()? {
        Content::Category(category) => Ok(Some(category.object)),
        _ => Ok(None),
    }
}
