//! Groups: the jobs of one step that works on a list, some of them at a time.
//!
//! A group is stored with the turn that opens it. Whoever ends jobs of it makes the next ones in the same
//! transaction, and tells the parent when it was the last. All of that happens under the parent's meeting, so a
//! group is in one hand at a time, and nobody need look for groups that stand still.

use std::time::Duration;

use windlass_workflows::machine::fault::ERROR_TYPES;
use windlass_workflows::machine::group::{TOGETHER_BYTES_MAX, too_many_failed};

use super::gate::Session;
use super::post::{CauseKind, OnClose};
use super::{JobView, Store};
use crate::Error;

/// What a step opens: a job an item.
#[derive(Clone, Debug, PartialEq)]
pub struct NewGroup {
    /// Which activity of the parent is told of its end.
    pub activity: u32,
    /// Row of the template version that its jobs are pinned to.
    pub template_version: i32,
    /// Seconds by which its jobs may overtake later ones.
    pub priority: i32,
    /// A job that is not started within so long ends `expired`.
    pub start_within: Option<Duration>,
    /// Jobs that are open at once, at most.
    pub parallel: u32,
    /// When more than so many ended badly, the rest is cancelled.
    pub failed_max: u32,
    /// What becomes of its jobs when the parent ends first: `Cancel` or `Abandon`.
    pub on_close: OnClose,
    /// What the idempotency keys of its items begin with.
    pub key: Option<String>,
    /// In their order.
    pub items: Vec<NewItem>,
}

/// One item of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    /// From [`Store::child_ids`].
    pub job: i64,
    /// From [`Store::lane`].
    pub lane: i32,
    /// JSON text.
    pub input: String,
}

/// How far a group has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupView {
    /// The activity that waits for it.
    pub(crate) activity: i32,
    /// Of its list.
    pub(crate) items: i32,
    /// Items that are jobs by now.
    pub(crate) made: i32,
    /// Jobs that ended badly.
    pub(crate) failed: i32,
    /// Jobs that have not ended.
    pub(crate) open: i32,
}

/// Jobs of a group that have just ended badly; it may be none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) parent: i64,
    pub(super) activity: i32,
    pub(super) failed: i32,
}

impl Store {
    /// How far the groups have come that a job rests for.
    pub(crate) async fn groups_of(&self, job: &JobView) -> Result<Vec<GroupView>, Error> {
        let of_group = Some(CauseKind::Group.as_str());
        if !job.waits.iter().any(|one| one.kind.as_deref() == of_group) {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_file_as!(GroupView, "queries/group/progress.sql", job.id)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// Starts nothing more of the groups of a job that is about to end.
    pub(super) async fn stop_groups(&self, job: i64) -> Result<(), Error> {
        sqlx::query_file!("queries/group/stop.sql", job)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

#[derive(Default)]
struct Groups<'a> {
    parents: Vec<i64>,
    activities: Vec<i32>,
    tenants: Vec<i32>,
    versions: Vec<i32>,
    priorities: Vec<i32>,
    within: Vec<Option<f64>>,
    items: Vec<i32>,
    parallel: Vec<i32>,
    failed_max: Vec<i32>,
    on_close: Vec<&'a str>,
    keys: Vec<Option<&'a str>>,
    seeds: Vec<i64>,
}

#[derive(Default)]
struct Items<'a> {
    parents: Vec<i64>,
    activities: Vec<i32>,
    numbers: Vec<i32>,
    jobs: Vec<i64>,
    lanes: Vec<i32>,
    inputs: Vec<&'a str>,
}

fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Stores groups of jobs and tenants and makes their first jobs. One without items is over at once.
pub(super) async fn open(
    connection: &mut Session,
    opened: &[(i64, i32, &NewGroup)],
) -> Result<(), Error> {
    if opened.is_empty() {
        return Ok(());
    }
    let (mut groups, mut items) = (Groups::default(), Items::default());
    for (parent, tenant, group) in opened {
        let activity = group.activity.cast_signed();
        groups.parents.push(*parent);
        groups.activities.push(activity);
        groups.tenants.push(*tenant);
        groups.versions.push(group.template_version);
        groups.priorities.push(group.priority);
        let within = group.start_within.map(|length| length.as_secs_f64());
        groups.within.push(within);
        groups
            .items
            .push(i32::try_from(group.items.len()).unwrap_or(i32::MAX));
        groups.parallel.push(small(group.parallel));
        groups.failed_max.push(small(group.failed_max));
        groups.on_close.push(group.on_close.as_str());
        groups.keys.push(group.key.as_deref());
        groups.seeds.push(rand::random());
        for (number, item) in (0..).zip(&group.items) {
            items.parents.push(*parent);
            items.activities.push(activity);
            items.numbers.push(number);
            items.jobs.push(item.job);
            items.lanes.push(item.lane);
            items.inputs.push(&item.input);
        }
    }
    store(connection, &groups, &items).await?;
    let settled = opened.iter().map(|(parent, _, group)| Settled {
        parent: *parent,
        activity: group.activity.cast_signed(),
        failed: 0,
    });
    feed(connection, settled.collect()).await
}

async fn store(
    connection: &mut Session,
    groups: &Groups<'_>,
    items: &Items<'_>,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/group/open.sql",
        &groups.parents,
        &groups.activities,
        &groups.tenants,
        &groups.versions,
        &groups.priorities,
        &groups.within as &[Option<f64>],
        &groups.items,
        &groups.parallel,
        &groups.failed_max,
        &groups.on_close as &[&str],
        &groups.keys as &[Option<&str>],
        &groups.seeds,
        &items.parents,
        &items.activities,
        &items.numbers,
        &items.jobs,
        &items.lanes,
        &items.inputs as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Goes on with groups of which jobs have ended, and tells the parents of those that are over.
/// Its caller has met the parents alone, or the groups are not there for others yet.
pub(super) async fn feed(connection: &mut Session, settled: Vec<Settled>) -> Result<(), Error> {
    if settled.is_empty() {
        return Ok(());
    }
    let parents: Vec<i64> = settled.iter().map(|one| one.parent).collect();
    let activities: Vec<i32> = settled.iter().map(|one| one.activity).collect();
    let failed: Vec<i32> = settled.iter().map(|one| one.failed).collect();
    let over = sqlx::query_file!("queries/group/feed.sql", &parents, &activities, &failed)
        .fetch_all(&mut *connection)
        .await?;
    if over.is_empty() {
        return Ok(());
    }
    let parents: Vec<i64> = over.iter().map(|row| row.parent).collect();
    let activities: Vec<i32> = over.iter().map(|row| row.activity).collect();
    let titles: Vec<Option<String>> = over
        .iter()
        .map(|row| match (row.over, row.closed) {
            (true, _) => Some(too_many_failed(row.failed, row.items, row.failed_max)),
            (false, true) => Some("the rest of the items was cancelled".to_owned()),
            (false, false) => None,
        })
        .collect();
    sqlx::query_file!(
        "queries/group/tell.sql",
        &parents,
        &activities,
        &titles as &[Option<String>],
        format!("{ERROR_TYPES}runtime"),
        i64::try_from(TOGETHER_BYTES_MAX).unwrap_or(i64::MAX),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}
