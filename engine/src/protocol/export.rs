//! What was applied, written as it is applied: a document each, in the order of kinds and names.
//!
//! Configuration is written from its canonical form; a template is what its author wrote. Secrets are references in
//! both. The rows of a category that a file brought are a file of their own, which its document names.

use std::str::FromStr;

use windlass_workflows::configuration::{part, write};
use windlass_workflows::value::Value;

use super::load::DOCUMENT;
use crate::Error;
use crate::store::{CategoryView, PAGE_MAX, Page, Revision, Store};
use crate::vocabulary::ConfigurationKind;

/// A kind of document to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// Versions of templates.
    Template,
    /// Everything else that is applied.
    Configuration(ConfigurationKind),
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its kind.
    pub kind: ExportKind,
    /// Its name; of a template `namespace.name@version`.
    pub name: String,
    /// YAML.
    pub text: String,
    /// The file that its `data` name, to be filled with the rows of the category as NDJSON.
    pub rows: Option<String>,
    /// Of a version of a template: the aliases that mean it. They are no part of a document, so whoever applies the export
    /// elsewhere sets them, before documents that name one.
    pub aliases: Vec<String>,
}

/// Where a page ends.
pub type Place = (String, String);

impl ExportKind {
    /// Every kind, in the order of an export.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = ConfigurationKind::ALL.into_iter().map(Self::Configuration);
        std::iter::once(Self::Template).chain(others)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Configuration(kind) => kind.as_str(),
        }
    }
}

impl FromStr for ExportKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let mut all = Self::all();
        all.find(|kind| kind.as_str() == word).ok_or(())
    }
}

