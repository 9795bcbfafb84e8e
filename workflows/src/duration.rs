//! Lengths of time as documents write them: ISO 8601 or an object of whole numbers (ruling 25).
//!
//! Only exact lengths: weeks, days and smaller. A month or a year needs a calendar and a zone and
//! is refused. Fractions exist only in ISO form.

use std::time::Duration;

/// The longest length that is taken, so that adding it to an instant never overflows: 100 years.
const SECONDS_MAX: u64 = 100 * 366 * 24 * 3600;

const NANOS: u128 = 1_000_000_000;

/// Why a length is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a length at all.
    #[error("`{0}` is no ISO 8601 duration")]
    Syntax(String),
    /// Years or months.
    #[error("`{0}` has years or months, whose length depends on the calendar")]
    CalendarUnit(String),
    /// Below zero.
    #[error("`{0}` is negative")]
    Negative(String),
    /// Beyond a hundred years.
    #[error("`{0}` is longer than a hundred years")]
    TooLong(String),
}

impl DurationError {
    /// The stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "duration.syntax",
            Self::CalendarUnit(_) => "duration.calendar_unit",
            Self::Negative(_) => "duration.negative",
            Self::TooLong(_) => "duration.too_long",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "write for instance PT30S, PT5M, PT1H30M or P7D",
            Self::CalendarUnit(_) => "write days, such as P30D",
            Self::Negative(_) => "write a length of zero or more",
            Self::TooLong(_) => "write a shorter one",
        }
    }
}

/// Reads ISO 8601, such as `PT1H30M`, `P7D` or `PT0.5S`.
///
/// # Errors
/// When it is no exact length between zero and a hundred years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let written = text.trim();
    if written.starts_with("-P") {
        return Err(DurationError::Negative(shortened(written)));
    }
    let syntax = || DurationError::Syntax(shortened(written));
    let rest = written.strip_prefix('P').ok_or_else(syntax)?;
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return Err(syntax()),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return Err(syntax());
    }
    let date = parts(date, "YMWD").ok_or_else(syntax)?;
    let time = parts(time, "HMS").ok_or_else(syntax)?;
    if date.iter().any(|(_, unit)| matches!(unit, 'Y' | 'M')) {
        return Err(DurationError::CalendarUnit(shortened(written)));
    }
    let nanos = date.iter().map(|(number, unit)| (number, date_unit(*unit)));
    let nanos = nanos.chain(time.iter().map(|(number, unit)| (number, time_unit(*unit))));
    let total = nanos.map(|(number, seconds)| number * seconds);
    bounded(total.fold(0, u128::saturating_add), written)
}

/// The exact sum of whole numbers of units: weeks, days, hours, minutes, seconds, milliseconds.
///
/// # Errors
/// For other units, negative numbers and sums beyond a hundred years.
pub fn from_units<'a>(
    units: impl IntoIterator<Item = (&'a str, i64)>,
) -> Result<Duration, DurationError> {
    let mut total: u128 = 0;
    for (unit, number) in units {
        let written = format!("{unit}: {number}");
        let nanos = match unit {
            "weeks" => 7 * 86_400 * NANOS,
            "days" => 86_400 * NANOS,
            "hours" => 3_600 * NANOS,
            "minutes" => 60 * NANOS,
            "seconds" => NANOS,
            "milliseconds" => NANOS / 1_000,
            "years" | "months" => return Err(DurationError::CalendarUnit(written)),
            _ => return Err(DurationError::Syntax(written)),
        };
        let Ok(number) = u128::try_from(number) else {
            return Err(DurationError::Negative(written));
        };
        total = total.saturating_add(number.saturating_mul(nanos));
    }
    bounded(total, "the sum")
}

fn bounded(nanos: u128, written: &str) -> Result<Duration, DurationError> {
    match u64::try_from(nanos / NANOS) {
        Ok(seconds) if seconds <= SECONDS_MAX => Ok(Duration::new(seconds, (nanos % NANOS) as u32)),
        _ => Err(DurationError::TooLong(shortened(written))),
    }
}

/// Numbers with their units, in the units' order; numbers are in billionths.
fn parts(text: &str, units: &str) -> Option<Vec<(u128, char)>> {
    let mut found = Vec::new();
    let mut units = units.chars();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[end..].chars().next()?;
        units.find(|candidate| *candidate == unit)?;
        found.push((billionths(&rest[..end])?, unit));
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(found)
}

/// A decimal number times a billion; digits beyond that are dropped, absurd sizes refused.
fn billionths(text: &str) -> Option<u128> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    if whole.is_empty() || whole.len() > 18 || fraction.contains('.') {
        return None;
    }
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    Some(whole.parse::<u128>().ok()? * NANOS + digits.parse::<u128>().ok()?)
}

fn date_unit(unit: char) -> u128 {
    if unit == 'W' { 7 * 86_400 } else { 86_400 }
}

fn time_unit(unit: char) -> u128 {
    match unit {
        'H' => 3_600,
        'M' => 60,
        _ => 1,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_lengths_are_read() {
        for (text, millis) in [
            ("PT30S", 30_000),
            ("PT5M", 300_000),
            ("PT1H30M", 5_400_000),
            ("P1D", 86_400_000),
            ("P1W", 604_800_000),
            ("P1DT0.25S", 86_400_250),
            ("PT0S", 0),
            ("PT0.5M", 30_000),
            (" PT1S ", 1_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let units = [("days", 1), ("milliseconds", 5)];
        assert_eq!(from_units(units), Ok(Duration::from_millis(86_400_005)));
    }

    #[test]
    fn other_texts_are_refused_by_code() {
        for (text, code) in [
            ("P1M", "duration.calendar_unit"),
            ("P1Y2D", "duration.calendar_unit"),
            ("-PT1S", "duration.negative"),
            ("P40000D", "duration.too_long"),
            ("PT99999999999999999S", "duration.too_long"),
            ("P", "duration.syntax"),
            ("PT", "duration.syntax"),
            ("P1DT", "duration.syntax"),
            ("P1H", "duration.syntax"),
            ("PT1S1M", "duration.syntax"),
            ("PT1.S", "duration.syntax"),
            ("PT1", "duration.syntax"),
            ("PTéS", "duration.syntax"),
            ("5 minutes", "duration.syntax"),
            ("--PT1S", "duration.syntax"),
            ("", "duration.syntax"),
        ] {
            assert_eq!(
                parse(text).map_err(|error| error.code()),
                Err(code),
                "{text}"
            );
        }
        for (unit, number, code) in [
            ("months", 1, "duration.calendar_unit"),
            ("seconds", -1, "duration.negative"),
            ("days", i64::MAX, "duration.too_long"),
        ] {
            let refused = from_units([(unit, number)]).map_err(|error| error.code());
            assert_eq!(refused, Err(code), "{unit}");
        }
    }
}
