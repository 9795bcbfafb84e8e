//! The lanes of planned jobs: the batch's own, unless a limit reads its keys from their input.

use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::PlanRow;
use super::shape::{Block, PlannedJob};
use crate::protocol::admission::Admission;
use crate::store::LaneKey;
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};
use windlass_workflows::configuration::Content;

/// Where the jobs of a batch belong.
pub(super) struct PlanLanes {
    home: i32,
    /// Absent when all jobs belong to the home lane.
    read: Option<(LaneKey, Admission)>,
}

impl PlanLanes {
    /// The lanes of a batch, by the limits of its configuration and of its purpose as it is now.
    pub(super) async fn of(store: &Store, plan: &PlanRow) -> Result<Self, Error> {
        let home = store.lane_key(plan.lane).await?;
        let mut named = plan.configuration.limits.clone();
        if !plan.purpose.is_empty() {
            let purpose = store
                .configuration(plan.tenant, ConfigurationKind::Purpose, &plan.purpose)
                .await?;
            if let Content::Purpose(purpose) = purpose.content()? {
                named.extend(purpose.limits);
            }
        }
        let admission = store.admission(&home, &named).await?;
        Ok(Self {
            home: plan.lane,
            read: (!admission.is_fixed()).then_some((home, admission)),
        })
    }

    /// The lane of each job of a block.
    ///
    /// # Errors
    /// The problem of an input that gives no key; the batch cannot be planned then.
    pub(super) async fn of_block(
        &self,
        store: &Store,
        block: &Block,
    ) -> Result<Result<Vec<i32>, Problem>, Error> {
        let Some((home, admission)) = &self.read else {
            return Ok(Ok(vec![self.home; block.jobs.len()]));
        };
        let mut lanes = Vec::with_capacity(block.jobs.len());
        for job in &block.jobs {
            let limit_keys = match keys(admission, job) {
                Ok(keys) => keys,
                Err(problem) => return Ok(Err(problem)),
            };
            let lane = LaneKey {
                limit_keys,
                ..home.clone()
            };
            lanes.push(store.lane(&lane).await?);
        }
        Ok(Ok(lanes))
    }
}

fn keys(admission: &Admission, job: &PlannedJob) -> Result<Vec<String>, Problem> {
    let input = Value::parse(&job.input)
        .map_err(|error| Problem::new("expression_failed", "/input", error.to_string()))?;
    admission.keys(&input).map_err(|problem| match &job.key {
        Some(key) => Problem {
            message: format!("member `{key}`: {}", problem.message),
            ..problem
        },
        None => problem,
    })
}
