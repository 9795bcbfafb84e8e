//! The report of a batch: its figures, and the last batch of the same configuration beside it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use super::batch::BatchView;
use super::batch_member::ErrorGroup;
use crate::Error;

/// Groups of errors in a report.
const ERRORS_MAX: u32 = 20;

/// A batch in figures.
#[derive(Clone, Debug, Serialize)]
pub struct BatchReport {
    /// The figures of this batch.
    #[serde(flatten)]
    pub figures: BatchFigures,
    /// Why members failed, the largest group first.
    pub errors: Vec<ErrorGroup>,
    /// The batch of the same configuration that ended before.
    pub last: Option<BatchFigures>,
}

/// What is reported of a batch and of the one before it.
#[derive(Clone, Debug, Serialize)]
pub struct BatchFigures {
    /// Its number.
    pub batch: i64,
    /// For people.
    pub name: String,
    /// Its job configuration.
    pub configuration: Option<String>,
    /// Revision of that.
    pub revision: Option<i32>,
    /// The slot that it is.
    pub slot: Option<DateTime<Utc>>,
    /// `individual`, `object` or `combined`.
    pub strategy: String,
    /// `namespace.name@version`.
    pub template: String,
    /// Hash of all that the plan fixed.
    pub plan_hash: Option<String>,
    /// `planning` … `cancelled`.
    pub state: String,
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Chunks of the jobs.
    pub chunks: i32,
    /// Rows left out.
    pub left_out: i64,
    /// Endings that stand now, by kind.
    pub outcomes: BTreeMap<String, i64>,
    /// Endings that a restart took back.
    pub restarted: i64,
    /// Jobs added after the plan was sealed.
    pub added: i64,
    /// When each phase began, and how long it took.
    pub phases: Phases,
    /// Settled jobs a second since the first was let go.
    pub jobs_per_s: Option<f64>,
}

/// The phases of a batch. `running` overlaps `releasing`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phases {
    /// From creation to the sealed plan.
    pub planning: Phase,
    /// From the sealed plan to the first job.
    pub waiting: Phase,
    /// From the first job to the last one let go.
    pub releasing: Phase,
    /// From the first job to the end.
    pub running: Phase,
}

/// One phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// Its beginning.
    pub from: Option<DateTime<Utc>>,
    /// Its end.
    pub until: Option<DateTime<Utc>>,
    /// Its length; none while it lasts.
    pub seconds: Option<f64>,
}

impl Store {
    /// The report of a batch, final or so far.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub async fn report(&self, tenant: i32, batch: i64) -> Result<BatchReport, Error> {
        let mut report = self.report_of_figures(tenant, batch).await?;
        report.errors = self.reported_errors(tenant, batch).await?;
        Ok(report)
    }

    /// The largest groups of errors of a batch.
    pub(crate) async fn reported_errors(
        &self,
        tenant: i32,
        batch: i64,
    ) -> Result<Vec<ErrorGroup>, Error> {
        self.batch_errors(tenant, batch, ERRORS_MAX).await
    }

    /// The report without a look at why members failed.
    pub(crate) async fn report_of_figures(
        &self,
        tenant: i32,
        batch: i64,
    ) -> Result<BatchReport, Error> {
        let batch = self.batch(tenant, batch).await?;
        let clock = self.clock().await?;
        let now = clock.now - chrono::TimeDelta::seconds(clock.offset_seconds);
        let last = self.batch_before(tenant, &batch).await?;
        Ok(BatchReport {
            errors: Vec::new(),
            last: last.map(|last| figures(last, now)),
            figures: figures(batch, now),
        })
    }
}

fn figures(batch: BatchView, now: DateTime<Utc>) -> BatchFigures {
    BatchFigures {
        phases: phases(&batch),
        jobs_per_s: rate(&batch, now),
        batch: batch.id,
        name: batch.name,
        configuration: batch.configuration,
        revision: batch.revision,
        slot: batch.slot_at,
        strategy: batch.strategy,
        template: batch.template,
        plan_hash: batch.plan_hash,
        state: batch.state,
        members: batch.planned.members,
        jobs: batch.planned.jobs,
        chunks: batch.planned.chunks,
        left_out: batch.planned.left_out,
        added: batch.added,
        outcomes: batch.progress.now,
        restarted: batch.progress.restarted,
    }
}

fn phases(batch: &BatchView) -> Phases {
    Phases {
        planning: phase(Some(batch.created_at), batch.planned_at),
        waiting: phase(batch.planned_at, batch.started_at),
        releasing: phase(batch.started_at, batch.released_at),
        running: phase(batch.started_at, batch.finished_at),
    }
}

fn phase(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Phase {
    let seconds = from.zip(until).map(|(from, until)| seconds(from, until));
    Phase {
        from,
        until,
        seconds,
    }
}

fn rate(batch: &BatchView, now: DateTime<Utc>) -> Option<f64> {
    let took = seconds(batch.started_at?, batch.finished_at.unwrap_or(now));
    (took > 0.0).then(|| batch.progress.settled as f64 / took)
}

fn seconds(from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
    (until - from).as_seconds_f64().max(0.0)
}
