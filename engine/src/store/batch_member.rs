//! The members of a batch: pages for people, the manifest as a stream, failures by fingerprint.
//!
//! An individual member is its job's own row and is numbered by its place in the batch; members of
//! object and combined batches have rows and take the verdict of their job, or of their chunk once that ended.

mod ended;
mod manifest;
mod renewed;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::batch::BatchView;
use super::page::{PAGE_MAX, Page, fetch};
use crate::Error;
use crate::vocabulary::JobState;

/// Bytes of results in a page, whose last one may exceed them.
const RESULT_BYTES: usize = 4 << 20;
/// State of a row that the plan left out.
const LEFT_OUT: &str = "left_out";

/// One member of a batch, as pages and the manifest show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberView {
    /// Its place, from 1.
    pub n: i64,
    /// Its key.
    pub key: String,
    /// Its object key.
    pub object: Option<String>,
    /// The chunk of its job that holds it, from 1.
    pub chunk: Option<i32>,
    /// The job that the plan made of it, which is where pages of an individual batch end.
    #[serde(skip)]
    pub planned_job: Option<i64>,
    /// The job that works on it; none for rows that were left out.
    pub job: Option<i64>,
    /// The job's state, that of its chunk once that ended, or `left_out`.
    pub state: String,
    /// The error's stable name, or why the row was left out.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// Tries, once it has begun; of a chunk that ended, how often it ended in the job.
    pub attempts: i32,
    /// How often a new job was made of one that failed; `job` is the newest.
    pub restarts: i32,
    /// When its job or chunk ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The job's result, JSON text; in the manifest of individual batches only, where a result
    /// belongs to one member.
    pub result: Option<String>,
}

/// Where a page of members ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MemberCursor {
    /// Whether the members are through and the left-out rows have begun.
    pub left_out: bool,
    /// Last job of an individual batch as the plan made it, else the last `n`.
    pub after: i64,
    /// Place of the last member: the next page counts on from it.
    pub n: i64,
}

impl MemberCursor {
    /// Before the first member.
    pub const START: MemberCursor = MemberCursor {
        left_out: false,
        after: 0,
        n: 0,
    };
    const LEFT_OUT: MemberCursor = MemberCursor {
        left_out: true,
        after: 0,
        n: 0,
    };
}

/// Members that failed alike.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorGroup {
    /// `failed`, `expired` or `parked`.
    pub kind: String,
    /// The error's stable name.
    pub code: Option<String>,
    /// The error's identity without its particulars.
    pub fingerprint: Option<String>,
    /// Jobs that ended so.
    pub jobs: i64,
    /// The first of them.
    pub first_at: DateTime<Utc>,
    /// The last of them.
    pub last_at: DateTime<Utc>,
    /// Five jobs to look at.
    pub sample: Vec<i64>,
}

impl Store {
    /// A page of a batch's members, then of the rows that its plan left out.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the batch does not exist in this tenant.
    pub async fn members(
        &self,
        tenant: i32,
        batch: i64,
        cursor: Option<MemberCursor>,
        limit: u32,
    ) -> Result<Page<MemberView, MemberCursor>, Error> {
        let batch = self.batch(tenant, batch).await?;
        let cursor = cursor.unwrap_or(MemberCursor::START);
        self.member_page(tenant, &batch, cursor, limit, false).await
    }

    /// Why members of a batch failed, the largest group first.
    pub async fn batch_errors(
        &self,
        tenant: i32,
        batch: i64,
        limit: u32,
    ) -> Result<Vec<ErrorGroup>, Error> {
        let limit = i64::from(limit.clamp(1, PAGE_MAX));
        let rows =
            sqlx::query_file_as!(ErrorGroup, "queries/batch/errors.sql", tenant, batch, limit)
                .fetch_all(self.pool())
                .await?;
        Ok(rows)
    }

    async fn member_page(
        &self,
        tenant: i32,
        batch: &BatchView,
        cursor: MemberCursor,
        limit: u32,
        with_result: bool,
    ) -> Result<Page<MemberView, MemberCursor>, Error> {
        if cursor.left_out {
            return self.left_out(batch.id, cursor.after, limit).await;
        }
        let individual = batch.strategy == "individual";
        let rows = match individual {
            true => {
                self.job_rows(tenant, batch.id, cursor, limit, with_result)
                    .await?
            }
            false => self.member_rows(batch.id, cursor.after, limit).await?,
        };
        let cursor = |row: &MemberRow| MemberCursor {
            left_out: false,
            after: if individual { row.planned_job } else { row.n },
            n: row.n,
        };
        let is_full = result_bytes(&rows) > RESULT_BYTES;
        let mut page = Page::cut(rows, limit, cursor);
        if is_full {
            page.next = page.items.last().map(cursor);
        }
        let after_members = (batch.planned.left_out > 0).then_some(MemberCursor::LEFT_OUT);
        // Members that share a job have no result of their own.
        let with_result = with_result && individual;
        let found = page.items.len();
        let rows = self.follow_renewed(page.items, with_result).await?;
        if rows.len() < found {
            page.next = rows.last().map(cursor);
        }
        let rows = rows.into_iter().map(MemberRow::judged).collect();
        let items = self.with_states(tenant, rows, batch.sealed).await?;
        Ok(Page {
            items,
            next: page.next.or(after_members),
        })
    }

