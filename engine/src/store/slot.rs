//! The ledger of slots: planning them ahead, reading them back.
//!
//! Firing and deciding them is `fire`'s. Whoever plans holds the schedule's row.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use windlass_workflows::calendar::{
    Bound, By, Calendar, Dropped, DroppedAt, Linked, Reason, Schedule, dropped_said, linked,
    preview, slot_said,
};

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// One fire time of a schedule.
#[derive(Clone, Debug, Serialize)]
pub struct SlotView {
    /// Its schedule.
    pub schedule: String,
    /// Its name: the instant before the spread.
    pub at: DateTime<Utc>,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// `planned`, `fired`, `late`, `skipped`, `missed` or `manual`.
    pub state: String,
    /// Why, where the state alone does not say.
    pub reason: Option<String>,
    /// The batch that it made.
    pub batch: Option<i64>,
    /// The job that it started, where it made no batch.
    pub job: Option<i64>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Revision of the configuration that planned it, or ran.
    pub revision: i32,
    /// The nominal local times that it stands for, a JSON list.
    pub covers: String,
    /// What was decided on the way to it, such as from where a calendar moved it.
    pub note: Option<String>,
    /// When people were told that its work had not started in time.
    pub not_started_at: Option<DateTime<Utc>>,
    /// When people were told that its work had not finished in time.
    pub not_finished_at: Option<DateTime<Utc>>,
    /// Of a row that stands for many slots, all from `at` on: the last of them.
    pub until: Option<DateTime<Utc>>,
    /// How many these are.
    pub n: Option<i64>,
}

/// Which slots of a schedule.
#[derive(Clone, Debug, Default)]
pub struct SlotFilter {
    /// Not before; of a row that stands for many slots the last one counts.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// In any of these states; all when empty.
    pub states: Vec<String>,
}

/// A schedule whose slots are planned.
#[derive(Clone, Copy, Debug)]
pub struct Planning<'a> {
    /// Its tenant.
    pub tenant: i32,
    /// Its name, the job configuration's.
    pub name: &'a str,
    /// Revision of the configuration.
    pub revision: i32,
    /// Version of the zone data.
    pub zone_data: &'a str,
    /// The rule.
    pub schedule: &'a Schedule,
    /// Its calendar.
    pub calendar: Option<&'a Calendar>,
}

impl Planning<'_> {
    /// Whether what its calendar leaves out has rows among its slots.
    pub(crate) fn says_left_out(&self) -> bool {
        self.calendar.is_some() && !self.schedule.rule.is_beat()
    }
}

/// Writes the planned slots with `from ≤ at < until` and notes how far planning got. Returns how many
/// are new: an instant that has its slot keeps it. The caller holds the schedule's row.
///
/// # Errors
/// What the database says.
pub(crate) async fn plan_slots(
    connection: &mut Session,
    planning: Planning<'_>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<usize, Error> {
    let (schedule, calendar) = (planning.schedule, planning.calendar);
    let found = preview(schedule, calendar, from, until);
    let slots = linked(schedule, calendar, found.slots);
    let added = write_slots(connection, planning, &slots, &found.dropped).await?;
    sqlx::query_file!(
        "queries/schedule/touch.sql",
        planning.tenant,
        planning.name,
        until
    )
    .execute(connection)
    .await?;
    Ok(added)
}

/// Takes back the planned slots after an instant, since the timing was edited: their names, and the nominal times of
/// each, a JSON list.
///
/// # Errors
/// What the database says.
pub(crate) async fn unplan_slots(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    after: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, String)>, Error> {
    let found = sqlx::query_file!("queries/slot/unplan.sql", tenant, name, after);
    let rows = found.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.at, row.covers)).collect())
}

/// The rows of one planning, column by column.
#[derive(Default)]
struct Rows {
    ats: Vec<DateTime<Utc>>,
    fire_ats: Vec<DateTime<Utc>>,
    covers: Vec<String>,
    befores: Vec<Option<DateTime<Utc>>>,
    notes: Vec<Option<String>>,
    reasons: Vec<Option<String>>,
    start_bys: Vec<Option<DateTime<Utc>>>,
    finish_bys: Vec<Option<DateTime<Utc>>>,
}

