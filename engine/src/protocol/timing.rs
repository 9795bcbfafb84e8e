//! Schedules of applied job configurations and of templates: their rows, and the slots of the next day.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{Schedule, ZONE_DATA};

use crate::Error;
use crate::store::Session;
use crate::store::schedule::{NewSchedule, OwnTiming, StoredSchedule};
use crate::store::{self, Planning};

/// How far ahead slots are written.
pub const PLAN_AHEAD: TimeDelta = TimeDelta::hours(24);

/// A job configuration as it was applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied<'a> {
    pub tenant: i32,
    pub name: &'a str,
    pub revision: i32,
    /// `schedule` of its canonical form, JSON text.
    pub rule: Option<&'a str>,
    pub schedule: Option<&'a Schedule>,
    pub now: DateTime<Utc>,
    /// Of a template.
    pub own: Option<OwnTiming<'a>>,
}

/// Brings the schedule's row and its planned slots in line with an applied job configuration.
pub(super) async fn keep(connection: &mut Session, applied: Applied<'_>) -> Result<(), Error> {
    let (tenant, name) = (applied.tenant, applied.name);
    let stored = store::schedule::lock(connection, tenant, name).await?;
    match (applied.schedule.zip(applied.rule), stored) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            store::unplan_slots(connection, tenant, name, applied.now).await?;
            store::schedule::disable(connection, tenant, name, applied.revision).await
        }
        (Some((schedule, rule)), stored) => {
            timed(connection, applied, schedule, rule, stored).await
        }
    }
}

/// The same where it has slots; the caller holds the schedule's row.
pub(super) async fn timed(
    connection: &mut Session,
    applied: Applied<'_>,
    schedule: &Schedule,
    rule: &str,
    stored: Option<StoredSchedule>,
) -> Result<(), Error> {
    let same = stored.filter(|stored| stored.is_timed_by(rule, schedule.enabled));
    let new = NewSchedule {
        name: applied.name,
        revision: applied.revision,
        rule,
        zone_data: same
            .as_ref()
            .map_or(ZONE_DATA, |stored| stored.zone_data.as_str()),
        planned_until: same
            .as_ref()
            .map_or(applied.now, |stored| stored.planned_until),
        enabled: schedule.enabled,
        own: applied.own,
    };
    store::schedule::upsert(connection, applied.tenant, new).await?;
    match same {
        Some(_) => Ok(()),
        None => replan(connection, applied, schedule).await,
    }
}

/// Replaces the planned slots after now; due ones stay, and no slot lies before the edit.
async fn replan(
    connection: &mut Session,
    applied: Applied<'_>,
    schedule: &Schedule,
) -> Result<(), Error> {
    store::unplan_slots(connection, applied.tenant, applied.name, applied.now).await?;
    if !schedule.enabled {
        return Ok(());
    }
    let tenant = store::schedule::tenant_name(connection, applied.tenant).await?;
    let key = format!("{tenant}/{}", applied.name);
    let spread = schedule.clone().spread_for(&key);
    let planning = Planning {
        tenant: applied.tenant,
        name: applied.name,
        revision: applied.revision,
        zone_data: ZONE_DATA,
        schedule: &spread,
        calendar: None,
    };
    let until = applied.now + PLAN_AHEAD;
    store::plan_slots(connection, planning, applied.now, until).await?;
    Ok(())
}
