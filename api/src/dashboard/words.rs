//! How ids, instants, lengths and counts read on every page.

use chrono::{DateTime, SecondsFormat, Utc};

/// An instant with its age.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// For machines.
    pub iso: String,
    /// In full, UTC.
    pub full: String,
    /// `3 min ago`, `in 2 h`.
    pub age: String,
}

impl When {
    /// An instant as seen from `now`.
    pub fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let seconds = (now - at).as_seconds_f64();
        let age = match seconds {
            past if past >= 1.0 => format!("{} ago", length(past)),
            future if future <= -1.0 => format!("in {}", length(-future)),
            _ => "now".to_owned(),
        };
        Self {
            iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            full: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            age,
        }
    }
}

/// A name with its value, a row of a list of facts.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub name: &'static str,
    pub value: String,
    /// Where the value leads.
    pub href: Option<String>,
}

impl Fact {
    /// A fact.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
            href: None,
        }
    }

    /// A fact, where there is one.
    pub fn some(name: &'static str, value: Option<impl Into<String>>) -> Option<Self> {
        let value: String = value?.into();
        (!value.is_empty()).then(|| Self::new(name, value))
    }

    /// The same with a link.
    pub fn to(self, href: String) -> Self {
        Self {
            href: Some(href),
            ..self
        }
    }
}

/// Something to do, and the line that does it.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub what: &'static str,
    pub command: String,
}

impl Action {
    /// An action.
    pub fn new(what: &'static str, command: impl Into<String>) -> Self {
        Self {
            what,
            command: command.into(),
        }
    }
}

/// `820 ms`, `41.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn length(seconds: f64) -> String {
    let whole = seconds as i64;
    match seconds {
        short if short < 1.0 => format!("{:.0} ms", short * 1000.0),
        short if short < 10.0 => format!("{short:.1} s"),
        short if short < 60.0 => format!("{short:.0} s"),
        _ if whole < 3_600 => two(whole / 60, "min", whole % 60, "s"),
        _ if whole < 86_400 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

fn two(large: i64, unit: &str, small: i64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {small_unit}"),
    }
}

/// `1234567` → `1,234,567`.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match number < 0 {
        true => format!("-{grouped}"),
        false => grouped,
    }
}

/// The number of an id such as `b_7`.
pub(super) fn number(text: &str, prefix: &str) -> Option<i64> {
    let digits = text.strip_prefix(prefix)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// A value in an address.
pub(super) fn in_address(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// A word of a command line, quoted where a shell would split or expand it.
pub(super) fn in_shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+=".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Tasks above this one: each list of tasks on the way counts one.
pub(super) fn depth(pointer: &str) -> usize {
    let numbers = pointer
        .split('/')
        .filter(|part| part.parse::<u32>().is_ok());
    numbers.count().saturating_sub(1).min(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_in_two_units_at_most() {
        let vectors = [
            (0.82, "820 ms"),
            (4.25, "4.2 s"),
            (41.4, "41 s"),
            (200.0, "3 min 20 s"),
            (7_200.0, "2 h"),
            (273_600.0, "3 d 4 h"),
        ];

        for (seconds, text) in vectors {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn counts_are_grouped_by_three() {
        let shown: Vec<_> = [0, 999, 1_000, -1_234_567]
            .into_iter()
            .map(thousands)
            .collect();

        assert_eq!(shown, ["0", "999", "1,000", "-1,234,567"]);
    }

    #[test]
    fn ids_of_other_nouns_and_signs_are_no_numbers() {
        assert_eq!(number("b_7", "b_"), Some(7));
        for wrong in ["7", "j_7", "b_", "b_+7", "b_-7", "b_99999999999999999999"] {
            assert_eq!(number(wrong, "b_"), None, "{wrong}");
        }
    }

    #[test]
    fn names_cannot_leave_their_place_in_addresses_and_commands() {
        assert_eq!(in_address("a b&c=\"<é"), "a%20b%26c%3D%22%3C%C3%A9");
        assert_eq!(in_shell("x'; rm -rf $HOME"), r"'x'\''; rm -rf $HOME'");
        assert_eq!(in_shell("nightly-report"), "nightly-report");
    }
}
