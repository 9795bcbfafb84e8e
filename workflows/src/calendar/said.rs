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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, NaiveDateTime};

    use super::*;
    use crate::configuration::{Content, SourceFile, read};

    const TEXT: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
        selection: { category: strikes }\nstrategy: individual\n\
        schedule: { daily: { at: \"06:00\" }, zone: UTC }\n";

    fn schedule() -> Schedule {
        let file = SourceFile {
            name: "briefs.yaml",
            text: TEXT,
        };
        let read = read(&[file], DateTime::UNIX_EPOCH).unwrap();
        match read.into_iter().next().unwrap().content {
            Content::JobConfiguration(job) => job.schedule.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn at_six(date: &str) -> NaiveDateTime {
        format!("{date}T06:00:00").parse().unwrap()
    }

    fn slot(notes: Vec<Note>) -> Slot {
        let at = at_six("2026-12-28").and_utc();
        Slot {
            at,
            fire_at: at,
            covers: ["2026-12-25", "2026-12-27", "2026-12-28"]
                .map(at_six)
                .into(),
            notes,
        }
    }

    fn calendar() -> Calendar {
        Calendar {
            weekend: Vec::new(),
            closed: BTreeMap::from([(at_six("2026-12-25").date(), "Christmas".to_owned())]),
            open: BTreeMap::new(),
            blackout: Vec::new(),
        }
    }

    #[test]
    fn a_slot_that_was_moved_says_from_where_and_why() {
        let said = |notes| slot_said(&schedule(), Some(&calendar()), &slot(notes));

        assert_eq!(said(vec![]), None);
        assert_eq!(said(vec![Note::GapNext]).as_deref(), Some("gap_next"));
        assert_eq!(
            said(vec![Note::Moved, Note::Merged]).as_deref(),
            Some("moved from 2026-12-25 06:00: Christmas and 2026-12-27 06:00: weekend, merged")
        );
    }

    #[test]
    fn a_time_that_became_no_slot_says_why() {
        let at = DroppedAt::Time(at_six("2026-12-25"));
        let said = |calendar, at, reason| dropped_said(calendar, &Dropped { at, reason });

        let calendar = calendar();
        let closed = said(Some(&calendar), at, Reason::Closed);
        assert_eq!(closed, "closed: Christmas");
        assert_eq!(said(None, at, Reason::Closed), "closed: weekend");
        assert_eq!(said(None, at, Reason::Excluded), "excluded");
        let month = DroppedAt::Month(at_six("2026-02-01").date());
        assert_eq!(said(None, month, Reason::NoSuchDay), "no_such_day");
    }
}
