//! Template versions: published once, never changed, read by reference.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::check::PinnedChild;
use windlass_workflows::configuration::{TemplateReference, VersionChoice};
use windlass_workflows::document::step::Header;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::Store;
use super::gate::Session;
use super::page::{PAGE_MAX, Page, fetch};
use crate::Error;

/// A checked template, ready to be published.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// Namespace, name, version, title.
    pub header: Header,
    /// Hash of the canonical document: the version's identity.
    pub hash: String,
    /// What the author wrote, word for word.
    pub source: String,
    /// What jobs run: the document and all that publish resolved.
    pub bundle: String,
    /// Number of the meaning that it was checked for.
    pub semantics: i16,
    /// Whether its jobs keep a journal from the start.
    pub journaled: bool,
    /// Handlers that it needs beyond the built-in functions, sorted, joined by commas.
    pub capability: String,
    /// The purpose that its jobs serve, or empty.
    pub purpose: String,
    /// The jq that reads the lane of a job from its input.
    pub lane_expression: Option<String>,
    /// The rule of its own schedule, as a schedule keeps it.
    pub rule: Option<Value>,
    /// Types of the events that this asks for; all where there are none.
    pub event_types: Option<Vec<String>>,
    /// What jobs run that make one of its calls alone: versions of their own, published with it.
    pub parts: Vec<NewTemplate>,
    /// What its steps take of limits.
    pub costs: Vec<StepCost>,
    /// Children whose newest version is that of its publication.
    pub pins: Vec<PinnedChild>,
}

/// What a step says that its job takes of a limit.
#[derive(Clone, Debug)]
pub struct StepCost {
    /// Where it stands in the document.
    pub pointer: String,
    /// The limit.
    pub limit: String,
    /// Units, where they are written out.
    pub units: Option<i32>,
    /// Whether the step names the limit itself, computes what it names, or starts what may.
    pub may_be_named: bool,
    /// Its queue, where it is not computed.
    pub queue: Option<String>,
}

/// A published version, without its text.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateVersion {
    /// Row number, which jobs are pinned to.
    pub id: i32,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Hash of the canonical document.
    pub hash: String,
    /// For people.
    pub title: Option<String>,
    /// Number of the meaning that it was checked for.
    pub semantics: i16,
    /// Whether its jobs keep a journal from the start.
    pub journaled: bool,
    /// Handlers that it needs beyond the built-in functions, sorted, joined by commas.
    pub capability: String,
    /// The purpose that its jobs serve, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// The jq that reads the lane of a job from its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane_expression: Option<String>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// Not chosen as the newest since.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// Not started any more since.
    pub retired_at: Option<DateTime<Utc>>,
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// A new version.
    Created(i32),
    /// The same content was there.
    Unchanged(i32),
}

/// A version as its author wrote it.
#[derive(Debug)]
pub(crate) struct TemplateSource {
    /// `namespace.name@version`
    pub name: String,
    pub text: String,
    /// Those that mean it now.
    pub aliases: Vec<String>,
}

impl Store {
    /// The version that a reference names: the newest usable one unless it says which.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; `invalid` for what is no reference.
    pub async fn template(&self, tenant: i32, reference: &str) -> Result<TemplateVersion, Error> {
        let named = TemplateReference::parse(reference)
            .map_err(|message| Error::invalid(Problem::new("invalid_reference", "", message)))?;
        let mut connection = self.pool().acquire().await?;
        let found = find(&mut connection, tenant, &named).await?;
        found.ok_or_else(|| Error::not_found("template", reference))
    }

    /// What the author of a version wrote, word for word.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such version.
    pub async fn template_source(&self, tenant: i32, reference: &str) -> Result<String, Error> {
        let found = self.template(tenant, reference).await?;
        let (namespace, name, version) = (&found.namespace, &found.name, &found.version);
        let row = sqlx::query_file!(
            "queries/template/source.sql",
            tenant,
            namespace,
            name,
            version
        )
        .fetch_one(self.pool())
        .await?;
        Ok(row.source)
    }

    /// A page of templates after `(namespace, name)`, each in its newest version.
    pub async fn templates(
        &self,
        tenant: i32,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Page<TemplateVersion, (String, String)>, Error> {
        let (namespace, name) = after.unwrap_or(("", ""));
        let rows = sqlx::query_file_as!(
            TemplateVersion,
            "queries/template/list.sql",
            tenant,
            namespace,
            name,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |row| {
            (row.namespace.clone(), row.name.clone())
        }))
    }

