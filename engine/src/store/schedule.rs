//! Schedules as people see them, and their rows as `apply` writes them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::calendar::Schedule;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// A schedule; it belongs to a job configuration and bears its name, or to a template, `namespace/name`.
#[derive(Clone, Debug, Serialize)]
pub struct ScheduleView {
    /// The job configuration's name, or the template's.
    pub name: String,
    /// The configuration's revision that set it; of a template, the number of its version.
    pub revision: i32,
    /// The rule in the words of a job configuration, JSON text.
    pub rule: String,
    /// Version of the zone data that planned its slots.
    pub zone_data: String,
    /// How far ahead its slots are written.
    pub planned_until: DateTime<Utc>,
    /// Whether it fires.
    pub enabled: bool,
    /// Until when it is paused.
    pub paused_until: Option<DateTime<Utc>>,
    /// By whom.
    pub paused_by: Option<String>,
    /// In their words.
    pub paused_why: Option<String>,
    /// Its next planned slot.
    pub next_at: Option<DateTime<Utc>>,
    /// Its last decided slot.
    pub last_at: Option<DateTime<Utc>>,
    /// What became of that.
    pub last_state: Option<String>,
    /// The batch that it made.
    pub last_batch: Option<i64>,
    /// The job that it started, where it made no batch.
    pub last_job: Option<i64>,
    /// The template version whose own schedule it is, `namespace.name@version`.
    pub template: Option<String>,
    /// Events that it took and that came to nothing.
    pub lost: i64,
    /// Sets of events that are not enough yet to start a job.
    pub gathering: i64,
}

impl Store {
    /// A schedule at its place in its spread, as firing sees it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn in_spread(
        &self,
        tenant: i32,
        name: &str,
        schedule: &Schedule,
    ) -> Result<Schedule, Error> {
        let mut connection = self.pool().acquire().await?;
        let tenant = tenant_name(&mut connection, tenant).await?;
        Ok(schedule.clone().spread_for(&format!("{tenant}/{name}")))
    }

    /// A page of schedules after a name.
    pub async fn schedules(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ScheduleView, String>, Error> {
        let after = after.unwrap_or("");
        let rows = sqlx::query_file_as!(
            ScheduleView,
            "queries/schedule/list.sql",
            tenant,
            after,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |schedule| schedule.name.clone()))
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no job configuration and no template of this name has one.
    pub async fn schedule(&self, tenant: i32, name: &str) -> Result<ScheduleView, Error> {
        let row = sqlx::query_file_as!(ScheduleView, "queries/schedule/show.sql", tenant, name)
            .fetch_optional(self.pool())
            .await?;
        row.ok_or_else(|| Error::not_found("schedule", name))
    }
}

/// A schedule's row, locked.
#[derive(Clone, Debug)]
pub(crate) struct StoredSchedule {
    pub rule: String,
    pub zone_data: String,
    pub planned_until: DateTime<Utc>,
    pub enabled: bool,
    pub event_pos: Option<i64>,
}

impl StoredSchedule {
    /// Whether its planned slots are those of this rule.
    pub(crate) fn is_timed_by(&self, rule: &str, enabled: bool) -> bool {
        self.rule == rule && self.enabled == enabled
    }
}

/// A schedule to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSchedule<'a> {
    pub name: &'a str,
    pub revision: i32,
    pub rule: &'a str,
    pub zone_data: &'a str,
    pub planned_until: DateTime<Utc>,
    pub enabled: bool,
    pub calendar: Option<&'a str>,
    pub own: Option<OwnTiming<'a>>,
}

/// What a template's own schedule says beside its rule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnTiming<'a> {
    pub template_version: i32,
    /// Seconds after the end of its last job.
    pub after: Option<f64>,
    /// Events up to here were looked at.
    pub event_pos: Option<i64>,
    /// All where there are none.
    pub event_types: Option<&'a [String]>,
}

/// Locks a schedule before its rule or its slots change; firing takes this lock first too.
pub(crate) async fn lock(
    connection: &mut Session,
    tenant: i32,
    name: &str,
) -> Result<Option<StoredSchedule>, Error> {
    let row = sqlx::query_file_as!(StoredSchedule, "queries/schedule/lock.sql", tenant, name)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// Writes a schedule; a pause is kept.
pub(crate) async fn upsert(
    connection: &mut Session,
    tenant: i32,
    new: NewSchedule<'_>,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/schedule/upsert.sql",
        tenant,
        new.name,
        new.revision,
        new.rule,
        new.zone_data,
        new.planned_until,
        new.enabled,
        new.own.map(|own| own.template_version),
        new.own.and_then(|own| own.after),
        new.own.and_then(|own| own.event_pos),
        new.own.and_then(|own| own.event_types),
        new.calendar,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the firing of a schedule whose job configuration, or template, lost its rule.
pub(crate) async fn disable(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    revision: i32,
) -> Result<(), Error> {
    let noted = sqlx::query_file!("queries/schedule/disable.sql", tenant, name, revision);
    noted.execute(connection).await?;
    Ok(())
}

/// The name of a tenant, part of the place in a spread.
pub(crate) async fn tenant_name(connection: &mut Session, tenant: i32) -> Result<String, Error> {
    let row = sqlx::query_file!("queries/tenant/name.sql", tenant)
        .fetch_optional(connection)
        .await?;
    let missing = || Error::not_found("tenant", tenant.to_string());
    row.map(|row| row.name).ok_or_else(missing)
}
