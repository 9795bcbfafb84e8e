//! A change of many jobs as it is started and passed over.
//!
//! A job stands in one page until somebody takes it out, in the transaction that changes it: a [`Ticket`] says
//! from which. A page is the last thing that a change locks, and its change the very last.

use chrono::{DateTime, Utc};

use crate::Error;
use crate::store::Store;
use crate::store::gate::Session;

/// Ids of one statement that adds pages.
const ADDED_MAX: usize = 50_000;
/// Jobs of one page (`queries/bulk/add_pages.sql`).
const PAGE_JOBS: usize = 100;

/// What somebody begins.
#[derive(Clone, Debug)]
pub(crate) struct NewBulkRow {
    pub(crate) change: String,
    pub(crate) filter: String,
    pub(crate) token: String,
    pub(crate) rate: i32,
    pub(crate) who: String,
    pub(crate) why: String,
    pub(crate) jobs: Vec<i64>,
}

/// One that a keeper passes over.
#[derive(Clone, Debug)]
pub(crate) struct RunningBulk {
    pub(crate) id: i64,
    pub(crate) tenant: i32,
    pub(crate) change: String,
    pub(crate) filter: String,
    pub(crate) who: String,
    pub(crate) why: String,
    pub(crate) room: i64,
}

/// Jobs of it.
#[derive(Clone, Debug)]
pub(crate) struct BulkPage {
    pub(crate) n: i32,
    pub(crate) rounds: i16,
    pub(crate) ids: Vec<i64>,
}

/// The page that a job must be taken out of by whoever changes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) bulk: i64,
    pub(crate) page: i32,
}

/// Where jobs of a filter are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) lanes: Vec<i32>,
    pub(crate) version: Option<i32>,
    pub(crate) upto: i64,
    pub(crate) waiting: bool,
    pub(crate) held: Vec<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) ready: bool,
    pub(crate) later: bool,
}

/// What lanes are chosen by.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaneChoice {
    pub(crate) template: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) batch: Option<i64>,
}

impl Ticket {
    /// Takes the job out of its page. Last of all in its transaction.
    ///
    /// # Errors
    /// [`Ticket::GONE`]: somebody else changed it, or the change stands still.
    pub(crate) async fn take(self, connection: &mut Session, job: i64) -> Result<(), Error> {
        let taken = sqlx::query_file!("queries/bulk/take_job.sql", self.bulk, self.page, job)
            .execute(connection)
            .await?;
        match taken.rows_affected() {
            0 => Err(Error::Conflict {
                code: Self::GONE,
                message: format!("job j_{job} is no longer to be changed"),
                hint: None,
            }),
            _ => Ok(()),
        }
    }

    /// The code of who found the job gone from its page. Nobody is shown it.
    pub(crate) const GONE: &'static str = "bulk_gone";
}

impl Store {
    /// The lanes of a choice, the newest job, and the time.
    pub(crate) async fn bulk_lanes(
        &self,
        tenant: i32,
        of: &LaneChoice,
    ) -> Result<(Vec<i32>, i64, DateTime<Utc>), Error> {
        let row = sqlx::query_file!(
            "queries/bulk/lanes.sql",
            tenant,
            of.template,
            of.purpose,
            of.group,
            of.batch
        )
        .fetch_one(self.pool())
        .await?;
        Ok((row.lanes, row.newest, row.now))
    }

    /// The next jobs of these places behind `after`, and how far it looked; nothing at the end.
    pub(crate) async fn bulk_standing(
        &self,
        tenant: i32,
        of: &Places,
        after: i64,
    ) -> Result<Option<(Vec<i64>, i64)>, Error> {
        let row = sqlx::query_file!(
            "queries/bulk/standing.sql",
            tenant,
            &of.lanes,
            of.version,
            after,
            of.upto,
            of.waiting,
            &of.held,
            of.fingerprint,
            of.ready,
            of.later
        )
        .fetch_one(self.pool())
        .await?;
        Ok(row.reach.map(|reach| (row.ids, reach)))
    }

