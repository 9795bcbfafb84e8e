//! The arena of a program: nodes in pre-order, with every place that reads data.
//!
//! Pre-order makes a subtree a range of numbers. Numbers live in memory only: state and journal say
//! pointers, so that another binary may number otherwise.

use std::sync::Arc;
use std::time::Duration;

use super::schema::Schema;
use super::target::OpenApiNode;
pub(crate) use super::target::Way;
use crate::document::event::{Mode, Read};
use crate::document::settings::{Compensate, Fate, OnUnknown};
use crate::document::step::{FunctionName, HttpOutput, Retry};
use crate::machine::row::ChildTemplate;
use crate::value::Value;

/// Number of a node in its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    /// The workflow itself: a list with input, output and deadline.
    pub(crate) const WORKFLOW: Self = Self(0);

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One task, lowered.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its address: the place of a function's task stands behind the address of whoever calls it, so that each call
    /// has its own.
    pub(crate) pointer: Arc<str>,
    /// Where the document says it.
    pub(crate) place: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) parent: Option<NodeId>,
    pub(crate) successor: Option<NodeId>,
    pub(crate) condition: Option<Site>,
    pub(crate) input: Inlet,
    pub(crate) output: Outlet,
    pub(crate) export: Outlet,
    pub(crate) deadline: Option<Span>,
    pub(crate) then: Next,
    pub(crate) settings: NodeSettings,
    pub(crate) kind: NodeKind,
}

/// `metadata.windlass`, lowered; the caller's over those of the functions that it calls.
#[derive(Debug, Default)]
pub(crate) struct NodeSettings {
    /// What places a step, as one map.
    pub(crate) placement: Option<Form>,
    /// A job of its own makes the call.
    pub(crate) is_placed: bool,
    pub(crate) parks: Option<bool>,
    pub(crate) effect: Option<EffectNode>,
    pub(crate) undo: Option<Target>,
    pub(crate) compensate: Option<Compensate>,
}

/// `effect`.
#[derive(Debug)]
pub(crate) struct EffectNode {
    pub(crate) key: Site,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) verify: Option<Target>,
}

/// What a node does.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Do {
        first: Option<NodeId>,
    },
    Set(Form),
    Call(Target),
    Function(FunctionNode),
    Chunks(Box<ChunksNode>),
    For(ForNode),
    Switch(Vec<CaseNode>),
    Try(Box<TryNode>),
    Raise(Form),
    Wait(Span),
    Fork(ForkNode),
    Listen(Box<ListenNode>),
    /// The attributes of the event.
    Emit(Form),
    Run(Box<RunNode>),
}

impl NodeKind {
    /// The word on timelines.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Do { .. } => "do",
            Self::Set(_) => "set",
            Self::Call(_) => "call",
            Self::Function(_) => "function",
            Self::Chunks(_) => "chunks",
            Self::For(_) => "for",
            Self::Switch(_) => "switch",
            Self::Try(_) => "try",
            Self::Raise(_) => "raise",
            Self::Wait(_) => "wait",
            Self::Fork(_) => "fork",
            Self::Listen(_) => "listen",
            Self::Emit(_) => "emit",
            Self::Run(_) => "run",
        }
    }

    /// Runs outside of the machine.
    pub(crate) const fn is_outside(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Chunks(_))
    }
}

/// A call with the functions of `use.functions` around it, outermost first (ruling 33).
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) layers: Vec<Layer>,
    pub(crate) leaf: Leaf,
}

/// One function around a call: `with` is its whole input.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) with: Form,
    pub(crate) input: Inlet,
    pub(crate) output: Outlet,
    pub(crate) deadline: Option<Span>,
}

/// A call of a function that is more than a call: its task, compiled for this call alone.
#[derive(Debug)]
pub(crate) struct FunctionNode {
    /// The function's whole input.
    pub(crate) with: Form,
    pub(crate) first: Option<NodeId>,
}

/// What leaves the machine in the end.
#[derive(Debug)]
pub(crate) enum Leaf {
    Http(Box<HttpNode>),
    OpenApi(Box<OpenApiNode>),
    Function {
        function: FunctionName,
        with: Form,
    },
    /// The job's input is the call, evaluated by the job that asks for it.
    Given,
}

/// `call: http`.
#[derive(Debug)]
pub(crate) struct HttpNode {
    pub(crate) method: String,
    pub(crate) endpoint: Form,
    pub(crate) headers: Option<Form>,
    pub(crate) query: Option<Form>,
    pub(crate) body: Option<Form>,
    pub(crate) output: HttpOutput,
    pub(crate) redirect: bool,
    pub(crate) authentication: Option<AuthenticationNode>,
}

/// How a request proves who sends it.
#[derive(Debug)]
pub(crate) struct AuthenticationNode {
    pub(crate) scheme: Arc<str>,
    pub(crate) parameters: Form,
    pub(crate) secret: Option<Arc<str>>,
}

/// `call: chunks:1.0.0@default`.
#[derive(Debug)]
pub(crate) struct ChunksNode {
    pub(crate) target: Target,
    pub(crate) parallel: Form,
    pub(crate) tolerate: Form,
}

