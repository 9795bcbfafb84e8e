//! What must hold before a template is published, beyond its form.
//!
//! The language's own schema accepts a great deal that cannot run: unknown targets, names used
//! twice, broken expressions, unregistered functions. Each check reads the typed template and
//! reports with the document's places; all problems come back at once.

mod abilities;
mod batches;
mod contexts;
mod defined;
mod doubts;
mod effects;
mod ends;
mod expressions;
mod flow;
mod functions;
mod names;
mod pins;
mod places;
mod references;
mod schedule;
mod schemas;
mod secrets;
pub(crate) mod walk;
mod warnings;

use std::collections::{BTreeSet, HashMap, HashSet};

pub use pins::{PinnedChild, pinned_children};
pub use warnings::warnings;

use crate::catalogue::Catalogue;
use crate::document::nearest;
use crate::document::parse;
use crate::document::step::{Expression, Template};
use crate::document::tree::{self, Format, Tree};
use crate::problem::{Problem, Problems};
use crate::resource::Resources;
use crate::value::Value;

/// Reads and checks a template from YAML or JSON that takes nothing from elsewhere.
///
/// # Errors
/// Every problem of the document, in the order of its lines.
pub fn publish(source: &str, catalogue: &Catalogue) -> Result<Template, Vec<Problem>> {
    publish_tree(&read(source)?, catalogue, &Resources::default())
}

/// Addresses of what a template takes from elsewhere and `resources` do not hold.
pub fn wanted(tree: &Tree, resources: &Resources) -> BTreeSet<String> {
    parse::wanted(tree, resources)
}

/// A template's text as a tree: JSON if it can be read so, else YAML.
///
/// # Errors
/// When it is neither.
pub fn read(source: &str) -> Result<Tree, Vec<Problem>> {
    let looks_like_json = source.trim_start().starts_with('{') && Value::parse(source).is_ok();
    let format = match looks_like_json {
        true => Format::Json,
        false => Format::Yaml,
    };
    tree::read_one(source, format)
}

/// Checks a template that was read as a tree, with what was read for it from elsewhere.
///
/// # Errors
/// Every problem of the document, in the order of its lines.
pub fn publish_tree(
    tree: &Tree,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Result<Template, Vec<Problem>> {
    let (template, problems, grafts) = parse::parse_with(tree, resources);
    let Some(template) = template else {
        return Err(problems.into_list());
    };
    // What others wrote is checked as if it stood here.
    let mut whole = tree.clone();
    for graft in grafts {
        let keys = ["use", "catalogs", &graft.catalogue, &graft.key];
        whole.graft(&keys, graft.tree);
    }
    let mut checker = Checker {
        tree: &whole,
        catalogue,
        functions: indexed(&template),
        secrets: template.secrets.iter().map(String::as_str).collect(),
        ends: ends::ends(&template, &whole),
        template: &template,
        problems,
    };
    // What is wrong with so many is said when there are fewer of them.
    if checker.has_too_many_tasks() {
        return Err(checker.problems.into_list());
    }
    checker.check_abilities();
    checker.check_names();
    checker.check_defined();
    checker.check_flow();
    checker.check_references();
    checker.check_functions();
    checker.check_pins();
    checker.check_schedule();
    checker.check_schemas();
    checker.check_secrets();
    checker.check_expressions();
    checker.problems.or(()).map(|()| template)
}

/// One template under check.
struct Checker<'a> {
    tree: &'a Tree,
    catalogue: &'a Catalogue,
    template: &'a Template,
    /// Names of `use.functions` and their order.
    functions: HashMap<&'a str, usize>,
    /// Names of `use.secrets`.
    secrets: HashSet<&'a str>,
    /// What functions come to, in their order.
    ends: Vec<Option<ends::End<'a>>>,
    problems: Problems,
}

fn indexed(template: &Template) -> HashMap<&str, usize> {
    let names = template.functions.iter().map(|(name, _)| name.as_str());
    names
        .enumerate()
        .map(|(index, name)| (name, index))
        .collect()
}

impl Checker<'_> {
    /// Reports at the value of a pointer.
    fn report(&mut self, code: &str, pointer: &str, message: String, hint: Option<String>) {
        if self.problems.is_full() {
            return self.problems.count();
        }
        let place = self.tree.place_of(pointer);
        let problem = place.problem(code, pointer, message);
        self.push(problem, hint);
    }

    /// Reports at the last key of a pointer.
    fn report_key(&mut self, code: &str, pointer: &str, message: String, hint: Option<String>) {
        if self.problems.is_full() {
            return self.problems.count();
        }
        let place = self.tree.key_place_of(pointer);
        let problem = place.problem(code, pointer, message);
        self.push(problem, hint);
    }

    /// Reports inside an expression, behind so many bytes of it, at the line on which that stands.
    fn report_in(
        &mut self,
        code: &str,
        (expression, offset): (&Expression, usize),
        message: String,
        hint: Option<String>,
    ) {
        if self.problems.is_full() {
            return self.problems.count();
        }
        let pointer = &expression.pointer;
        let found = self.tree.pointer(pointer).and_then(|tree| {
            let before = tree.as_str()?.find(&expression.text)?;
            Some(tree.place_at(before + offset))
        });
        let place = found.unwrap_or_else(|| self.tree.place_of(pointer));
        let problem = place.problem(code, pointer, message);
        self.push(problem, hint);
    }

    /// The name that was meant, unless there are problems enough.
    fn nearest<'n>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        match self.problems.is_full() {
            true => None,
            false => nearest::hint(name, candidates),
        }
    }

    fn push(&mut self, problem: Problem, hint: Option<String>) {
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }
}
