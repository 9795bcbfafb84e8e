//! Tree to `Template`: what each key means, and every problem at once.
//!
//! Reading never stops at a mistake: a broken piece is reported and replaced by a harmless one, so
//! that the checks that follow see the rest of the document. A template that came with problems is
//! never handed out. Whatever this release does not run is refused by a code of its own.

mod attempt;
mod borrowed;
mod call;
mod control;
mod data;
mod definitions;
mod demand;
mod events;
mod header;
mod openapi;
mod parallel;
mod secrets;
mod settings;
mod shape;
mod spot;
mod task;
mod trigger;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(crate) use borrowed::{CATALOGS, Graft};
pub use call::function_name;
pub use shape::unwrapped;

use self::borrowed::Catalog;
use self::spot::Spot;
use super::step::{Delay, Header, Retry, Shape, Task, Template};
use super::tree::Tree;
use crate::openapi::Document;
use crate::problem::{Problem, Problems};
use crate::resource::Resources;
use crate::value::Value;

/// What was read, if there was anything like a template, and what is wrong with it.
pub fn parse(tree: &Tree, resources: &Resources) -> (Option<Template>, Problems) {
    let (template, problems, _) = parse_with(tree, resources);
    (template, problems)
}

/// The same, with the functions of catalogues that it calls.
pub(crate) fn parse_with(
    tree: &Tree,
    resources: &Resources,
) -> (Option<Template>, Problems, Vec<Graft>) {
    let mut reader = Reader::over(resources);
    let template = reader.template(&Spot::root(tree));
    (template, reader.problems, reader.grafts)
}

/// Addresses of what the template takes from elsewhere and these do not hold.
pub fn wanted(tree: &Tree, resources: &Resources) -> BTreeSet<String> {
    let mut reader = Reader::over(resources);
    reader.template(&Spot::root(tree));
    reader.wanted
}

/// Reads a stored document again. It was checked when it was published, so nothing is checked here
/// and nothing is known of places.
///
/// # Errors
/// For a document that this release never published.
pub fn from_value(document: &Value, resources: &Resources) -> Result<Template, Vec<Problem>> {
    let (template, mut problems) = parse(&Tree::from_value(document), resources);
    let Some(template) = template else {
        problems.push(Problem::new("document.type", "", "this is no template"));
        return Err(problems.into_list());
    };
    problems.or(template)
}

/// Collects problems; knows the definitions of `use`.
#[derive(Default)]
struct Reader {
    problems: Problems,
    /// Names of `use.functions` and their order.
    functions: BTreeMap<String, usize>,
    retries: BTreeMap<String, Retry>,
    errors: BTreeMap<String, Shape>,
    timeouts: BTreeMap<String, Delay>,
    catalogs: Vec<Catalog>,
    /// How many functions `use.functions` has; those of catalogues follow.
    own_functions: usize,
    /// Functions of catalogues by their whole name; none while one is read.
    borrowed: Vec<(String, Option<Task>)>,
    grafts: Vec<Graft>,
    /// What stands elsewhere, as far as it was read.
    resources: Resources,
    /// Descriptions among it, read once.
    documents: HashMap<String, Arc<Document>>,
    /// What the template uses of it.
    pinned: Resources,
    /// What it wants that was not read.
    wanted: BTreeSet<String>,
}

const ROOT_KEYS: [&str; 8] = [
    "document", "input", "use", "do", "timeout", "output", "schedule", "evaluate",
];

impl Reader {
    fn over(resources: &Resources) -> Self {
        let resources = resources.clone();
        Self {
            resources,
            ..Self::default()
        }
    }

    fn template(&mut self, root: &Spot<'_>) -> Option<Template> {
        let fields = self.object(root, &ROOT_KEYS)?;
        let header = self.required(&fields, "document");
        let header = header.and_then(|spot| self.header(&spot));
        let definitions = fields.get("use").map(|spot| self.definitions(&spot));
        let definitions = definitions.unwrap_or_default();
        let schedule = fields.get("schedule").and_then(|spot| self.trigger(&spot));
        self.check_evaluate(&fields);
        let body = self.required(&fields, "do");
        let body = body.map(|spot| self.tasks(&spot)).unwrap_or_default();
        let borrowed = std::mem::take(&mut self.borrowed).into_iter();
        let borrowed = borrowed.filter_map(|(name, task)| Some((name, task?)));
        Some(Template {
            header: header.unwrap_or_else(nobody),
            input: fields
                .get("input")
                .map(|spot| self.input(&spot))
                .unwrap_or_default(),
            output: fields
                .get("output")
                .map(|spot| self.output(&spot))
                .unwrap_or_default(),
            timeout: fields.get("timeout").and_then(|spot| self.timeout(&spot)),
            body,
            functions: definitions.functions.into_iter().chain(borrowed).collect(),
            schedule,
            secrets: definitions.secrets,
            authentications: definitions.authentications,
            resources: std::mem::take(&mut self.pinned),
            document: root.tree.to_value(),
        })
    }

    /// `evaluate` may only say what holds anyway (ruling 32).
    fn check_evaluate(&mut self, fields: &Spot<'_>) {
        let Some(spot) = fields.get("evaluate") else {
            return;
        };
        let Some(fields) = self.object(&spot, &["mode", "language"]) else {
            return;
        };
        for (key, wanted, code) in [
            ("mode", "strict", "unsupported.evaluate.loose"),
            ("language", "jq", "unsupported.evaluate.language"),
        ] {
            let Some(spot) = fields.get(key) else {
                continue;
            };
            let Some(found) = self.text(&spot) else {
                continue;
            };
            if found != wanted {
                let message = format!("`{key}: {found}` is not supported");
                let hint = format!("leave it out: `{wanted}` is what holds");
                self.problems.push(spot.problem(code, message).hint(hint));
            }
        }
    }
}

/// Stands for a header that could not be read; problems were reported.
fn nobody() -> Header {
    Header {
        dsl: String::new(),
        namespace: String::new(),
        name: String::new(),
        version: semver::Version::new(0, 0, 0),
        title: None,
        settings: Default::default(),
    }
}
