//! The checked form of a document: what its author wrote, typed, before it is lowered to a program.
//!
//! Every node keeps its JSON pointer, because pointers are how the standard, the journal and every
//! report name a step. Numbers of nodes exist only inside a `Program`.

use std::sync::Arc;
use std::time::Duration;

use super::event::{Listen, Trigger};
use super::settings::{DocumentSettings, Settings};
use crate::openapi::Operation;
use crate::resource::Resources;
use crate::value::Value;

/// A template as its author wrote it, typed and checked.
#[derive(Clone, Debug)]
pub struct Template {
    /// Namespace, name, version, title.
    pub header: Header,
    /// `input` of the workflow: schema and `from`.
    pub input: Input,
    /// `output` of the workflow: `as` and schema.
    pub output: Output,
    /// The top-level list.
    pub body: Vec<Task>,
    /// Named functions of `use.functions`, in document order.
    pub functions: Vec<(String, Task)>,
    /// `timeout` of the whole workflow.
    pub timeout: Option<Delay>,
    /// `schedule`: what starts its jobs by itself.
    pub schedule: Option<Trigger>,
    /// Names of `use.secrets`.
    pub secrets: Vec<String>,
    /// Named policies of `use.authentications`.
    pub authentications: Vec<(String, Authentication)>,
    /// What it uses of documents that stand elsewhere.
    pub resources: Resources,
    /// The canonical document; its hash identifies the version.
    pub document: Value,
}

/// What names a template version.
#[derive(Clone, Debug)]
pub struct Header {
    /// The language version that the document asks for, `1.0.x`.
    pub dsl: String,
    /// Namespace, shaped like a DNS label.
    pub namespace: String,
    /// Name, shaped like a DNS label.
    pub name: String,
    /// Semantic version.
    pub version: semver::Version,
    /// For people.
    pub title: Option<String>,
    /// `metadata.windlass`.
    pub settings: DocumentSettings,
}

/// One task of a list.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its key in the list.
    pub name: String,
    /// JSON pointer of the task's body, such as `/do/0/classify`.
    pub pointer: String,
    /// `if`, asked before all else.
    pub condition: Option<Expression>,
    /// `input.schema`, `input.from`.
    pub input: Input,
    /// `output.as`, `output.schema`.
    pub output: Output,
    /// `export.as`, `export.schema`.
    pub export: Output,
    /// `timeout`, resolved from its name if it had one.
    pub timeout: Option<Delay>,
    /// `then`.
    pub then: Directive,
    /// `metadata.windlass`.
    pub settings: Settings,
    /// What the task does.
    pub kind: Kind,
}

/// `input` of a task or workflow.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// JSON Schema.
    pub schema: Option<Value>,
    /// `from`.
    pub from: Option<Shape>,
}

/// `output` or `export` of a task or workflow.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// JSON Schema.
    pub schema: Option<Value>,
    /// `as`.
    pub shape: Option<Shape>,
}

/// The kinds of task that this release runs.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A list run in order.
    Do(Vec<Task>),
    /// Replaces the data.
    Set(Shape),
    /// An HTTP request.
    Http(HttpCall),
    /// An HTTP request by a description of the service.
    OpenApi(Box<OpenApiCall>),
    /// `call: name` where `name` is in `use.functions` (index into `Template::functions`).
    Local {
        /// Index into `Template::functions`.
        function: usize,
        /// `with`, a map.
        with: Shape,
    },
    /// `call: name:version@default`: a built-in function or a worker's handler.
    Function {
        /// Which one.
        function: FunctionName,
        /// `with`, a map.
        with: Shape,
    },
    /// A sequential loop.
    For(For),
    /// Picks a directive.
    Switch(Vec<Case>),
    /// Tries a list; catches, retries, handles.
    Try(Box<Try>),
    /// Raises an error.
    Raise(Fault),
    /// A durable timer.
    Wait(Delay),
    /// Branches side by side.
    Fork(Fork),
    /// Takes events.
    Listen(Box<Listen>),
    /// Publishes an event: a map of its attributes.
    Emit(Shape),
    /// Starts a job of its own.
    Run(Box<Run>),
}

/// `fork`.
#[derive(Clone, Debug)]
pub struct Fork {
    /// In declared order.
    pub branches: Vec<Task>,
    /// The first one done wins.
    pub compete: bool,
}

/// `run.workflow`.
#[derive(Clone, Debug)]
pub struct Run {
    /// Namespace of the template.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A version, or `latest`.
    pub version: String,
    /// A map; the task's input unless given.
    pub input: Option<Shape>,
    /// Its end is waited for.
    pub is_awaited: bool,
}

/// How a request proves who sends it. Values of secrets never stand here.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// A name of `use.authentications`.
    Named(String),
    /// The scheme, and its parameters with expressions or the name of a secret that holds them.
    Policy {
        /// `basic`, `bearer`, `oauth2`.
        scheme: String,
        /// What the scheme wants.
        parameters: Shape,
        /// The secret that holds them instead.
        secret: Option<String>,
    },
}

