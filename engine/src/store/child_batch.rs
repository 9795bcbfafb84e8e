//! Batches that jobs make: opened with the turn that says so, told of when they are over.
//!
//! Nothing that ends a batch knows of its parent. The row that joins them stays open until the parent was told, so
//! whoever dies in between loses nothing: the next pass of a duty finds the row again.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tracing::warn;
use windlass_workflows::configuration::{Callback, Strategy};
use windlass_workflows::machine::fault::ERROR_TYPES;

use super::exchange::NewEntry;
use super::gate::Session;
use super::mail::PASS_MAX;
use super::post::{Meeting, OnClose, Post, Spot};
use super::{DEFAULT_TENANT, Store, lane, notice};
use crate::Error;

/// Rows that a statement gives of those that are to be told, or cancelled.
const PAGE: usize = 100;
/// What a step is told of each batch, whatever came of it.
const KINDS: [&str; 6] = [
    "completed",
    "failed",
    "parked",
    "expired",
    "cancelled",
    "suppressed",
];
/// Of these, how the jobs ended that did not do their work.
const BAD: [&str; 3] = ["failed", "parked", "expired"];

/// A batch that a step opens, with all that its recipe names resolved: from [`Store::child_batch`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewChildBatch {
    /// Its id.
    pub id: i64,
    /// The lane of its jobs.
    pub lane: i32,
    /// Which activity of the parent is told.
    pub activity: u32,
    /// Its end is waited for; otherwise its id is told at once.
    pub is_awaited: bool,
    /// What becomes of it when the step ends first: `Cancel` or `Abandon`.
    pub on_close: OnClose,
    /// How many of its jobs may end badly.
    pub tolerated: Tolerated,
    /// For people.
    pub name: String,
    /// The stored job configuration that it follows, and its revision.
    pub configuration: Option<(String, i32)>,
    /// How members become jobs.
    pub strategy: Strategy,
    /// Row of the template version that its jobs are pinned to.
    pub template_version: i32,
    /// Its purpose; empty without.
    pub purpose: String,
    /// The job configuration, canonical JSON text.
    pub document: String,
    /// The purpose's default input, JSON text.
    pub purpose_input: Option<String>,
    /// Seconds by which its jobs may overtake later ones.
    pub priority: i32,
    /// The category and the version of it that the plan reads.
    pub category: Option<(i32, i32)>,
    /// Jobs that may be under way at once.
    pub window: i64,
    /// When it is to be done.
    pub done_by: Option<DateTime<Utc>>,
    /// What a keeper must read before it can be planned: `query` or `http`.
    pub outside: Option<&'static str>,
    /// What is done about it.
    pub callbacks: Vec<Callback>,
    /// Seconds that a job of it may take.
    pub timeout: Option<f64>,
    /// The revision of its purpose that says what becomes of failed steps.
    pub retry_revision: Option<i32>,
    /// Of its lane beside others.
    pub weight: Option<f64>,
}

/// How many jobs of a batch may end badly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerated {
    /// So many.
    Count(i64),
    /// So much of its jobs, from 0 to 100.
    Percent(f64),
}

impl Tolerated {
    fn of(self, jobs: i64) -> i64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (jobs as f64 * percent / 100.0).floor() as i64,
        }
    }
}

impl NewChildBatch {
    /// About how many bytes it sends.
    pub(super) fn bytes(&self) -> usize {
        let input = self.purpose_input.as_ref().map_or(0, String::len);
        self.document.len() + self.name.len() + input
    }
}

impl Store {
    /// Tells parents of batches that are over; how many in a second.
    pub async fn tell_of_batches(&self) -> Result<i64, Error> {
        let since = Instant::now();
        let mut told = 0;
        loop {
            let ended: Vec<Ended> = sqlx::query_file_as!(Ended, "queries/child_batch/ended.sql")
                .fetch_all(self.pool())
                .await?;
            let looked_at = ended.len();
            if !ended.is_empty() {
                told += self
                    .transaction(move |connection| Box::pin(tell(connection, ended)))
                    .await?;
            }
            if looked_at < PAGE || since.elapsed() > PASS_MAX {
                return Ok(told);
            }
        }
    }

