//! iCalendar (RFC 5545), as far as files of holidays use it: events of whole days, perhaps every year.
//!
//! What would be imported wrongly is refused with the line of its event, never passed over.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 200;
/// Days that one event may have.
const DAYS_MAX: u64 = 366;
/// Bytes of one text.
const TEXT_BYTES_MAX: usize = 8 << 20;
/// Years that an event comes back without end.
const YEARS_MAX: u32 = 30;

/// The days on which an event of the text stands, each with its name.
pub(super) fn closed_days(text: &str) -> Result<BTreeMap<NaiveDate, String>, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("it has more than {TEXT_BYTES_MAX} bytes"));
    }
    let lines = unfolded(text);
    if !lines.iter().any(|(_, line)| is(line, "BEGIN:VCALENDAR")) {
        return Err("it is no iCalendar file: it has no BEGIN:VCALENDAR".to_owned());
    }
    let mut days = BTreeMap::new();
    let mut event: Option<Event> = None;
    // Alarms stand inside events and have properties of the same names.
    let mut inside = 0;
    for (number, line) in lines {
        match &mut event {
            None if is(&line, "BEGIN:VEVENT") => event = Some(Event::at(number)),
            None => {}
            Some(_) if is_part(&line, "BEGIN:") => inside += 1,
            Some(_) if inside > 0 => inside -= i32::from(is_part(&line, "END:")),
            Some(_) if is(&line, "END:VEVENT") => {
                let event = event.take().unwrap_or_default();
                event.close(&mut days)?;
            }
            Some(event) => event.take_in(&line)?,
        }
    }
    match event {
        Some(event) => Err(format!("the event in line {} has no end", event.line)),
        None => Ok(days),
    }
}

/// Lines with their numbers; one that begins with a blank goes on with the line before.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, whole))) => whole.push_str(rest),
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

fn is(line: &str, wanted: &str) -> bool {
    line.trim_end().eq_ignore_ascii_case(wanted)
}