    /// Those of these jobs that exist.
    pub(crate) async fn bulk_named(&self, tenant: i32, jobs: &[i64]) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query_file!("queries/bulk/named.sql", tenant, jobs)
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// The error that a job is parked with.
    pub(crate) async fn bulk_fingerprint(&self, job: i64) -> Result<Option<String>, Error> {
        let row = sqlx::query_file!("queries/bulk/fingerprint.sql", job)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.fingerprint))
    }

    /// What was begun with a token.
    pub(crate) async fn bulk_of_token(
        &self,
        tenant: i32,
        token: &str,
    ) -> Result<Option<i64>, Error> {
        let row = sqlx::query_file!("queries/bulk/of_token.sql", tenant, token)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.id))
    }

    /// Begins it with all its pages; `None` when somebody else did with the same token.
    ///
    /// # Cancel safety
    /// One transaction.
    pub(crate) async fn begin_bulk(
        &self,
        tenant: i32,
        new: NewBulkRow,
    ) -> Result<Option<i64>, Error> {
        self.transaction(move |connection| Box::pin(begin(connection, tenant, new)))
            .await
    }

    /// The change that waited longest, for a pass.
    pub(crate) async fn take_bulk(&self) -> Result<Option<RunningBulk>, Error> {
        let row = sqlx::query_file_as!(RunningBulk, "queries/bulk/take.sql")
            .fetch_optional(self.pool())
            .await?;
        Ok(row)
    }

    /// The next page that is due.
    pub(crate) async fn bulk_page(&self, bulk: i64) -> Result<Option<BulkPage>, Error> {
        let row = sqlx::query_file_as!(BulkPage, "queries/bulk/next_page.sql", bulk)
            .fetch_optional(self.pool())
            .await?;
        Ok(row)
    }

    /// Takes a job out of its page without a change in the same transaction.
    pub(crate) async fn tick_bulk(&self, ticket: Ticket, job: i64) -> Result<(), Error> {
        let mut connection = self.pool().acquire().await?;
        ticket.take(&mut connection, job).await
    }

    /// A job cannot be changed so.
    pub(crate) async fn refuse_bulk(
        &self,
        ticket: Ticket,
        job: i64,
        (code, message): (&str, &str),
    ) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/bulk/refuse_job.sql",
            ticket.bulk,
            ticket.page,
            job,
            code,
            message
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// A job has its turn again in the next round.
    pub(crate) async fn pass_over_bulk(&self, ticket: Ticket, job: i64) -> Result<(), Error> {
        sqlx::query_file!("queries/bulk/pass_over.sql", ticket.bulk, ticket.page, job)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// A round over a page is through.
    pub(crate) async fn end_bulk_round(&self, ticket: Ticket, last: i64) -> Result<(), Error> {
        sqlx::query_file!("queries/bulk/end_round.sql", ticket.bulk, ticket.page, last)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// The pass is over; the change too, if nothing is left of it.
    pub(crate) async fn end_bulk_pass(&self, bulk: i64) -> Result<(), Error> {
        sqlx::query_file!("queries/bulk/end_pass.sql", bulk)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

async fn begin(
    connection: &mut Session,
    tenant: i32,
    new: NewBulkRow,
) -> Result<Option<i64>, Error> {
    let total = i64::try_from(new.jobs.len()).unwrap_or(i64::MAX);
    let row = sqlx::query_file!(
        "queries/bulk/create.sql",
        tenant,
        new.change,
        new.filter,
        new.token,
        new.rate,
        total,
        new.who,
        new.why
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut first = 0_i32;
    for part in new.jobs.chunks(ADDED_MAX) {
        sqlx::query_file!("queries/bulk/add_pages.sql", row.id, first, part)
            .execute(&mut *connection)
            .await?;
        first += i32::try_from(part.len().div_ceil(PAGE_JOBS)).unwrap_or(i32::MAX);
    }
    Ok(Some(row.id))
}
