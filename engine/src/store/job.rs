//! Jobs as people see them: state, lease, outcome, request, journal and memory.
//!
//! One statement looks at all holders and at the outcomes (`queries/job/view.sql`), so a job is seen
//! in exactly one place. Everything here reads.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Store;
use super::page::{Page, fetch};
use crate::Error;
use crate::vocabulary::JobState;

/// One job.
#[derive(Clone, Debug, Serialize)]
pub struct JobView {
    /// Its number; its request has the same.
    pub id: i64,
    /// Where it stands.
    pub state: JobState,
    /// `namespace.name@version`.
    pub template: String,
    /// Why the work is done; empty without a purpose.
    pub purpose: String,
    /// The stream that it is claimed from.
    pub queue: String,
    /// Its lane.
    pub lane: i32,
    /// Its batch.
    pub batch: Option<i64>,
    /// Key of its member, in individual batches.
    pub member_key: Option<String>,
    /// Object key of its members.
    pub object: Option<String>,
    /// The job that started it.
    pub parent: Option<i64>,
    /// The ended job that it repeats.
    pub redrive_of: Option<i64>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Unjournaled tries so far.
    pub attempt: i16,
    /// Leases lost so far.
    pub losses: i16,
    /// Whether it keeps a journal.
    pub journaled: bool,
    /// When something happens next by itself: the start, the retry, the timer, the end of a pause.
    pub due: Option<DateTime<Utc>>,
    /// Since when it has been due, while it is ready; earlier by its priority.
    pub ready_since: Option<DateTime<Utc>>,
    /// Who has it, while it runs.
    pub lease: Option<LeaseView>,
    /// Why it stands still, while it is planned, paused, parked or being cancelled.
    pub held: Option<HeldView>,
    /// What it waits for, while it waits.
    pub waits: Vec<WaitCause>,
    /// How it ended.
    pub outcome: Option<OutcomeView>,
    /// What its caller said beside the input; jobs of batches have none.
    pub request: Option<RequestView>,
}

/// A worker's right to a job.
#[derive(Clone, Debug, Serialize)]
pub struct LeaseView {
    /// The worker's incarnation.
    pub worker: Uuid,
    /// The claim that took the job.
    pub claim: Uuid,
    /// When.
    pub claimed_at: DateTime<Utc>,
    /// Whether somebody asked the job to stop.
    pub stopping: bool,
}

/// Why a job stands still.
#[derive(Clone, Debug, Serialize)]
pub struct HeldView {
    /// `planned`, `paused`, `parked` or `cancelling`.
    pub reason: String,
    /// Who stopped it.
    pub who: String,
    /// In their words, or the error's.
    pub why: String,
}

/// One thing that a resting job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitCause {
    /// `signal`, `event` or `child`.
    pub kind: Option<String>,
    /// A signal's name, or an event's type; empty: any type, or it has none.
    pub name: Option<String>,
    /// Whom a signal is for; an event's subject, empty for any; the child.
    pub key: Option<String>,
}

/// A job's one final result.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeView {
    /// `completed`, `failed`, `cancelled`, `expired` or `suppressed`.
    pub kind: String,
    /// The error's stable name.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Output, or the error as a problem document; JSON text. Left out of lists.
    pub result: Option<String>,
}

/// What a caller said beside the input.
#[derive(Clone, Debug, Serialize)]
pub struct RequestView {
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Who asked.
    pub who: String,
    /// Not before.
    pub start_at: Option<DateTime<Utc>>,
    /// Not started by then, it ends `expired`.
    pub expires_at: Option<DateTime<Utc>>,
    /// The job that had started when this request came to replace it.
    pub successor_of: Option<i64>,
    /// For people and filters.
    pub tags: BTreeMap<String, String>,
}

/// One entry of a job's journal.
#[derive(Clone, Debug, Serialize)]
pub struct JournalEntry {
    /// From 1, without gaps.
    pub seq: i32,
    /// What stands in it.
    pub kind: String,
    /// When the turn was taken.
    pub at: DateTime<Utc>,
    /// Under which claim; none where a person wrote it.
    pub claim: Option<Uuid>,
    /// The turn, JSON text.
    pub data: String,
}

