//! What a handler may know about the job it works on: the one extension of its task.

use std::sync::{Arc, Mutex, PoisonError};

use apalis_core::task::Task;
use apalis_core::task::data::MissingDataError;
use apalis_core::task::from_request::FromRequest;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::perform::StepContext;
use crate::source::{Claimed, Ticket};

/// A job's lease, as an extractor: `async fn resize(job: Resize, lease: Lease)`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    job_id: i64,
    claim: Uuid,
    tenant: i32,
    attempt: u32,
    key: String,
    subject: Option<String>,
    stop: CancellationToken,
    seat: Mutex<Option<Seat>>,
}

/// A job under apalis' worker: whose end is owed, and the slot it holds until that is durable.
#[derive(Debug)]
pub(super) struct Seat {
    pub ticket: Ticket,
    pub slot: OwnedSemaphorePermit,
}

impl Lease {
    /// For a handler that the interpreter calls itself.
    pub(crate) fn in_place(context: &StepContext) -> Self {
        Self(Arc::new(Facts {
            job_id: context.job_id,
            claim: context.claim,
            tenant: context.tenant,
            attempt: context.attempt,
            key: context.key.clone(),
            subject: context.subject.clone(),
            stop: context.stop.clone(),
            seat: Mutex::default(),
        }))
    }

    /// For a job that goes to apalis' worker; gives its input back beside.
    pub(super) fn seated(claimed: Claimed, slot: OwnedSemaphorePermit) -> (Self, String) {
        let Claimed {
            ticket,
            tenant,
            attempt,
            key,
            subject,
            input,
            lost,
        } = claimed;
        let seat = Mutex::new(Some(Seat { ticket, slot }));
        let facts = Facts {
            job_id: ticket.job_id,
            claim: ticket.claim,
            tenant,
            attempt,
            key,
            subject,
            stop: lost,
            seat,
        };
        (Self(Arc::new(facts)), input)
    }

    /// Takes the seat: whoever has it owes the end.
    pub(super) fn take_seat(&self) -> Option<Seat> {
        self.0
            .seat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Which job.
    pub fn job_id(&self) -> i64 {
        self.0.job_id
    }

    /// The claim under which the job is leased. Another try after a loss has another one, so it tells
    /// two executions of one attempt apart. Across a bridge it names the call instead.
    pub fn claim(&self) -> Uuid {
        self.0.claim
    }

    /// Whose job.
    pub fn tenant(&self) -> i32 {
        self.0.tenant
    }

    /// Tries before this one, from 0.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The same for every try of a step: hand it on as `Idempotency-Key`.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// Whom or what the step is about: `metadata.windlass.subject`, evaluated when the step was asked for.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Cancelled when the result is not wanted any more. The handler is dropped then; this is for
    /// work that it gave to others.
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}

impl<Args: Sync> FromRequest<Task<Args>> for Lease {
    type Error = MissingDataError;

    async fn from_request(task: &Task<Args>) -> Result<Self, Self::Error> {
        task.data().get_checked::<Self>().cloned()
    }
}
