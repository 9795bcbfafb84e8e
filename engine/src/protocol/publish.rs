//! Publishing a template: check it, lower it once, keep what jobs will run, and when they start by themselves.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use windlass_workflows::catalogue::{CHUNKS, Catalogue, MAP};
use windlass_workflows::check;
use windlass_workflows::configuration::{own_events, own_rule};
use windlass_workflows::document::hash::{content_hash, hash_value};
use windlass_workflows::document::needs::needed;
use windlass_workflows::document::parse;
use windlass_workflows::document::step::{FunctionName, Header, Kind, Shape, Task, Template};
use windlass_workflows::document::tree::Tree;
use windlass_workflows::problem::Problem;
use windlass_workflows::program::{self, Bundle, Memory, Program};
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value;

use super::own;
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
    /// not exist.
    pub async fn publish(&self, tenant: i32, template: NewTemplate) -> Result<Published, Error> {
        let now = self.clock().await?.now;
        self.transaction(move |connection| {
            Box::pin(async move {
                knows_purpose(connection, tenant, &template).await?;
                publish(connection, tenant, &template, now).await
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

/// Publishes inside the caller's transaction.
pub(super) async fn publish(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
    now: DateTime<Utc>,
) -> Result<Published, Error> {
    let published = store::template::publish(connection, tenant, template).await?;
    if let Published::Created(version) = published {
        own::keep(connection, tenant, template, version, now).await?;
    }
    Ok(published)
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
    let calls = program::calls(&template);
    let parts = calls.iter().map(|call| part(&template, call, &source));
    let new = NewTemplate {
        parts: parts.collect::<Result<_, _>>()?,
        capability: capability(&template),
        rule: own_rule(&template),
        event_types: own_events(&template),
        ..stored(&bundle, template.header, hash, source)?
    };
    match repeated(&new.parts) {
        Some(name) => Err(vec![Problem::new(
            "reference.ambiguous_part",
            "",
            format!("two functions that `map` calls would be `{name}`: rename one"),
        )]),
        None => Ok(new),
    }
}

/// What jobs run that make that call of the template alone.
fn part(template: &Template, call: &str, source: &str) -> Result<NewTemplate, Vec<Problem>> {
    let bundle = Bundle::of(template).entered(call);
    let hash = hash_value(&Value::list([template.document.clone(), Value::text(call)]));
    let mut header = template.header.clone();
    header.name = program::part_name(&header.name, call);
    Ok(NewTemplate {
        capability: capability_of(template, call),
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
        header,
    })
}

/// What a worker must offer for one call of a template.
fn capability_of(template: &Template, call: &str) -> String {
    let mut found = BTreeSet::new();
    let mut calls = vec![call];
    // Functions do not call themselves: publishing has refused that.
    while let Some(call) = calls.pop() {
        match template.functions.iter().find(|(name, _)| name == call) {
            Some((_, task)) => {
                gather_task(task, &mut found);
                if let Kind::Local { function, .. } = &task.kind {
                    let inner = template.functions.get(*function);
                    calls.extend(inner.map(|(name, _)| name.as_str()));
                }
            }
            None => {
                let named = parse::function_name(call);
                found.extend(named.map(|(function, _)| Need::Handler(function)));
            }
        }
    }
    listed(template, found)
}

/// What a worker must offer for a template: what it says that it needs, and the handlers beyond the built-in
/// functions; sorted, joined by commas.
fn capability(template: &Template) -> String {
    let mut found = BTreeSet::new();
    gather(&template.body, &mut found);
    let functions = template.functions.iter().map(|(_, task)| task);
    functions.for_each(|task| gather_task(task, &mut found));
    listed(template, found)
}

/// With what the document says of all its jobs.
fn listed(template: &Template, mut found: BTreeSet<Need>) -> String {
    let builtin = Catalogue::builtin();
    found.retain(|need| match need {
        Need::Handler(function) => builtin.schema(function).is_none(),
        Need::Word(_) => true,
    });
    let said = template.header.settings.needs.iter().cloned();
    found.extend(said.map(Need::Word));
    found.iter().map(written).collect::<Vec<_>>().join(",")
}

/// One thing that a worker must offer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Handler(FunctionName),
    Word(String),
}

fn written(need: &Need) -> String {
    match need {
        Need::Handler(function) => format!("{}:{}", function.name, function.version),
        Need::Word(word) => word.clone(),
    }
}

fn gather(tasks: &[Task], found: &mut BTreeSet<Need>) {
    tasks.iter().for_each(|task| gather_task(task, found));
}

fn gather_task(task: &Task, found: &mut BTreeSet<Need>) {
    gather_kind(&task.kind, found);
    let verify = task.settings.effect.as_ref();
    let verify = verify.and_then(|effect| effect.verify.as_deref());
    let undo = task.settings.undo.as_deref();
    let beside = verify.into_iter().chain(undo);
    beside.for_each(|kind| gather_kind(kind, found));
    // A child, or an item's job, has its own.
    let starts = match &task.kind {
        Kind::Run(_) => true,
        Kind::Function { function, .. } => function.name == MAP,
        _ => false,
    };
    if !starts {
        let mut placed = task.settings.placement.iter();
        let needs = placed.find(|(key, _)| key == "needs");
        if let Some((_, Shape::Constant(needs))) = needs {
            let words = needed(needs).unwrap_or_default();
            found.extend(words.into_iter().map(Need::Word));
        }
    }
}

fn gather_kind(kind: &Kind, found: &mut BTreeSet<Need>) {
    match kind {
        Kind::Do(tasks) => gather(tasks, found),
        Kind::For(each) => gather(&each.body, found),
        Kind::Try(attempt) => {
            gather(&attempt.body, found);
            attempt
                .handler
                .iter()
                .for_each(|tasks| gather(tasks, found));
        }
        Kind::Function { function, with } => {
            found.insert(Need::Handler(function.clone()));
            found.extend(chunk_function(function, with).map(Need::Handler));
        }
        Kind::Fork(fork) => gather(&fork.branches, found),
        Kind::Listen(listen) => {
            let foreach = listen.foreach.iter();
            foreach.for_each(|foreach| gather(&foreach.body, found));
        }
        Kind::Set(_)
        | Kind::Emit(_)
        | Kind::Run(_)
        | Kind::Http(_)
        | Kind::OpenApi(_)
        | Kind::Local { .. }
        | Kind::Switch(_)
        | Kind::Raise(_)
        | Kind::Wait(_) => {}
    }
}

/// The function that `chunks` calls for every chunk.
fn chunk_function(function: &FunctionName, with: &Shape) -> Option<FunctionName> {
    if function.name != CHUNKS {
        return None;
    }
    let call = match with {
        Shape::Constant(value) => value.get("call").cloned(),
        Shape::Map(members) => members.iter().find_map(|(key, shape)| match shape {
            Shape::Constant(value) if key == "call" => Some(value.clone()),
            _ => None,
        }),
        Shape::Expression(_) | Shape::List(_) => None,
    };
    let call = call?;
    let (name, version) = call.as_str()?.split_once(':')?;
    let version = version.split('@').next().unwrap_or(version);
    Some(FunctionName {
        name: name.to_owned(),
        version: version.to_owned(),
    })
}
