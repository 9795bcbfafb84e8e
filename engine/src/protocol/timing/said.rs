//! Which days lose a slot, or gain one, by an edit of a schedule or of its calendar: lines of the difference that an apply shows.

use chrono::{DateTime, Utc};
use windlass_workflows::calendar::{Calendar, Schedule, Timed, edit_said};
use windlass_workflows::configuration::{Timing, timing};
use windlass_workflows::value::Value;

use crate::Error;
use crate::store::schedule::StoredSchedule;
use crate::store::{self, Session};

/// An edit of one schedule.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Edit<'a> {
    pub tenant: i32,
    /// What was stored of it.
    pub stored: Option<&'a StoredSchedule>,
    /// `schedule` of its canonical form, JSON text.
    pub rule: Option<&'a str>,
    /// The same, read; nothing ends it.
    pub schedule: Option<&'a Schedule>,
    pub now: DateTime<Utc>,
}

/// What the edit does to days; nothing where the timing stays, or where it was written by another release.
///
/// Calendars are those of now: what an edit of one does is said of it.
pub(in crate::protocol) async fn said(
    connection: &mut Session,
    edit: Edit<'_>,
) -> Result<Vec<String>, Error> {
    let enabled = edit.schedule.is_some_and(|schedule| schedule.enabled);
    let is_same =
        |stored: &StoredSchedule| stored.is_timed_by(edit.rule.unwrap_or_default(), enabled);
    let Some(old) = before(edit.stored) else {
        return Ok(Vec::new());
    };
    if edit.stored.is_some_and(is_same) {
        return Ok(Vec::new());
    }
    let old = with_calendar(connection, edit.tenant, old.as_ref()).await?;
    let new = with_calendar(connection, edit.tenant, edit.schedule).await?;
    let (Some(old), Some(new)) = (old, new) else {
        return Ok(Vec::new());
    };
    Ok(edit_said(
        timed(old.as_ref()),
        timed(new.as_ref()),
        edit.now,
    ))
}

/// The schedule that was in force, if any; nothing at all for what this release cannot read.
fn before(stored: Option<&StoredSchedule>) -> Option<Option<Schedule>> {
    let Some(stored) = stored.filter(|stored| stored.enabled) else {
        return Some(None);
    };
    let rule = Value::parse(&stored.rule).ok()?;
    match timing(&rule).ok()? {
        Timing::Slots(schedule) => Some(Some(*schedule)),
        Timing::After(_) | Timing::Events => Some(None),
    }
}

/// A schedule with its days; nothing at all where its calendar cannot be had.
async fn with_calendar<'a>(
    connection: &mut Session,
    tenant: i32,
    schedule: Option<&'a Schedule>,
) -> Result<Option<Option<(&'a Schedule, Option<Calendar>)>>, Error> {
    let Some(schedule) = schedule else {
        return Ok(Some(None));
    };
    match store::calendar::of(connection, tenant, schedule).await {
        Ok(calendar) => Ok(Some(Some((schedule, calendar)))),
        Err(Error::NotFound { .. } | Error::Unreadable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn timed<'a>(found: Option<&'a (&'a Schedule, Option<Calendar>)>) -> Option<Timed<'a>> {
    found.map(|(schedule, calendar)| Timed {
        schedule,
        calendar: calendar.as_ref(),
    })
}
