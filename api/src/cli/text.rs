//! Text of others on a terminal of ours: nothing in it may steer the terminal.

use std::fmt::Write;

/// The text with every control and direction character escaped, on one line.
pub fn clean(text: &str) -> String {
    if !text.chars().any(steers) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\n' => cleaned.push_str("\\n"),
            '\t' => cleaned.push_str("\\t"),
            letter if steers(letter) => {
                let _ = write!(cleaned, "\\u{{{:x}}}", letter as u32);
            }
            letter => cleaned.push(letter),
        }
    }
    cleaned
}

/// JSON text without raw control bytes: such characters stand in its strings only, where an escape
/// means the same.
pub fn clean_json(json: &str) -> String {
    let mut cleaned = String::with_capacity(json.len());
    for letter in json.chars() {
        if steers(letter) && letter != '\n' {
            let _ = write!(cleaned, "\\u{:04x}", letter as u32);
        } else {
            cleaned.push(letter);
        }
    }
    cleaned
}

/// C0, DEL, C1, and what turns the direction of text.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(
            clean("a\u{1b}]0;b\u{7}\r\nü"),
            "a\\u{1b}]0;b\\u{7}\\u{d}\\nü"
        );
        assert_eq!(clean("a\u{9b}\u{202e}b"), "a\\u{9b}\\u{202e}b");
        assert_eq!(clean("plain – text"), "plain – text");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = serde_json::json!({"a": "x\u{9b}y\u{7f}\u{202e}\u{1b}"});

        let text = clean_json(&serde_json::to_string_pretty(&value).expect("JSON"));

        assert!(!text.chars().any(|letter| steers(letter) && letter != '\n'));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).expect("still JSON"),
            value
        );
    }
}
