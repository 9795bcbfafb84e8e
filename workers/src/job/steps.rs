//! The steps that run for one job: started by commands, ended by events.
//!
//! A handler is polled once in place, so one that needs nobody else costs no task, no queue and no
//! wake-up; everything else runs on the work runtime and dies with the job that wanted it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, poll};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use windlass_engine::store::Claimed;
use windlass_workflows::duration;
use windlass_workflows::machine::command::{Call, Command, Perform, StepSettings};
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::secret::Marks;
use windlass_workflows::value::Value;

use super::chunk;
use super::clock::Clock;
use super::effect::Effects;
use super::lookup::Lookup;
use super::news::{end_of_chunk, end_of_step};
use super::run::{on_work, rested, run};
use crate::perform::{StepContext, StepFailure, bounded};
use crate::shared::Shared;

/// What a step gave.
pub(super) enum StepEnd {
    /// Something for the machine.
    Event(EventKind),
    /// A chunk was read: its call can be rendered.
    Read(ReadChunk),
    /// It was stopped from outside: nothing happened as far as the template is concerned.
    Interrupted,
    /// This worker cannot do it, and why.
    NotMine(String),
    /// It needs a person, and why.
    Parked(String),
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
    claim: Uuid,
    tenant: i32,
    /// Its lane, where limits count it.
    limited: Option<i32>,
    /// How markers of secrets are told from text, if its template names secrets.
    marks: Option<Arc<Marks>>,
    clock: Clock,
    /// Ended where they began.
    done: VecDeque<(Activity, StepEnd)>,
    /// Chunks that failed: others that have ended come first, in a turn of their own, because a failure may end the
    /// step, and what was finished is to be remembered.
    failed: VecDeque<(Activity, StepEnd)>,
    /// Made for the first that does not end where it began: most jobs have none.
    running: Option<FuturesUnordered<BoxFuture<'static, (Activity, StepEnd)>>>,
    /// Few at a time, most often one.
    stops: Vec<(Activity, CancellationToken)>,
    /// What those of them do outside that must not be done twice.
    pub(super) effects: Effects,
}

impl Steps {
    pub(super) fn new(
        shared: Arc<Shared>,
        claimed: &Claimed,
        marks: Option<Marks>,
        clock: Clock,
    ) -> Self {
        Self {
            shared,
            job_id: claimed.id,
            claim: claimed.lease.claim,
            tenant: claimed.tenant,
            limited: claimed.limited.then_some(claimed.lane),
            marks: marks.map(Arc::new),
            clock,
            done: VecDeque::new(),
            failed: VecDeque::new(),
            running: None,
            stops: Vec::new(),
            effects: Effects::default(),
        }
    }

