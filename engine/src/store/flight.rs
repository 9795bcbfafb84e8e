//! Jobs in flight: whoever changes one takes it out of its holder, writes its next turn, and puts it where
//! it goes on from, in one transaction.
//!
//! A job that a worker has is not to be taken. What the change leaves behind (a rest and what would wake it,
//! children, mail that a listen had taken) goes in the same transaction.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use windlass_workflows::machine::turn::{Entry, Head};

use super::Store;
use super::bulk::Ticket;
use super::exchange::{LeaseKey, NewEntry};
use super::gate::Session;
use super::post::{Post, flush};
use crate::Error;

/// Rounds in which a job may change hands under our eyes before the change is refused.
const ROUNDS_MAX: usize = 20;

/// A job's row, and the time.
#[derive(Clone, Debug)]
pub(crate) struct FlightRow {
    pub(crate) lane: i32,
    pub(crate) template_version: i32,
    pub(crate) batch: Option<i64>,
    pub(crate) nonce: i64,
    pub(crate) member_key: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) input: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) timeout: Option<f64>,
    pub(crate) retry_revision: Option<i32>,
    pub(crate) now: DateTime<Utc>,
}

/// What a change writes.
#[derive(Clone, Debug)]
pub(crate) struct Amendment {
    pub(crate) job: i64,
    pub(crate) entry: Entry,
    pub(crate) head: Head,
    pub(crate) post: Post,
    /// The version that it goes on under, and its lane, if it is another one.
    pub(crate) moved: Option<(i32, i32)>,
    /// A parked job goes on; else it stays parked.
    pub(crate) lets_go: bool,
    /// The batch that it belongs to.
    pub(crate) batch: Option<i64>,
    /// The page that it is taken out of, where it is one of many.
    pub(crate) ticket: Option<Ticket>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amended {
    /// It is written.
    Written,
    /// The journal has grown since.
    MovedOn,
    /// No holder has it that a person may take it from.
    Away,
}

/// A job that makes a new one begin.
#[derive(Clone, Debug)]
pub(crate) struct CopiedJob {
    pub(crate) id: i64,
    pub(crate) tenant: i32,
    pub(crate) lane: i32,
    pub(crate) template_version: i32,
    pub(crate) nonce: i64,
    pub(crate) input: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) timeout: Option<f64>,
    pub(crate) retry_revision: Option<i32>,
    pub(crate) entry: Entry,
    pub(crate) head: Head,
}

/// Where a job stood.
struct Taken {
    lane: i32,
    eff: DateTime<Utc>,
    run_at: DateTime<Utc>,
    priority: i32,
    attempt: i16,
    losses: i16,
    reason: Option<String>,
    until: Option<DateTime<Utc>>,
    who: String,
    why: String,
    code: Option<String>,
    fingerprint: Option<String>,
}

impl Store {
    /// A job's row.
    pub(crate) async fn flight_row(&self, tenant: i32, job: i64) -> Result<FlightRow, Error> {
        let row = sqlx::query_file_as!(FlightRow, "queries/flight/facts.sql", tenant, job)
            .fetch_optional(self.pool())
            .await?;
        row.ok_or_else(|| Error::not_found("job", format!("j_{job}")))
    }

    /// Writes a change into the job, wherever it stands but under a lease.
    ///
    /// # Cancel safety
    /// One transaction, which ends by itself.
    pub(crate) async fn amend(&self, tenant: i32, amendment: Amendment) -> Result<Amended, Error> {
        for round in 0..ROUNDS_MAX {
            let new = amendment.clone();
            // It rests, or an extent has it: one that changes hands in between is looked for again.
            let rests = round % 2 == 0;
            let done = self.transaction(move |connection| {
                Box::pin(async move { write(connection, tenant, new, rests).await })
            });
            match done.await {
                Ok(Amended::Away) => {}
                Err(Error::Conflict {
                    code: "moved_on", ..
                }) => return Ok(Amended::MovedOn),
                answer => return answer,
            }
        }
        Ok(Amended::Away)
    }

