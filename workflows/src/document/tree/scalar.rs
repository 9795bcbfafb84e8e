//! What a plain YAML scalar means: the JSON values, and text for the rest.
//!
//! YAML readers disagree on `yes`, `010`, `1_000` and `True`. Words stay text; what looks like a
//! number or a boolean to some reader and is not one in JSON is refused, so nobody has to guess.

use crate::value::Value;

/// A plain scalar's value, or why it is refused: code, message, hint.
pub(super) fn plain(text: &str) -> Result<Value, Refused> {
    match text {
        "" | "~" | "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "True" | "TRUE" | "False" | "FALSE" | "Null" | "NULL" => {
            return Err(Refused {
                code: "yaml.word",
                message: format!("`{text}` is a word that YAML readers take differently"),
                hint: format!("write `{}`, or \"{text}\" for text", text.to_lowercase()),
            });
        }
        _ => {}
    }
    if !looks_numeric(text) {
        return Ok(Value::text(text));
    }
    match Value::parse(text) {
        Ok(number) if number.as_f64().is_some() => Ok(number),
        _ => Err(Refused {
            code: "yaml.number",
            message: format!("`{text}` is no JSON number, and YAML readers take it differently"),
            hint: format!("write it plainly as in JSON, or \"{text}\" for text"),
        }),
    }
}

/// Why a scalar is refused.
pub(super) struct Refused {
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

/// Whether some YAML reader would take this for a number: decimal with leading zeros, plus signs,
/// underscores or bare points, hexadecimal, octal, infinities.
fn looks_numeric(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&bare) {
        return true;
    }
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = bare.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c == '_' || c.is_digit(base));
        }
    }
    let starts_like_one = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts_like_one && bare.replace('_', "").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_versions_stay_text() {
        for text in [
            "yes",
            "on",
            "No",
            "1.0.0",
            "2026-01-01",
            "12:30",
            "e5",
            "PT1M",
            "0-1",
            ".",
            "-",
        ] {
            assert_eq!(plain(text).ok(), Some(Value::text(text)), "{text}");
        }
    }

    #[test]
    fn json_scalars_are_what_json_says() {
        for text in [
            "0",
            "-1",
            "1.50",
            "1e5",
            "12345678901234567890123",
            "true",
            "false",
            "null",
        ] {
            assert_eq!(
                plain(text).ok().map(|value| value.to_json()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(plain("~").ok(), Some(Value::Null));
    }

    #[test]
    fn doubtful_scalars_are_refused() {
        for text in [
            "010", "-01", "1_000", "+1", "0x1F", "0o17", ".5", "5.", ".inf", "-.INF", ".nan",
            "1e999",
        ] {
            assert_eq!(
                plain(text).err().map(|refused| refused.code),
                Some("yaml.number"),
                "{text}"
            );
        }
        for text in ["True", "FALSE", "Null"] {
            assert_eq!(
                plain(text).err().map(|refused| refused.code),
                Some("yaml.word"),
                "{text}"
            );
        }
    }
}
