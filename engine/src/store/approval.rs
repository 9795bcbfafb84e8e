//! Approvals: what jobs ask people. A request is written with the turn that asks and ends with its step; a decision
//! is a letter to the job that rests for it.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::problem::Problem;

use super::Store;
use super::exchange::NewEntry;
use super::gate::Session;
use super::page::{Page, fetch};
use super::post::{Meeting, NewApproval, Post, Spot};
use crate::Error;

/// Longest comment, in bytes.
const COMMENT_BYTES_MAX: usize = 16 * 1024;
/// Longest name of whoever decides, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// A request of a job to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalView {
    /// Row number.
    pub id: i64,
    /// The job that asks.
    pub job: i64,
    /// What its template calls it: asked again under the same key, it is the same request.
    pub key: String,
    /// Which reminder this is, from 0.
    pub round: i32,
    /// What is asked.
    pub subject: String,
    /// Who should answer.
    pub assignees: Vec<String>,
    /// What may be answered.
    pub options: Vec<String>,
    /// When it was asked first.
    pub opened_at: DateTime<Utc>,
    /// When it was asked last.
    pub asked_at: DateTime<Utc>,
    /// When it was decided, or nobody wanted an answer any more.
    pub ended_at: Option<DateTime<Utc>>,
    /// One of the options.
    pub decision: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// In their words.
    pub comment: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// The step was over in the moment in which it was decided: the job does not know of it.
    pub missed: bool,
}

/// A decision, as somebody makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDecision {
    /// One of the options.
    pub decision: String,
    /// Who decides.
    pub by: String,
    /// In their words.
    pub comment: Option<String>,
}

/// Which approvals to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalFilter {
    /// Those that are over, instead of those that wait.
    pub ended: bool,
    /// Those that wait for this one; no index knows it of those that are over.
    pub assignee: Option<String>,
}

impl ApprovalView {
    /// `open`, `decided`, `missed` or `closed`.
    pub fn state(&self) -> &'static str {
        match (&self.decision, self.ended_at) {
            (Some(_), _) if self.missed => "missed",
            (Some(_), _) => "decided",
            (None, Some(_)) => "closed",
            (None, None) => "open",
        }
    }

    /// Why it cannot be decided any more; nothing while it can.
    fn refusal(&self) -> Option<Error> {
        let (code, message, hint) = match (&self.decision, self.ended_at) {
            (None, None) => return None,
            (Some(decision), _) => (
                "approval_decided",
                format!(
                    "a_{} was decided before: `{decision}` by {}{}",
                    self.id,
                    self.decided_by.as_deref().unwrap_or("somebody"),
                    said_at(self.decided_at),
                ),
                "the first decision stands",
            ),
            (None, Some(_)) => (
                "approval_closed",
                format!(
                    "a_{} is closed: j_{} does not wait for it any more",
                    self.id, self.job
                ),
                "its step has timed out, or its job was ended",
            ),
        };
        Some(Error::Conflict {
            code,
            message,
            hint: Some(hint.to_owned()),
        })
    }
}

fn said_at(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| format!(" at {}", at.format("%Y-%m-%dT%H:%M:%SZ")))
        .unwrap_or_default()
}

