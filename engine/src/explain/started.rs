//! What a job waits for that it started itself: other jobs, and how they stand.

use super::{Reason, reason};
use crate::Error;
use crate::store::{BatchView, GroupView, JobView, Store};

/// Children of which a reason says more than their names.
const CHILDREN_MAX: usize = 20;

/// What a job started and waits for.
pub(super) struct Started {
    pub(super) groups: Vec<GroupView>,
    pub(super) children: Vec<JobView>,
    pub(super) batches: Vec<BatchView>,
}

impl Store {
    /// What it waits for, as far as a person reads.
    pub(super) async fn started_by(&self, tenant: i32, job: &JobView) -> Result<Started, Error> {
        let mut started = Started {
            groups: self.groups_of(job).await?,
            children: Vec::new(),
            batches: Vec::new(),
        };
        for id in named(job, "child", "j_") {
            started.children.push(self.job(tenant, id).await?);
        }
        for id in named(job, "batch", "b_") {
            started.batches.push(self.batch(tenant, id).await?);
        }
        Ok(started)
    }
}

/// The ids of what a job waits for of this kind.
fn named(job: &JobView, kind: &str, prefix: &str) -> Vec<i64> {
    let named = job.waits.iter();
    let named = named.filter(|one| one.kind.as_deref() == Some(kind));
    let ids = named.filter_map(|one| one.key.as_deref()?.strip_prefix(prefix)?.parse().ok());
    ids.take(CHILDREN_MAX).collect()
}

/// How far a batch has come that a job waits for.
pub(super) fn batch(key: &str, batches: &[BatchView]) -> Reason {
    let of = |batch: &&BatchView| format!("b_{}", batch.id) == key;
    let Some(batch) = batches.iter().find(of) else {
        return reason("batch", format!("it waits for its batch {key}"));
    };
    let state = &batch.state;
    if !batch.sealed {
        return reason(
            "batch",
            format!("it waits for its batch {key}, which is {state}"),
        );
    }
    let (progress, jobs) = (&batch.progress, batch.planned.jobs);
    let now = |kind: &str| progress.now.get(kind).copied().unwrap_or(0);
    let bad = now("failed") + now("parked") + now("expired");
    reason(
        "batch",
        format!(
            "it waits for its batch {key}, which is {state}: {} of {jobs} jobs have ended, {bad} of them badly",
            jobs - progress.open.min(jobs)
        ),
    )
}

/// What a job is for that another one waits for, and how it stands.
pub(super) fn child(key: &str, children: &[JobView]) -> Reason {
    let of = |child: &&JobView| format!("j_{}", child.id) == key;
    let Some(child) = children.iter().find(of) else {
        return reason("child", format!("it waits for its job {key}"));
    };
    let (state, queue) = (child.state.as_str(), &child.queue);
    // A part of a template that is in no group makes the call of one step.
    match child.template.contains('/') {
        true => reason(
            "step_job",
            format!("its step is done by the job {key}, which is {state} in the queue `{queue}`"),
        ),
        false => reason(
            "child",
            format!("it waits for its job {key}, which is {state}"),
        ),
    }
}

/// How far the jobs of a group have come.
pub(super) fn group(activity: &str, groups: &[GroupView]) -> Reason {
    let of = |group: &&GroupView| group.activity.to_string() == activity;
    let Some(group) = groups.iter().find(of) else {
        return reason("group", "it waits for jobs that it started");
    };
    let done = group.made - group.open;
    reason(
        "group",
        format!(
            "it waits for {} jobs: {done} have ended, {} of them badly; {} are open",
            group.items, group.failed, group.open
        ),
    )
}
