//! Schedules of applied job configurations and of templates: their rows, and the slots of the next day.

mod said;

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{self, Calendar, Schedule, Timed, ZONE_DATA, edit_said};
use windlass_workflows::configuration::{Timing, timing};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::Error;
use crate::store::Session;
use crate::store::schedule::{NewSchedule, OwnTiming, StoredSchedule};
use crate::store::{self, Planning};

pub(super) use self::said::{Edit, said};

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
        calendar: schedule.calendar.as_deref(),
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
    let calendar = store::calendar::of(connection, applied.tenant, schedule).await?;
    let tenant = store::schedule::tenant_name(connection, applied.tenant).await?;
    let key = format!("{tenant}/{}", applied.name);
    let spread = schedule.clone().spread_for(&key);
    let planning = Planning {
        tenant: applied.tenant,
        name: applied.name,
        revision: applied.revision,
        zone_data: ZONE_DATA,
        schedule: &spread,
        calendar: calendar.as_ref(),
    };
    let until = applied.now + PLAN_AHEAD;
    store::plan_slots(connection, planning, applied.now, until).await?;
    Ok(())
}

/// What is wrong with a schedule on its calendar, at `pointer`: it never fires, or its calendar never opens. One without
/// a calendar was judged by whoever read it.
pub(super) async fn never(
    connection: &mut Session,
    tenant: i32,
    schedule: &Schedule,
    now: DateTime<Utc>,
    pointer: &str,
) -> Result<Vec<Problem>, Error> {
    let Some(name) = schedule.calendar.as_deref() else {
        return Ok(Vec::new());
    };
    let calendar = match store::calendar::of(connection, tenant, schedule).await {
        Ok(calendar) => calendar,
        Err(Error::NotFound { .. }) => {
            let message = format!("the calendar `{name}` does not exist");
            let problem = Problem::new("unknown_reference", format!("{pointer}/calendar"), message);
            let hint = "apply its document first, or together with this one";
            return Ok(vec![problem.hint(hint)]);
        }
        Err(error) => return Err(error),
    };
    let found = calendar::check(schedule, calendar.as_ref(), now).into_iter();
    let problems = found.map(|one| {
        let problem = Problem::new(one.code, pointer, one.message);
        match one.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    });
    Ok(problems.collect())
}

/// An edit of a calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct EditedCalendar<'a> {
    pub tenant: i32,
    pub name: &'a str,
    /// Its days as they were, where this release can read them.
    pub before: Option<&'a Calendar>,
    pub now: DateTime<Utc>,
}

/// What became of the schedules that an edited calendar has a say in.
#[derive(Debug, Default)]
pub(super) struct Replanned {
    /// Those that would never fire.
    pub problems: Vec<Problem>,
    /// Which days lose or gain a slot, by schedule.
    pub said: Vec<String>,
}

/// Schedules of one calendar whose days are named.
const SAID_MAX: usize = 20;
/// Schedules of one calendar whose days are looked at: up to some hundredths of a second each, and applies take turns.
const LOOKED_AT_MAX: usize = 100;

/// Plans every schedule anew that an edited calendar has a say in, or says which of them would never fire. The caller
/// holds the lock of applies.
pub(super) async fn calendar_edited(
    connection: &mut Session,
    edited: EditedCalendar<'_>,
) -> Result<Replanned, Error> {
    let (tenant, now) = (edited.tenant, edited.now);
    let rows = sqlx::query_file!("queries/schedule/of_calendar.sql", tenant, edited.name)
        .fetch_all(&mut *connection)
        .await?;
    let after = store::calendar::named(connection, tenant, edited.name).await?;
    let (mut done, mut looked_at, mut named, mut unsaid) = (Replanned::default(), 0, 0, 0);
    for row in rows {
        let rule = Value::parse(&row.rule).ok().map(|rule| timing(&rule));
        // What another release wrote, that release plans.
        let Some(Ok(Timing::Slots(schedule))) = rule else {
            continue;
        };
        let found = never(connection, tenant, &schedule, now, "").await?;
        if !found.is_empty() {
            let named = |problem: Problem| Problem {
                message: format!("the schedule `{}`: {}", row.name, problem.message),
                ..problem
            };
            done.problems.extend(found.into_iter().map(named));
            continue;
        }
        let applied = Applied {
            tenant,
            name: &row.name,
            revision: row.revision,
            rule: None,
            schedule: None,
            now,
            own: None,
        };
        replan(connection, applied, &schedule).await?;
        if named < SAID_MAX && looked_at < LOOKED_AT_MAX {
            looked_at += 1;
            let lines = days_said(edited, after.as_ref(), &row.name, &schedule);
            named += usize::from(!lines.is_empty());
            done.said.extend(lines);
        } else {
            unsaid += 1;
        }
    }
    if unsaid > 0 {
        let line = format!("… {unsaid} further schedules name this calendar");
        done.said.push(line);
    }
    Ok(done)
}

/// What an edit of its calendar does to the days of a schedule, under its name.
fn days_said(
    edited: EditedCalendar<'_>,
    after: Option<&Calendar>,
    name: &str,
    schedule: &Schedule,
) -> Vec<String> {
    let (Some(before), Some(after)) = (edited.before, after) else {
        return Vec::new();
    };
    let with = |calendar| {
        Some(Timed {
            schedule,
            calendar: Some(calendar),
        })
    };
    let mut lines = edit_said(with(before), with(after), edited.now);
    if !lines.is_empty() {
        lines.insert(0, format!("schedule {name}:"));
    }
    lines
}
