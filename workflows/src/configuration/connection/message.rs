//! The text of a message: `{path.name}` is filled from the values of the step that sends it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::value::Value;

/// A message with `{names}` in its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub subject: Option<String>,
    /// What it says.
    pub text: String,
    /// The same as HTML, in which values are escaped.
    pub html: Option<String>,
}

impl Message {
    /// The message with the values in place of their names. What is in braces and no name stays as it is.
    ///
    /// # Errors
    /// The names for which there is no value that is a text, a number or a boolean.
    pub fn filled(&self, values: &Value) -> Result<Message, Vec<String>> {
        let mut missing = BTreeSet::new();
        let mut plain = |text: &str| fill(text, values, &mut missing, |value| value);
        let (subject, text) = (self.subject.as_deref().map(&mut plain), plain(&self.text));
        let html = self.html.as_deref();
        let html = html.map(|html| fill(html, values, &mut missing, escaped));
        match missing.is_empty() {
            true => Ok(Message {
                subject,
                text,
                html,
            }),
            false => Err(missing.into_iter().collect()),
        }
    }
}

fn fill(
    text: &str,
    values: &Value,
    missing: &mut BTreeSet<String>,
    shown: impl Fn(Cow<'_, str>) -> Cow<'_, str>,
) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        match behind.split_once('}').filter(|(path, _)| is_path(path)) {
            Some((path, after)) => {
                match found(values, path) {
                    Some(value) => filled.push_str(&shown(value)),
                    None => drop(missing.insert(path.to_owned())),
                }
                rest = after;
            }
            None => {
                filled.push('{');
                rest = behind;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Names of letters, digits, `_` and `-`, joined by dots.
fn is_path(text: &str) -> bool {
    text.split('.').all(|name| {
        let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        !name.is_empty() && name.chars().all(fits)
    })
}

fn found<'a>(values: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    let value = path
        .split('.')
        .try_fold(values, |value, name| value.get(name))?;
    let is_one = !value.is_null() && value.as_map().is_none() && value.as_list().is_none();
    match value.as_str() {
        Some(text) => Some(Cow::Borrowed(text)),
        None => is_one.then(|| Cow::Owned(value.to_json())),
    }
}

fn escaped(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &str) -> Result<Message, Vec<String>> {
        let message = Message {
            subject: None,
            text: text.to_owned(),
            html: Some(text.to_owned()),
        };
        message.filled(&Value::parse(values).expect("JSON"))
    }

    #[test]
    fn names_are_filled_and_other_braces_stay() {
        let values = r#"{"who":{"name":"A <b> & C"},"n":3,"yes":true}"#;

        let message = filled("{who.name}: {n}, {yes} { } {a b} {", values).expect("filled");

        assert_eq!(message.text, "A <b> & C: 3, true { } {a b} {");
        let html = "A &#60;b&#62; &#38; C: 3, true { } {a b} {";
        assert_eq!(message.html.as_deref(), Some(html));
    }

    #[test]
    fn a_value_is_filled_once_and_never_read_as_a_text_with_names() {
        let message = filled("{a}", r#"{"a":"{b}","b":"secret"}"#).expect("filled");

        assert_eq!(message.text, "{b}");
    }

    #[test]
    fn what_has_no_value_is_named() {
        let values = r#"{"a":null,"b":{"c":1},"d":[1]}"#;

        let missing = filled("{a} {b} {b.x} {d} {b.c} {e} {e}", values);

        assert_eq!(
            missing,
            Err(["a", "b", "b.x", "d", "e"].map(str::to_owned).to_vec())
        );
    }
}
