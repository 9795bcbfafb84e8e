//! Where leased jobs come from and where their ends go: the seam between the pumps and apalis' worker.
//!
//! The adapter of `apalis` sees only this. Heartbeats, retries of statements and reconnecting are
//! the source's own business, which is why nothing here can fail: trouble with the store shows as
//! waiting, and a lease that could not be kept as `lost`.

mod bridge;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::perform::StepFailure;

pub use self::bridge::{Bridge, GivenBack};

/// Names a leased job to the source it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Which job.
    pub job_id: i64,
    /// Its lease's claim.
    pub claim: Uuid,
    /// Its lease's number within the claim.
    pub n: i16,
}

/// A leased job.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Names it when it ends.
    pub ticket: Ticket,
    /// Whose job.
    pub tenant: i32,
    /// Tries before this one, from 0.
    pub attempt: u32,
    /// Stable idempotency key.
    pub key: String,
    /// Whom or what the step is about, as its template says.
    pub subject: Option<String>,
    /// JSON text.
    pub input: String,
    /// Cancelled when the lease is lost or the job cancelled: its result will not be taken.
    pub lost: CancellationToken,
}

/// A job that was worked on.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which one.
    pub ticket: Ticket,
    /// Its answer as JSON text, or why there is none.
    pub result: Result<String, StepFailure>,
}

/// Gives out leased jobs and takes their ends.
pub trait Source: Send + Sync + 'static {
    /// Waits for work and claims at most `max` jobs; none at all means that no more will come.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it leaves no job claimed for the caller.
    fn claim(&self, max: usize) -> BoxFuture<'_, Vec<Claimed>>;

    /// Makes ends durable. Ends of lost leases are dropped.
    fn record(&self, ended: Vec<Ended>) -> BoxFuture<'_, ()>;

    /// Gives back jobs that were not begun; no attempt is spent.
    fn give_back(&self, jobs: Vec<Ticket>) -> BoxFuture<'_, ()>;
}
