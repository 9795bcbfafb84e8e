//! Records what handlers answered: the outermost layer of apalis' worker, and the task behind it.
//!
//! The worker polls nothing of a backend while it drains, so ends go through a task of ours. It
//! writes whatever has gathered while the last write was under way: group commit without a timer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::error::{AbortError, BoxDynError};
use apalis_core::task::Task;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tower::{Layer, Service};

use super::lease::Lease;
use crate::catalogue::Panicked;
use crate::perform::handler;
use crate::source::{Ended, Source};

/// Most ends of one record.
const RECORD_MAX: usize = 1_000;

enum Message {
    Ended(Ended, OwnedSemaphorePermit),
    Flush(oneshot::Sender<()>),
}

/// The way to the recording task, which ends when the last of these is gone.
#[derive(Clone)]
pub(super) struct Recorder(mpsc::Sender<Message>);

impl Recorder {
    /// Starts the task. Every slot owes at most one end and there is one flush, so nobody waits for room.
    pub fn start(source: Arc<dyn Source>, slots: usize) -> Self {
        let (sender, messages) = mpsc::channel(slots + 1);
        tokio::spawn(record(source, messages));
        Self(sender)
    }

    /// Hands an end over; its slot is free once it is durable.
    pub fn record_now(&self, ended: Ended, slot: OwnedSemaphorePermit) {
        if self.0.try_send(Message::Ended(ended, slot)).is_err() {
            tracing::error!("the recorder is gone: a job will run again when its lease expires");
        }
    }

    /// Waits until all that was handed over is durable.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.0.send(Message::Flush(done)).await.is_ok() {
            let _ = flushed.await;
        }
    }
}

async fn record(source: Arc<dyn Source>, mut from: mpsc::Receiver<Message>) {
    let mut messages = Vec::new();
    while from.recv_many(&mut messages, RECORD_MAX).await > 0 {
        let (mut ended, mut slots, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Ended(end, slot) => {
                    ended.push(end);
                    slots.push(slot);
                }
                Message::Flush(done) => flushes.push(done),
            }
        }
        if !ended.is_empty() {
            source.record(ended).await;
        }
        drop(slots);
        for done in flushes {
            let _ = done.send(());
        }
    }
}

/// Puts `RecordService` around a worker's layers.
#[derive(Clone)]
pub struct RecordLayer {
    recorder: Recorder,
}

impl RecordLayer {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self { recorder }
    }
}

impl<S> Layer<S> for RecordLayer {
    type Service = RecordService<S>;

    fn layer(&self, inner: S) -> RecordService<S> {
        RecordService {
            inner,
            recorder: self.recorder.clone(),
        }
    }
}

/// Calls the handler and hands its end to the recorder. Its own answer is empty: all is recorded.
#[derive(Clone)]
pub struct RecordService<S> {
    inner: S,
    recorder: Recorder,
}

impl<S, Args> Service<Task<Args>> for RecordService<S>
where
    S: Service<Task<Args>>,
    S::Response: Serialize,
    S::Error: Into<BoxDynError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Args>) -> Self::Future {
        // A clone of the task's context would make every `.data(x)` layer below copy it whole.
        let lease = task.data().get::<Lease>().cloned();
        let handled = self.inner.call(task);
        let recorder = self.recorder.clone();
        Box::pin(async move {
            let lease = lease.ok_or("the task carries no lease")?;
            let seat = lease.take_seat().ok_or("the task was handled twice")?;
            let answer = tokio::select! {
                biased;
                // Another holder owns the job now: what this one makes of it is nobody's.
                () = lease.stop().cancelled() => return Ok(()),
                answer = AssertUnwindSafe(handled).catch_unwind() => answer,
            };
            let result = match answer {
                Ok(answer) => answer.map_err(Into::into).and_then(|value| text(&value)),
                Err(panic) => Err(Panicked::from(panic).into()),
            };
            recorder.record_now(
                Ended {
                    ticket: seat.ticket,
                    result: result.map_err(handler::failure),
                },
                seat.slot,
            );
            Ok(())
        })
    }
}

/// The answer as JSON; one that cannot be written will not be writable later.
fn text(answer: &impl Serialize) -> Result<String, BoxDynError> {
    serde_json::to_string(answer).map_err(|error| AbortError::new(error).into())
}
