//! The steps that run for one job: started by commands, ended by events.
//!
//! A handler is polled once in place, so one that needs nobody else costs no wake-up across threads;
//! everything else runs on the work runtime and dies with the job that wanted it.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, poll};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use windlass_workflows::machine::command::{Call, Command, Perform};
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::value::Value;

use super::chunk;
use super::clock::Clock;
use crate::perform::{StepContext, StepFailure, Verdict};
use crate::shared::Shared;

/// What a step gave.
pub(super) enum StepEnd {
    /// Something for the machine.
    Event(EventKind),
    /// A chunk was read: its call can be rendered.
    Read(ReadChunk),
    /// It was stopped from outside: nothing happened as far as the template is concerned.
    Interrupted,
    /// The machine had stopped it: nobody waits for it.
    Gone,
}

/// A chunk and the step that it belongs to.
pub(super) struct ReadChunk {
    pub(super) activity: Activity,
    pub(super) number: u32,
    pub(super) value: Value,
    context: StepContext,
}

/// The steps of one job.
pub(super) struct Steps {
    shared: Arc<Shared>,
    job_id: i64,
    tenant: i32,
    clock: Clock,
    running: FuturesUnordered<BoxFuture<'static, (Activity, StepEnd)>>,
    stops: HashMap<Activity, CancellationToken>,
}

impl Steps {
    pub(super) fn new(shared: Arc<Shared>, job_id: i64, tenant: i32, clock: Clock) -> Self {
        Self {
            shared,
            job_id,
            tenant,
            clock,
            running: FuturesUnordered::new(),
            stops: HashMap::new(),
        }
    }

    /// Whether none runs.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Does what a durable turn asks for.
    pub(super) fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Perform(perform) => self.perform(perform),
                Command::PerformChunk {
                    activity,
                    number,
                    key,
                    due,
                } => self.read_chunk(activity, number, key, due),
                Command::Stop { activity } => self.stop(activity),
            }
        }
    }

    /// The next step that ends; never, when none runs.
    pub(super) async fn next(&mut self) -> StepEnd {
        match self.running.next().await {
            Some((activity, end)) => self.end(activity, end),
            None => std::future::pending().await,
        }
    }

    /// A step that has ended already, if any.
    pub(super) async fn ended(&mut self) -> Option<StepEnd> {
        match poll!(self.running.next()) {
            Poll::Ready(Some((activity, end))) => Some(self.end(activity, end)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    }

    /// What the end of a step means, now that it may have been stopped.
    fn end(&self, activity: Activity, end: StepEnd) -> StepEnd {
        if self.stops.contains_key(&activity) {
            end
        } else {
            StepEnd::Gone
        }
    }

    fn perform(&mut self, perform: Perform) {
        let Perform {
            activity,
            path,
            attempt,
            key,
            call,
            due,
            ..
        } = perform;
        let context = self.context(activity, path, attempt, key, due);
        let step = run(self.shared.clone(), call, context);
        self.running.push(
            step.map(move |answer| (activity, end_of_step(activity, answer)))
                .boxed(),
        );
    }

    /// Reads a chunk; the machine renders its call from what was read.
    fn read_chunk(
        &mut self,
        activity: Activity,
        number: u32,
        key: String,
        due: Option<DateTime<Utc>>,
    ) {
        let context = self.context(activity, String::new(), 0, key, due);
        let (shared, job_id) = (self.shared.clone(), self.job_id);
        let step = async move {
            let end = match chunk::read(&shared, job_id, number).await {
                Ok(value) => StepEnd::Read(ReadChunk {
                    activity,
                    number,
                    value,
                    context,
                }),
                Err(failure) => end_of_chunk(activity, number, Err(failure)),
            };
            (activity, end)
        };
        self.running.push(step.boxed());
    }

    /// Performs a chunk's rendered call.
    pub(super) fn perform_chunk(&mut self, chunk: ReadChunk, call: Call) {
        let ReadChunk {
            activity,
            number,
            context,
            ..
        } = chunk;
        let step = run(self.shared.clone(), call, context);
        self.running.push(
            step.map(move |answer| (activity, end_of_chunk(activity, number, answer)))
                .boxed(),
        );
    }

    fn stop(&mut self, activity: Activity) {
        if let Some(stop) = self.stops.remove(&activity) {
            stop.cancel();
        }
    }

    fn context(
        &mut self,
        activity: Activity,
        path: String,
        attempt: u32,
        key: String,
        due: Option<DateTime<Utc>>,
    ) -> StepContext {
        let stop = self.stops.entry(activity).or_default().clone();
        StepContext {
            job_id: self.job_id,
            tenant: self.tenant,
            path,
            attempt,
            key,
            deadline: due.map(|due| self.clock.deadline(due)),
            stop,
        }
    }
}

/// Performs a call under a permit; no effect starts once the leases may not be believed any more.
async fn run(shared: Arc<Shared>, call: Call, context: StepContext) -> Result<Value, StepFailure> {
    let permit = shared
        .slots
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    if !shared.is_trusted() {
        return Err(StepFailure::interrupted());
    }
    let in_place = shared.performer.is_handler(&call);
    let performer = shared.performer.clone();
    let mut step = async move {
        let _permit = permit;
        performer.perform(&call, &context).await
    }
    .boxed();
    if in_place && let Poll::Ready(answer) = poll!(step.as_mut()) {
        return answer;
    }
    match AbortOnDropHandle::new(shared.work.spawn(step)).await {
        Ok(answer) => answer,
        Err(ended) if ended.is_panic() => {
            Err(StepFailure::failed("runtime", 500, "the step panicked"))
        }
        Err(_) => Err(StepFailure::interrupted()),
    }
}

fn end_of_step(activity: Activity, answer: Result<Value, StepFailure>) -> StepEnd {
    match answer {
        Ok(output) => StepEnd::Event(EventKind::Succeeded { activity, output }),
        Err(failure) if failure.verdict == Verdict::Interrupted => StepEnd::Interrupted,
        Err(failure) => StepEnd::Event(EventKind::Failed {
            activity,
            fault: *failure.fault,
            again_after: failure.again_after,
        }),
    }
}

fn end_of_chunk(activity: Activity, number: u32, answer: Result<Value, StepFailure>) -> StepEnd {
    match answer {
        Ok(output) => StepEnd::Event(EventKind::Chunk {
            activity,
            number,
            result: Ok(output),
        }),
        Err(failure) if failure.verdict == Verdict::Interrupted => StepEnd::Interrupted,
        Err(failure) => StepEnd::Event(EventKind::Chunk {
            activity,
            number,
            result: Err(*failure.fault),
        }),
    }
}

impl From<Fault> for StepFailure {
    fn from(fault: Fault) -> Self {
        Self {
            fault: Box::new(fault),
            again_after: None,
            verdict: Verdict::Failed,
        }
    }
}
