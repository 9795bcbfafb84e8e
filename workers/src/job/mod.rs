//! One job under lease: load it, apply what happens, record what it decided, do what it asks for.
//!
//! The machine decides, the outbox makes it durable, and only then do its commands leave. A job that
//! has nothing to run here rests: its lease is exchanged for a timer.
//!
//! `conduct` is the loop, `load` what it begins with, `steps` what runs for it, `order` what people
//! want of it.

mod chunk;
mod clock;
mod conduct;
mod load;
mod order;
mod steps;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use tracing::{debug, error};
use uuid::Uuid;
use windlass_engine::store::{Claimed, Ending, NewEntry};
use windlass_workflows::machine::turn::End;

use self::conduct::Conduct;
use crate::pump::outbox::Outbox;
use crate::shared::{Phase, Shared};

/// How a job left its pump.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// Its ending is durable, or its lease was lost.
    Settled(Uuid),
    /// Its ending is in the outbox.
    Unattended,
}

/// Why a job cannot go on here.
enum Stuck {
    /// Not its fault: given back, no attempt spent.
    Back,
    /// It needs a person.
    Park(String),
}

/// Runs a claimed job until it has left its lease.
///
/// # Cancel safety
/// Dropped, its steps end and nothing more is recorded: right when the lease is lost.
pub(crate) async fn conduct(claimed: Claimed, shared: Arc<Shared>, outbox: Rc<Outbox>) -> Left {
    let (job, lease, journaled) = (claimed.id, claimed.lease, claimed.journaled);
    let run = AssertUnwindSafe(begin(claimed, shared, outbox.clone()))
        .catch_unwind()
        .await;
    match run {
        Ok(left) => left,
        Err(_) => {
            error!(job.id = job, "the machine panicked; the job is parked");
            leave(
                &outbox,
                NewEntry::leaving(
                    job,
                    lease,
                    Ending::Machine(End::Park {
                        reason: "internal_error".into(),
                    }),
                    journaled,
                ),
            )
        }
    }
}

/// An ending that was refused and that nobody waited for: if somebody stopped the job, it ends
/// cancelled, and its late result changes nothing; else the lease is lost, and so is the ending.
pub(crate) async fn obey_refusal(
    refused: NewEntry,
    shared: Arc<Shared>,
    outbox: Rc<Outbox>,
) -> Left {
    let settled = Left::Settled(refused.lease.claim);
    match shared.store.order_of(refused.job, refused.lease).await {
        Ok(Some(Some(order))) => {
            let ending = order::cancelled(&order);
            let new = NewEntry {
                obeys: true,
                ..NewEntry::leaving(refused.job, refused.lease, ending, refused.remembers)
            };
            outbox.record(new).await;
            settled
        }
        Ok(_) | Err(_) => {
            debug!(
                job.id = refused.job,
                "the lease is lost; nothing was recorded"
            );
            settled
        }
    }
}

async fn begin(claimed: Claimed, shared: Arc<Shared>, outbox: Rc<Outbox>) -> Left {
    let (job, lease, journaled) = (claimed.id, claimed.lease, claimed.journaled);
    if shared.phase() != Phase::Running {
        return leave(
            &outbox,
            NewEntry::leaving(job, lease, Ending::Back, journaled),
        );
    }
    match Conduct::load(claimed, shared, outbox.clone()).await {
        Ok((conduct, first)) => conduct.run(first).await,
        Err(stuck) => leave(
            &outbox,
            NewEntry::leaving(job, lease, stuck.ending(), journaled),
        ),
    }
}

fn leave(outbox: &Outbox, new: NewEntry) -> Left {
    outbox.leave(new);
    Left::Unattended
}

impl Stuck {
    fn ending(self) -> Ending {
        match self {
            Self::Back => Ending::Back,
            Self::Park(reason) => Ending::Machine(End::Park { reason }),
        }
    }
}
