//! Performs one evaluated call: HTTP, a built-in function, or a handler of the catalogue.
//!
//! Every call is bounded twice, from outside by the step's deadline and the driver's stop, from
//! inside by its own timeout and size. Nothing is retried here: retry is the template's.

mod analyse;
mod answer;
mod authentication;
mod failure;
mod fetch;
mod generate;
pub(crate) mod handler;
mod http;
mod message;
mod page;
mod proof;
mod reveal;
mod token;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use windlass_workflows::catalogue::{APPROVAL, MESSAGE};
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::secret::Marks;
use windlass_workflows::schema::Schema;
use windlass_workflows::value::Value;

pub(crate) use self::answer::retry_after;
pub use self::failure::{StepFailure, Verdict};
pub use self::fetch::Fetcher;
pub(crate) use self::handler::Handler;
pub(crate) use self::http::parse_url;
use self::message::Paces;
pub(crate) use self::page::passes;
use self::reveal::Revealed;
use self::token::Tokens;
pub(crate) use self::wire::{Incoming, Outgoing, Wire};
use crate::breaker::BreakerOptions;
use crate::catalogue::Catalogue;
use crate::connection::{Connections, References};
use crate::egress::{EgressRules, Lookup, SystemLookup};
use crate::secret::Secrets;

/// Largest response body, decompressed (reliability S21).
pub const RESPONSE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How long one HTTP exchange may take where nothing else is said.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// Problems of a wrong answer that are told.
const PROBLEMS_MAX: usize = 5;

