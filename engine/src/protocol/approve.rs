//! Approval of a plan: a person who saw its hash lets it go, or nobody does and the batch is cancelled.

use windlass_workflows::plan::{Approval, Asking, approval};

use super::pass::Pass;
use super::plan::job_configuration;
use crate::store::Session;
use crate::{Error, Store};

/// Who cancels what nobody approved.
const KEEPER: &str = "keeper";
/// The reason that such a batch bears.
const NOT_APPROVED: &str = "not_approved";

/// An approval of a plan.
#[derive(Clone, Debug)]
pub struct PlanApproval {
    /// Hash of the plan that its giver saw.
    pub plan_hash: String,
    /// Who gives it.
    pub who: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Whether this call let the batch go; else somebody had.
    pub is_new: bool,
    /// Whether its configuration was changed since: the plan stays what it was.
    pub configuration_changed: bool,
}

impl Store {
    /// Lets a plan go that asks. Repeating it is harmless.
    ///
    /// # Errors
    /// `plan_changed` for another hash than the plan's; `four_eyes` for who made the batch, where another
    /// person must approve; `template_retired`; `illegal_state` when it does not ask, or not any more: a
    /// batch whose time is over is cancelled.
    ///
    /// # Cancel safety
    /// Dropped, the approval may be there; a repeat says so.
    pub async fn approve_batch(
        &self,
        tenant: i32,
        batch: i64,
        new: PlanApproval,
    ) -> Result<Approved, Error> {
        let (verdict, approved) = self
            .transaction(move |connection| {
                Box::pin(async move { decide(connection, tenant, batch, &new).await })
            })
            .await?;
        if verdict == Approval::Late {
            self.end_unapproved_one(tenant, batch).await?;
        }
        match verdict {
            Approval::Given | Approval::GivenBefore => Ok(approved),
            refused => Err(refusal(batch, refused)),
        }
    }

    /// Cancels batches whose plans nobody approved in time; how many.
    ///
    /// # Cancel safety
    /// Each batch is a cancel of its own.
    pub async fn end_unapproved(&self) -> Result<usize, Error> {
        let rows = sqlx::query_file!("queries/batch/unapproved.sql");
        let rows = rows.fetch_all(self.pool()).await?;
        let (mut ended, mut pass) = (0, Pass::default());
        for row in rows {
            let one = self.end_unapproved_one(row.tenant, row.id).await;
            ended += usize::from(pass.over(one)?);
        }
        pass.end(ended)
    }

    /// Whether this call cancelled it.
    async fn end_unapproved_one(&self, tenant: i32, batch: i64) -> Result<bool, Error> {
        let why = "nobody approved its plan in time";
        match self
            .cancel_unapproved(tenant, batch, (KEEPER, why), NOT_APPROVED)
            .await
        {
            // Somebody ended it meanwhile.
            Err(error) if error.is_permanent() => Ok(false),
            answer => answer,
        }
    }
}

async fn decide(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    new: &PlanApproval,
) -> Result<(Approval, Approved), Error> {
    let row = sqlx::query_file!("queries/batch/lock_to_approve.sql", tenant, batch)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
    let rules = job_configuration(batch, &row.document)?.approval;
    let asking = Asking {
        is_open: row.asking && row.state == "planned",
        was_approved: row.was_approved,
        is_late: row.is_late,
        plan_hash: &row.plan_hash,
        creator: &row.creator,
        four_eyes: rules.four_eyes,
        is_retired: row.is_retired,
    };
    let verdict = approval(&asking, &new.plan_hash, &new.who);
    if verdict == Approval::Given {
        sqlx::query_file!("queries/batch/approve.sql", batch, new.who)
            .execute(connection)
            .await?;
    }
    let approved = Approved {
        is_new: verdict == Approval::Given,
        configuration_changed: row.is_changed,
    };
    Ok((verdict, approved))
}

fn refusal(batch: i64, verdict: Approval) -> Error {
    let (code, message, hint) = match verdict {
        Approval::PlanChanged => (
            "plan_changed",
            "the approval names another plan than this batch has",
            "look at the batch, and name its `plan_hash`",
        ),
        Approval::SamePerson => (
            "four_eyes",
            "who made the batch cannot approve its plan",
            "somebody else has to look at it",
        ),
        Approval::TemplateRetired => (
            "template_retired",
            "the template of this plan was retired since",
            "cancel the batch and make one of a version that is in use",
        ),
        Approval::Late => (
            "illegal_state",
            "nobody approved the plan in time, so the batch is cancelled",
            "make the batch again",
        ),
        _ => (
            "illegal_state",
            "the batch does not ask for approval",
            "a plan asks once, until it is approved, cancelled, or its time is over",
        ),
    };
    Error::Conflict {
        code,
        message: format!("b_{batch}: {message}"),
        hint: Some(hint.to_owned()),
    }
}
