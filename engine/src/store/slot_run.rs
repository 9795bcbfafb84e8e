//! Rows of the ledger that stand for many slots: more than a thousand equal verdicts in a row are one.
//!
//! No other row of their schedule lies between their first and their last slot. Who writes one, or takes slots out of one,
//! holds the schedule's row.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{By, Slot, count, next, previous};
use windlass_workflows::policy::skim::{EQUAL_MAX, Run};

use super::gate::Session;
use super::slot::{Planning, covers};
use crate::Error;

/// What the ledger says of slots that do not run: their state and the reason.
pub(crate) type NotRun = (&'static str, &'static str);

/// Writes one row for slots that had none.
///
/// # Errors
/// What the database says.
pub(crate) async fn write_run(
    connection: &mut Session,
    planning: Planning<'_>,
    run: &Run,
    (state, reason): NotRun,
) -> Result<(), Error> {
    let (schedule, at) = (planning.schedule, run.first.at);
    let before = previous(schedule, planning.calendar, at, 1);
    let walls: Vec<_> = [run.first.covers.first(), run.last.covers.last()]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let by = |by: Option<By>| by.map(|by| by.instant(at, schedule.zone));
    sqlx::query_file!(
        "queries/slot/write_run.sql",
        planning.tenant,
        planning.name,
        at,
        run.first.fire_at,
        run.last.at,
        i64::try_from(run.n).unwrap_or(i64::MAX),
        covers(&walls),
        before.first().map(|slot| slot.at),
        state,
        reason,
        planning.revision,
        planning.zone_data,
        by(schedule.alerts.not_started_by),
        by(schedule.alerts.not_finished_by),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Puts the equal verdicts that end at an instant into one row, where they are enough for one. `rows` of them are new.
///
/// # Errors
/// What the database says.
pub(crate) async fn fold(
    connection: &mut Session,
    (tenant, name): (i32, &str),
    until: DateTime<Utc>,
    rows: usize,
) -> Result<(), Error> {
    let equal_max = i64::try_from(EQUAL_MAX).unwrap_or(i64::MAX);
    // As many as there can be before them without having become one row, and one more.
    let look_back = equal_max.saturating_add(i64::try_from(rows).unwrap_or(i64::MAX));
    sqlx::query_file!(
        "queries/slot/fold.sql",
        tenant,
        name,
        until,
        look_back,
        equal_max
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}

/// Takes slots, in order, out of the rows that stand for many, so that they can be given rows of their own. Those of one
/// row follow one another by their rule. How many slots are left before and behind them is told by the rule of now.
///
/// # Errors
/// What the database says.
pub(crate) async fn take_out(
    connection: &mut Session,
    planning: Planning<'_>,
    ats: &[DateTime<Utc>],
) -> Result<(), Error> {
    let (Some(first), Some(last)) = (ats.first(), ats.last()) else {
        return Ok(());
    };
    let (tenant, name) = (planning.tenant, planning.name);
    let rows = sqlx::query_file!("queries/slot/runs.sql", tenant, name, first, last)
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let inside = |at: &DateTime<Utc>| row.at <= *at && *at <= row.until;
        let mut taken = ats.iter().copied().filter(inside);
        let Some(first) = taken.next() else {
            continue;
        };
        let n = 1 + taken.clone().count();
        let whole = Whole {
            at: row.at,
            until: row.until,
            n: row.n,
        };
        let last = taken.next_back().unwrap_or(first);
        let parts = whole.without(planning, (first, last), n);
        split(connection, planning, row.at, parts).await?;
    }
    Ok(())
}

/// A row that stands for many slots.
struct Whole {
    at: DateTime<Utc>,
    until: DateTime<Utc>,
    n: i64,
}

/// What is left of it.
struct Parts {
    /// The last slot of the first part, and how many it has.
    before: Option<(Slot, i64)>,
    /// The first slot of the second part, and how many it has.
    behind: Option<(Slot, i64)>,
}

impl Whole {
    /// What is left without the slots from `first` to `last`, `taken` of them.
    fn without(
        &self,
        planning: Planning<'_>,
        (first, last): (DateTime<Utc>, DateTime<Utc>),
        taken: usize,
    ) -> Parts {
        let (schedule, calendar) = (planning.schedule, planning.calendar);
        let left = self.n - i64::try_from(taken).unwrap_or(i64::MAX);
        let is_before = self.at < first;
        let is_behind = last < self.until;
        // By another rule than that of now they may have been fewer: neither part is empty.
        let left = left.max(i64::from(is_before) + i64::from(is_behind));
        let before = match (is_before, is_behind) {
            (false, _) => 0,
            (true, false) => left,
            (true, true) => {
                let before = count(schedule, calendar, (self.at, first));
                i64::try_from(before).unwrap_or(i64::MAX).clamp(1, left - 1)
            }
        };
        let end = |found: Vec<Slot>, or: DateTime<Utc>| {
            let inside = |slot: &Slot| self.at <= slot.at && slot.at <= self.until;
            let found = found.into_iter().next().filter(inside);
            found.unwrap_or_else(|| bare(planning, or))
        };
        Parts {
            before: is_before
                .then(|| end(previous(schedule, calendar, first, 1), self.at))
                .map(|slot| (slot, before)),
            behind: is_behind
                .then(|| end(next(schedule, calendar, last, 1), self.until))
                .map(|slot| (slot, left - before)),
        }
    }
}

/// A slot that the rule of now does not name.
fn bare(planning: Planning<'_>, at: DateTime<Utc>) -> Slot {
    let offset = TimeDelta::from_std(planning.schedule.offset).unwrap_or_default();
    Slot {
        at,
        fire_at: at + offset,
        covers: vec![at.with_timezone(&planning.schedule.zone).naive_local()],
        notes: Vec::new(),
    }
}

async fn split(
    connection: &mut Session,
    planning: Planning<'_>,
    at: DateTime<Utc>,
    parts: Parts,
) -> Result<(), Error> {
    let wall = |slot: &Slot| slot.covers.first().map(super::slot::wall);
    let (before, behind) = (parts.before.as_ref(), parts.behind.as_ref());
    sqlx::query_file!(
        "queries/slot/split.sql",
        planning.tenant,
        planning.name,
        at,
        before.map(|(slot, _)| slot.at),
        before.map(|(_, n)| *n),
        before.and_then(|(slot, _)| wall(slot)),
        behind.map(|(slot, _)| slot.at),
        behind.map(|(slot, _)| slot.fire_at),
        behind.map(|(_, n)| *n),
        behind.and_then(|(slot, _)| wall(slot)),
    )
    .execute(connection)
    .await?;
    Ok(())
}
