//! A checked template, lowered: an arena of nodes in pre-order and one library of expressions.
//!
//! Each binary rebuilds programs from bundles; no program format exists. Building checks nothing:
//! what was published once builds for ever, and where it does not, the job parks.

mod entry;
mod events;
mod lower;
mod memory;
pub(crate) mod node;
mod place;
mod placed;
mod schema;
mod settings;
mod stage;
mod target;
mod trigger;

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub(crate) use entry::ENTRY;
pub use entry::{calls, part_name};
pub(crate) use memory::DEADLINE_MAX;
pub use memory::Memory;
pub(crate) use node::{Node, NodeId, NodeKind, Site, SiteFacts};
pub(crate) use placed::{OF_CALLS, calls_tasks, has_tasks, is_step, place};
pub use placed::{costed, leaf, placed};
pub use stage::Stages;

use crate::document::parse;
use crate::document::settings::Lifecycle;
use crate::document::step::Template;
use crate::expression::Library;
use crate::problem::Problem;
use crate::resource::Resources;
use crate::value::{ParseError, Value};

/// The meaning that this binary gives to templates. Raised when a change would alter old jobs. What an earlier binary does not
/// build, such as functions of several tasks, raises nothing: it parks jobs of such a template as `program_unbuildable`, and
/// with a higher number it would park those of every template that is published from then on.
pub const SEMANTICS: u16 = 1;

/// Functions around one call (ruling 33).
pub const LAYERS_MAX: usize = 8;

/// What is stored of a published version: all that building needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The canonical document, with all that publish resolved.
    pub document: Value,
    /// The meaning under which it was published.
    pub semantics: u16,
    /// What was read from elsewhere when it was published.
    pub resources: Resources,
    /// What is done of the document, for a part of a template: the one call of that name, or the call of the task
    /// at that pointer.
    pub entry: Option<String>,
}

impl Bundle {
    /// A bundle of this binary's meaning.
    pub fn new(document: Value) -> Self {
        Self {
            document,
            semantics: SEMANTICS,
            resources: Resources::default(),
            entry: None,
        }
    }

    /// The same document, of which one call is made: see [`calls`] and [`placed`].
    pub fn entered(self, call: &str) -> Self {
        Self {
            entry: Some(call.to_owned()),
            ..self
        }
    }

    /// The bundle of a checked template.
    pub fn of(template: &Template) -> Self {
        Self {
            resources: template.resources.clone(),
            ..Self::new(template.document.clone())
        }
    }

    /// The schema of the job's input, if it has one.
    pub fn input_schema(&self) -> Option<Value> {
        let schema = self.document.pointer("/input/schema")?;
        if let Some(inline) = schema.get("document") {
            return Some(inline.clone());
        }
        let endpoint = schema.pointer("/resource/endpoint")?;
        let url = endpoint.get("uri").unwrap_or(endpoint).as_str()?;
        let (_, schema) = self.resources.schema(url)?.ok()?;
        Some(schema)
    }

    /// JSON text, as it is stored.
    pub fn to_json(&self) -> String {
        let resources = match self.resources.is_empty() {
            true => String::new(),
            false => format!(",\"resources\":{}", self.resources.to_value().to_json()),
        };
        let entry = self.entry.as_deref().map(Value::text);
        let entry = entry.map(|call| format!("\"entry\":{},", call.to_json()));
        format!(
            "{{\"semantics\":{},{}\"document\":{}{resources}}}",
            self.semantics,
            entry.unwrap_or_default(),
            self.document.to_json()
        )
    }

    /// Reads what `to_json` wrote.
    ///
    /// # Errors
    /// `Unbuildable::Bundle` if the text is no bundle.
    pub fn from_json(text: &str) -> Result<Self, Unbuildable> {
        // The envelope adds one level to a document that may be 64 deep, and three to a schema that was read.
        let whole = Value::parse_within(text, 67)?;
        let semantics = whole
            .get("semantics")
            .and_then(Value::as_u64)
            .and_then(|number| u16::try_from(number).ok());
        match (whole.get("document"), semantics) {
            (Some(document), Some(semantics)) => Ok(Self {
                document: document.clone(),
                semantics,
                resources: Resources::from_value(whole.get("resources")),
                entry: whole
                    .get("entry")
                    .and_then(Value::as_str)
                    .map(ToOwned::to_owned),
            }),
            _ => Err(Unbuildable::Envelope),
        }
    }
}

/// Why a stored version cannot run in this binary. The job parks as `program_unbuildable`.
#[derive(Debug, thiserror::Error)]
pub enum Unbuildable {
    /// The bundle's text is no JSON.
    #[error("the bundle cannot be read")]
    Bundle(#[from] ParseError),
    /// The bundle lacks its document or its semantics.
    #[error("the bundle lacks `document` or `semantics`")]
    Envelope,
    /// Published under a meaning that this binary does not know.
    #[error("published under semantics {actual}, this binary knows 1 to {limit}")]
    Semantics {
        /// Of the bundle.
        actual: u16,
        /// Of this binary.
        limit: u16,
    },
    /// The document no longer passes the reader.
    #[error("the document has {} problems, the first at {pointer}: {message}", .count)]
    Document {
        /// How many.
        count: usize,
        /// Where the first stands.
        pointer: String,
        /// What the first says.
        message: String,
    },
    /// A place cannot be lowered.
    #[error("{pointer}: {message}")]
    Place {
        /// Where.
        pointer: String,
        /// Why.
        message: String,
    },
}

impl Unbuildable {
    fn of(problems: &[Problem]) -> Self {
        let first = problems.first();
        Self::Document {
            count: problems.len(),
            pointer: first.map_or_else(String::new, |first| first.pointer.clone()),
            message: first.map_or_else(String::new, |first| first.message.clone()),
        }
    }