impl Store {
    /// A page of approvals, the newest first, below id `before`.
    ///
    /// # Errors
    /// `invalid` for those of one assignee that are over.
    pub async fn approvals(
        &self,
        tenant: i32,
        filter: &ApprovalFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<ApprovalView>, Error> {
        let (before, rows) = (before.unwrap_or(i64::MAX), fetch(limit));
        let found = match (&filter.assignee, filter.ended) {
            (Some(_), true) => return Err(not_indexed()),
            (Some(assignee), false) => {
                sqlx::query_file_as!(
                    ApprovalView,
                    "queries/approval/list_mine.sql",
                    tenant,
                    before,
                    rows,
                    assignee
                )
                .fetch_all(self.pool())
                .await?
            }
            (None, false) => {
                sqlx::query_file_as!(
                    ApprovalView,
                    "queries/approval/list_open.sql",
                    tenant,
                    before,
                    rows
                )
                .fetch_all(self.pool())
                .await?
            }
            (None, true) => {
                sqlx::query_file_as!(
                    ApprovalView,
                    "queries/approval/list_ended.sql",
                    tenant,
                    before,
                    rows
                )
                .fetch_all(self.pool())
                .await?
            }
        };
        Ok(Page::cut(found, limit, |approval| approval.id))
    }

    /// One approval.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn approval(&self, tenant: i32, id: i64) -> Result<ApprovalView, Error> {
        let row = sqlx::query_file_as!(ApprovalView, "queries/approval/show.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?;
        row.ok_or_else(|| Error::not_found("approval", format!("a_{id}")))
    }

    /// Decides what a job asks; the job is told, and woken if it rests.
    ///
    /// # Errors
    /// `not_found`; `invalid` when it is none of the options, or says nothing of who decides; `approval_decided`
    /// and `approval_closed` when it is over.
    ///
    /// # Cancel safety
    /// Dropped, it may have been decided: [`Store::approval`] says.
    pub async fn decide(
        &self,
        tenant: i32,
        id: i64,
        new: NewDecision,
    ) -> Result<ApprovalView, Error> {
        let known = self.approval(tenant, id).await?;
        if let Some(refusal) = known.refusal() {
            return Err(refusal);
        }
        check(&new, &known)?;
        let decided = self
            .transaction(move |connection| Box::pin(decide(connection, tenant, known, new)))
            .await?;
        let view = self.approval(tenant, id).await?;
        match (decided, view.refusal()) {
            (true, _) => Ok(view),
            (false, Some(refusal)) => Err(refusal),
            // Asked again with other options meanwhile, or its job has ended and a duty will say so.
            (false, None) => Err(Error::Conflict {
                code: "approval_closed",
                message: format!(
                    "a_{id} cannot be decided now: j_{} has ended, or asks anew",
                    view.job
                ),
                hint: Some("look at it again".to_owned()),
            }),
        }
    }

    /// Ends what jobs left open that somebody ended from outside, and deletes requests of jobs that are gone, a
    /// page a pass; how many.
    pub async fn tidy_approvals(&self) -> Result<i64, Error> {
        let behind = self.asked_behind.load(Ordering::Relaxed);
        let row = sqlx::query_file!("queries/approval/tidy.sql", behind)
            .fetch_one(self.pool())
            .await?;
        self.asked_behind
            .store(row.last.unwrap_or(0), Ordering::Relaxed);
        Ok(row.rows)
    }
}

async fn decide(
    connection: &mut Session,
    tenant: i32,
    known: ApprovalView,
    new: NewDecision,
) -> Result<bool, Error> {
    let mut meeting = Meeting::default();
    meeting.alone(tenant, Spot::Job(known.job));
    meeting.hold(connection).await?;
    let row = sqlx::query_file!(
        "queries/approval/decide.sql",
        tenant,
        known.id,
        new.decision,
        new.by,
        new.comment
    )
    .fetch_one(connection)
    .await?;
    Ok(row.decided > 0)
}

fn check(new: &NewDecision, known: &ApprovalView) -> Result<(), Error> {
    let mut problems = Vec::new();
    if !known.options.contains(&new.decision) {
        let message = format!("it is one of {}", known.options.join(", "));
        problems.push(Problem::new("wrong_value", "/decision", message));
    }
    if !(1..=NAME_BYTES_MAX).contains(&new.by.len()) || new.by.contains('\0') {
        let message = format!("who decides has 1 to {NAME_BYTES_MAX} bytes");
        problems.push(Problem::new("wrong_value", "/by", message));
    }
    let comment = new.comment.as_deref().unwrap_or_default();
    if comment.len() > COMMENT_BYTES_MAX || comment.contains('\0') {
        let message = format!("a comment has up to {COMMENT_BYTES_MAX} bytes");
        problems.push(Problem::new("wrong_value", "/comment", message));
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid { problems }),
    }
}

fn not_indexed() -> Error {
    let message = "approvals that are over are not found by assignee";
    let problem = Problem::new("filter_not_indexed", "/assignee", message);
    Error::Invalid {
        problems: vec![problem.hint("leave out `assignee`, or ask for those that are open")],
    }
}

/// Asks people, in the transaction that recorded the turn.
pub(super) async fn open<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let asked: Vec<(i64, i32, &NewApproval)> = posts
        .flat_map(|(new, post)| {
            let asked = post.approvals.iter();
            asked.map(|approval| (new.job, post.tenant, approval))
        })
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&NewApproval) -> &[String]| -> Vec<String> {
        let texts = asked.iter().map(|(.., one)| serde_json::json!(of(one)));
        texts.map(|texts| texts.to_string()).collect()
    };
    sqlx::query_file!(
        "queries/approval/open.sql",
        &column(&asked, |(job, ..)| *job),
        &column(&asked, |(_, tenant, _)| *tenant),
        &column(&asked, |(.., one)| one.key.clone()),
        &column(&asked, |(.., one)| one.activity.cast_signed()),
        &column(&asked, |(.., one)| one.round),
        &column(&asked, |(.., one)| one.subject.clone()),
        &texts(|one| &one.assignees),
        &texts(|one| &one.options),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what steps asked that are over, in the transaction that recorded it.
pub(super) async fn close<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    let (jobs, activities): (Vec<i64>, Vec<i32>) = posts
        .flat_map(|(new, post)| {
            let withdrawn = post.withdrawn.iter();
            withdrawn.map(|activity| (new.job, activity.cast_signed()))
        })
        .unzip();
    if !jobs.is_empty() {
        sqlx::query_file!("queries/approval/close.sql", &jobs, &activities)
            .execute(connection)
            .await?;
    }
    Ok(())
}

fn column<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