    /// A page of all usable versions with their texts and aliases, after `(namespace, name, version)`.
    pub(crate) async fn template_sources(
        &self,
        tenant: i32,
        (namespace, name, version): (&str, &str, &str),
        limit: u32,
    ) -> Result<Vec<TemplateSource>, Error> {
        let limit = i64::from(limit);
        let rows = sqlx::query_file!(
            "queries/template/sources.sql",
            tenant,
            namespace,
            name,
            version,
            limit
        )
        .fetch_all(self.pool())
        .await?;
        let named = rows.into_iter().map(|row| TemplateSource {
            name: format!("{}.{}@{}", row.namespace, row.name, row.version),
            text: row.source,
            aliases: row.aliases,
        });
        Ok(named.collect())
    }

    /// Every version of a template, newest first.
    pub async fn template_versions(
        &self,
        tenant: i32,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<TemplateVersion>, Error> {
        let limit = i64::from(PAGE_MAX);
        let rows = sqlx::query_file_as!(
            TemplateVersion,
            "queries/template/versions.sql",
            tenant,
            namespace,
            name,
            limit
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows)
    }
}

/// Publishes inside the caller's transaction.
pub(crate) async fn publish(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
) -> Result<Published, Error> {
    note_change(connection).await?;
    let published = publish_one(connection, tenant, template).await?;
    for part in &template.parts {
        publish_one(connection, tenant, part).await?;
    }
    Ok(published)
}

async fn publish_one(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
) -> Result<Published, Error> {
    let header = &template.header;
    let version = header.version.to_string();
    if let Some(id) = insert(connection, tenant, template, &version).await? {
        let path = format!("{}.{}", header.namespace, header.name);
        super::lane::prepare(connection, tenant, Some(&path), None).await?;
        return Ok(Published::Created(id));
    }
    let named = TemplateReference {
        namespace: header.namespace.clone(),
        name: header.name.clone(),
        version: VersionChoice::Exact(header.version.clone()),
    };
    match find(connection, tenant, &named).await? {
        Some(found) if found.hash == template.hash => Ok(Published::Unchanged(found.id)),
        _ => Err(version_exists(header)),
    }
}

/// Says that names of templates and purposes may mean something else from here on: before the change,
/// so that writers of the catalogue take turns here and nowhere else.
pub(crate) async fn note_change(connection: &mut Session) -> Result<(), Error> {
    sqlx::query_file!("queries/template/note_change.sql")
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
    version: &str,
) -> Result<Option<i32>, Error> {
    let header = &template.header;
    let row = sqlx::query_file!(
        "queries/template/publish.sql",
        tenant,
        header.namespace,
        header.name,
        version,
        &rank(header),
        template.hash,
        header.title,
        template.source,
        template.bundle,
        template.semantics,
        template.journaled,
        template.capability,
        template.purpose,
        template.lane_expression,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.id))
}

/// Major, minor, patch, and 1 for a release or 0 for a pre-release.
fn rank(header: &Header) -> Vec<i64> {
    let version = &header.version;
    let numbers = [version.major, version.minor, version.patch];
    let numbers = numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    numbers
        .into_iter()
        .chain([i64::from(version.pre.is_empty())])
        .collect()
}

/// The refusal to change a published version.
pub(crate) fn version_exists(header: &Header) -> Error {
    let name = format!("{}.{}@{}", header.namespace, header.name, header.version);
    Error::Conflict {
        code: "template_version_exists",
        message: format!("{name} is published with other content"),
        hint: Some("a published version never changes: raise `document.version`".to_owned()),
    }
}

/// The version that a reference names.
pub(crate) async fn find(
    connection: &mut Session,
    tenant: i32,
    named: &TemplateReference,
) -> Result<Option<TemplateVersion>, Error> {
    let (namespace, name) = (&named.namespace, &named.name);
    let row = match &named.version {
        VersionChoice::Exact(version) => {
            let version = version.to_string();
            sqlx::query_file_as!(
                TemplateVersion,
                "queries/template/show.sql",
                tenant,
                namespace,
                name,
                version
            )
            .fetch_optional(connection)
            .await?
        }
        VersionChoice::Alias(alias) => {
            sqlx::query_file_as!(
                TemplateVersion,
                "queries/template/aliased.sql",
                tenant,
                namespace,
                name,
                alias
            )
            .fetch_optional(connection)
            .await?
        }
        VersionChoice::Newest => {
            sqlx::query_file_as!(
                TemplateVersion,
                "queries/template/newest.sql",
                tenant,
                namespace,
                name
            )
            .fetch_optional(connection)
            .await?
        }
    };
    Ok(row)
}

/// The names of all templates.
pub(crate) async fn names(connection: &mut Session, tenant: i32) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_file!("queries/template/names.sql", tenant)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Every version of a template, as references name them; `path` is `namespace.name`.
pub(crate) async fn version_names(
    connection: &mut Session,
    tenant: i32,
    path: &str,
) -> Result<Vec<String>, Error> {
    let (namespace, name) = path.split_once('.').unwrap_or_default();
    let rows = sqlx::query_file!(
        "queries/template/version_names.sql",
        tenant,
        namespace,
        name
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
