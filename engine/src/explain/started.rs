//! What a job waits for that it started itself: other jobs, and how they stand.

use super::{Reason, reason};
use crate::Error;
use crate::store::{GroupView, JobView, Store};

/// Children of which a reason says more than their names.
const CHILDREN_MAX: usize = 20;

/// What a job started and waits for.
#[derive(Clone, Copy)]
pub(super) struct Started<'a> {
    pub(super) groups: &'a [GroupView],
    pub(super) children: &'a [JobView],
}

impl Store {
    /// The jobs that it waits for, as far as a person reads.
    pub(super) async fn children_of(
        &self,
        tenant: i32,
        job: &JobView,
    ) -> Result<Vec<JobView>, Error> {
        let named = job.waits.iter();
        let named = named.filter(|one| one.kind.as_deref() == Some("child"));
        let ids = named.filter_map(|one| one.key.as_deref()?.strip_prefix("j_")?.parse().ok());
        let mut children = Vec::new();
        for id in ids.take(CHILDREN_MAX) {
            children.push(self.job(tenant, id).await?);
        }
        Ok(children)
    }
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
