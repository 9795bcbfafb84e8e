//! Handlers written in Rust: apalis-shaped services, called in place.
//!
//! A handler is a tower service over apalis' `Task`, so `task_fn(handler)` with its extractors and
//! any tower layer work as they do under apalis' own worker. The catalogue speaks JSON text, because
//! that is what jobs carry; types meet it at each handler's door.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use apalis_core::error::{AbortError, BoxDynError};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt, service_fn};
use windlass_workflows::document::step::FunctionName;

use crate::apalis::Lease;

type Handler = BoxCloneSyncService<Task<String>, Box<RawValue>, BoxDynError>;

/// The handlers of a process, by name and version. Cheap to clone.
#[derive(Clone, Default)]
pub struct Catalogue {
    handlers: Arc<BTreeMap<FunctionName, Handler>>,
}

/// This process has no such handler.
#[derive(Debug, thiserror::Error)]
#[error("no handler `{name}:{version}` on this worker")]
pub struct UnknownHandler {
    name: String,
    version: String,
}

/// A handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {message}")]
pub struct Panicked {
    message: String,
}

impl Catalogue {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handler that answers `call: <name>:<version>@default`.
    pub fn with<Args, S>(mut self, name: &str, version: &str, service: S) -> Self
    where
        Args: DeserializeOwned + Send + 'static,
        S: Service<Task<Args>> + Clone + Send + Sync + 'static,
        S::Response: Serialize + Send + 'static,
        S::Error: Into<BoxDynError>,
        S::Future: Send + 'static,
    {
        let typed = service_fn(move |task: Task<String>| answer(service.clone(), task));
        let function = FunctionName {
            name: name.to_owned(),
            version: version.to_owned(),
        };
        Arc::make_mut(&mut self.handlers).insert(function, BoxCloneSyncService::new(typed));
        self
    }

    /// What this process can do, in order of name, to be announced.
    pub fn names(&self) -> impl Iterator<Item = &FunctionName> {
        self.handlers.keys()
    }

    /// The same as the text that a worker registers: `name:version`.
    pub fn capabilities(&self) -> Vec<String> {
        self.names()
            .map(|function| format!("{}:{}", function.name, function.version))
            .collect()
    }

    /// Whether it has the handler.
    pub fn contains(&self, function: &FunctionName) -> bool {
        self.handlers.contains_key(function)
    }

    /// Calls a handler with JSON text; the lease is the task's one extension.
    ///
    /// # Cancel safety
    /// Dropped, it drops the handler at its current await.
    pub fn call(
        &self,
        function: &FunctionName,
        input: String,
        lease: Lease,
    ) -> BoxFuture<'static, Result<Box<RawValue>, BoxDynError>> {
        let Some(handler) = self.handlers.get(function).cloned() else {
            let FunctionName { name, version } = function.clone();
            return Box::pin(async move { Err(UnknownHandler { name, version }.into()) });
        };
        // apalis' worker would count this try itself; here nobody stands between.
        let task = task(input, &lease, lease.attempt() as usize + 1, lease.clone());
        let called = AssertUnwindSafe(async move { handler.oneshot(task).await }).catch_unwind();
        called
            .map(|answer| answer.unwrap_or_else(|panic| Err(Panicked::from(panic).into())))
            .boxed()
    }
}

/// A task as apalis' extractors expect it: id, tries and one extension.
pub(crate) fn task<Args>(
    args: Args,
    lease: &Lease,
    attempt: usize,
    extension: Lease,
) -> Task<Args> {
    let id = TaskId::from_int(lease.job_id().unsigned_abs());
    TaskBuilder::new(args)
        .task_id(id)
        .attempt(attempt)
        .data(extension)
        .build()
}

/// From text to the handler's type, and from its answer to text. What does not fit will not fit later.
async fn answer<Args, S>(service: S, task: Task<String>) -> Result<Box<RawValue>, BoxDynError>
where
    Args: DeserializeOwned,
    S: Service<Task<Args>>,
    S::Response: Serialize,
    S::Error: Into<BoxDynError>,
{
    let task = task
        .try_map_args(|text| serde_json::from_str::<Args>(&text))
        .map_err(AbortError::new)?;
    let answer = service.oneshot(task).await.map_err(Into::into)?;
    Ok(serde_json::value::to_raw_value(&answer).map_err(AbortError::new)?)
}

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self {
            message: message.unwrap_or_else(|| "no message".to_owned()),
        }
    }
}
