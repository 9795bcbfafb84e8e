//! Planning: a selection becomes jobs that are held until release, block by block.
//!
//! A block of members, its jobs, their holders and the cursor commit together, and blocks one after the other,
//! so a killed planner loses nothing. The hash and the chunk boundaries depend on every member before them: a planner
//! that takes over reads those again, without storing them. Two planners of one batch cannot both
//! move its cursor: the later one finds it moved and leaves.

pub(in crate::protocol) mod add;
mod block;
pub(in crate::protocol) mod inline;
pub(in crate::protocol) mod judge;
mod lanes;
mod marked;
pub(in crate::protocol) mod members;
pub(in crate::protocol) mod narrowed;
mod seal;
mod selecting;
pub(in crate::protocol) mod shape;
mod storing;

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::{self, Content, JobConfiguration};
use windlass_workflows::plan::{Occasion, Rendering, SlotScope, context_key};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use self::lanes::PlanLanes;
use self::selecting::Selecting;
use self::storing::Storing;
use super::pass::Pass;
use crate::store::notice;
use crate::{Error, Store};

/// What one call of [`Store::plan`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    /// No batch is to be planned.
    Idle,
    /// A batch is planned and may be released.
    Sealed(i64),
    /// A batch cannot be planned; its row says why.
    Failed(i64),
    /// Another planner has it.
    Taken(i64),
}

/// A batch while it is planned.
pub(crate) struct PlanRow {
    pub(crate) id: i64,
    pub(crate) tenant: i32,
    pub(crate) lane: i32,
    pub(crate) template_version: i32,
    pub(crate) priority: i32,
    pub(crate) category: Option<i32>,
    pub(crate) category_version: Option<i32>,
    pub(crate) configuration: JobConfiguration,
    pub(crate) document: String,
    pub(crate) purpose: String,
    pub(crate) purpose_input: Option<Value>,
    pub(crate) slot: Option<DateTime<Utc>>,
    /// The slot before it, as its calendar was when it fired.
    pub(crate) previous: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) cursor: i64,
    /// Whether it takes more members later.
    pub(crate) opened: bool,
    /// Seconds that a job of it may take, where its template says nothing of that.
    pub(crate) timeout: Option<f64>,
    /// The revision of its purpose that says what becomes of failed steps.
    pub(crate) retry_revision: Option<i32>,
}

/// A batch that is to be planned, as it is stored.
struct NextRow {
    id: i64,
    tenant: i32,
    lane: Option<i32>,
    template_version: i32,
    priority: i32,
    category: Option<i32>,
    category_version: Option<i32>,
    document: String,
    purpose: String,
    purpose_input: Option<String>,
    slot_at: Option<DateTime<Utc>>,
    slot_previous: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    cursor_n: i64,
    opened: bool,
    timeout: Option<f64>,
    retry_revision: Option<i32>,
}

/// Why planning stopped.
enum Stop {
    /// The selection is at fault: the batch fails with this problem.
    Refused(Problem),
    /// Another planner moved the cursor.
    Taken,
    Store(Error),
}

impl Stop {
    /// What it tells whoever asked for the plan himself.
    fn error(self) -> Error {
        match self {
            Self::Refused(problem) => Error::invalid(problem),
            Self::Taken => Error::not_found("plan", "of another planner"),
            Self::Store(error) => error,
        }
    }
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Plans the oldest batch that can be planned, to its end.
    ///
    /// # Errors
    /// What the database says, where no other batch can be planned; the next call goes on from the cursor.
    ///
    /// # Cancel safety
    /// Dropped, the next call goes on from the last block.
    pub async fn plan(&self) -> Result<Planned, Error> {
        let (mut after, mut pass) = (0, Pass::default());
        loop {
            let row = sqlx::query_file_as!(NextRow, "queries/batch/next_to_plan.sql", after)
                .fetch_optional(self.pool())
                .await?;
            let Some(row) = row else {
                return pass.end(Planned::Idle);
            };
            after = row.id;
            if let Some(planned) = pass.over(self.plan_one(row).await.map(Some))? {
                return Ok(planned);
            }
        }
    }