/// `for`.
#[derive(Debug)]
pub(crate) struct ForNode {
    pub(crate) each: Arc<str>,
    pub(crate) at: Arc<str>,
    pub(crate) list: Site,
    pub(crate) condition: Option<Site>,
    pub(crate) first: Option<NodeId>,
}

/// One case of `switch`; the case without condition stands last (ruling 15).
#[derive(Debug)]
pub(crate) struct CaseNode {
    pub(crate) name: Arc<str>,
    pub(crate) when: Option<Site>,
    pub(crate) then: Next,
}

/// `try` with its `catch`.
#[derive(Debug)]
pub(crate) struct TryNode {
    pub(crate) first: Option<NodeId>,
    /// First node after the body: the body is a range of numbers.
    pub(crate) body_end: NodeId,
    pub(crate) errors: Vec<(String, Value)>,
    pub(crate) bind: Arc<str>,
    pub(crate) when: Option<Site>,
    pub(crate) except_when: Option<Site>,
    pub(crate) retry: Option<RetryNode>,
    pub(crate) handler: Option<NodeId>,
    pub(crate) then: Next,
}

/// `catch.retry`, with its places lowered.
#[derive(Debug)]
pub(crate) struct RetryNode {
    pub(crate) policy: Retry,
    pub(crate) when: Option<Site>,
    pub(crate) except_when: Option<Site>,
    pub(crate) delay: Span,
    pub(crate) attempt_duration: Option<Span>,
    pub(crate) duration: Option<Span>,
}

/// `fork`.
#[derive(Debug)]
pub(crate) struct ForkNode {
    pub(crate) branches: Vec<NodeId>,
    pub(crate) compete: bool,
}

/// `run.workflow`.
#[derive(Debug)]
pub(crate) struct RunNode {
    pub(crate) template: ChildTemplate,
    pub(crate) input: Option<Form>,
    pub(crate) is_awaited: bool,
    pub(crate) fate: Fate,
}

/// `listen`.
#[derive(Debug)]
pub(crate) struct ListenNode {
    pub(crate) mode: Mode,
    pub(crate) filters: Vec<FilterNode>,
    pub(crate) until: Option<UntilNode>,
    pub(crate) read: Read,
    pub(crate) foreach: Option<ForeachNode>,
}

/// One filter of events.
#[derive(Debug)]
pub(crate) struct FilterNode {
    pub(crate) with: Vec<(Arc<str>, Form)>,
    pub(crate) correlate: Vec<CorrelationNode>,
}

/// One correlation of a filter.
#[derive(Debug)]
pub(crate) struct CorrelationNode {
    pub(crate) name: Arc<str>,
    pub(crate) from: Site,
    pub(crate) expect: Option<Form>,
}

/// What ends an `any`.
#[derive(Debug)]
pub(crate) enum UntilNode {
    Condition(Site),
    Events {
        mode: Mode,
        filters: Vec<FilterNode>,
    },
}

/// `foreach` of a `listen`.
#[derive(Debug)]
pub(crate) struct ForeachNode {
    pub(crate) item: Arc<str>,
    pub(crate) at: Arc<str>,
    pub(crate) first: Option<NodeId>,
    pub(crate) output: Outlet,
    pub(crate) export: Outlet,
}

/// Where to go, with targets resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Next {
    #[default]
    Continue,
    Exit,
    End,
    Jump(NodeId),
}

/// `input`: schema on the raw value, then `from`.
#[derive(Debug, Default)]
pub(crate) struct Inlet {
    pub(crate) schema: Option<Schema>,
    pub(crate) from: Option<Form>,
}

/// `output` or `export`: `as`, then schema.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    pub(crate) shape: Option<Form>,
    pub(crate) schema: Option<Schema>,
}

/// A length of time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    Fixed(Duration),
    Computed(Site),
}

/// Number of an expression in the program's library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site(pub(crate) u32);

/// A value with expression leaves.
#[derive(Debug)]
pub(crate) enum Form {
    /// The value itself: a chunk handed to its function.
    Same,
    Constant(Value),
    Site(Site),
    List(Vec<Form>),
    Map(Vec<(Arc<str>, Form)>),
}

/// What one expression reads.
#[derive(Debug)]
pub(crate) struct SiteFacts {
    pub(crate) text: Arc<str>,
    pub(crate) pointer: Arc<str>,
    pub(crate) reads: Vec<Variable>,
    /// Its value may differ when the same job begins again.
    pub(crate) is_fickle: bool,
}

/// A variable that an expression names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Context,
    Input,
    Output,
    Task,
    Workflow,
    Runtime,
    Secrets,
    /// A loop's item or index, a caught error.
    Bound(Arc<str>),
}

impl Variable {
    /// Its name, without `$`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Context => "context",
            Self::Input => "input",
            Self::Output => "output",
            Self::Task => "task",
            Self::Workflow => "workflow",
            Self::Runtime => "runtime",
            Self::Secrets => "secrets",
            Self::Bound(name) => name,
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "context" => Self::Context,
            "input" => Self::Input,
            "output" => Self::Output,
            "task" => Self::Task,
            "workflow" => Self::Workflow,
            "runtime" => Self::Runtime,
            "secrets" => Self::Secrets,
            other => Self::Bound(Arc::from(other)),
        }
    }
}
