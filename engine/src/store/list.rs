//! Lists of jobs: the one place where statements are put together at run time.
//!
//! Every filter rests on an index or is refused with a cheaper suggestion. A list is two reads: the
//! ids of a page, then what those jobs are (`queries/job/view.sql`), so that a job that moves between
//! the two is shown as it is now.

use sqlx::{Postgres, QueryBuilder};

use super::Store;
use super::job::JobView;
use super::page::{Page, fetch};
use crate::Error;
use crate::vocabulary::JobState;

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Any of these states; all when empty.
    pub states: Vec<JobState>,
    /// Of this batch.
    pub batch: Option<i64>,
    /// Of this template, `namespace.name`; with states only.
    pub template: Option<String>,
    /// Of this purpose; with states only.
    pub purpose: Option<String>,
    /// With this tag; no index carries it yet.
    pub tag: Option<(String, String)>,
}

impl Store {
    /// A page of jobs with numbers below `before`, newest first.
    ///
    /// # Errors
    /// `filter_not_indexed` for a filter that would have to read every job.
    pub async fn jobs(
        &self,
        tenant: i32,
        filter: &JobFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<JobView>, Error> {
        let before = before.unwrap_or(i64::MAX);
        let mut query = ids_query(tenant, filter, before, limit)?;
        let ids: Vec<i64> = query.build_query_scalar().fetch_all(self.pool()).await?;
        let page = Page::cut(ids, limit, |id| *id);
        let items = self.jobs_by_id(tenant, &page.items, false).await?;
        Ok(Page {
            items,
            next: page.next,
        })
    }
}

/// The ids of one page, as one statement of few shapes.
fn ids_query(
    tenant: i32,
    filter: &JobFilter,
    before: i64,
    limit: u32,
) -> Result<QueryBuilder<Postgres>, Error> {
    refuse_unindexed(filter)?;
    let mut query = QueryBuilder::new("");
    match (filter.batch, filter.states.as_slice()) {
        (Some(batch), _) => of_batch(&mut query, tenant, batch, before),
        (None, []) => of_tenant(&mut query, tenant, before),
        (None, states) => of_states(&mut query, tenant, states, filter, before, limit),
    }
    query
        .push(" order by id desc limit ")
        .push_bind(fetch(limit));
    Ok(query)
}

fn refuse_unindexed(filter: &JobFilter) -> Result<(), Error> {
    if filter.tag.is_some() {
        return Err(unindexed(
            "tag",
            "narrow by `batch` or `state` and read the tags there",
        ));
    }
    let by_lane = filter.template.is_some() || filter.purpose.is_some();
    let unbounded = filter.states.is_empty() || filter.states.contains(&JobState::Completed);
    if by_lane && filter.batch.is_none() && unbounded {
        return Err(unindexed(
            "template or purpose",
            "add a state other than `completed`",
        ));
    }
    if filter.batch.is_some() && (by_lane || !filter.states.is_empty()) {
        return Err(unindexed(
            "batch together with other filters",
            "a batch's members and errors list its jobs by state: `/batches/{id}/members`",
        ));
    }
    Ok(())
}

fn unindexed(filter: &str, hint: &str) -> Error {
    Error::Conflict {
        code: "filter_not_indexed",
        message: format!("no index carries a filter by {filter}"),
        hint: Some(hint.to_owned()),
    }
}

/// By `job_tenant (tenant, id)`, read backwards.
fn of_tenant(query: &mut QueryBuilder<Postgres>, tenant: i32, before: i64) {
    query
        .push("select id from job where tenant = ")
        .push_bind(tenant);
    query.push(" and id < ").push_bind(before);
}

/// By `batch_range_pkey`, then `job_pkey`. The bound by the batch's own end keeps a backward scan of
/// the jobs from walking over everything that is newer.
fn of_batch(query: &mut QueryBuilder<Postgres>, tenant: i32, batch: i64, before: i64) {
    query
        .push("select j.id from batch_range r join job j on j.id between r.first_id and r.last_id");
    query.push(" where r.batch = ").push_bind(batch);
    query.push(" and j.tenant = ").push_bind(tenant);
    query.push(" and j.id < ").push_bind(before);
    query
        .push(" and j.id <= (select max(last_id) from batch_range where batch = ")
        .push_bind(batch);
    query.push(")");
}

/// By the keys of the holders and of the outcomes: extents, newest first, then their ids.
fn of_states(
    query: &mut QueryBuilder<Postgres>,
    tenant: i32,
    states: &[JobState],
    filter: &JobFilter,
    before: i64,
    limit: u32,
) {
    query
        .push("with mine as materialized (select id from lane where tenant = ")
        .push_bind(tenant);
    if let Some(template) = &filter.template {
        query.push(" and template = ").push_bind(template.clone());
    }
    if let Some(purpose) = &filter.purpose {
        query.push(" and purpose = ").push_bind(purpose.clone());
    }
    query.push("), extent as (");
    let mut parts = states.iter().flat_map(|state| sources(*state)).peekable();
    while let Some(part) = parts.next() {
        source(query, part, tenant, before, limit);
        if parts.peek().is_some() {
            query.push(" union all ");
        }
    }
    query.push(") select id from extent cross join lateral generate_series(");
    query.push("least(last_id, ").push_bind(before - 1);
    query.push("), first_id, -1) as id");
}

/// A table of extents, and what of it counts.
type Part = (&'static str, &'static str);

/// Where the jobs of a state stand.
fn sources(state: JobState) -> Vec<Part> {
    const LEASED: &str =
        "(select lower(r) as first_id, upper(r) - 1 as last_id, lane from lease, unnest(jobs) r) x";
    const RESTING: &str = "(select job as first_id, job as last_id, lane from wait where n = 0) x";
    match state {
        JobState::Scheduled => vec![("later", "true"), ("held", "reason = 'planned'")],
        JobState::Ready => vec![("ready", "lane not in (select lane from lane_pause)")],
        JobState::Running => vec![(LEASED, "true")],
        JobState::Waiting => vec![(RESTING, "true"), ("held", "reason = 'cancelling'")],
        JobState::Paused => vec![
            ("held", "reason = 'paused'"),
            ("ready", "lane in (select lane from lane_pause)"),
        ],
        JobState::Parked => vec![("held", "reason = 'parked'")],
        JobState::Completed => vec![("outcome", "kind = 'completed'")],
        JobState::Failed => vec![("outcome", "kind = 'failed'")],
        JobState::Cancelled => vec![("outcome", "kind = 'cancelled'")],
        JobState::Expired => vec![("outcome", "kind = 'expired'")],
        JobState::Suppressed => vec![("outcome", "kind = 'suppressed'")],
        JobState::Unheld => vec![("outcome", "false")],
    }
}

fn source(
    query: &mut QueryBuilder<Postgres>,
    (table, condition): Part,
    tenant: i32,
    before: i64,
    limit: u32,
) {
    query.push("(select first_id, last_id from ").push(table);
    query.push(" where ").push(condition);
    if table == "outcome" {
        query.push(" and tenant = ").push_bind(tenant);
    }
    query
        .push(" and lane in (select id from mine) and first_id < ")
        .push_bind(before);
    query
        .push(" order by first_id desc limit ")
        .push_bind(fetch(limit));
    query.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(filter: &JobFilter) -> Option<&'static str> {
        ids_query(1, filter, i64::MAX, 10)
            .err()
            .map(|error| error.code())
    }

    #[test]
    fn filters_without_an_index_are_refused() {
        let tagged = JobFilter {
            tag: Some(("team".into(), "ops".into())),
            ..JobFilter::default()
        };
        let of_template = JobFilter {
            template: Some("strikes.brief".into()),
            ..JobFilter::default()
        };

        assert_eq!(code(&tagged), Some("filter_not_indexed"));
        assert_eq!(code(&of_template), Some("filter_not_indexed"));
    }

    #[test]
    fn a_template_among_failed_jobs_is_carried() {
        let filter = JobFilter {
            states: vec![JobState::Failed, JobState::Parked],
            template: Some("strikes.brief".into()),
            ..JobFilter::default()
        };

        assert_eq!(code(&filter), None);
    }
}