    /// Makes a job with a copied state, due at once.
    ///
    /// # Cancel safety
    /// One statement: it is there or not.
    pub(crate) async fn copy_job(&self, job: CopiedJob) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/flight/copy.sql",
            job.id,
            job.tenant,
            job.lane,
            job.template_version,
            job.nonce,
            job.input,
            job.created_at,
            job.entry.kind,
            job.entry.at,
            job.entry.data,
            job.head.fold,
            job.head.state,
            job.timeout,
            job.retry_revision
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

/// Locks in the order of all: who tells its groups, batch, pause and extent or rest, then what hangs on the job.
async fn write(
    connection: &mut Session,
    tenant: i32,
    mut new: Amendment,
    rests: bool,
) -> Result<Amended, Error> {
    let said = said(new.job, std::mem::take(&mut new.post));
    let said = std::iter::once(&said);
    flush::meeting(said.clone()).hold(connection).await?;
    let batch = new.batch.filter(|_| new.lets_go && !rests);
    if let Some(batch) = batch {
        sqlx::query_file!("queries/redrive/lock_batches.sql", &[batch])
            .fetch_all(&mut *connection)
            .await?;
    }
    let taken = match rests {
        true => take_resting(connection, tenant, new.job).await?,
        false => take_extent(connection, tenant, new.job).await?,
    };
    let Some(mut taken) = taken else {
        return Ok(Amended::Away);
    };
    match taken.reason.as_deref() {
        Some("parked") if new.lets_go => {
            if let Some(batch) = batch {
                restart(connection, batch, new.ticket.is_none()).await?;
            }
            taken = Taken {
                reason: None,
                attempt: 0,
                losses: taken.losses.min(2),
                ..taken
            };
        }
        None | Some("paused" | "parked") => {}
        // Planned in a batch, or being cancelled: it is put back as it was.
        Some(_) => return Err(stopping(new.job)),
    }
    if let Some((version, lane)) = new.moved {
        sqlx::query_file!("queries/flight/move.sql", tenant, new.job, version, lane)
            .execute(&mut *connection)
            .await?;
        taken.lane = lane;
    }
    put(connection, &new, taken).await?;
    flush::deliver(connection, said).await?;
    if let Some(ticket) = new.ticket {
        ticket.take(connection, new.job).await?;
    }
    Ok(Amended::Written)
}

fn stopping(job: i64) -> Error {
    Error::Conflict {
        code: "illegal_state",
        message: format!("job j_{job} has not begun, or is ending"),
        hint: Some("only a job that has begun, and that nobody cancels, can be changed".into()),
    }
}

async fn take_resting(
    connection: &mut Session,
    tenant: i32,
    job: i64,
) -> Result<Option<Taken>, Error> {
    let row = sqlx::query_file!("queries/flight/take_resting.sql", tenant, job)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| Taken {
        lane: row.lane,
        eff: row.eff,
        run_at: row.run_at,
        priority: row.priority,
        attempt: row.attempt,
        losses: row.losses,
        reason: None,
        until: None,
        who: String::new(),
        why: String::new(),
        code: None,
        fingerprint: None,
    }))
}

async fn take_extent(
    connection: &mut Session,
    tenant: i32,
    job: i64,
) -> Result<Option<Taken>, Error> {
    sqlx::query_file!("queries/flight/lock_pause.sql", tenant, job)
        .fetch_optional(&mut *connection)
        .await?;
    let taken = sqlx::query_file_as!(Taken, "queries/flight/take_extent.sql", tenant, job)
        .fetch_optional(connection)
        .await?;
    Ok(taken)
}

/// A batch that had ended is open again. Many changes at once would tell of an end each: only one `alone` does.
async fn restart(connection: &mut Session, batch: i64, alone: bool) -> Result<(), Error> {
    sqlx::query_file!("queries/flight/restarted.sql", batch)
        .execute(&mut *connection)
        .await?;
    sqlx::query_file!("queries/redrive/raise_batch.sql", batch, 1, alone)
        .execute(connection)
        .await?;
    Ok(())
}

async fn put(connection: &mut Session, new: &Amendment, taken: Taken) -> Result<(), Error> {
    let written = sqlx::query_file!(
        "queries/flight/write.sql",
        new.job,
        new.entry.seq,
        new.entry.kind,
        new.entry.at,
        new.entry.data,
        new.head.fold,
        new.head.state,
        taken.lane,
        taken.eff,
        taken.priority,
        taken.attempt,
        taken.losses,
        taken.reason,
        taken.until,
        taken.who,
        taken.why,
        taken.code,
        taken.fingerprint,
        taken.run_at
    )
    .fetch_one(connection)
    .await?;
    match written.hit {
        true => Ok(()),
        // What was taken goes back with the transaction.
        false => Err(Error::Conflict {
            code: "moved_on",
            message: format!("job j_{} has gone on meanwhile", new.job),
            hint: None,
        }),
    }
}

/// What the change says to others, as a worker's flush would.
fn said(job: i64, post: Post) -> NewEntry {
    let nobody = LeaseKey {
        claim: Uuid::nil(),
        n: 0,
    };
    NewEntry {
        job,
        lease: nobody,
        obeys: false,
        entry: None,
        head: None,
        ending: None,
        remembers: true,
        undoes: false,
        members: 0,
        post: Some(Box::new(post)),
    }
}