    /// Stable word for reports.
    pub const fn code(&self) -> &'static str {
        "program_unbuildable"
    }
}

/// A template version, ready to run. Cheap to share behind an `Arc`.
pub struct Program {
    pub(crate) nodes: Vec<Node>,
    pub(crate) sites: Vec<SiteFacts>,
    pub(crate) library: Library,
    pub(crate) document: Value,
    pub(crate) hash: Arc<str>,
    pub(crate) semantics: u16,
    /// `metadata.windlass.deadline`: counts from the submission on.
    pub(crate) deadline: Option<node::Span>,
    /// `metadata.windlass.lifecycle`: what its jobs publish of themselves.
    pub(crate) lifecycle: Lifecycle,
    /// `use.secrets`.
    pub(crate) secrets: Vec<String>,
    /// Its jobs make the calls that other jobs' steps ask for.
    pub(crate) is_step: bool,
    numbers: HashMap<Arc<str>, NodeId>,
    memory: Memory,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Program({}, {} nodes)",
            self.hash,
            self.nodes.len()
        )
    }
}

impl Program {
    /// Builds a published version.
    ///
    /// # Errors
    /// `Unbuildable` if this binary cannot run the bundle; it never happens to what publish accepted.
    pub fn build(bundle: &Bundle) -> Result<Self, Unbuildable> {
        if bundle.semantics == 0 || bundle.semantics > SEMANTICS {
            return Err(Unbuildable::Semantics {
                actual: bundle.semantics,
                limit: SEMANTICS,
            });
        }
        let template = parse::from_value(&bundle.document, &bundle.resources)
            .map_err(|problems| Unbuildable::of(&problems))?;
        match bundle.entry.as_deref() {
            Some(pointer) if pointer.starts_with('/') => Self::of_step(template, pointer),
            Some(call) => Ok(Self::of(&entry::entered(template, call)?)?.unplaced()),
            None => Self::of(&template),
        }
    }

    /// What makes the call that its input is, as the task at that pointer says.
    fn of_step(template: Template, pointer: &str) -> Result<Self, Unbuildable> {
        let entered = placed::entered(template, pointer);
        let entered =
            entered.ok_or_else(|| place::refused(pointer, "no placed call stands there"))?;
        let mut lowered = lower::lower(&entered)?;
        placed::make_given(&mut lowered);
        Ok(Self {
            is_step: true,
            ..Self::lowered(&entered, lowered)
        })
    }

    /// The same, with every call made by the job itself.
    pub fn unplaced(mut self) -> Self {
        let nodes = self.nodes.iter_mut();
        nodes.for_each(|node| node.settings.is_placed = false);
        if self.deadline.is_none() && self.lifecycle == Lifecycle::None {
            self.memory = memory::judge(&self.nodes, &self.sites);
        }
        self
    }

    /// Builds a checked template.
    ///
    /// # Errors
    /// `Unbuildable::Place` where a place cannot be lowered.
    pub fn of(template: &Template) -> Result<Self, Unbuildable> {
        Ok(Self::lowered(template, lower::lower(template)?))
    }

    fn lowered(template: &Template, lowered: lower::Lowered) -> Self {
        let lifecycle = template.header.settings.lifecycle;
        let memory = match (&lowered.deadline, lifecycle) {
            (Some(_), _) => Memory::Journaled("deadline of the job"),
            (_, Lifecycle::Workflow | Lifecycle::Task) => Memory::Journaled("lifecycle events"),
            (None, Lifecycle::None) => memory::judge(&lowered.nodes, &lowered.sites),
        };
        let numbers = lowered
            .nodes
            .iter()
            .zip(0..)
            .map(|(node, number)| (node.pointer.clone(), NodeId(number)));
        let hash = Sha256::digest(template.document.to_json().as_bytes());
        Self {
            numbers: numbers.collect(),
            nodes: lowered.nodes,
            sites: lowered.sites,
            library: lowered.library,
            document: template.document.clone(),
            hash: Arc::from(hex::encode(hash)),
            semantics: SEMANTICS,
            deadline: lowered.deadline,
            lifecycle,
            secrets: template.secrets.clone(),
            is_step: false,
            memory,
        }
    }

    /// Whether its jobs keep a journal from their first turn on.
    pub const fn memory(&self) -> Memory {
        self.memory
    }

    /// Whether its jobs make the calls of other jobs' steps.
    pub const fn is_step(&self) -> bool {
        self.is_step
    }

    /// Whether its jobs work through chunks.
    pub fn reads_chunks(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.any(|node| matches!(node.kind, NodeKind::Chunks(_)))
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn site(&self, site: Site) -> &SiteFacts {
        &self.sites[site.0 as usize]
    }

    /// The node that a stored pointer names.
    pub(crate) fn numbered(&self, pointer: &str) -> Option<NodeId> {
        self.numbers.get(pointer).copied()
    }
}