impl Store {
    /// One job, with its result.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn job(&self, tenant: i32, id: i64) -> Result<JobView, Error> {
        let found = self.jobs_by_id(tenant, &[id], true).await?;
        let missing = || Error::not_found("job", id.to_string());
        found.into_iter().next().ok_or_else(missing)
    }

    /// These jobs, newest first; those that do not exist are left out.
    pub(crate) async fn jobs_by_id(
        &self,
        tenant: i32,
        ids: &[i64],
        with_result: bool,
    ) -> Result<Vec<JobView>, Error> {
        let found = sqlx::query_file_as!(JobRow, "queries/job/view.sql", tenant, ids, with_result);
        let rows = found.fetch_all(self.pool()).await?;
        Ok(rows.into_iter().map(JobView::from).collect())
    }

    /// What a job was given, JSON text.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn job_input(&self, tenant: i32, id: i64) -> Result<String, Error> {
        let row = sqlx::query_file!("queries/job/input.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?;
        let missing = || Error::not_found("job", id.to_string());
        row.map(|row| row.input).ok_or_else(missing)
    }

    /// A page of a job's journal after `seq`, oldest first.
    pub async fn journal(
        &self,
        tenant: i32,
        id: i64,
        seq: i32,
        limit: u32,
    ) -> Result<Page<JournalEntry, i32>, Error> {
        let rows = sqlx::query_file_as!(
            JournalEntry,
            "queries/journal/page.sql",
            tenant,
            id,
            seq,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |entry| entry.seq))
    }
}

/// A row of `queries/job/view.sql`.
struct JobRow {
    id: i64,
    state: String,
    template: String,
    purpose: String,
    queue: String,
    lane: i32,
    batch: Option<i64>,
    member_key: Option<String>,
    object: Option<String>,
    parent: Option<i64>,
    redrive_of: Option<i64>,
    created_at: DateTime<Utc>,
    attempt: i16,
    losses: i16,
    due: Option<DateTime<Utc>>,
    ready_since: Option<DateTime<Utc>>,
    held_reason: Option<String>,
    held_by: Option<String>,
    held_why: Option<String>,
    worker: Option<Uuid>,
    claim: Option<Uuid>,
    claimed_at: Option<DateTime<Utc>>,
    stopping: bool,
    journaled: bool,
    waits: sqlx::types::Json<Vec<WaitCause>>,
    outcome: Option<String>,
    code: Option<String>,
    fingerprint: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    result: Option<String>,
    idempotency_key: Option<String>,
    who: Option<String>,
    start_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    successor_of: Option<i64>,
    tags: Option<sqlx::types::Json<BTreeMap<String, String>>>,
}

impl JobRow {
    fn lease(&self) -> Option<LeaseView> {
        Some(LeaseView {
            worker: self.worker?,
            claim: self.claim?,
            claimed_at: self.claimed_at?,
            stopping: self.stopping,
        })
    }

    fn held(&mut self) -> Option<HeldView> {
        Some(HeldView {
            reason: self.held_reason.take()?,
            who: self.held_by.take()?,
            why: self.held_why.take()?,
        })
    }

    fn outcome(&mut self) -> Option<OutcomeView> {
        Some(OutcomeView {
            kind: self.outcome.take()?,
            code: self.code.take(),
            fingerprint: self.fingerprint.take(),
            at: self.ended_at?,
            result: self.result.take(),
        })
    }

    fn request(&mut self) -> Option<RequestView> {
        Some(RequestView {
            tags: self.tags.take()?.0,
            who: self.who.take()?,
            idempotency_key: self.idempotency_key.take(),
            start_at: self.start_at,
            expires_at: self.expires_at,
            successor_of: self.successor_of,
        })
    }
}

impl From<JobRow> for JobView {
    fn from(mut row: JobRow) -> Self {
        Self {
            lease: row.lease(),
            held: row.held(),
            outcome: row.outcome(),
            request: row.request(),
            id: row.id,
            state: JobState::from(row.state),
            template: row.template,
            purpose: row.purpose,
            queue: row.queue,
            lane: row.lane,
            batch: row.batch,
            member_key: row.member_key,
            object: row.object,
            parent: row.parent,
            redrive_of: row.redrive_of,
            created_at: row.created_at,
            attempt: row.attempt,
            losses: row.losses,
            journaled: row.journaled,
            due: row.due,
            ready_since: row.ready_since,
            waits: row.waits.0,
        }
    }
}
