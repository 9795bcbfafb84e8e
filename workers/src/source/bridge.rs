//! From the pumps to apalis' own `Worker`: one handler's calls leave through a channel and come back.
//!
//! A template calls the handler, the pump runs the template, and the call that it opens is handed to
//! whoever polls the bridge. The job's journal, retries and outcome stay the pump's; a call that
//! apalis gives back at its stop is given back here too, no attempt spent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use apalis_core::error::{AbortError, BoxDynError, RetryAfterError};
use apalis_core::task::Task;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Claimed, Ended, Source, Ticket};
use crate::apalis::Lease;
use crate::catalogue::Catalogue;
use crate::perform::StepFailure;

/// Calls on their way; a pump's own permits bound how many there can be.
const BUFFERED: usize = 64;

/// The call was given back: the worker behind the bridge has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker gave the call back")]
pub struct GivenBack;

/// Calls of one handler, on their way to apalis' `Worker`. Cheap to clone.
#[derive(Clone)]
pub struct Bridge {
    calls: mpsc::Sender<Call>,
    waiting: Arc<AsyncMutex<mpsc::Receiver<Call>>>,
    open: Arc<Mutex<HashMap<Ticket, Answer>>>,
}

/// Where a call's result is awaited: the handler's answer as JSON text, or why there is none.
type Answer = oneshot::Sender<Result<String, StepFailure>>;

struct Call {
    claimed: Claimed,
    answer: Answer,
}

impl Default for Bridge {
    fn default() -> Self {
        let (calls, waiting) = mpsc::channel(BUFFERED);
        Self {
            calls,
            waiting: Arc::new(AsyncMutex::new(waiting)),
            open: Arc::default(),
        }
    }
}

impl Bridge {
    /// A bridge that nothing has crossed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The catalogue with a handler whose calls cross this bridge.
    pub fn offer(&self, catalogue: Catalogue, name: &str, version: &str) -> Catalogue {
        let bridge = self.clone();
        let service = tower::service_fn(move |task: Task<Box<RawValue>>| {
            let bridge = bridge.clone();
            async move { bridge.cross(task).await }
        });
        catalogue.with::<Box<RawValue>, _>(name, version, service)
    }

    /// Sends one call over and waits for what comes back.
    async fn cross(&self, task: Task<Box<RawValue>>) -> Result<Box<RawValue>, BoxDynError> {
        let lease = task
            .data()
            .get::<Lease>()
            .cloned()
            .ok_or("a call carries its lease")?;
        let ticket = Ticket {
            job_id: lease.job_id(),
            claim: Uuid::new_v4(),
            n: 0,
        };
        let claimed = Claimed {
            ticket,
            tenant: lease.tenant(),
            attempt: lease.attempt(),
            key: lease.key().to_owned(),
            subject: lease.subject().map(ToOwned::to_owned),
            input: task.args.get().to_owned(),
            lost: CancellationToken::new(),
        };
        // Dropped with this future when the job is stopped: the other side hears of it.
        let _stop = claimed.lost.clone().drop_guard();
        let (answer, result) = oneshot::channel();
        self.calls
            .send(Call { claimed, answer })
            .await
            .map_err(|_| GivenBack)?;
        match result.await {
            Ok(Ok(text)) => Ok(RawValue::from_string(text)?),
            Ok(Err(failure)) => Err(error_of(&failure)),
            Err(_) => Err(GivenBack.into()),
        }
    }
}

/// The handler's failure in apalis' words, so that the catalogue reads it as if it had been called in place.
fn error_of(failure: &StepFailure) -> BoxDynError {
    let title = failure.fault.title.clone().unwrap_or_default();
    match (failure.fault.code(), failure.again_after) {
        ("communication", Some(after)) => RetryAfterError::new(title, after).into(),
        ("communication", None) => title.into(),
        _ => AbortError::new(title).into(),
    }
}

impl Source for Bridge {
    fn claim(&self, max: usize) -> BoxFuture<'_, Vec<Claimed>> {
        async move {
            let mut calls = Vec::new();
            self.waiting.lock().await.recv_many(&mut calls, max).await;
            let mut open = self.open.lock().expect("no panic while holding it");
            let claimed = calls.into_iter().map(|call| {
                open.insert(call.claimed.ticket, call.answer);
                call.claimed
            });
            claimed.collect()
        }
        .boxed()
    }

    fn record(&self, ended: Vec<Ended>) -> BoxFuture<'_, ()> {
        let mut open = self.open.lock().expect("no panic while holding it");
        for ended in ended {
            if let Some(answer) = open.remove(&ended.ticket) {
                // Nobody may wait any more: the job was stopped meanwhile.
                let _ = answer.send(ended.result);
            }
        }
        futures::future::ready(()).boxed()
    }

    fn give_back(&self, jobs: Vec<Ticket>) -> BoxFuture<'_, ()> {
        let mut open = self.open.lock().expect("no panic while holding it");
        for ticket in jobs {
            open.remove(&ticket);
        }
        futures::future::ready(()).boxed()
    }
}
