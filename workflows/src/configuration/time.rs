//! Dates, times of day and zones, as text. YAML 1.1 would make numbers of `10:30`: quote times.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::length;
use super::spot::Fault;
use crate::calendar::{Bound, By, Except};
use crate::document::nearest;

pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// `06:00`, `06:00:30`.
pub(super) fn time(text: &str) -> Result<NaiveTime, Fault> {
    let wanted = match text.len() {
        5 => "%H:%M",
        _ => "%H:%M:%S",
    };
    let read = NaiveTime::parse_from_str(text, wanted).ok();
    let is_plain = matches!(text.len(), 5 | 8) && !text.ends_with(":60");
    read.filter(|_| is_plain).ok_or_else(|| {
        Fault::new(format!("`{text}` is no time of day")).hint("write it quoted, such as \"06:00\"")
    })
}

/// `07:00`, the first after the slot, or `90m`, counted from it.
pub(super) fn by(text: &str) -> Result<By, Fault> {
    match text.contains(':') {
        true => time(text).map(By::Time),
        false => length::parse(text).map(By::After),
    }
}

/// `2026-12-31`.
pub(super) fn date(text: &str) -> Result<NaiveDate, Fault> {
    let read = text.parse().ok().filter(|_| text.len() == 10);
    read.ok_or_else(|| Fault::new(format!("`{text}` is no date")).hint("such as 2026-12-31"))
}

/// `2026-12-31T06:00`, on the wall clock of the schedule's zone.
pub(super) fn local(text: &str) -> Result<NaiveDateTime, Fault> {
    let parts = text.split_once('T');
    let read = parts.and_then(|(day, clock)| Some(date(day).ok()?.and_time(time(clock).ok()?)));
    read.ok_or_else(|| {
        let hint = "a local date and time without zone, such as 2026-12-31T06:00";
        Fault::new(format!("`{text}` is no local time")).hint(hint)
    })
}

/// `2026-12-31T06:00:00Z`, seconds may be left out.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, Fault> {
    let short = "%Y-%m-%dT%H:%M%:z";
    let zoned = text.replace('Z', "+00:00");
    let read =
        DateTime::parse_from_rfc3339(&zoned).or_else(|_| DateTime::parse_from_str(&zoned, short));
    read.map(|at| at.to_utc()).map_err(|_| {
        let hint = "a date, a time and an offset, such as 2026-12-31T06:00:00Z";
        Fault::new(format!("`{text}` is no instant")).hint(hint)
    })
}

/// A date or an instant.
pub(super) fn bound(text: &str) -> Result<Bound, Fault> {
    match text.len() {
        10 => date(text).map(Bound::Date),
        _ => instant(text).map(Bound::Instant),
    }
}

/// A date or a local time.
pub(super) fn except(text: &str) -> Result<Except, Fault> {
    match text.len() {
        10 => date(text).map(Except::Date),
        _ => local(text).map(Except::Time),
    }
}

/// A name of the zone database.
pub(super) fn zone(text: &str) -> Result<Tz, Fault> {
    text.parse().map_err(|_| {
        let fault = Fault::new(format!("`{text}` is no zone of the zone database"));
        match nearest::hint(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(hint) => fault.hint(hint),
            None => fault.hint("such as America/New_York or UTC"),
        }
    })
}