    async fn member_rows(
        &self,
        batch: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<MemberRow>, Error> {
        let rows = sqlx::query_file!("queries/batch/members.sql", batch, after, fetch(limit))
            .fetch_all(self.pool())
            .await?;
        let members = rows.into_iter().map(|row| MemberRow {
            n: row.n,
            planned_job: row.job,
            job: row.job,
            chunk: row.chunk,
            key: row.key,
            object: row.object,
            outcome: row.outcome,
            code: row.code,
            fingerprint: row.fingerprint,
            attempt: row.attempt,
            restarts: 0,
            ended_at: row.ended_at,
            result: None,
            verdict: row.told_by.zip(row.verdict).zip(row.verdict_at).map(
                |((told_by, kind), ended_at)| Verdict {
                    told_by,
                    kind,
                    code: row.verdict_code,
                    fingerprint: row.verdict_fingerprint,
                    tries: row.verdict_tries.unwrap_or_default(),
                    ended_at,
                },
            ),
        });
        Ok(members.collect())
    }

    async fn left_out(
        &self,
        batch: i64,
        after: i64,
        limit: u32,
    ) -> Result<Page<MemberView, MemberCursor>, Error> {
        let rows = sqlx::query_file!("queries/batch/left_out.sql", batch, after, fetch(limit))
            .fetch_all(self.pool())
            .await?;
        let page = Page::cut(rows, limit, |row| MemberCursor {
            left_out: true,
            after: row.n,
            n: row.n,
        });
        Ok(page.map(|row| MemberView {
            n: row.n,
            key: row.key,
            object: None,
            chunk: None,
            planned_job: None,
            job: None,
            state: LEFT_OUT.to_owned(),
            code: Some(row.reason),
            fingerprint: None,
            attempts: 0,
            restarts: 0,
            ended_at: None,
            result: None,
        }))
    }

    /// Gives every row its state: the outcome's kind, else where its job stands. Of a plan that is not
    /// complete, those are passed over whose job is not whole yet.
    async fn with_states(
        &self,
        tenant: i32,
        mut rows: Vec<MemberRow>,
        is_sealed: bool,
    ) -> Result<Vec<MemberView>, Error> {
        let mut open: Vec<i64> = rows
            .iter()
            .filter(|row| row.outcome.is_none() && row.verdict.is_none())
            .map(|row| row.job)
            .collect();
        open.dedup();
        let jobs = match open.as_slice() {
            [] => Vec::new(),
            ids => self.jobs_by_id(tenant, ids, false).await?,
        };
        let standing = |job: i64| jobs.iter().rev().find(|view| view.id == job);
        rows.retain(|row| {
            is_sealed
                || row.outcome.is_some()
                || row.verdict.is_some()
                || standing(row.job).is_some()
        });
        let view = |row: MemberRow| {
            let job = standing(row.job);
            let state = job.map_or(JobState::Unheld, |job| job.state);
            row.into_view(state, job.map_or(0, |job| job.attempt))
        };
        Ok(rows.into_iter().map(view).collect())
    }
}

fn result_bytes(rows: &[MemberRow]) -> usize {
    let results = rows.iter().filter_map(|row| row.result.as_ref());
    results.map(String::len).sum()
}

/// A member with its job's outcome, before its state is known.
struct MemberRow {
    n: i64,
    planned_job: i64,
    job: i64,
    chunk: Option<i32>,
    key: String,
    object: Option<String>,
    outcome: Option<String>,
    code: Option<String>,
    fingerprint: Option<String>,
    attempt: Option<i16>,
    restarts: i32,
    ended_at: Option<DateTime<Utc>>,
    result: Option<String>,
    verdict: Option<Verdict>,
}

/// How the chunk of a member ended.
struct Verdict {
    /// The job that worked on it.
    told_by: i64,
    kind: String,
    code: Option<String>,
    fingerprint: Option<String>,
    tries: i32,
    ended_at: DateTime<Utc>,
}

impl MemberRow {
    /// What a chunk failed of in an earlier job than the newest one is over: that one works on it again. What was
    /// completed stays so.
    fn judged(mut self) -> Self {
        let job = self.job;
        let stands = |verdict: &Verdict| verdict.told_by == job || verdict.kind == "completed";
        self.verdict = self.verdict.filter(stands);
        self
    }

    fn into_view(self, state: JobState, attempt: i16) -> MemberView {
        let begun = self.outcome.is_some() || state == JobState::Running;
        let attempt = i32::from(self.attempt.unwrap_or(attempt));
        let mut view = MemberView {
            n: self.n,
            key: self.key,
            object: self.object,
            chunk: self.chunk,
            planned_job: Some(self.planned_job),
            job: Some(self.job),
            state: self.outcome.unwrap_or_else(|| state.as_str().to_owned()),
            code: self.code,
            fingerprint: self.fingerprint,
            attempts: attempt + i32::from(begun),
            restarts: self.restarts,
            ended_at: self.ended_at,
            result: self.result,
        };
        if let Some(verdict) = self.verdict {
            view.state = verdict.kind;
            (view.code, view.fingerprint) = (verdict.code, verdict.fingerprint);
            view.attempts = verdict.tries;
            view.ended_at = Some(verdict.ended_at);
        }
        view
    }
}
