//! From files to documents, with every problem of every file at once.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::document::{Content, Document, Kind};
use super::reference::{Reference, ReferenceKind};
use super::spot::{Fault, Spot};
use super::{calendar as days, category, connection, job, limit, purpose, webhook};
use crate::calendar;
use crate::document::tree::{self, Format, Tree};
use crate::problem::{Problem, Problems};
use crate::value::Value;

/// So many documents stand in one file.
const DOCUMENTS_MAX: usize = 1_000;

/// One file, or one body of a request.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// Its name; `.json` is read as JSON, anything else as YAML.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Reads every document of some files. `now` decides only whether a schedule still has slots.
///
/// # Errors
/// Every problem of every file, in the order of files and places.
pub fn read(files: &[SourceFile<'_>], now: DateTime<Utc>) -> Result<Vec<Document>, Vec<Problem>> {
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        match read_file(file, now) {
            Ok(read) => documents.extend(read),
            Err(found) => problems.extend(found.into_iter().map(|one| one.in_file(file.name))),
        }
    }
    problems.extend(repeated(&documents));
    if problems.is_empty() {
        Ok(documents)
    } else {
        Err(problems)
    }
}

/// Reads a stored canonical form back into its content. Time has no say here: what was valid once
/// stays readable.
///
/// # Errors
/// Every problem, if a later or foreign hand wrote the form.
pub fn restore(canonical: &Value) -> Result<Content, Vec<Problem>> {
    let tree = Tree::from_value(canonical);
    let problems = RefCell::default();
    let content = content(&spot(&tree, &problems));
    let problems = problems.into_inner();
    match content {
        Some(content) => problems.or(content),
        None => Err(problems.into_list()),
    }
}

fn read_file(file: &SourceFile<'_>, now: DateTime<Utc>) -> Result<Vec<Document>, Vec<Problem>> {
    let format = if file.name.ends_with(".json") {
        Format::Json
    } else {
        Format::Yaml
    };
    let trees = tree::read(file.text, format, true)?;
    if trees.len() > DOCUMENTS_MAX {
        let message = format!("a file holds at most {DOCUMENTS_MAX} documents");
        return Err(vec![Problem::new("configuration.too_many", "", message)]);
    }
    let problems = RefCell::default();
    let documents = trees
        .iter()
        .filter_map(|tree| read_document(file.name, tree, &problems, now))
        .collect();
    problems.into_inner().or(documents)
}

fn spot<'a>(tree: &'a Tree, problems: &'a RefCell<Problems>) -> Spot<'a> {
    Spot {
        tree,
        pointer: String::new(),
        problems,
    }
}

fn read_document(
    file: &str,
    tree: &Tree,
    problems: &RefCell<Problems>,
    now: DateTime<Utc>,
) -> Option<Document> {
    let spot = spot(tree, problems);
    let content = content(&spot)?;
    check_schedule(&spot, &content, now);
    Some(Document {
        file: file.to_owned(),
        place: tree.place,
        canonical: content.canonical(tree),
        references: references(&spot, content.kind()),
        content,
    })
}

fn content(spot: &Spot<'_>) -> Option<Content> {
    let (is_template, has_header) = (
        spot.get("document").is_some(),
        spot.get("windlass").is_some(),
    );
    if is_template == has_header {
        let fault = Fault::new("this is neither a template nor a configuration document");
        let hint = "begin with `document:` or with `windlass: v1`, not with both";
        spot.report("unknown_document", fault.hint(hint));
        return None;
    }
    if is_template {
        return Some(Content::Template(spot.tree.clone()));
    }
    spot.get("windlass")?.choice(&[("v1", ())]);
    configuration(spot, kind(spot)?)
}

fn kind(spot: &Spot<'_>) -> Option<Kind> {
    spot.need("kind")?
        .choice_or_later(&Kind::CONFIGURATION, &["Campaign"])
}

