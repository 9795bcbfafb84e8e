//! New zone data under planned slots: they are computed anew, and no nominal time comes twice.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::calendar::{Bound, Dropped, DroppedAt, Schedule, Slot, linked, preview};

use crate::Error;
use crate::store::slot::wall as said;
use crate::store::{Planning, Session, unplan_slots, write_slots};

/// No change of zone data moves a time by more.
const REACH: TimeDelta = TimeDelta::days(2);
/// Further than the ledger is written.
const AHEAD: TimeDelta = TimeDelta::days(2);

/// Replaces what is planned after now by what the zone data of this binary says. A nominal time that has its row, whatever
/// became of it, gets no other; one that was planned and lies in the past now is due. The caller holds the schedule's row.
pub(super) async fn plan_anew(
    connection: &mut Session,
    planning: Planning<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (tenant, name) = (planning.tenant, planning.name);
    let taken = unplan_slots(connection, tenant, name, now).await?;
    let replaced: HashSet<String> = taken.iter().flat_map(|(_, covers)| walls(covers)).collect();
    let rows = sqlx::query_file!(
        "queries/slot/around.sql",
        tenant,
        name,
        now - REACH,
        now + REACH + AHEAD
    )
    .fetch_all(&mut *connection)
    .await?;
    let known = Known {
        walls: rows.iter().flat_map(|row| walls(&row.covers)).collect(),
        runs: rows
            .iter()
            .filter(|row| row.n.is_some())
            .filter_map(|row| ends(&row.covers))
            .collect(),
    };
    let (schedule, calendar) = (planning.schedule, planning.calendar);
    let mut found = preview(schedule, calendar, now - REACH, now + AHEAD);
    let mut slots = linked(schedule, calendar, std::mem::take(&mut found.slots));
    slots.retain(|one| {
        let slot = &one.slot;
        let mut covers = slot.covers.iter().map(said);
        let was_planned = slot.at > now || said_any(slot, &replaced);
        was_planned && !covers.any(|wall| known.has(&wall))
    });
    found.dropped.retain(|dropped| {
        let wall = is_to_come(dropped, schedule, now);
        wall.is_some_and(|wall| !known.has(&wall))
    });
    write_slots(connection, planning, &slots, &found.dropped).await?;
    sqlx::query_file!(
        "queries/schedule/new_zone_data.sql",
        tenant,
        name,
        planning.zone_data
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Nominal times that have their row.
struct Known {
    walls: HashSet<String>,
    /// The first and the last of rows that stand for many slots.
    runs: Vec<(String, String)>,
}

impl Known {
    fn has(&self, wall: &str) -> bool {
        let holds =
            |(first, last): &(String, String)| first.as_str() <= wall && wall <= last.as_str();
        self.walls.contains(wall) || self.runs.iter().any(holds)
    }
}

/// The first and the last nominal time of a row.
fn ends(covers: &str) -> Option<(String, String)> {
    let walls = walls(covers);
    Some((walls.first()?.clone(), walls.last()?.clone()))
}

fn said_any(slot: &Slot, walls: &HashSet<String>) -> bool {
    slot.covers.iter().any(|wall| walls.contains(&said(wall)))
}

/// The nominal time that became no slot, if it is to come: its row was taken back with what was planned.
fn is_to_come(dropped: &Dropped, schedule: &Schedule, now: DateTime<Utc>) -> Option<String> {
    match dropped.at {
        DroppedAt::Time(wall) if Bound::wall(wall, schedule.zone) > now => Some(said(&wall)),
        _ => None,
    }
}

/// The nominal times of a row.
fn walls(covers: &str) -> Vec<String> {
    serde_json::from_str(covers).unwrap_or_default()
}