    /// Whether none runs.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.failed.is_empty() && self.runs_none()
    }

    fn runs_none(&self) -> bool {
        self.running.as_ref().is_none_or(FuturesUnordered::is_empty)
    }

    fn run_beside(&mut self, step: BoxFuture<'static, (Activity, StepEnd)>) {
        self.running.get_or_insert_default().push(step);
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
        if let Some(end) = self.ended_at_once() {
            return end;
        }
        loop {
            if !self.failed.is_empty() {
                if let Some(end) = self.ended().await {
                    return end;
                }
                if let Some((activity, end)) = self.failed.pop_front() {
                    return self.end(activity, end);
                }
            }
            let ended = match &mut self.running {
                Some(running) => running.next().await,
                None => None,
            };
            match ended {
                Some((activity, end)) if fails(&end) => self.failed.push_back((activity, end)),
                Some((activity, end)) => return self.end(activity, end),
                None => std::future::pending().await,
            }
        }
    }

    /// A step that ended where it began, if any.
    pub(super) fn ended_at_once(&mut self) -> Option<StepEnd> {
        while let Some((activity, end)) = self.done.pop_front() {
            if !fails(&end) {
                return Some(self.end(activity, end));
            }
            self.failed.push_back((activity, end));
        }
        None
    }

    /// A step that has ended already and is no chunk that failed, if any.
    pub(super) async fn ended(&mut self) -> Option<StepEnd> {
        loop {
            let running = self
                .running
                .as_mut()
                .filter(|running| !running.is_empty())?;
            match poll!(running.next()) {
                Poll::Ready(Some((activity, end))) if fails(&end) => {
                    self.failed.push_back((activity, end));
                }
                Poll::Ready(Some((activity, end))) => return Some(self.end(activity, end)),
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
    }

    /// What the end of a step means, now that it may have been stopped.
    fn end(&mut self, activity: Activity, end: StepEnd) -> StepEnd {
        let Some(place) = self.stops.iter().position(|(of, _)| *of == activity) else {
            return StepEnd::Gone;
        };
        // Chunks share their activity.
        if let StepEnd::Event(EventKind::Succeeded { .. } | EventKind::Failed { .. }) = &end {
            self.stops.swap_remove(place);
        }
        self.effects.ended(activity, &end);
        end
    }

    fn perform(&mut self, perform: Perform) {
        let Perform {
            activity,
            path,
            attempt,
            key,
            call,
            due,
            settings,
            ..
        } = perform;
        let mut context = self.context(activity, path, attempt, key, due);
        context.begun = self
            .effects
            .open(activity, &context.key, settings.as_deref());
        let subject = settings.as_deref().and_then(StepSettings::subject);
        context.subject = subject.map(ToOwned::to_owned);
        match run_time(settings.as_deref()) {
            Ok(run_time) => context.run_time = run_time,
            Err(failure) => {
                let end = end_of_step(activity, Err(failure));
                return self.done.push_back((activity, end));
            }
        }
        self.start(activity, call, context, move |answer| {
            end_of_step(activity, answer)
        });
    }

    /// Begins a call; its end is known at once, or comes from what runs.
    fn start(
        &mut self,
        activity: Activity,
        call: Call,
        context: StepContext,
        end: impl FnOnce(Result<Value, StepFailure>) -> StepEnd + Send + 'static,
    ) {
        match self.begin(call, context) {
            Begun::Ended(answer) => self.done.push_back((activity, end(answer))),
            Begun::Goes(step) => {
                let step = step.map(move |answer| (activity, end(answer)));
                self.run_beside(step.boxed());
            }
        }
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
        self.run_beside(step.boxed());
    }

    /// Performs a chunk's rendered call.
    pub(super) fn perform_chunk(&mut self, chunk: ReadChunk, call: Call) {
        let ReadChunk {
            activity,
            number,
            context,
            ..
        } = chunk;
        self.start(activity, call, context, move |answer| {
            end_of_chunk(activity, number, answer)
        });
    }

    /// Begins a call: a handler for which there is a permit is polled once, here.
    fn begin(&self, call: Call, context: StepContext) -> Begun {
        let (shared, limited) = (&self.shared, self.limited);
        let handler = match Lookup::of(&call) {
            Some(_) => None,
            None => shared.performer.handler(&call, &context),
        };
        let Some(mut handler) = handler else {
            return Begun::Goes(run(shared.clone(), limited, call, context).boxed());
        };
        let permit = shared.slots.clone().try_acquire_owned().ok();
        if permit.is_some() {
            if !shared.may_begin() {
                return Begun::Ended(Err(StepFailure::interrupted()));
            }
            // What it opens belongs to the runtime on which it goes on.
            let _work = shared.work.enter();
            let mut nobody = Context::from_waker(Waker::noop());
            context.begins();
            if let Poll::Ready(answer) = handler.poll_unpin(&mut nobody) {
                return match &answer {
                    Err(failure) if limited.is_some() && failure.again_after.is_some() => {
                        Begun::Goes(rested(shared.clone(), limited, answer).boxed())
                    }
                    _ => Begun::Ended(answer),
                };
            }
        }
        let shared = shared.clone();
        let step = async move {
            context.begins();
            bounded(handler, &context).await
        };
        Begun::Goes(
            async move {
                let answer = on_work(&shared, permit, step).await;
                rested(shared, limited, answer).await
            }
            .boxed(),
        )
    }

    fn stop(&mut self, activity: Activity) {
        self.effects.stopped(activity);
        if let Some(place) = self.stops.iter().position(|(of, _)| *of == activity) {
            self.stops.swap_remove(place).1.cancel();
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
        let known = self.stops.iter().find(|(of, _)| *of == activity);
        let stop = match known {
            Some((_, stop)) => stop.clone(),
            None => {
                let stop = CancellationToken::new();
                self.stops.push((activity, stop.clone()));
                stop
            }
        };
        StepContext {
            job_id: self.job_id,
            claim: self.claim,
            tenant: self.tenant,
            path,
            attempt,
            key,
            subject: None,
            marks: self.marks.clone(),
            run_time: None,
            deadline: due.map(|due| self.clock.deadline(due)),
            stop,
            begun: None,
        }
    }
}

/// Whether a chunk ended badly.
fn fails(end: &StepEnd) -> bool {
    matches!(end, StepEnd::Event(EventKind::Chunk { result: Err(_), .. }))
}

/// What a call is once it was begun.
enum Begun {
    Ended(Result<Value, StepFailure>),
    Goes(BoxFuture<'static, Result<Value, StepFailure>>),
}

/// `runTime`: how long one try may run.
fn run_time(settings: Option<&StepSettings>) -> Result<Option<Duration>, StepFailure> {
    let placement = settings.and_then(|settings| settings.placement.as_ref());
    let length = placement.and_then(|placement| placement.get("runTime"));
    length.map(length_of).transpose()
}

fn length_of(value: &Value) -> Result<Duration, StepFailure> {
    let read = value.as_str().and_then(|text| duration::parse(text).ok());
    let refused = || format!("`runTime` cannot be {}", value.to_json());
    read.ok_or_else(|| StepFailure::configuration(refused()))
}
