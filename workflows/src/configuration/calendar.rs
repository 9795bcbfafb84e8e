//! `Calendar`: which days are open.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::header::{self, Header};
use super::spec::{Spec, each, field};
use super::spot::{Fault, Spot};
use super::{ical, time};
use crate::calendar::{Blackout, Bound, Calendar as OpenDays};

/// Which days are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Name, title, description, labels.
    pub header: Header,
    /// What it says.
    pub days: OpenDays,
    /// The file beside the document whose days are closed too, until it was imported.
    pub ical: Option<String>,
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("windlass"),
        field("kind"),
        field("name"),
        field("title"),
        field("description"),
        field("labels"),
        field("weekend").or("[\"sat\",\"sun\"]"),
        field("closed").or("{}"),
        field("open").or("{}"),
        field("imported").or("{}"),
        field("ical"),
        each("blackout", &BLACKOUT),
    ],
    later: &[],
};

const BLACKOUT: Spec = Spec {
    fields: &[
        field("from"),
        field("to"),
        field("zone").or("\"UTC\""),
        field("reason"),
    ],
    later: &[],
};

/// So many dates stand under one key.
const DATES_MAX: usize = 5_000;
/// So many blackouts; each is asked for every slot.
const BLACKOUTS_MAX: usize = 100;

pub(super) fn read(document: &Spot<'_>) -> Option<Calendar> {
    let header = header::read(document);
    let weekend = match document.get("weekend") {
        None => Some(OpenDays::default().weekend),
        Some(days) if days.tree.as_list().is_some_and(<[_]>::is_empty) => Some(Vec::new()),
        // All seven would close every day.
        Some(days) => days.each(time::DAYS.len() - 1, |day| day.choice(&time::DAYS)),
    };
    let (closed, open) = (dates(document, "closed"), dates(document, "open"));
    let imported = dates(document, "imported");
    let blackout = match document.get("blackout") {
        None => Some(Vec::new()),
        Some(ranges) if ranges.tree.as_list().is_some_and(<[_]>::is_empty) => Some(Vec::new()),
        Some(ranges) => ranges.each(BLACKOUTS_MAX, range),
    };
    let ical = document.get("ical").map(|file| file.filled());
    let (mut closed, imported) = (closed?, imported?);
    // What its author writes has the better name.
    for (date, name) in imported {
        closed.entry(date).or_insert(name);
    }
    Some(Calendar {
        header: header?,
        days: OpenDays {
            weekend: weekend?,
            closed,
            open: open?,
            blackout: blackout?,
        },
        ical: match ical {
            Some(file) => Some(file?.to_owned()),
            None => None,
        },
    })
}

fn dates(document: &Spot<'_>, key: &str) -> Option<BTreeMap<NaiveDate, String>> {
    let Some(spot) = document.get(key) else {
        return Some(BTreeMap::new());
    };
    let members = spot.members()?;
    if members.len() > DATES_MAX {
        return spot.refuse(Fault::new(format!("at most {DATES_MAX} dates")));
    }
    let read = members.into_iter().map(|(date, name)| {
        let parsed = match time::date(date) {
            Ok(date) => Some(date),
            Err(fault) => name.refuse(fault),
        };
        Some((parsed?, name.text()?.to_owned()))
    });
    // All of them are read before one decides: every problem is reported.
    let read: Vec<Option<(NaiveDate, String)>> = read.collect();
    read.into_iter().collect()
}

fn range(spot: &Spot<'_>) -> Option<Blackout> {
    let range = spot.object()?;
    let zone = match range.get("zone") {
        Some(zone) => zone.parsed(time::zone),
        None => Some(Tz::UTC),
    };
    let local = |key: &str| range.need(key).and_then(|at| at.parsed(time::local));
    let (from, to) = (local("from"), local("to"));
    let reason = range.need("reason").and_then(|reason| reason.filled());
    let (zone, from, to) = (zone?, from?, to?);
    if from >= to {
        return range.refuse(Fault::new("`from` must lie before `to`"));
    }
    let instant = |at| Bound::wall(at, zone);
    Some(Blackout {
        from: instant(from),
        to: instant(to),
        reason: reason?.to_owned(),
    })
}

impl Calendar {
    /// The days that an iCalendar text names, whole days only, by date.
    ///
    /// # Errors
    /// What cannot be imported, for people.
    pub(super) fn imported(text: &str) -> Result<BTreeMap<NaiveDate, String>, String> {
        let days = ical::closed_days(text)?;
        match days.len() <= DATES_MAX {
            true => Ok(days),
            false => Err(format!("it closes more than {DATES_MAX} days")),
        }
    }
}
