//! The lanes of planned jobs: the batch's own, unless a limit's keys, or the template's lane, are read from their input.

use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::PlanRow;
use super::shape::{Block, PlannedJob};
use crate::protocol::admission::Admission;
use crate::protocol::template_lane::{self, TemplateLane};
use crate::store::LaneKey;
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};
use windlass_workflows::configuration::Content;

/// Where the jobs of a batch belong.
pub(super) struct PlanLanes {
    home: i32,
    /// Absent when all jobs belong to the home lane.
    read: Option<(LaneKey, Admission, Option<TemplateLane>)>,
}

impl PlanLanes {
    /// The lanes of a batch, by the limits of its configuration, and by limits and lane of its purpose as it is now.
    pub(super) async fn of(store: &Store, plan: &PlanRow) -> Result<Self, Error> {
        let home = store.lane_key(plan.lane).await?;
        let (mut named, mut read) = (plan.configuration.limits.clone(), None);
        if !plan.purpose.is_empty() {
            let purpose = store
                .configuration(plan.tenant, ConfigurationKind::Purpose, &plan.purpose)
                .await?;
            if let Content::Purpose(purpose) = purpose.content()? {
                named.extend(purpose.limits);
                read = purpose.lane;
            }
        }
        let admission = store.admission(&home, &named).await?;
        let lane = match read {
            Some(jq) => TemplateLane::of(Some(&jq), &plan.purpose)?,
            None => store.template_lane(plan.template_version).await?,
        };
        Ok(Self {
            home: plan.lane,
            read: (!admission.is_fixed() || lane.is_some()).then_some((home, admission, lane)),
        })
    }

    /// The lane of each job of a block.
    ///
    /// # Errors
    /// The problem of an input that gives no key, or no lane; the batch cannot be planned then.
    pub(super) async fn of_block(
        &self,
        store: &Store,
        block: &Block,
    ) -> Result<Result<Vec<i32>, Problem>, Error> {
        let Some((home, admission, lane)) = &self.read else {
            return Ok(Ok(vec![self.home; block.jobs.len()]));
        };
        let mut lanes = Vec::with_capacity(block.jobs.len());
        for job in &block.jobs {
            let lane = match placed(home, admission, lane.as_ref(), job) {
                Ok(lane) => lane,
                Err(problem) => return Ok(Err(problem)),
            };
            lanes.push(store.lane(&lane).await?);
        }
        Ok(Ok(lanes))
    }
}

fn placed(
    home: &LaneKey,
    admission: &Admission,
    lane: Option<&TemplateLane>,
    job: &PlannedJob,
) -> Result<LaneKey, Problem> {
    let input = Value::parse(&job.input)
        .map_err(|error| Problem::new("expression_failed", "/input", error.to_string()))?;
    let read = || {
        let limit_keys = admission.keys(&input)?;
        let name = lane.map(|lane| lane.name(&input)).transpose()?;
        let group = name.map(|name| template_lane::group(home.tenant, &name));
        Ok(LaneKey {
            limit_keys,
            group: group.unwrap_or_else(|| home.group.clone()),
            ..home.clone()
        })
    };
    read().map_err(|problem: Problem| match &job.key {
        Some(key) => Problem {
            message: format!("member `{key}`: {}", problem.message),
            ..problem
        },
        None => problem,
    })
}