    async fn plan_one(&self, row: NextRow) -> Result<Planned, Error> {
        let id = row.id;
        let (configuration, purpose_input) =
            match typed(id, &row.document, row.purpose_input.as_deref()) {
                Ok(typed) => typed,
                Err(error) => {
                    return self
                        .fail_plan(id, &unplannable(&error))
                        .await
                        .map(|()| Planned::Failed(id));
                }
            };
        let plan = PlanRow {
            id,
            tenant: row.tenant,
            lane: row.lane.unwrap_or_default(),
            template_version: row.template_version,
            priority: row.priority,
            category: row.category,
            category_version: row.category_version,
            configuration,
            document: row.document,
            purpose: row.purpose,
            purpose_input,
            slot: row.slot_at,
            previous: row.slot_previous,
            created_at: row.created_at,
            cursor: row.cursor_n,
            opened: row.opened,
            timeout: row.timeout,
            retry_revision: row.retry_revision,
        };
        match self.plan_to_its_end(&plan).await {
            Ok(()) => Ok(Planned::Sealed(id)),
            Err(Stop::Refused(problem)) => self
                .fail_plan(id, &problem)
                .await
                .map(|()| Planned::Failed(id)),
            Err(Stop::Taken) => Ok(Planned::Taken(id)),
            Err(Stop::Store(error)) if is_lasting(&error) => self
                .fail_plan(id, &unplannable(&error))
                .await
                .map(|()| Planned::Failed(id)),
            Err(Stop::Store(error)) => Err(error),
        }
    }

    async fn plan_to_its_end(&self, plan: &PlanRow) -> Result<(), Stop> {
        let rendering = rendering(plan)?;
        let lanes = PlanLanes::of(self, plan).await?;
        let mut selecting = Selecting::of(self, plan, &rendering);
        let mut storing = Storing::new(self, plan, &lanes);
        while let Some(page) = selecting.page().await? {
            storing.add(page).await?;
        }
        storing.end().await?;
        self.seal(plan, &selecting.shaper, &selecting.hash).await
    }

    /// A plan that fails leaves no job open: what it held ends cancelled, outside the totals. The batch
    /// first: its lock keeps another planner from adding a block, or says that it was sealed meanwhile.
    pub(super) async fn fail_plan(&self, batch: i64, problem: &Problem) -> Result<(), Error> {
        let reason = serde_json::to_string(problem).unwrap_or_default();
        self.transaction(move |connection| {
            Box::pin(async move {
                let failed = sqlx::query_file!("queries/batch/fail.sql", batch, reason)
                    .execute(&mut *connection)
                    .await?;
                if failed.rows_affected() > 0 {
                    sqlx::query_file!("queries/batch/drop_planned.sql", batch, "plan_failed")
                        .execute(&mut *connection)
                        .await?;
                    notice::note_end(connection, batch).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The configuration that a batch runs, typed.
pub(crate) fn job_configuration(batch: i64, document: &str) -> Result<JobConfiguration, Error> {
    let value = Value::parse(document).map_err(|error| unreadable(batch, &error.to_string()))?;
    match configuration::restore(&value) {
        Ok(Content::JobConfiguration(configuration)) => Ok(*configuration),
        Ok(_) => Err(unreadable(batch, "it is no job configuration")),
        Err(problems) => Err(Error::Invalid { problems }),
    }
}

/// What a batch remembers as text, typed.
pub(super) fn typed(
    batch: i64,
    document: &str,
    purpose_input: Option<&str>,
) -> Result<(JobConfiguration, Option<Value>), Error> {
    let configuration = job_configuration(batch, document)?;
    let purpose_input = purpose_input
        .map(Value::parse)
        .transpose()
        .map_err(|error| unreadable(batch, &error.to_string()))?;
    Ok((configuration, purpose_input))
}

/// Whether trying again would say the same, so that the batch must fail.
fn is_lasting(error: &Error) -> bool {
    let is_said = matches!(
        error,
        Error::NotFound { .. } | Error::Invalid { .. } | Error::Unreadable { .. }
    );
    is_said || error.is_of_data()
}

/// The reason of a batch that fails for such an error.
pub(super) fn unplannable(error: &Error) -> Problem {
    match error {
        Error::Invalid { problems } if !problems.is_empty() => problems[0].clone(),
        other => Problem::new(other.code(), "", other.to_string()),
    }
}

fn unreadable(batch: i64, message: &str) -> Error {
    Error::Unreadable {
        noun: "batch",
        name: format!("b_{batch}"),
        message: message.to_owned(),
    }
}

fn rendering(plan: &PlanRow) -> Result<Rendering, Stop> {
    let slot = (plan.slot, plan.previous);
    let occasion = occasion(&plan.configuration, slot, plan.created_at);
    context_key(&plan.configuration, &occasion).map_err(Stop::Refused)?;
    Rendering::compile(&plan.configuration, plan.purpose_input.as_ref(), occasion)
        .map_err(|problems| Stop::Store(Error::Invalid { problems }))
}

/// On which occasion a batch is planned: its slot and the one before it, and when it was made.
pub(super) fn occasion(
    configuration: &JobConfiguration,
    (slot, previous): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Occasion {
    let schedule = configuration.schedule.as_ref();
    let slot = slot
        .zip(schedule)
        .map(|(at, schedule)| SlotScope::behind(schedule, previous, at));
    Occasion {
        now,
        slot,
        configuration: configuration.header.name.clone(),
    }
}
