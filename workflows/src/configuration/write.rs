//! A document as people write it: its canonical form as YAML, keys in their order.
//!
//! What is written is read back as the same value, in YAML 1.1 and 1.2 alike: a text that another reader could take for
//! a number, a date or a boolean stands in quotes. Small values stand on one line.

use std::fmt::Write as _;

use crate::value::{Map, Value};

/// Columns that a line has at most, where it can be broken.
const COLUMNS_MAX: usize = 100;
/// Words that some reader takes for something else than text.
const RESERVED: [&str; 10] = [
    "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan",
];
/// Units of lengths of time; `90s` is no number to anybody.
const UNITS: [&str; 7] = ["ms", "s", "m", "h", "d", "w", "y"];

/// The YAML of a document.
pub fn write(document: &Value) -> String {
    let mut text = String::new();
    match document.as_map().filter(|map| !map.is_empty()) {
        Some(map) => members(&mut text, map, 0),
        None => {
            text.push_str(&flat(document, true).unwrap_or_else(|| document.to_json()));
            text.push('\n');
        }
    }
    text
}

fn members(text: &mut String, map: &Map, depth: usize) {
    for (key, value) in map.iter() {
        indent(text, depth);
        let _ = write!(text, "{}:", word(key));
        under(text, value, depth);
    }
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// What stands behind a key, or behind the dash of an item.
fn under(text: &mut String, value: &Value, depth: usize) {
    if let Some(block) = value.as_str().and_then(|lines| block(lines, depth + 1)) {
        text.push_str(&block);
        return;
    }
    let column = text.len() - text.rfind('\n').map_or(0, |end| end + 1);
    if let Some(flat) = flat(value, true).filter(|flat| fits(value, column + flat.len())) {
        let _ = writeln!(text, " {flat}");
        return;
    }
    text.push('\n');
    match value {
        Value::Map(map) => members(text, map, depth + 1),
        Value::List(list) => list
            .items()
            .iter()
            .for_each(|one| item(text, one, depth + 1)),
        _ => {}
    }
}

/// A scalar stands on its line however long it is.
fn fits(value: &Value, columns: usize) -> bool {
    columns < COLUMNS_MAX || !matches!(value, Value::Map(_) | Value::List(_))
}

fn item(text: &mut String, value: &Value, depth: usize) {
    indent(text, depth);
    text.push('-');
    let one_line = flat(value, true).filter(|flat| fits(value, depth * 2 + 1 + flat.len()));
    match (value, one_line) {
        // Its first key stands behind the dash, the others below it.
        (Value::Map(map), None) => {
            let mut inside = String::new();
            members(&mut inside, map, depth + 1);
            let _ = write!(text, " {}", inside.trim_start());
        }
        _ => under(text, value, depth),
    }
}

/// On one line: a scalar, or a list or map of scalars.
fn flat(value: &Value, outer: bool) -> Option<String> {
    match value {
        Value::Text(text) => Some(word(text)),
        Value::List(list) if list.items().is_empty() => Some("[]".to_owned()),
        Value::Map(map) if map.is_empty() => Some("{}".to_owned()),
        Value::List(list) if outer => {
            let items = list.items().iter().map(|item| flat(item, false));
            let items: Vec<String> = items.collect::<Option<_>>()?;
            Some(format!("[ {} ]", items.join(", ")))
        }
        Value::Map(map) if outer => {
            let members = map.iter().map(|(key, value)| {
                let value = flat(value, false)?;
                Some(format!("{}: {value}", word(key)))
            });
            let members: Vec<String> = members.collect::<Option<_>>()?;
            Some(format!("{{ {} }}", members.join(", ")))
        }
        Value::List(_) | Value::Map(_) => None,
        other => Some(other.to_json()),
    }
}

/// A text as a scalar: bare, in single quotes, or as JSON has it.
fn word(text: &str) -> String {
    if is_bare(text) {
        return text.to_owned();
    }
    let has_marks = text.contains(['"', '\\']) && !text.contains('\'');
    match has_marks && text.chars().all(is_plain) {
        true => format!("'{text}'"),
        false => quoted(text),
    }
}

fn is_bare(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-./@+ ".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let is_word = begins && text.chars().all(inside) && !text.ends_with(' ');
    let is_reserved = RESERVED.contains(&text.to_ascii_lowercase().as_str());
    (is_word && !is_reserved) || is_length(text)
}

/// `90s`, `10d`
fn is_length(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && UNITS.contains(&unit)
}

/// Whether a character is itself in every style.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}'
        )
}

/// A JSON text, with what YAML does not print as it is written out.
fn quoted(text: &str) -> String {
    let json = Value::text(text).to_json();
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        match is_plain(c) {
            true => quoted.push(c),
            false => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
        }
    }
    quoted
}

/// Lines as they are, below their key, for texts that have some and no odd characters.
fn block(text: &str, depth: usize) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_odd = |line: &str| line.starts_with(' ') && line.trim().is_empty();
    let fits = body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with(['\n', ' '])
        && body
            .split('\n')
            .all(|line| line.chars().all(is_plain) && !is_odd(line));
    fits.then(|| {
        let mut block = String::from(if body.len() < text.len() {
            " |\n"
        } else {
            " |-\n"
        });
        for line in body.split('\n') {
            if !line.is_empty() {
                indent(&mut block, depth);
            }
            let _ = writeln!(block, "{line}");
        }
        block
    })
}
