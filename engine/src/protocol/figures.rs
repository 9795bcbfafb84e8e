//! The figures by which people judge a plan before anything of it runs: what was left out, which guards it trips, how it
//! differs from the last batch, how long it may take, and what its first jobs are given.
//!
//! A preview has them of what it read, a batch that waits for approval of its stored plan.

use serde::Serialize;
use windlass_workflows::configuration::{AsksWhen, JobConfiguration};
use windlass_workflows::plan::{Drawn, Tripped, tripped};
use windlass_workflows::problem::Problem;
use windlass_workflows::schema::Schema;
use windlass_workflows::value::Value;

use super::course::count;
use super::plan::shape::PlannedJob;
use crate::store::{AskReason, BatchView, LeftOutCounts};
use crate::{Error, Store};

/// Jobs that are shown with their input.
pub(super) const SAMPLE_MAX: u64 = 20;
/// Bytes of the inputs that are shown of a stored plan, but for the first one.
const SAMPLE_BYTES_MAX: i64 = 256 << 10;

/// What a plan amounts to.
#[derive(Clone, Debug, Serialize)]
pub struct PlanFigures {
    /// Rows that it leaves out.
    pub left_out: LeftOutCounts,
    /// Guards that it trips, and `approval` where a person approves every plan.
    pub reasons: Vec<AskReason>,
    /// What they come to.
    pub verdict: PlanVerdict,
    /// The configuration's latest batch that came to its end.
    pub last: Option<BatchBefore>,
    /// Seconds from its first job to its last, at the pace of that batch; none where that is not known.
    pub seconds: Option<f64>,
    /// The first jobs, as the template receives them.
    pub sample: Vec<PreviewedJob>,
}

/// What becomes of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanVerdict {
    /// It starts by itself.
    Runs,
    /// A person is asked first.
    Asks,
    /// It fails with `guard_tripped`: nobody is to be asked.
    Refused,
}

/// The batch before, beside this plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchBefore {
    /// Its id.
    pub batch: i64,
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Rows left out.
    pub left_out: i64,
    /// More members (or fewer, below 0) now, in per cent of those then; none where there were none, or not all of
    /// the selection was read.
    pub change_percent: Option<f64>,
    /// Whether it selected the very same members and documents; none where not all of the selection was read.
    pub same_selection: Option<bool>,
    /// Settlements a second.
    pub jobs_per_s: Option<f64>,
}

/// One job of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewedJob {
    /// Key of its member, where it has one member.
    pub key: Option<String>,
    /// Its object, or its member's.
    pub object: Option<String>,
    /// What the template receives, JSON.
    pub input: serde_json::Value,
    /// Why its template's input schema refuses that.
    pub problems: Vec<Problem>,
}

/// What was read of a selection.
pub(super) struct Drawing<'a> {
    pub(super) members: u64,
    pub(super) jobs: u64,
    pub(super) left_out: LeftOutCounts,
    pub(super) at_least: bool,
    pub(super) selection: &'a str,
}

/// Why a plan does not start by itself, and what that comes to.
pub(super) fn judged(
    configuration: &JobConfiguration,
    drawn: &Drawn,
) -> (Vec<Tripped>, PlanVerdict) {
    let mut reasons = tripped(&configuration.guards, drawn);
    let when = configuration.approval.when;
    if when == AsksWhen::Always {
        reasons.push(Tripped {
            guard: "approval",
            message: "a person approves every plan of this configuration".to_owned(),
        });
    }
    let verdict = match (reasons.is_empty(), when) {
        (true, _) => PlanVerdict::Runs,
        (false, AsksWhen::Never) => PlanVerdict::Refused,
        (false, _) => PlanVerdict::Asks,
    };
    (reasons, verdict)
}

impl Store {
    /// The figures of a stored plan that asks or asked.
    ///
    /// # Errors
    /// When a statement fails, or its template cannot be read.
    pub async fn plan_figures(&self, tenant: i32, batch: &BatchView) -> Result<PlanFigures, Error> {
        let asks = batch.asks.as_ref();
        let left_out = match asks.and_then(|asks| asks.left_out) {
            Some(kept) => kept,
            None => self.left_out_counts(batch.id).await?,
        };
        let drawing = Drawing {
            members: count(batch.planned.members),
            jobs: count(batch.planned.jobs),
            left_out,
            at_least: false,
            selection: batch.selection_hash.as_deref().unwrap_or_default(),
        };
        let reasons = asks.map(|asks| asks.reasons.clone()).unwrap_or_default();
        let name = batch.configuration.as_deref();
        let last = self.before(tenant, name, batch.id, &drawing).await?;
        let verdict = match asks.is_some_and(|asks| asks.is_open) {
            true => PlanVerdict::Asks,
            false => PlanVerdict::Runs,
        };
        Ok(PlanFigures {
            left_out: drawing.left_out,
            reasons,
            verdict,
            seconds: seconds(drawing.jobs, last.as_ref()),
            last,
            sample: self.sample(batch).await?,
        })
    }