fn configuration(spot: &Spot<'_>, kind: Kind) -> Option<Content> {
    let check = |spec: &super::spec::Spec| spec.check(spot.tree, "", spot.problems);
    match kind {
        Kind::Template => None,
        Kind::Purpose => {
            check(&purpose::SPEC);
            purpose::read(spot).map(Content::Purpose)
        }
        Kind::Category => {
            check(&category::SPEC);
            category::read(spot).map(Content::Category)
        }
        Kind::JobConfiguration => {
            check(&job::SPEC);
            let job = job::read(spot).map(Box::new);
            job.map(Content::JobConfiguration)
        }
        Kind::Connection => {
            let kind = connection::read_type(spot)?;
            check(match kind {
                connection::Type::Postgres => &connection::POSTGRES,
                connection::Type::Http => &connection::HTTP,
                connection::Type::Generate => &connection::GENERATE,
                connection::Type::Analyse => &connection::ANALYSE,
                connection::Type::Channel => &connection::CHANNEL,
            });
            connection::read(spot, kind).map(Content::Connection)
        }
        Kind::Limit => {
            check(&limit::SPEC);
            limit::read(spot).map(Content::Limit)
        }
        Kind::Calendar => {
            check(&days::SPEC);
            days::read(spot).map(Content::Calendar)
        }
        Kind::Webhook => {
            check(&webhook::SPEC);
            webhook::read(spot).map(Content::Webhook)
        }
    }
}

fn check_schedule(spot: &Spot<'_>, content: &Content, now: DateTime<Utc>) {
    let Content::JobConfiguration(job) = content else {
        return;
    };
    let (Some(schedule), Some(spot)) = (&job.schedule, spot.get("schedule")) else {
        return;
    };
    // What its days make of it is asked where they are known: by whoever stores it.
    if schedule.calendar.is_some() {
        return;
    }
    for problem in calendar::check(schedule, None, now) {
        spot.report(problem.code, Fault(problem.message, problem.hint));
    }
}

fn references(spot: &Spot<'_>, kind: Kind) -> Vec<Reference> {
    let template = || Reference::at(spot.get("template"), ReferenceKind::Template);
    let found = match kind {
        Kind::Category | Kind::Connection | Kind::Calendar | Kind::Webhook => vec![],
        Kind::Template => {
            let header = spot.get("document").and_then(|one| one.get("metadata"));
            let ours = header.and_then(|one| one.get("windlass"));
            let purpose = ours.and_then(|one| one.get("purpose"));
            vec![Reference::at(purpose, ReferenceKind::Purpose)]
        }
        Kind::Purpose => vec![template()],
        Kind::Limit => {
            let scope = spot.get("scope");
            let part = |key| scope.as_ref().and_then(|scope| scope.get(key));
            vec![
                Reference::at(part("purpose"), ReferenceKind::Purpose),
                Reference::at(part("template"), ReferenceKind::Template),
            ]
        }
        Kind::JobConfiguration => {
            let calendar = spot.get("schedule").and_then(|one| one.get("calendar"));
            let selection = spot.get("selection");
            let part = |key| selection.as_ref().and_then(|one| one.get(key));
            let outside = part("query").or(part("http"));
            let connection = outside.and_then(|one| one.get("connection"));
            vec![
                Reference::at(spot.get("purpose"), ReferenceKind::Purpose),
                template(),
                Reference::at(part("category"), ReferenceKind::Category),
                Reference::at(connection, ReferenceKind::Connection),
                Reference::at(calendar, ReferenceKind::Calendar),
            ]
        }
    };
    let limits = match kind {
        Kind::Purpose | Kind::JobConfiguration => Reference::each_limit(spot),
        _ => Vec::new(),
    };
    let callbacks = match kind {
        Kind::JobConfiguration => Reference::each_callback(spot),
        _ => Vec::new(),
    };
    let found = found.into_iter().flatten();
    found.chain(limits).chain(callbacks).collect()
}

/// Two documents of one kind and name: which of them is meant?
fn repeated(documents: &[Document]) -> Vec<Problem> {
    let mut seen: HashMap<(Kind, String), &Document> = HashMap::new();
    let mut problems = Vec::new();
    for document in documents {
        let (kind, name) = (document.kind(), document.name());
        if let Some(first) = seen.get(&(kind, name.clone())) {
            let message = format!("{} `{name}` stands here twice", kind.as_str());
            let hint = format!("the first is in {}, line {}", first.file, first.place.line);
            let problem = document
                .place
                .problem("configuration.repeated", "", message);
            problems.push(problem.hint(hint).in_file(&document.file));
        } else {
            seen.insert((kind, name), document);
        }
    }
    problems
}
