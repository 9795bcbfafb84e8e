//! One job under lease: load it, apply what happens, record what it decided, do what it asks for.
//!
//! The machine decides, the outbox makes it durable, and only then do its commands leave. A job that
//! has nothing to run here rests: its lease is exchanged for a timer.
//!
//! `conduct` is the loop, `load` what it begins with, `steps` and `run` what runs for it, `news` what came of
//! that, `effect` what must not be done twice, `mail` what it says and hears, `mailbox` what it has not heard
//! yet, `child` and `group` the jobs that it starts, `approval` what it asks people, `shared_context` the contexts
//! that it loads and saves, `item` what it reads of categories, `order` what people want of it.

mod approval;
mod batch;
mod child;
mod chunk;
mod clock;
mod conduct;
mod effect;
mod finished;
mod group;
mod item;
mod load;
mod lookup;
mod mail;
mod mailbox;
mod news;
mod order;
mod run;
mod shared_context;
mod steps;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tracing::{debug, error};
use uuid::Uuid;
use windlass_engine::store::{Claimed, Ending, LeaseKey, NewEntry};
use windlass_workflows::machine::turn::End;
use windlass_workflows::policy::retry::later;

use self::conduct::{Conduct, Walk};
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

/// What a worker cannot do, it does not take again for so long; others have a chance meanwhile.
const DEFERRED: Duration = Duration::from_secs(10);

/// Why a job cannot go on here.
enum Stuck {
    /// Not its fault: given back, no attempt spent.
    Back,
    /// This worker cannot do it: put off, no attempt spent.
    Defer(String),
    /// It needs a person.
    Park(String),
    /// It makes the call of a step, and no job asks for that: somebody else made it, or made it again.
    Unasked,
}

/// A job once it was begun.
pub(crate) enum Begun {
    /// It needed nobody: its ending is in the outbox.
    Left(Left),
    /// It waits for something.
    Goes(LocalBoxFuture<'static, Left>),
}

/// Begins a claimed job, and goes as far as it can without waiting: most jobs end right here.
///
/// # Cancel safety
/// Dropped, its steps end and nothing more is recorded: right when the lease is lost.
pub(crate) fn begin(claimed: Claimed, shared: &Arc<Shared>, outbox: &Rc<Outbox>) -> Begun {
    let ids = Ids::of(&claimed);
    let begun = catch_unwind(AssertUnwindSafe(|| at_once(claimed, shared, outbox)));
    match begun {
        Ok(Begun::Left(left)) => Begun::Left(left),
        Ok(Begun::Goes(run)) => {
            let outbox = outbox.clone();
            let run = AssertUnwindSafe(run).catch_unwind();
            Begun::Goes(Box::pin(async move {
                run.await.unwrap_or_else(|_| ids.panicked(&outbox))
            }))
        }
        Err(_) => Begun::Left(ids.panicked(outbox)),
    }
}

fn at_once(claimed: Claimed, shared: &Arc<Shared>, outbox: &Rc<Outbox>) -> Begun {
    let (ids, now) = (Ids::of(&claimed), claimed.claimed_at);
    if shared.phase() != Phase::Running {
        return Begun::Left(ids.leave(outbox, Ending::Back));
    }
    if let Some(ending) = order::expired(&claimed) {
        return Begun::Left(ids.leave(outbox, ending));
    }
    match Conduct::at_hand(&claimed, shared, outbox) {
        Some(Ok((mut conduct, first))) => match conduct.begin(first) {
            Walk::Left(left) => Begun::Left(left),
            walk => Begun::Goes(Box::pin(conduct.run(walk))),
        },
        Some(Err(stuck)) => Begun::Left(ids.leave(outbox, stuck.ending(now))),
        None => {
            let (shared, outbox) = (shared.clone(), outbox.clone());
            Begun::Goes(Box::pin(async move {
                match Conduct::load(&claimed, &shared, &outbox).await {
                    Ok((mut conduct, first)) => {
                        let walk = conduct.begin(first);
                        conduct.run(walk).await
                    }
                    Err(stuck) => ids.leave(&outbox, stuck.ending(now)),
                }
            }))
        }
    }
}

/// What an ending names.
#[derive(Clone, Copy)]
struct Ids {
    job: i64,
    lease: LeaseKey,
    journaled: bool,
}

impl Ids {
    fn of(claimed: &Claimed) -> Self {
        Self {
            job: claimed.id,
            lease: claimed.lease,
            journaled: claimed.journaled,
        }
    }

    fn leave(self, outbox: &Outbox, ending: Ending) -> Left {
        leave(
            outbox,
            NewEntry::leaving(self.job, self.lease, ending, self.journaled),
        )
    }

    fn panicked(self, outbox: &Outbox) -> Left {
        error!(job.id = self.job, "the machine panicked; the job is parked");
        let reason = "internal_error".into();
        self.leave(outbox, Ending::Machine(End::Park { reason }))
    }
}

/// An ending that was refused and that nobody waited for: if somebody stopped the job, it ends
/// cancelled, and its late result changes nothing; else the lease is lost, and so is the ending. One that
/// was to be given back, or has something to undo, and remembers what it did ends through its machine, under its
/// next holder.
pub(crate) async fn obey_refusal(
    refused: NewEntry,
    shared: Arc<Shared>,
    outbox: Rc<Outbox>,
) -> Left {
    let settled = Left::Settled(refused.lease.claim);
    let goes_on = matches!(refused.ending, Some(Ending::Back | Ending::Defer { .. }));
    if refused.remembers && (goes_on || refused.undoes) {
        return settled;
    }
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

fn leave(outbox: &Outbox, new: NewEntry) -> Left {
    outbox.leave(new);
    Left::Unattended
}

impl Stuck {
    fn ending(self, now: DateTime<Utc>) -> Ending {
        match self {
            Self::Back => Ending::Back,
            Self::Defer(why) => Ending::Defer {
                until: later(now, DEFERRED),
                why,
            },
            Self::Park(reason) => Ending::Machine(End::Park { reason }),
            Self::Unasked => order::unasked(),
        }
    }
}
