//! Sealing: the plan gets its hash, and its guards say whether a person must look at it first.

use serde_json::{Value, json};
use windlass_workflows::plan::{Drawn, PlanHash, SelectionHash, Tripped, context_key};
use windlass_workflows::problem::Problem;

use super::shape::Shaper;
use super::{PlanRow, Stop, occasion};
use crate::protocol::course::{count, stored_count};
use crate::protocol::figures::{PlanVerdict, judged};
use crate::store::LeftOutCounts;
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};

impl Store {
    pub(super) async fn seal(
        &self,
        plan: &PlanRow,
        shaper: &Shaper<'_>,
        hash: &SelectionHash,
    ) -> Result<(), Stop> {
        let selection = hash.finish();
        let asks = self
            .asks_of(plan, hash.members(), &hex::encode(selection))
            .await?;
        let template_hash = sqlx::query_file!("queries/template/hash.sql", plan.template_version)
            .fetch_one(self.pool())
            .await?
            .hash;
        let plan_hash = PlanHash {
            revision: plan.document.as_bytes(),
            template: template_hash.as_bytes(),
            purpose_revision: self.purpose_revision(plan).await?,
            strategy: plan.configuration.strategy,
            chunk: plan.configuration.chunk,
            members: hash.members(),
            jobs: shaper.jobs(),
            chunks: shaper.chunks(),
            selection: &selection,
        };
        let slot = (plan.slot, plan.previous);
        let occasion = occasion(&plan.configuration, slot, plan.created_at);
        let context = context_key(&plan.configuration, &occasion).map_err(Stop::Refused)?;
        let sealed = sqlx::query_file!(
            "queries/batch/seal.sql",
            plan.id,
            stored_count(hash.members()),
            stored_count(shaper.jobs()),
            i32::try_from(shaper.chunks()).unwrap_or(i32::MAX),
            hex::encode(selection),
            hex::encode(plan_hash.finish()),
            asks.as_ref().map(|asks| asks.kept.as_str()),
            plan.configuration.approval.within.as_secs_f64(),
            asks.as_ref().map(|asks| asks.said.as_str()),
            context,
        )
        .execute(self.pool())
        .await?;
        // Sealed by another planner, or cancelled meanwhile.
        match sealed.rows_affected() {
            0 => Err(Stop::Taken),
            _ => Ok(()),
        }
    }

    /// What a person is asked before this plan starts, as it is kept; nothing where nobody is.
    async fn asks_of(
        &self,
        plan: &PlanRow,
        members: u64,
        selection: &str,
    ) -> Result<Option<Asks>, Stop> {
        let row = sqlx::query_file!("queries/batch/last_plan.sql", plan.id)
            .fetch_one(self.pool())
            .await?;
        let left_out = LeftOutCounts {
            duplicate: count(row.duplicate),
            invalid: count(row.invalid),
        };
        let drawn = Drawn {
            members,
            left_out: left_out.all(),
            last_members: row.last_members.map(count),
            is_same: row.last_selection.as_deref() == Some(selection),
        };
        let (reasons, verdict) = judged(&plan.configuration, &drawn);
        match verdict {
            PlanVerdict::Runs => return Ok(None),
            PlanVerdict::Refused => return Err(refused(&reasons)),
            PlanVerdict::Asks => {}
        }
        let last = row.last.map(|batch| {
            json!({
                "batch": batch, "members": row.last_members, "jobs": row.last_jobs, "left_out": row.last_left_out,
                "same_selection": drawn.is_same,
            })
        });
        Ok(Some(Asks::of(&reasons, &last, left_out)))
    }

    async fn purpose_revision(&self, plan: &PlanRow) -> Result<Option<i64>, Error> {
        if plan.purpose.is_empty() {
            return Ok(None);
        }
        let revision = self
            .configuration(plan.tenant, ConfigurationKind::Purpose, &plan.purpose)
            .await?
            .revision;
        Ok(Some(i64::from(revision)))
    }
}

/// What a person is asked.
struct Asks {
    /// As it is kept for those who look.
    kept: String,
    /// In one line.
    said: String,
}

impl Asks {
    fn of(reasons: &[Tripped], last: &Option<Value>, left_out: LeftOutCounts) -> Self {
        let lines: Vec<String> = reasons
            .iter()
            .map(|one| format!("{}: {}", one.guard, one.message))
            .collect();
        let reasons: Vec<Value> = reasons
            .iter()
            .map(|one| json!({ "guard": one.guard, "message": one.message }))
            .collect();
        Self {
            kept: json!({ "reasons": reasons, "last": last, "left_out": left_out }).to_string(),
            said: format!("asks for approval: {}", lines.join("; ")),
        }
    }
}

/// Where nobody is to be asked, a tripped guard can only stop the batch.
fn refused(tripped: &[Tripped]) -> Stop {
    let guard = tripped.first().map_or("", |first| first.guard);
    let said: Vec<&str> = tripped.iter().map(|one| one.message.as_str()).collect();
    let problem = Problem::new("guard_tripped", format!("/guards/{guard}"), said.join("; "));
    Stop::Refused(
        problem.hint(
            "look at the selection; without `approval: { when: never }` a person would be asked",
        ),
    )
}