    /// Counted, for a plan that an earlier release sealed.
    async fn left_out_counts(&self, batch: i64) -> Result<LeftOutCounts, Error> {
        let counts = sqlx::query_file!("queries/batch/left_out_counts.sql", batch)
            .fetch_one(self.pool())
            .await?;
        Ok(LeftOutCounts {
            duplicate: count(counts.duplicate),
            invalid: count(counts.invalid),
        })
    }

    /// The figures of what a preview read; its jobs are rendered.
    pub(super) async fn figures(
        &self,
        tenant: i32,
        stored: Option<&str>,
        configuration: &JobConfiguration,
        drawing: &Drawing<'_>,
    ) -> Result<PlanFigures, Error> {
        let last = self.before(tenant, stored, i64::MAX, drawing).await?;
        let is_same = last.as_ref().and_then(|last| last.same_selection);
        let last_members = last.as_ref().filter(|_| !drawing.at_least);
        let drawn = Drawn {
            members: drawing.members,
            left_out: drawing.left_out.all(),
            last_members: last_members.and_then(|last| u64::try_from(last.members).ok()),
            is_same: is_same == Some(true),
        };
        let (mut reasons, mut verdict) = judged(configuration, &drawn);
        if drawing.at_least {
            // More members may be read than were.
            reasons.retain(|one| one.guard != "min_members");
            if reasons.is_empty() {
                verdict = PlanVerdict::Runs;
            }
        }
        Ok(PlanFigures {
            left_out: drawing.left_out,
            reasons: reasons.into_iter().map(AskReason::from).collect(),
            verdict,
            seconds: seconds(drawing.jobs, last.as_ref()),
            last,
            sample: Vec::new(),
        })
    }

    /// The latest batch of a configuration that ended before this one, beside what was read.
    async fn before(
        &self,
        tenant: i32,
        configuration: Option<&str>,
        batch: i64,
        drawing: &Drawing<'_>,
    ) -> Result<Option<BatchBefore>, Error> {
        let Some(name) = configuration else {
            return Ok(None);
        };
        let last = sqlx::query_file!("queries/batch/last_ended.sql", tenant, name, batch)
            .fetch_optional(self.pool())
            .await?;
        let is_whole = !drawing.at_least;
        Ok(last.map(|last| BatchBefore {
            batch: last.id,
            members: last.members,
            jobs: last.jobs,
            left_out: last.left_out,
            change_percent: change(last.members, drawing.members).filter(|_| is_whole),
            same_selection: is_whole
                .then(|| last.selection_hash.as_deref() == Some(drawing.selection)),
            jobs_per_s: last.speed,
        }))
    }

    async fn sample(&self, batch: &BatchView) -> Result<Vec<PreviewedJob>, Error> {
        let (_, schema) = self.inlet(batch.template_version).await?;
        let rows = sqlx::query_file!(
            "queries/batch/sample.sql",
            batch.id,
            i64::try_from(SAMPLE_MAX).unwrap_or(i64::MAX),
            SAMPLE_BYTES_MAX
        )
        .fetch_all(self.pool())
        .await?;
        let jobs = rows.into_iter().map(|row| {
            let shown = (row.member_key, row.object);
            PreviewedJob::of(shown, &row.input, schema.as_deref())
        });
        Ok(jobs.collect())
    }
}

impl PreviewedJob {
    pub(super) fn planned(job: PlannedJob, schema: Option<&Schema>) -> Self {
        Self::of((job.key, job.object), &job.input, schema)
    }

    fn of(
        (key, object): (Option<String>, Option<String>),
        input: &str,
        schema: Option<&Schema>,
    ) -> Self {
        let problems = schema.zip(Value::parse(input).ok());
        Self {
            key,
            object,
            input: serde_json::from_str(input).unwrap_or_default(),
            problems: problems
                .map(|(schema, value)| schema.problems(&value))
                .unwrap_or_default(),
        }
    }
}

impl From<Tripped> for AskReason {
    fn from(tripped: Tripped) -> Self {
        Self {
            guard: tripped.guard.to_owned(),
            message: tripped.message,
        }
    }
}

/// To one decimal.
fn change(then: i64, now: u64) -> Option<f64> {
    let (then, now) = (then as f64, now as f64);
    (then > 0.0).then(|| ((now - then) / then * 1000.0).round() / 10.0)
}

fn seconds(jobs: u64, last: Option<&BatchBefore>) -> Option<f64> {
    let speed = last?.jobs_per_s.filter(|speed| *speed > 0.0)?;
    Some((jobs as f64 / speed * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_per_cent_of_what_was() {
        assert_eq!(change(400, 300), Some(-25.0));
        assert_eq!(change(3, 4), Some(33.3));
        assert_eq!(change(0, 4), None);
    }
}
