//! Publishing a template: check it, lower it once, keep what jobs will run, and when they start by themselves.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::check;
use windlass_workflows::configuration::{Document, own_events, own_rule};
use windlass_workflows::document::hash::{content_hash, hash_value};
use windlass_workflows::document::step::{Header, Template};
use windlass_workflows::document::tree::Tree;
use windlass_workflows::problem::Problem;
use windlass_workflows::program::{self, Bundle, Memory, Program};
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value;

use super::{cost, need, own, pin};
use crate::Error;
use crate::store::{self, NewTemplate, Published, Session, Store};
use crate::vocabulary::ConfigurationKind;

impl Store {
    /// Checks and publishes one template from YAML or JSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the document; `template_version_exists` when other
    /// content stands under its version.
    pub async fn publish_source(&self, tenant: i32, source: &str) -> Result<Published, Error> {
        let catalogue = self.catalogue(tenant).await?;
        let template =
            check_source(source, &catalogue).map_err(|problems| Error::Invalid { problems })?;
        self.publish(tenant, template).await
    }

    /// Publishes a template version; the newest one brings the template's own schedule, or ends it.
    ///
    /// # Errors
    /// `template_version_exists` when other content stands under this version; `invalid` for a purpose that does
    /// not exist, or a cost that no limit of the step takes.
    pub async fn publish(&self, tenant: i32, template: NewTemplate) -> Result<Published, Error> {
        let now = self.clock().await?.now;
        self.transaction(move |connection| {
            Box::pin(async move {
                knows_purpose(connection, tenant, &template).await?;
                let (published, _) = publish(connection, tenant, &template, now, &[]).await?;
                if let Published::Created(version) = published {
                    pin::keep(connection, tenant, version, &template).await?;
                }
                Ok(published)
            })
        })
        .await
    }

    /// What the version that this document names has pinned, if it is published: a version never changes,
    /// so whoever publishes it again needs nothing from elsewhere.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pinned_resources(&self, tenant: i32, tree: &Tree) -> Result<Resources, Error> {
        let text = |pointer: &str| tree.pointer(pointer).and_then(Tree::as_str);
        let parts = ["/document/namespace", "/document/name", "/document/version"].map(text);
        let [Some(namespace), Some(name), Some(version)] = parts else {
            return Ok(Resources::default());
        };
        let reference = format!("{namespace}.{name}@{version}");
        let known = match self.template(tenant, &reference).await {
            Ok(known) => known,
            // Not published yet, or no reference: the checks say what is wrong with it.
            Err(Error::NotFound { .. } | Error::Invalid { .. }) => return Ok(Resources::default()),
            Err(error) => return Err(error),
        };
        let bundle = Bundle::from_json(&self.pinned(known.id).await?.bundle);
        Ok(bundle.map_or_else(|_| Resources::default(), |bundle| bundle.resources))
    }
}

/// Whether the purpose exists that a template serves: an apply brings it with it, who publishes alone does not.
async fn knows_purpose(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
) -> Result<(), Error> {
    if template.purpose.is_empty() {
        return Ok(());
    }
    let (kind, name) = (ConfigurationKind::Purpose, &*template.purpose);
    match store::configuration::latest(connection, tenant, kind, name).await? {
        Some(_) => Ok(()),
        None => {
            let pointer = "/document/metadata/windlass/purpose";
            let message = format!("the purpose `{name}` does not exist");
            let problem = Problem::new("unknown_reference", pointer, message);
            Err(Error::invalid(problem.hint(
                "apply its document first, or together with this one",
            )))
        }
    }
}

/// Publishes inside the caller's transaction, beside a set of documents that are stored in it; says too which days of the
/// template's own schedule lose or gain a slot.
pub(super) async fn publish(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
    now: DateTime<Utc>,
    set: &[Document],
) -> Result<(Published, Vec<String>), Error> {
    let published = store::template::publish(connection, tenant, template).await?;
    let mut said = Vec::new();
    if let Published::Created(version) = published {
        let problems = cost::check(connection, tenant, template, set).await?;
        if !problems.is_empty() {
            return Err(Error::Invalid { problems });
        }
        said = own::keep(connection, tenant, template, version, now).await?;
    }
    Ok((published, said))
}

/// A template from YAML or JSON, ready to be published.
///
/// # Errors
/// Every problem of the document.
pub fn check_source(source: &str, catalogue: &Catalogue) -> Result<NewTemplate, Vec<Problem>> {
    ready(check::publish(source, catalogue)?, source.to_owned())
}

/// A template that was read as a tree, with what was read for it from elsewhere, ready to be published.
///
/// # Errors
/// Every problem of the document.
pub fn check_tree(
    tree: &Tree,
    source: String,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Result<NewTemplate, Vec<Problem>> {
    ready(check::publish_tree(tree, catalogue, resources)?, source)
}

fn ready(template: Template, source: String) -> Result<NewTemplate, Vec<Problem>> {
    let bundle = Bundle::of(&template);
    let hash = content_hash(&template);
    let calls = program::calls(&template).into_iter();
    let calls = calls.map(|call| (need::of_call(&template, &call), call));
    let steps = program::placed(&template).into_iter();
    let steps = steps.map(|task| (need::of_step(&template, task), task.pointer.clone()));
    let parts = calls
        .chain(steps)
        .map(|(capability, entry)| part(&template, capability, &entry, &source));
    let new = NewTemplate {
        parts: parts.collect::<Result<_, _>>()?,
        capability: need::of_template(&template),
        rule: own_rule(&template),
        event_types: own_events(&template),
        costs: cost::of_template(&template),
        pins: check::pinned_children(&template),
        ..stored(&bundle, template.header, hash, source)?
    };
    match repeated(&new.parts) {
        Some(name) => Err(vec![Problem::new(
            "reference.ambiguous_part",
            "",
            format!("two calls that get jobs of their own would be `{name}`: rename one"),
        )]),
        None => Ok(new),
    }
}

/// What jobs run that make one call of the template: that of a function by its name, or of the task at a pointer.
fn part(
    template: &Template,
    capability: String,
    entry: &str,
    source: &str,
) -> Result<NewTemplate, Vec<Problem>> {
    let bundle = Bundle::of(template).entered(entry);
    let hash = hash_value(&Value::list([
        template.document.clone(),
        Value::text(entry),
    ]));
    let mut header = template.header.clone();
    header.name = program::part_name(&header.name, entry);
    Ok(NewTemplate {
        capability,
        ..stored(&bundle, header, hash, source.to_owned())?
    })
}

fn repeated(parts: &[NewTemplate]) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut names = parts.iter().map(|part| &part.header.name);
    names.find(|name| !seen.insert(*name)).cloned()
}

fn stored(
    bundle: &Bundle,
    header: Header,
    hash: String,
    source: String,
) -> Result<NewTemplate, Vec<Problem>> {
    let program = Program::build(bundle)
        .map_err(|error| vec![Problem::new("program_unbuildable", "", error.to_string())])?;
    Ok(NewTemplate {
        hash,
        bundle: bundle.to_json(),
        semantics: i16::try_from(bundle.semantics).unwrap_or(i16::MAX),
        journaled: program.memory() != Memory::None,
        rule: None,
        event_types: None,
        source,
        capability: String::new(),
        purpose: header.settings.purpose.clone().unwrap_or_default(),
        lane_expression: header.settings.lane.as_ref().map(|lane| lane.text.clone()),
        parts: Vec::new(),
        costs: Vec::new(),
        pins: Vec::new(),
        header,
    })
}
