//! JSON for reading: indented without being parsed, so that every number stays as it was written.

/// Longer payloads are cut; the API gives them whole.
pub(super) const SHOWN_BYTES_MAX: usize = 32 << 10;

/// A payload on a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Payload {
    pub text: String,
    /// Whether the end is missing.
    pub is_cut: bool,
}

impl Payload {
    /// The beginning of a JSON text, indented.
    pub fn new(json: &str) -> Self {
        let shown = &json[..json.floor_char_boundary(SHOWN_BYTES_MAX)];
        Self {
            text: indented(shown),
            is_cut: shown.len() < json.len(),
        }
    }
}

fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            text.push(letter);
            continue;
        }
        in_text = letter == '"';
        match letter {
            '{' | '[' if matches!(letters.peek(), Some('}' | ']')) => text.push(letter),
            '{' | '[' => {
                depth += 1;
                text.push(letter);
                line(&mut text, depth);
            }
            '}' | ']' if text.ends_with(['{', '[']) => text.push(letter),
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(letter);
            }
            ',' => {
                text.push(letter);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            letter if letter.is_whitespace() => {}
            letter => text.push(letter),
        }
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_stay_as_they_were_written() {
        let shown = Payload::new(r#"{"a":[1.10,"x,{\"}"],"b":{},"c":[]}"#);

        let expected =
            "{\n  \"a\": [\n    1.10,\n    \"x,{\\\"}\"\n  ],\n  \"b\": {},\n  \"c\": []\n}";
        assert_eq!((shown.text.as_str(), shown.is_cut), (expected, false));
    }

    #[test]
    fn a_long_payload_is_cut_between_letters_and_says_so() {
        let long = format!("\"{}\"", "é".repeat(SHOWN_BYTES_MAX));

        let shown = Payload::new(&long);

        assert!(shown.is_cut && shown.text.len() <= SHOWN_BYTES_MAX);
    }
}
