//! Lengths of time and of texts: `90s`, `1h30m`, `10d`, ISO 8601; `1MiB`.
//!
//! Only exact lengths: a day is 24 hours, months and years are refused.

use std::time::Duration;

use super::spot::Fault;

/// Longest length that is taken: a hundred years, so that sums stay far from any bound.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Reads a length of time.
pub fn duration(text: &str) -> Option<Duration> {
    if text.starts_with('P') {
        return crate::duration::parse(text).ok();
    }
    let length = Duration::from_millis(parts_millis(text)?);
    (length <= LONGEST).then_some(length)
}

pub(super) fn parse(text: &str) -> Result<Duration, Fault> {
    duration(text).ok_or_else(|| {
        let hint = "write `90s`, `1h30m`, `10d` or ISO 8601 such as `PT1H30M`";
        Fault::new(format!("`{text}` is no length of time")).hint(hint)
    })
}

/// How long something is kept: `12h`, `30d`, `2w`, `1y`; a year has 365 days.
pub(super) fn age(text: &str) -> Result<Duration, Fault> {
    let units = [
        ("h", 3_600),
        ("d", 86_400),
        ("w", 604_800),
        ("y", 31_536_000),
    ];
    let read = units.into_iter().find_map(|(unit, seconds)| {
        let seconds = whole(text.strip_suffix(unit)?)?.checked_mul(seconds)?;
        Some(Duration::from_secs(seconds)).filter(|age| *age <= LONGEST)
    });
    read.ok_or_else(|| Fault::new(format!("`{text}` is no age")).hint("write `12h`, `30d` or `1y`"))
}

/// `4MiB`, `64KiB`, `100B`.
pub(super) fn bytes(text: &str) -> Result<u64, Fault> {
    let sizes = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1u64)];
    let read = sizes.into_iter().find_map(|(unit, size)| {
        let count = whole(text.strip_suffix(unit)?)?;
        count.checked_mul(size).filter(|bytes| *bytes > 0)
    });
    read.ok_or_else(|| {
        Fault::new(format!("`{text}` is no size")).hint("write `1MiB`, `64KiB` or `100B`")
    })
}

/// `1h30m`; units may come in any order, as the schema has it.
fn parts_millis(mut text: &str) -> Option<u64> {
    let (mut total, mut count) = (0u64, 0);
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(digits);
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(letters);
        let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(whole(number)?.checked_mul(size)?)?;
        (text, count) = (rest, count + 1);
    }
    (count > 0).then_some(total)
}

fn whole(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_both_forms() {
        let seconds = [
            ("90s", 90),
            ("1h30m", 5_400),
            ("10d", 864_000),
            ("2w", 1_209_600),
            ("0s", 0),
            ("PT1H30M", 5_400),
            ("P1DT1S", 86_401),
            ("P2W", 1_209_600),
        ];
        for (text, seconds) in seconds {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("PT0.25S"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn what_is_no_exact_length_is_refused() {
        let wrong = [
            "",
            "5",
            "1 h",
            "-1s",
            "1y",
            "P1M",
            "P1Y",
            "P",
            "PT",
            "P1DT",
            "1.5h",
            "PT1.S",
            "99999999w",
        ];
        for text in wrong {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn ages_are_read() {
        assert_eq!(age("12h").ok(), Some(Duration::from_secs(43_200)));
        assert_eq!(age("1y").ok(), Some(Duration::from_secs(31_536_000)));
        assert!(age("90s").is_err() && age("d").is_err() && age("999y").is_err());
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("1MiB").ok(), Some(1 << 20));
        assert_eq!(bytes("64KiB").ok(), Some(65_536));
        assert!(bytes("1MB").is_err());
        assert!(bytes("0B").is_err());
    }
}