fn is_part(line: &str, wanted: &str) -> bool {
    let start = line.get(..wanted.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

#[derive(Default)]
struct Event {
    line: usize,
    name: String,
    first: Option<NaiveDate>,
    /// The day after its last one.
    end: Option<NaiveDate>,
    length: Option<u64>,
    every: Option<Yearly>,
    is_cancelled: bool,
}

/// An event that comes back every so many years.
#[derive(Clone, Copy)]
struct Yearly {
    interval: u32,
    count: u32,
    until: Option<NaiveDate>,
}

impl Event {
    fn at(line: usize) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    fn take_in(&mut self, line: &str) -> Result<(), String> {
        let Some((head, value)) = split(line) else {
            return Ok(());
        };
        let name = head.split(';').next().unwrap_or_default();
        match name.to_ascii_uppercase().as_str() {
            "SUMMARY" => self.name = plain(value),
            "DTSTART" => self.first = Some(self.day(value)?),
            "DTEND" => self.end = Some(self.day(value)?),
            "DURATION" => self.length = Some(self.days(value)?),
            "RRULE" => self.every = Some(self.yearly(value)?),
            "STATUS" => self.is_cancelled = value.trim().eq_ignore_ascii_case("CANCELLED"),
            "RDATE" | "EXDATE" | "EXRULE" | "RECURRENCE-ID" => {
                return Err(self.refusal(&format!("it has {name}, which is not imported")));
            }
            _ => {}
        }
        Ok(())
    }

    /// `20261126`, or that day's first moment.
    fn day(&self, value: &str) -> Result<NaiveDate, String> {
        let value = value.trim();
        let (date, rest) = value.split_at_checked(8).unwrap_or((value, ""));
        match (date_of(date), rest) {
            (Some(date), "" | "T000000") => Ok(date),
            _ => Err(self.refusal(&format!("`{value}` is no whole day"))),
        }
    }

    /// `P1D`, `P2W`.
    fn days(&self, value: &str) -> Result<u64, String> {
        let value = value.trim();
        let number = |unit: char| -> Option<u64> {
            value.strip_prefix('P')?.strip_suffix(unit)?.parse().ok()
        };
        let days = number('D').or_else(|| number('W')?.checked_mul(7));
        days.ok_or_else(|| self.refusal(&format!("`{value}` is no number of whole days")))
    }

    fn yearly(&self, value: &str) -> Result<Yearly, String> {
        let refused = || {
            let said = format!("`{value}` is no repetition every year on one date");
            self.refusal(&said)
        };
        let mut rule = Yearly {
            interval: 1,
            count: YEARS_MAX,
            until: None,
        };
        let mut is_yearly = false;
        for part in value.trim().split(';') {
            let (key, said) = part.split_once('=').ok_or_else(refused)?;
            match key.to_ascii_uppercase().as_str() {
                "FREQ" => is_yearly = said.eq_ignore_ascii_case("YEARLY"),
                "INTERVAL" => rule.interval = said.parse().map_err(|_| refused())?,
                "COUNT" => rule.count = said.parse().map_err(|_| refused())?,
                "UNTIL" => {
                    let date = said.get(..8).unwrap_or_default();
                    rule.until = Some(date_of(date).ok_or_else(refused)?);
                }
                // These say again what the first day says.
                "BYMONTH" if Some(said) == self.part(NaiveDate::month).as_deref() => {}
                "BYMONTHDAY" if Some(said) == self.part(NaiveDate::day).as_deref() => {}
                "WKST" => {}
                _ => return Err(refused()),
            }
        }
        match is_yearly && rule.interval > 0 && rule.count <= YEARS_MAX * 10 {
            true => Ok(rule),
            false => Err(refused()),
        }
    }

    fn part(&self, of: impl Fn(&NaiveDate) -> u32) -> Option<String> {
        self.first.as_ref().map(|first| of(first).to_string())
    }

    fn close(self, days: &mut BTreeMap<NaiveDate, String>) -> Result<(), String> {
        if self.is_cancelled {
            return Ok(());
        }
        let Some(first) = self.first else {
            return Err(self.refusal("it has no DTSTART"));
        };
        let end = self.end.filter(|end| *end > first);
        let by_end = end.map(|end| end.signed_duration_since(first).num_days().unsigned_abs());
        let length = by_end.or(self.length).unwrap_or(1);
        if length == 0 || length > DAYS_MAX {
            return Err(self.refusal(&format!("it has {length} days, and 1 to {DAYS_MAX} can be")));
        }
        let firsts = match self.every {
            None => vec![first],
            Some(every) => (0..every.count)
                .filter_map(|place| {
                    let years = place.checked_mul(every.interval)?;
                    first.with_year(first.year().checked_add(i32::try_from(years).ok()?)?)
                })
                .take_while(|first| every.until.is_none_or(|until| *first <= until))
                .collect(),
        };
        for first in firsts {
            for day in 0..length {
                let Some(date) = first.checked_add_days(Days::new(day)) else {
                    return Err(self.refusal("it lies too far ahead"));
                };
                days.entry(date).or_insert_with(|| self.name.clone());
            }
        }
        Ok(())
    }

    fn refusal(&self, why: &str) -> String {
        format!("the event in line {} cannot be imported: {why}", self.line)
    }
}

/// `20261126`.
fn date_of(text: &str) -> Option<NaiveDate> {
    let is_plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    date.filter(|_| is_plain)
}

/// What stands before the first colon outside of quotes, and after it.
fn split(line: &str) -> Option<(&str, &str)> {
    let mut is_quoted = false;
    let colon = line.char_indices().find(|(_, letter)| {
        is_quoted ^= *letter == '"';
        *letter == ':' && !is_quoted
    })?;
    Some((&line[..colon.0], &line[colon.0 + 1..]))
}

/// A text without its escapes, of bounded length.
fn plain(value: &str) -> String {
    let mut letters = value.trim().chars();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') | None => ' ',
                Some(other) => other,
            },
            letter if letter.is_control() => ' ',
            letter => letter,
        });
    }
    text.chars().take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::closed_days;

    fn file(events: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}\r\nEND:VCALENDAR\r\n")
    }

    fn event(lines: &str) -> String {
        file(&format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT"))
    }

    fn told(text: &str) -> Vec<String> {
        let days = closed_days(text).unwrap_or_else(|why| panic!("{why}"));
        let days = days.iter().map(|(date, name)| format!("{date} {name}"));
        days.collect()
    }

    #[test]
    fn whole_days_are_closed_under_their_names() {
        let one = "SUMMARY;LANGUAGE=en:Labor Day\\, first \r\n Monday\r\nDTSTART;VALUE=DATE:20270906\r\nDTEND;VALUE=DATE:20270907\r\nBEGIN:VALARM\r\nSUMMARY:alarm\r\nEND:VALARM\r\nTRANSP:TRANSPARENT";
        assert_eq!(told(&event(one)), ["2027-09-06 Labor Day, first Monday"]);
        let three = "DTSTART;VALUE=DATE:20261224\nDURATION:P3D\nSUMMARY:Christmas";
        assert_eq!(
            told(&event(three)),
            [
                "2026-12-24 Christmas",
                "2026-12-25 Christmas",
                "2026-12-26 Christmas"
            ]
        );
        let midnight = "DTSTART;TZID=\"a:b\":20261224T000000\nDTEND:20261225T000000\nSUMMARY:Eve";
        assert_eq!(told(&event(midnight)), ["2026-12-24 Eve"]);
        assert!(told(&event("DTSTART:20261224\nSTATUS:CANCELLED")).is_empty());
        assert!(told(&file("")).is_empty());
    }

    #[test]
    fn a_day_of_every_year_comes_back() {
        let of = |rule: &str| {
            told(&event(&format!(
                "DTSTART;VALUE=DATE:20280229\nRRULE:{rule}\nSUMMARY:a"
            )))
        };
        assert_eq!(of("FREQ=YEARLY;COUNT=5"), ["2028-02-29 a", "2032-02-29 a"]);
        assert_eq!(
            of("FREQ=YEARLY;INTERVAL=4;UNTIL=20320229T000000Z;BYMONTH=2;BYMONTHDAY=29"),
            ["2028-02-29 a", "2032-02-29 a"]
        );
        assert_eq!(of("FREQ=YEARLY").len(), 8);
    }

    #[test]
    fn what_would_be_imported_wrongly_is_refused() {
        for (text, why) in [
            ("no calendar".to_owned(), "no BEGIN:VCALENDAR"),
            (event("DTSTART:20261224T100000Z"), "no whole day"),
            (event("DTSTART:2026122"), "no whole day"),
            (
                event("DTSTART:20261224\nDURATION:PT5H"),
                "no number of whole days",
            ),
            (event("DTSTART:20261224\nDURATION:P400D"), "400 days"),
            (event("DTSTART:20261224\nRRULE:FREQ=MONTHLY"), "every year"),
            (
                event("DTSTART:20261224\nRRULE:FREQ=YEARLY;BYDAY=4TH"),
                "every year",
            ),
            (
                event("DTSTART:20261224\nRRULE:FREQ=YEARLY;INTERVAL=0"),
                "every year",
            ),
            (
                event("DTSTART:20261224\nRRULE:FREQ=YEARLY;COUNT=9999999"),
                "every year",
            ),
            (event("DTSTART:20261224\nEXDATE:20271224"), "EXDATE"),
            (event("SUMMARY:a"), "no DTSTART"),
            (file("BEGIN:VEVENT\nDTSTART:20261224"), "no end"),
        ] {
            let refused = closed_days(&text).expect_err(why);
            assert!(refused.contains(why), "{refused}");
        }
    }
}
