//! The hand-over point between a `Source` and apalis' worker.
//!
//! A claimer task of ours claims when the worker asks and its buffer is empty, so at most one claim
//! is buffered. The backend never fails: any error from it would end the worker and drop its running
//! handlers. A payload that does not decode is therefore ended here, not handed over as an error.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::error::AbortError;
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::lease::Lease;
use super::record::{RecordLayer, Recorder};
use crate::catalogue;
use crate::perform::handler;
use crate::source::{Claimed, Ended, Source};

/// How much one backend holds.
#[derive(Clone, Copy, Debug)]
pub struct BackendOptions {
    /// Most jobs held at once: running, buffered, or ended and not yet durable.
    pub slots: usize,
}

impl Default for BackendOptions {
    /// As many as our own work runtime permits a kind.
    fn default() -> Self {
        Self { slots: 64 }
    }
}

type Seated = (Claimed, OwnedSemaphorePermit);

/// Windlass as a backend of apalis' worker. Must be made inside a tokio runtime.
pub struct WindlassBackend<Args> {
    options: BackendOptions,
    source: Arc<dyn Source>,
    recorder: Recorder,
    wanted: Arc<Notify>,
    claims: mpsc::Receiver<Vec<Seated>>,
    buffer: VecDeque<Seated>,
    closing: DropGuard,
    leaving: Option<BoxFuture<'static, ()>>,
    args: PhantomData<fn() -> Args>,
}

impl<Args> WindlassBackend<Args> {
    /// A backend over `source`. Its claimer ends with it, its recorder when the last end is durable.
    pub fn new(source: Arc<dyn Source>, options: BackendOptions) -> Self {
        let (sender, claims) = mpsc::channel(1);
        let closing = CancellationToken::new();
        let claimer = Claimer {
            source: source.clone(),
            slots: Arc::new(Semaphore::new(options.slots)),
            wanted: Arc::new(Notify::new()),
            sender,
        };
        let wanted = claimer.wanted.clone();
        tokio::spawn(closing.clone().run_until_cancelled_owned(claimer.run()));
        Self {
            options,
            recorder: Recorder::start(source.clone(), options.slots),
            source,
            wanted,
            claims,
            buffer: VecDeque::new(),
            closing: closing.drop_guard(),
            leaving: None,
            args: PhantomData,
        }
    }
}

impl<Args: DeserializeOwned> WindlassBackend<Args> {
    /// The job as apalis' task. One that cannot be read will never be: it ends here.
    fn hand_over(&self, (claimed, slot): Seated) -> Option<Task<Args>> {
        let (lease, input) = Lease::seated(claimed, slot);
        match serde_json::from_str(&input) {
            // The worker adds this try itself.
            Ok(args) => Some(catalogue::task(
                args,
                &lease,
                lease.attempt() as usize,
                lease.clone(),
            )),
            Err(error) => {
                let seat = lease.take_seat().expect("nobody else has seen this lease");
                let result = Err(handler::failure(AbortError::new(error).into()));
                self.recorder.record_now(
                    Ended {
                        ticket: seat.ticket,
                        result,
                    },
                    seat.slot,
                );
                None
            }
        }
    }
}

impl<Args: DeserializeOwned> Backend for WindlassBackend<Args> {
    type Task = Task<Args>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            while let Some(seated) = self.buffer.pop_front() {
                if let Some(task) = self.hand_over(seated) {
                    return Poll::Ready(Some(Ok(task)));
                }
            }
            match self.claims.poll_recv(context) {
                Poll::Ready(Some(claimed)) => self.buffer.extend(claimed),
                Poll::Ready(None) => {
                    // The end of the stream alone would leave the worker waiting for a stop.
                    let _ = worker.stop();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    self.wanted.notify_one();
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        if self.leaving.is_none() {
            let leaving = self.leave();
            self.leaving = Some(leaving);
        }
        if let Some(leaving) = &mut self.leaving {
            ready!(leaving.poll_unpin(context));
            self.leaving = Some(futures::future::ready(()).boxed());
        }
        Poll::Ready(Ok(()))
    }
}

impl<Args> WindlassBackend<Args> {
    /// No handler is left: stops the claimer, gives back what is buffered, waits for the recorder.
    fn leave(&mut self) -> BoxFuture<'static, ()> {
        let (_, closed) = mpsc::channel(1);
        let mut claims = std::mem::replace(&mut self.claims, closed);
        let closing = std::mem::replace(&mut self.closing, CancellationToken::new().drop_guard());
        let mut unbegun: Vec<_> = self.buffer.drain(..).collect();
        let (source, recorder) = (self.source.clone(), self.recorder.clone());
        Box::pin(async move {
            drop(closing);
            while let Some(claimed) = claims.recv().await {
                unbegun.extend(claimed);
            }
            if !unbegun.is_empty() {
                source
                    .give_back(unbegun.iter().map(|(claimed, _)| claimed.ticket).collect())
                    .await;
            }
            recorder.flush().await;
        })
    }
}

impl<Args> BackendConfig for WindlassBackend<Args> {
    type Args = Args;
    type Id = u64;
    type Kind = Ephemeral;
    type Config = BackendOptions;
    type Layer = RecordLayer;

    fn config(&self) -> &BackendOptions {
        &self.options
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> RecordLayer {
        RecordLayer::new(self.recorder.clone())
    }
}

/// Claims what the worker has room for, when it asks.
struct Claimer {
    source: Arc<dyn Source>,
    slots: Arc<Semaphore>,
    wanted: Arc<Notify>,
    sender: mpsc::Sender<Vec<Seated>>,
}

impl Claimer {
    /// Until the source closes, or cancelled; between a claim and its hand-over nothing awaits.
    async fn run(self) {
        while let Ok(place) = self.sender.reserve().await {
            self.wanted.notified().await;
            let mut free = self.free().await;
            let claimed = self.source.claim(free.num_permits()).await;
            if claimed.is_empty() {
                return;
            }
            let seated = claimed.into_iter().map(|job| {
                (
                    job,
                    free.split(1).expect("no more jobs than were asked for"),
                )
            });
            place.send(seated.collect());
        }
    }

    /// All slots that are free, at least one.
    async fn free(&self) -> OwnedSemaphorePermit {
        let first = self.slots.clone().acquire_owned().await;
        let mut free = first.expect("these slots are never closed");
        let others = u32::try_from(self.slots.available_permits()).unwrap_or(u32::MAX);
        if let Ok(others) = self.slots.clone().try_acquire_many_owned(others) {
            free.merge(others);
        }
        free
    }
}