/// How a performer meets the world.
pub struct PerformerOptions {
    /// Which addresses a call may reach.
    pub egress: EgressRules,
    /// Largest response body, decompressed.
    pub response_bytes_max: usize,
    /// How long one HTTP exchange may take where nothing else is said.
    pub default_timeout: Duration,
    /// When calls to a failing host are held back.
    pub breaker: BreakerOptions,
    /// What `{ env: NAME }` of a connection may read.
    pub references: References,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for PerformerOptions {
    fn default() -> Self {
        Self {
            egress: EgressRules::default(),
            response_bytes_max: RESPONSE_BYTES_MAX,
            default_timeout: TIMEOUT_DEFAULT,
            breaker: BreakerOptions::default(),
            references: References::default(),
            lookup: Arc::new(SystemLookup),
        }
    }
}

/// What a call needs to know about the step it stands in.
#[derive(Clone, Debug)]
pub struct StepContext {
    /// Which job.
    pub job_id: i64,
    /// The claim under which the job is leased: what it records is believed under this name only.
    pub claim: Uuid,
    /// Whose job.
    pub tenant: i32,
    /// JSON pointer of the task.
    pub path: String,
    /// Retries before this try, from 0.
    pub attempt: u32,
    /// Sent as `Idempotency-Key`: the same for every try of one visit.
    pub key: String,
    /// Whom or what the step is about, as its template says.
    pub subject: Option<String>,
    /// How the markers of its secrets are told from text, if its template names secrets.
    pub marks: Option<Arc<Marks>>,
    /// How long this try may run, once it runs.
    pub run_time: Option<Duration>,
    /// When the step's deadline falls.
    pub deadline: Option<Instant>,
    /// Cancelled when the result is not wanted any more.
    pub stop: CancellationToken,
    /// Set when the call begins, where its step has an effect: from then on nobody knows whether it happened
    /// until it ends.
    pub begun: Option<Arc<AtomicBool>>,
}

impl StepContext {
    /// The call begins.
    pub(crate) fn begins(&self) {
        if let Some(begun) = &self.begun {
            begun.store(true, Ordering::Relaxed);
        }
    }
}

/// The performer could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built: are there root certificates on this machine?")]
pub struct PerformerError(#[from] reqwest::Error);

/// Performs calls. Cheap to clone; one per process, because breakers and connections are shared.
#[derive(Clone)]
pub struct Performer {
    inner: Arc<Inner>,
}

struct Inner {
    wire: Wire,
    default_timeout: Duration,
    references: References,
    connections: Arc<dyn Connections>,
    secrets: Secrets,
    tokens: Tokens,
    paces: Paces,
    catalogue: Catalogue,
    builtin: windlass_workflows::catalogue::Catalogue,
}

impl Performer {
    /// A performer over these connections, secrets and handlers.
    pub fn new(
        options: PerformerOptions,
        connections: Arc<dyn Connections>,
        secrets: Secrets,
        catalogue: Catalogue,
    ) -> Result<Self, PerformerError> {
        let PerformerOptions {
            egress,
            response_bytes_max,
            default_timeout,
            breaker,
            references,
            lookup,
        } = options;
        let wire = Wire::new(egress, lookup, breaker, response_bytes_max)?;
        let inner = Inner {
            wire,
            default_timeout,
            references,
            connections,
            secrets,
            tokens: Tokens::default(),
            paces: Paces::default(),
            catalogue,
            builtin: windlass_workflows::catalogue::Catalogue::builtin(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The handlers it calls.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// The run of a handler of this process, not begun; nothing for any other call, or where secrets must be
    /// read first.
    pub(crate) fn handler(&self, call: &Call, context: &StepContext) -> Option<Handler> {
        let Call::Function { function, input } = call else {
            return None;
        };
        let catalogue = &self.inner.catalogue;
        let is_handler = Builtin::of(function).is_none()
            && catalogue.contains(function)
            && context.marks.is_none();
        is_handler.then(|| handler::begin(catalogue, function, input, context))
    }

    /// Why a function of ours does not take this, if it does not.
    pub(crate) fn refusal(&self, function: &FunctionName, input: &Value) -> Option<Fault> {
        let schema = self.inner.builtin.schema(function);
        let said = unfit(schema, input)?;
        let FunctionName { name, version } = function;
        let title = format!("{name}:{version} does not take this: {said}");
        Some(Fault::standard("validation", 400, title))
    }

    /// Performs `call` and gives its raw output.
    ///
    /// # Cancel safety
    /// Dropped, or stopped through `context.stop`, it ends the request or handler under way; the
    /// other side may have acted all the same, which is what the idempotency key is for.
    pub async fn perform(&self, call: &Call, context: &StepContext) -> Result<Value, StepFailure> {
        bounded(self.inner.dispatch(call, context), context).await
    }
}

/// Waits for the answer of a step, for its stop, or for its deadline.
pub(crate) async fn bounded(
    answer: impl Future<Output = Result<Value, StepFailure>>,
    context: &StepContext,
) -> Result<Value, StepFailure> {
    if context.stop.is_cancelled() {
        return Err(StepFailure::interrupted());
    }
    let runs_until = context.run_time.map(|length| Instant::now() + length);
    // The call first: one that ends at its first poll never registers for the other two.
    tokio::select! {
        biased;
        answer = answer => answer,
        () = context.stop.cancelled() => Err(StepFailure::interrupted()),
        () = passed(context.deadline) => Err(StepFailure::timeout("the step's deadline passed")),
        () = passed(runs_until) => Err(StepFailure::timeout("the step ran longer than its `runTime`")),
    }
}

/// Functions that every worker has.
#[derive(Clone, Copy)]
enum Builtin {
    Analyse,
    /// No step at all: a row of the job's turn.
    Approval,
    Generate,
    Message,
}

impl Builtin {
    fn of(function: &FunctionName) -> Option<Self> {
        match (function.name.as_str(), function.version.as_str()) {
            ("analyse", "1.0.0") => Some(Self::Analyse),
            (APPROVAL, "1.0.0") => Some(Self::Approval),
            ("generate", "1.0.0") => Some(Self::Generate),
            (MESSAGE, "1.0.0") => Some(Self::Message),
            _ => None,
        }
    }
}

impl Inner {
    async fn dispatch(&self, call: &Call, context: &StepContext) -> Result<Value, StepFailure> {
        let marks = context.marks.as_deref();
        let mut revealed = Revealed::of(call, marks, &self.secrets).await?;
        let answer = match call {
            Call::Http(request) => http::perform(self, request, &mut revealed, context).await,
            Call::Function { function, input } => {
                let input = revealed.value(input);
                self.function(function, &input, context).await
            }
        };
        revealed.hidden(answer)
    }

    async fn function(
        &self,
        function: &FunctionName,
        input: &Value,
        context: &StepContext,
    ) -> Result<Value, StepFailure> {
        let output = match Builtin::of(function) {
            Some(Builtin::Analyse) => analyse::perform(self, input, context).await?,
            Some(Builtin::Approval) => {
                return Err(StepFailure::configuration(
                    "approval:1.0.0 is called by a task of its own, and by nothing else",
                ));
            }
            Some(Builtin::Generate) => generate::perform(self, input, context).await?,
            Some(Builtin::Message) => message::perform(self, input, context).await?,
            None => return handler::begin(&self.catalogue, function, input, context).await,
        };
        self.fits(function, output)
    }

    /// What a function of ours gives is what its schema says; an answer of somebody else that is not may be
    /// right the next time.
    fn fits(&self, function: &FunctionName, output: Value) -> Result<Value, StepFailure> {
        let Some(said) = unfit(self.builtin.output_schema(function), &output) else {
            return Ok(output);
        };
        let FunctionName { name, version } = function;
        let title = format!("the answer is none of {name}:{version}: {said}");
        Err(StepFailure::communication(502, title))
    }
}

/// In which ways a value does not fit.
fn unfit(schema: Option<&Schema>, value: &Value) -> Option<String> {
    let mismatches = schema?.mismatches(value).into_iter().take(PROBLEMS_MAX);
    let said: Vec<String> = mismatches
        .map(|mismatch| format!("{} at `{}`", mismatch.message, mismatch.pointer))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Waits for the deadline; for ever if there is none.
async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