    /// Cancels batches that nobody waits for any more, unless they go on alone; how many. Their jobs are asked by the
    /// duty that asks those of all cancelled batches.
    pub async fn close_child_batches(&self) -> Result<usize, Error> {
        let rows = sqlx::query_file!("queries/child_batch/unwanted.sql")
            .fetch_all(self.pool())
            .await?;
        let mut closed = 0;
        for row in rows {
            let done = match row.cancel {
                true => self.end_unwanted(row.tenant, row.batch, row.parent).await,
                false => self.forget_batch(row.batch).await,
            };
            match done {
                Ok(is_done) => closed += usize::from(is_done),
                // The others do not wait for it; the next pass meets it again.
                Err(error) => {
                    warn!(batch = row.batch, error = %error, "a batch that nobody waits for could not be cancelled");
                }
            }
        }
        Ok(closed)
    }

    async fn forget_batch(&self, batch: i64) -> Result<bool, Error> {
        let done = sqlx::query_file!("queries/child_batch/forget.sql", batch)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether the batch was marked: one that has ended by itself needs nothing more.
    async fn end_unwanted(&self, tenant: i32, batch: i64, parent: i64) -> Result<bool, Error> {
        let who = format!("j_{parent}");
        let why = "its parent does not want it any more";
        match self.mark_cancelled(tenant, batch, &who, why).await {
            Ok(_) => Ok(true),
            Err(Error::Conflict { .. } | Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A batch that is over.
struct Ended {
    batch: i64,
    parent: i64,
    failed_max: Option<i64>,
    failed_percent: Option<f64>,
    state: String,
    reason: Option<String>,
    members: i64,
    jobs: i64,
    tally: sqlx::types::Json<BTreeMap<String, i64>>,
}

impl Ended {
    /// Endings of this kind that stand.
    fn count(&self, kind: &str) -> i64 {
        let told = |kind: &str| self.tally.0.get(kind).copied().unwrap_or(0);
        told(kind) - told(&format!("restarted_{kind}"))
    }

    /// What its step is given, or what the error says beside its title.
    fn facts(&self) -> Value {
        let counts = KINDS.map(|kind| (kind.to_owned(), json!(self.count(kind))));
        json!({
            "id": format!("b_{}", self.batch),
            "state": self.state,
            "members": self.members,
            "jobs": self.jobs,
            "counts": serde_json::Map::from_iter(counts),
            "manifest": format!("/v1/batches/b_{}/manifest", self.batch),
        })
    }

    /// Why the step fails; nothing if it does not.
    fn failure(&self) -> Option<String> {
        let bad: i64 = BAD.iter().map(|kind| self.count(kind)).sum();
        let tolerated = match (self.failed_max, self.failed_percent) {
            (Some(count), _) => Tolerated::Count(count),
            (None, percent) => Tolerated::Percent(percent.unwrap_or(0.0)),
        };
        let tolerated = tolerated.of(self.jobs);
        let (batch, jobs) = (self.batch, self.jobs);
        match self.state.as_str() {
            "completed" | "completed_with_errors" if bad <= tolerated => None,
            "completed" | "completed_with_errors" => Some(format!(
                "{bad} of {jobs} jobs of b_{batch} failed; {tolerated} are tolerated"
            )),
            // Its reason says by whom.
            "cancelled" => {
                let why = self.reason.as_deref().unwrap_or("cancelled");
                Some(format!("b_{batch} was {why}"))
            }
            _ => {
                let problem = self.problem().unwrap_or_default();
                let why = problem["message"].as_str().or(problem.as_str());
                Some(format!("b_{batch} failed: {}", why.unwrap_or_default()))
            }
        }
    }

    /// A plan that fails has the problem as its reason.
    fn problem(&self) -> Option<Value> {
        let reason = self.reason.as_deref()?;
        Some(serde_json::from_str(reason).unwrap_or_else(|_| json!(reason)))
    }

    /// How it ended for the step, and with what.
    fn told(&self) -> (&'static str, String) {
        let mut facts = self.facts();
        let Some(title) = self.failure() else {
            return ("completed", facts.to_string());
        };
        if let Some(problem) = self.problem() {
            facts["problem"] = problem;
        }
        let error = json!({
            "type": format!("{ERROR_TYPES}runtime"), "status": 500, "title": title, "detail": facts,
        });
        ("failed", error.to_string())
    }
}

async fn tell(connection: &mut Session, ended: Vec<Ended>) -> Result<i64, Error> {
    let mut meeting = Meeting::default();
    for one in &ended {
        meeting.alone(DEFAULT_TENANT, Spot::Job(one.parent));
    }
    meeting.hold(connection).await?;
    let batches: Vec<i64> = ended.iter().map(|one| one.batch).collect();
    let told = ended.iter().map(Ended::told);
    let (outcomes, results): (Vec<&str>, Vec<String>) = told.unzip();
    let row = sqlx::query_file!(
        "queries/child_batch/tell.sql",
        &batches,
        &outcomes as &[&str],
        &results
    )
    .fetch_one(connection)
    .await?;
    Ok(row.told)
}

/// Stores the batches that turns open, in the transaction that recorded them.
pub(super) async fn open<'a>(
    connection: &mut Session,
    posts: impl Iterator<Item = (&'a NewEntry, &'a Post)>,
) -> Result<(), Error> {
    for (new, post) in posts {
        for batch in &post.batches {
            open_one(connection, new.job, post.tenant, batch).await?;
        }
    }
    Ok(())
}

async fn open_one(
    connection: &mut Session,
    parent: i64,
    tenant: i32,
    batch: &NewChildBatch,
) -> Result<(), Error> {
    let (count, percent) = match batch.tolerated {
        Tolerated::Count(count) => (Some(count), None),
        Tolerated::Percent(percent) => (None, Some(percent)),
    };
    let (configuration, revision) = batch.configuration.clone().unzip();
    let opened = sqlx::query_file!(
        "queries/child_batch/open.sql",
        batch.id,
        parent,
        batch.activity.cast_signed(),
        batch.on_close.as_str(),
        count,
        percent,
        batch.is_awaited,
        tenant,
        batch.name,
        configuration,
        revision,
        batch.strategy.as_str(),
        batch.template_version,
        batch.purpose,
        batch.lane,
        batch.document,
        batch.purpose_input,
        batch.priority,
        batch.category.map(|(id, _)| id),
        batch.category.map(|(_, version)| version),
        batch.window,
        batch.done_by,
        batch.outside,
        batch.timeout,
        batch.retry_revision,
    )
    .fetch_one(&mut *connection)
    .await?;
    if opened.made {
        notice::watch(connection, batch.id, &batch.callbacks).await?;
        lane::weigh(connection, batch.id, batch.weight).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: &str, tally: &[(&str, i64)], tolerated: Tolerated) -> Ended {
        let (failed_max, failed_percent) = match tolerated {
            Tolerated::Count(count) => (Some(count), None),
            Tolerated::Percent(percent) => (None, Some(percent)),
        };
        let tally = tally.iter().map(|(kind, n)| ((*kind).to_owned(), *n));
        Ended {
            batch: 7,
            parent: 1,
            failed_max,
            failed_percent,
            state: state.to_owned(),
            reason: None,
            members: 30,
            jobs: 30,
            tally: sqlx::types::Json(tally.collect()),
        }
    }

    #[test]
    fn a_batch_fails_its_step_when_more_ended_badly_than_it_tolerates() {
        let tally = [
            ("completed", 27),
            ("failed", 2),
            ("expired", 2),
            ("restarted_failed", 1),
        ];

        let within = ended("completed_with_errors", &tally, Tolerated::Percent(10.0));
        let beyond = ended("completed_with_errors", &tally, Tolerated::Count(2));

        assert_eq!(within.failure(), None);
        assert_eq!(
            beyond.failure().as_deref(),
            Some("3 of 30 jobs of b_7 failed; 2 are tolerated")
        );
        let (outcome, error) = beyond.told();
        let error: Value = serde_json::from_str(&error).expect("JSON");
        assert_eq!(outcome, "failed");
        assert_eq!(error["detail"]["counts"]["failed"], 1);
        assert_eq!(error["detail"]["counts"]["suppressed"], 0);
        assert_eq!(error["detail"]["manifest"], "/v1/batches/b_7/manifest");
    }

    #[test]
    fn a_plan_that_failed_and_a_cancelled_batch_fail_their_step_whatever_it_tolerates() {
        let all = Tolerated::Percent(100.0);
        let mut failed = ended("failed", &[], all);
        failed.reason = Some(r#"{"code":"empty_selection","message":"nobody"}"#.to_owned());
        let mut cancelled = ended("cancelled", &[], all);
        cancelled.reason = Some("cancelled by mia".to_owned());

        assert_eq!(failed.failure().as_deref(), Some("b_7 failed: nobody"));
        assert_eq!(
            cancelled.failure().as_deref(),
            Some("b_7 was cancelled by mia")
        );
        assert!(failed.told().1.contains("empty_selection"));
    }
}