impl Store {
    /// A page of what was applied, of some kinds, after a place. With `rows` documents of categories name the files of
    /// their rows; else they name none.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what another release wrote.
    pub async fn export(
        &self,
        tenant: i32,
        kinds: &[ExportKind],
        rows: bool,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Exported, Place>, Error> {
        let (limit, mut items) = (limit.clamp(1, PAGE_MAX), Vec::new());
        let wanted = ExportKind::all().filter(|kind| kinds.contains(kind));
        let begun = |kind: &ExportKind| after.is_none_or(|(word, _)| kind.as_str() == word);
        for kind in wanted.skip_while(|kind| !begun(kind)) {
            let name = after.filter(|(word, _)| kind.as_str() == word);
            let mut name = name.map(|(_, name)| name.clone());
            while items.len() <= limit as usize {
                let page = self
                    .export_kind(tenant, kind, rows, name.as_deref())
                    .await?;
                items.extend(page.items);
                name = page.next;
                if name.is_none() {
                    break;
                }
            }
        }
        Ok(Page::cut(items, limit, |one: &Exported| {
            (one.kind.as_str().to_owned(), one.name.clone())
        }))
    }

    async fn export_kind(
        &self,
        tenant: i32,
        kind: ExportKind,
        rows: bool,
        after: Option<&str>,
    ) -> Result<Page<Exported, String>, Error> {
        let kind = match kind {
            ExportKind::Template => return self.export_templates(tenant, after).await,
            ExportKind::Configuration(kind) => kind,
        };
        let page = self.configurations(tenant, kind, after, PAGE_MAX).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for revision in page.items {
            let mut document = canonical(&revision)?;
            let mut file = None;
            if kind == ConfigurationKind::Category {
                let Some(loaded) = self.undeleted(tenant, &revision.name).await? else {
                    continue;
                };
                (document, file) = self.sourced(document, loaded, rows).await?;
            }
            items.push(Exported {
                kind: ExportKind::Configuration(kind),
                name: revision.name,
                text: write(&document),
                rows: file,
                aliases: Vec::new(),
            });
        }
        let next = page.next;
        Ok(Page { items, next })
    }

    async fn export_templates(
        &self,
        tenant: i32,
        after: Option<&str>,
    ) -> Result<Page<Exported, String>, Error> {
        let (namespace, name, version) = after.and_then(parts).unwrap_or(("", "", ""));
        let after = (namespace, name, version);
        let sources = self.template_sources(tenant, after, PAGE_MAX).await?;
        let next = sources.last().map(|source| source.name.clone());
        let next = next.filter(|_| sources.len() >= PAGE_MAX as usize);
        let items = sources.into_iter().map(|source| Exported {
            kind: ExportKind::Template,
            name: source.name,
            text: template(&source.text),
            rows: None,
            aliases: source.aliases,
        });
        Ok(Page {
            items: items.collect(),
            next,
        })
    }

    /// A category that was not deleted; whether it has a row or not, for one of an older release may have none.
    async fn undeleted(
        &self,
        tenant: i32,
        name: &str,
    ) -> Result<Option<Option<CategoryView>>, Error> {
        match self.category(tenant, name).await {
            Ok(category) if category.deleted_at.is_some() => Ok(None),
            Ok(category) => Ok(Some(Some(category))),
            Err(Error::NotFound { .. }) => Ok(Some(None)),
            Err(error) => Err(error),
        }
    }

    /// The document of a category with the file of its rows, or without data where those come from elsewhere.
    async fn sourced(
        &self,
        document: Value,
        loaded: Option<CategoryView>,
        rows: bool,
    ) -> Result<(Value, Option<String>), Error> {
        let Some(category) = loaded.filter(|one| one.checksum.is_some()) else {
            return Ok((with_file(&document, None), None));
        };
        let origin = self.category_origin(category.id, category.version).await?;
        let stands_in_it = document.pointer("/data/items").is_some_and(|items| {
            // What was merged into others is not all of them.
            let merges = document.pointer("/data/mode").and_then(Value::as_str) == Some("merge");
            let listed = items.as_list().map_or(0, <[_]>::len);
            !(rows && merges) || i64::try_from(listed) == Ok(category.items)
        });
        if stands_in_it && origin.is_none_or(|origin| origin == DOCUMENT) {
            return Ok((document, None));
        }
        let file = rows.then(|| format!("{}.ndjson", category.name));
        Ok((with_file(&document, file.as_deref()), file))
    }
}

fn canonical(revision: &Revision) -> Result<Value, Error> {
    Value::parse(&revision.document).map_err(|error| Error::Unreadable {
        noun: "document",
        name: format!("{} {}", revision.kind, revision.name),
        message: error.to_string(),
    })
}

/// A category whose rows are in a file of this name, beside it; without one, whose document brings none.
fn with_file(document: &Value, file: Option<&str>) -> Value {
    let Some(map) = document.as_map() else {
        return document.clone();
    };
    let others = map.iter().filter(|(key, _)| &***key != "data");
    let mut members: Vec<_> = others
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(file) = file {
        let data = document.get("data").and_then(Value::as_map);
        let kept = data.into_iter().flat_map(|data| data.iter());
        let kept = kept.filter(|(key, _)| !matches!(&***key, "file" | "format" | "items"));
        let file = [("file".into(), Value::from(file))].into_iter();
        let data = file.chain(kept.map(|(key, value)| (key.clone(), value.clone())));
        members.push(("data".into(), Value::map(data)));
    }
    Value::map(members)
}

/// What an author wrote, without marks of documents around it; JSON becomes YAML.
fn template(source: &str) -> String {
    let trimmed = source.trim_start();
    if trimmed.starts_with('{')
        && let Ok(value) = Value::parse(trimmed)
    {
        return write(&value);
    }
    let is_said = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let first = source
        .lines()
        .position(|line| is_said(&line) && !line.starts_with("---"));
    let line = first.map_or(1, |index| u32::try_from(index + 1).unwrap_or(u32::MAX));
    part(source, line)
}

/// `namespace.name@version`
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (path, version) = name.split_once('@')?;
    let (namespace, name) = path.split_once('.')?;
    Some((namespace, name, version))
}