/// A function of the default catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionName {
    /// Such as `analyse`.
    pub name: String,
    /// Such as `1.0.0`.
    pub version: String,
}

/// `call: http`.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// Upper case.
    pub method: String,
    /// URI template text, or an expression giving it.
    pub endpoint: Shape,
    /// A map of text values.
    pub headers: Option<Shape>,
    /// A map of text values.
    pub query: Option<Shape>,
    /// Any value.
    pub body: Option<Shape>,
    /// What the task's output is.
    pub output: HttpOutput,
    /// 3xx counts as success.
    pub redirect: bool,
    /// How it proves who sends it.
    pub authentication: Option<Authentication>,
}

/// `call: openapi`.
#[derive(Clone, Debug)]
pub struct OpenApiCall {
    /// What is called, as it was found in the document.
    pub operation: Arc<Operation>,
    /// A map by name.
    pub parameters: Shape,
    /// What the task's output is.
    pub output: HttpOutput,
    /// 3xx counts as success.
    pub redirect: bool,
    /// How it proves who sends it.
    pub authentication: Option<Authentication>,
}

/// `output` of `call: http` and `call: openapi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpOutput {
    /// Decoded JSON, or text.
    #[default]
    Content,
    /// Base64.
    Raw,
    /// Request, status, headers and content.
    Response,
}

/// `for`.
#[derive(Clone, Debug)]
pub struct For {
    /// Name of the item's variable, without `$`.
    pub each: String,
    /// Name of the index variable, without `$`.
    pub at: String,
    /// The list.
    pub list: Expression,
    /// Asked before every iteration.
    pub condition: Option<Expression>,
    /// The body.
    pub body: Vec<Task>,
}

/// One case of `switch`; the default case has no condition.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its key.
    pub name: String,
    /// `when`.
    pub when: Option<Expression>,
    /// `then`.
    pub then: Directive,
}

/// `try` with its `catch`.
#[derive(Clone, Debug)]
pub struct Try {
    /// The tried list.
    pub body: Vec<Task>,
    /// Members of `catch.errors.with`, all of which must be equal.
    pub errors: Vec<(String, Value)>,
    /// Name that binds the error, without `$`; `error` unless given.
    pub bind: String,
    /// `catch.when`.
    pub when: Option<Expression>,
    /// `catch.exceptWhen`.
    pub except_when: Option<Expression>,
    /// `catch.retry`, resolved from its name if it had one.
    pub retry: Option<Retry>,
    /// `catch.do`.
    pub handler: Option<Vec<Task>>,
    /// `catch.then`, applied after a handled error.
    pub then: Directive,
    /// Pointer of `catch`.
    pub pointer: String,
}

/// A retry policy (ruling 21).
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// `when`.
    pub when: Option<Expression>,
    /// `exceptWhen`.
    pub except_when: Option<Expression>,
    /// `delay`; zero unless given.
    pub delay: Delay,
    /// How the delay grows.
    pub backoff: Backoff,
    /// Retries after the first try; no limit unless given.
    pub count: Option<u32>,
    /// A timeout on each try.
    pub attempt_duration: Option<Delay>,
    /// Counts from the first try.
    pub duration: Option<Delay>,
    /// Uniform jitter, added.
    pub jitter: Option<(Duration, Duration)>,
}

/// How a retry's delay grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Backoff {
    /// d
    #[default]
    Constant,
    /// d · n
    Linear,
    /// d · factor^(n − 1), at most `max`
    Exponential {
        /// 2 unless given.
        factor: f64,
        /// `maxDelay`.
        max: Option<Duration>,
    },
}

/// `raise`: the members of a problem; `status` and `type` are required by check.
#[derive(Clone, Debug)]
pub struct Fault {
    /// A map of `type`, `status`, `title`, `detail`, `instance`.
    pub error: Shape,
}

/// A length of time, fixed or computed.
#[derive(Clone, Debug)]
pub enum Delay {
    /// Known at publish.
    Fixed(Duration),
    /// Gives ISO 8601 text.
    Computed(Expression),
}

/// No time at all.
impl Default for Delay {
    fn default() -> Delay {
        Delay::Fixed(Duration::ZERO)
    }
}

/// Where to go next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    /// The next task of the list.
    #[default]
    Continue,
    /// Leaves the list it stands in.
    Exit,
    /// Ends the job as completed.
    End,
    /// A task of the same list.
    Jump(String),
}

/// A jq expression, without its `${ }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// jq.
    pub text: String,
    /// Where it stands.
    pub pointer: String,
}

/// A value with expression leaves; keys are never expressions (ruling 3).
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A value without expressions.
    Constant(Value),
    /// A `${ }` leaf, or a place where the bare string is jq (ruling 1).
    Expression(Expression),
    /// A list.
    List(Vec<Shape>),
    /// A map, in document order.
    Map(Vec<(String, Shape)>),
}
