//! What a job may ask for.
//!
//! Commands leave only after the turn that produced them is durable (`Execution::settle`).

use chrono::{DateTime, Utc};

use super::event::Activity;
use crate::document::step::{FunctionName, HttpOutput};
use crate::value::Value;

/// One thing that the shell should do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Run a step.
    Perform(Perform),
    /// Run one chunk of a `chunks` activity: read it, render its call with
    /// `Execution::render_chunk`, perform that, answer with `EventKind::Chunk`.
    PerformChunk {
        /// Which activity.
        activity: Activity,
        /// Which chunk, from 1.
        number: u32,
        /// Stable idempotency key of the chunk.
        key: String,
        /// When the activity's own deadline falls.
        due: Option<DateTime<Utc>>,
    },
    /// Stop a step: its result is not wanted any more.
    Stop {
        /// Which one.
        activity: Activity,
    },
}

/// A step to run.
#[derive(Clone, Debug)]
pub struct Perform {
    /// Which activity answers to it.
    pub activity: Activity,
    /// JSON pointer of the task.
    pub path: String,
    /// How often this path was entered, from 1.
    pub visit: u32,
    /// Retries before this try, from 0.
    pub attempt: u32,
    /// Stable idempotency key: job, nonce, path and visit.
    pub key: String,
    /// What to call, with every expression evaluated.
    pub call: Call,
    /// `metadata.windlass`, evaluated; most steps have none.
    pub settings: Option<Box<StepSettings>>,
    /// When the deadline of the step falls.
    pub due: Option<DateTime<Utc>>,
}

/// `metadata.windlass` of a step, evaluated when it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSettings {
    /// What places it: queue, priority, limits, cost, needs, heartbeat, running time and so on.
    pub placement: Option<Value>,
    /// Names what it does: at most one holder within the tenant.
    pub effect: Option<String>,
}

/// An evaluated call.
#[derive(Clone, Debug)]
pub enum Call {
    /// One HTTP request.
    Http(HttpRequest),
    /// A built-in function or a handler, with its input.
    Function {
        /// Which one.
        function: FunctionName,
        /// The evaluated `with`.
        input: Value,
    },
}

/// An evaluated HTTP request.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// Upper case.
    pub method: String,
    /// Placeholders filled.
    pub url: String,
    /// In document order.
    pub headers: Vec<(String, String)>,
    /// Appended to the URL's own query.
    pub query: Vec<(String, String)>,
    /// JSON body; text is sent as it is.
    pub body: Option<Value>,
    /// What the output is.
    pub output: HttpOutput,
    /// 3xx counts as success.
    pub redirect: bool,
    /// How it proves who sends it.
    pub authentication: Option<Box<Authentication>>,
}

/// How a request proves who sends it; secrets stand in it as markers or by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Authentication {
    /// `basic`, `bearer` or `oauth2`.
    pub scheme: String,
    /// What the scheme wants; null where a secret holds it.
    pub parameters: Value,
    /// Name of the secret that holds the parameters.
    pub secret: Option<String>,
}