impl Rows {
    fn of(planning: Planning<'_>, slots: &[Linked], dropped: &[Dropped]) -> Self {
        let (schedule, calendar) = (planning.schedule, planning.calendar);
        let mut rows = Self::default();
        for Linked { slot, previous } in slots {
            rows.ats.push(slot.at);
            rows.fire_ats.push(slot.fire_at);
            rows.covers.push(covers(&slot.covers));
            rows.befores.push(*previous);
            rows.notes.push(slot_said(schedule, calendar, slot));
            rows.reasons.push(None);
            let (alerts, zone) = (schedule.alerts, schedule.zone);
            let by = |by: Option<By>| by.map(|by| by.instant(slot.at, zone));
            rows.start_bys.push(by(alerts.not_started_by));
            rows.finish_bys.push(by(alerts.not_finished_by));
        }
        for (dropped, wall) in left_out(planning, dropped) {
            let at = Bound::wall(wall, schedule.zone);
            rows.ats.push(at);
            rows.fire_ats.push(at);
            rows.covers.push(covers(&[wall]));
            rows.befores.push(None);
            rows.notes.push(None);
            let reason = dropped_said(calendar, dropped);
            rows.reasons.push(Some(reason));
            rows.start_bys.push(None);
            rows.finish_bys.push(None);
        }
        rows
    }
}

/// What the calendar of a schedule leaves out, where a row a time says something: of a beat every few minutes it would
/// only be many.
fn left_out<'a>(
    planning: Planning<'_>,
    dropped: &'a [Dropped],
) -> impl Iterator<Item = (&'a Dropped, NaiveDateTime)> {
    let says_something = planning.says_left_out();
    dropped
        .iter()
        .filter_map(move |one| match (one.at, one.reason) {
            (DroppedAt::Time(wall), Reason::Closed | Reason::NoOpenDay) if says_something => {
                Some((one, wall))
            }
            _ => None,
        })
}

/// Writes slots, and what was dropped beside them, where they have no row yet; how many are new. The caller holds the schedule's row.
///
/// # Errors
/// What the database says.
pub(crate) async fn write_slots(
    connection: &mut Session,
    planning: Planning<'_>,
    slots: &[Linked],
    dropped: &[Dropped],
) -> Result<usize, Error> {
    let rows = Rows::of(planning, slots, dropped);
    if rows.ats.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query_file!(
        "queries/slot/plan.sql",
        planning.tenant,
        planning.name,
        &rows.ats,
        &rows.fire_ats,
        &rows.covers,
        &rows.befores as &[Option<DateTime<Utc>>],
        &rows.notes as &[Option<String>],
        &rows.reasons as &[Option<String>],
        planning.revision,
        planning.zone_data,
        &rows.start_bys as &[Option<DateTime<Utc>>],
        &rows.finish_bys as &[Option<DateTime<Utc>>],
    )
    .fetch_all(connection)
    .await?;
    Ok(written.len())
}

/// Nominal times as a JSON list of local times.
pub(super) fn covers(walls: &[NaiveDateTime]) -> String {
    let times = walls.iter().map(|time| format!("\"{}\"", wall(time)));
    format!("[{}]", times.collect::<Vec<_>>().join(","))
}

/// A nominal time as rows have it.
pub(crate) fn wall(time: &NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

impl Store {
    /// A page of a schedule's ledger, latest first; `before` is the last instant of the page before.
    pub async fn slots(
        &self,
        tenant: i32,
        name: &str,
        filter: &SlotFilter,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Page<SlotView, DateTime<Utc>>, Error> {
        let since = filter.since.unwrap_or(DateTime::UNIX_EPOCH);
        let until = filter.until.unwrap_or(FAR_AHEAD);
        let until = before.map_or(until, |before| before.min(until));
        let rows = sqlx::query_file_as!(
            SlotView,
            "queries/slot/page.sql",
            tenant,
            name,
            since,
            until,
            &filter.states,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |slot| slot.at))
    }

    /// One slot, or the row that stands for it and many others.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the ledger has no such row.
    pub async fn slot(
        &self,
        tenant: i32,
        name: &str,
        at: DateTime<Utc>,
    ) -> Result<SlotView, Error> {
        let found = sqlx::query_file_as!(SlotView, "queries/slot/show.sql", tenant, name, at);
        let row = found.fetch_optional(self.pool()).await?;
        row.ok_or_else(|| Error::not_found("slot", format!("{name} {}", at.to_rfc3339())))
    }
}

/// No slot lies beyond 30 years; this lies within Postgres' own range of instants.
const FAR_AHEAD: DateTime<Utc> = DateTime::from_timestamp(7_258_118_400, 0).unwrap();
