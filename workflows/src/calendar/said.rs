//! What ledgers and previews say of a slot that was moved, and of a time that became none.

use super::open_days::Calendar;
use super::schedule::Schedule;
use super::slot::{Dropped, DroppedAt, Note, Reason, Slot};

/// What was decided on the way to a slot, in words; nothing where nothing was. A moved one says from where and why.
pub fn slot_said(schedule: &Schedule, calendar: Option<&Calendar>, slot: &Slot) -> Option<String> {
    let local = slot.at.with_timezone(&schedule.zone).naive_local();
    let said = slot.notes.iter().map(|note| match note {
        Note::Moved => {
            let moved = slot
                .covers
                .iter()
                .filter(|wall| wall.date() != local.date());
            let from = moved.map(|wall| {
                let why = why_not(calendar, DroppedAt::Time(*wall));
                format!("{}: {why}", wall.format("%Y-%m-%d %H:%M"))
            });
            format!("moved from {}", from.collect::<Vec<_>>().join(" and "))
        }
        note => note.as_str().to_owned(),
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// Why a time became no slot, in words.
pub fn dropped_said(calendar: Option<&Calendar>, dropped: &Dropped) -> String {
    let word = dropped.reason.as_str();
    match dropped.reason {
        Reason::Closed | Reason::NoOpenDay => {
            format!("{word}: {}", why_not(calendar, dropped.at))
        }
        _ => word.to_owned(),
    }
}

/// Why nothing starts at a local time: why its date is closed.
fn why_not(calendar: Option<&Calendar>, at: DroppedAt) -> &str {
    match (calendar, at) {
        (Some(calendar), DroppedAt::Time(wall)) => calendar.name_of(wall.date()),
        _ => "weekend",
    }
}
