//! The secrets of a test: which there may be, and how no message shows one.

use std::cmp::Reverse;

use super::Secrets;
use crate::document::nearest;
use crate::document::tree::Tree;
use crate::machine::secret::plainly;
use crate::value::Value;

/// What a message shows in place of a secret.
const HIDDEN: &str = "***";

/// A shorter secret is hidden nowhere: it would be found in any text, and hides nothing.
const HIDDEN_BYTES_MIN: usize = 4;

/// Whether the template declares a secret.
///
/// # Errors
/// What it declares instead.
pub fn is_declared(template: &Tree, name: &str) -> Result<(), String> {
    let declared = template.pointer("/use/secrets").and_then(Tree::as_list);
    let declared = declared.unwrap_or_default().iter();
    let declared: Vec<&str> = declared.filter_map(Tree::as_str).collect();
    if declared.contains(&name) {
        return Ok(());
    }
    let known = match declared.is_empty() {
        true => "it declares none".to_owned(),
        false => format!("`use.secrets` has {}", declared.join(", ")),
    };
    let hint = nearest::hint(name, declared);
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    Err(format!(
        "the template declares no secret `{name}`: {known}{hint}"
    ))
}

/// A secret as workers read it: text, or an object as JSON.
///
/// # Errors
/// When it is neither.
pub fn text(value: &Value) -> Result<String, String> {
    match (value.as_str(), value) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, Value::Map(_)) => Ok(value.to_json()),
        (None, _) => Err("a secret is a text, or an object of texts".to_owned()),
    }
}

/// A message without secrets: markers by their names, values not at all.
pub fn hidden(secrets: &Secrets, message: &str) -> String {
    let mut values: Vec<String> = Vec::new();
    for secret in secrets.values() {
        forms(&Value::from(secret.as_str()), &mut values);
        if let Ok(whole @ Value::Map(_)) = Value::parse(secret) {
            forms(&whole, &mut values);
        }
    }
    // What holds another one goes first.
    values.sort_by_key(|value| Reverse(value.len()));
    let hide = |message: String, value: &String| message.replace(value.as_str(), HIDDEN);
    values.iter().fold(plainly(message), hide)
}

/// The texts of a secret that a message may hold, as they are and as JSON writes them.
fn forms(secret: &Value, found: &mut Vec<String>) {
    match (secret.as_str(), secret) {
        (Some(text), _) => {
            let json = secret.to_json();
            let json = json.get(1..json.len() - 1).unwrap_or_default();
            let forms = [text, json].map(str::to_owned).into_iter();
            found.extend(forms.filter(|form| form.len() >= HIDDEN_BYTES_MIN));
        }
        (None, Value::Map(members)) => members.iter().for_each(|(_, value)| forms(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_no_secret_and_no_mark() {
        let given = [
            ("a", "hunter2"),
            ("b", r#"{"id":"shop","key":"k\"ey"}"#),
            ("c", "x"),
        ];
        let secrets = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = Secrets::from(secrets);

        let hides = |message| hidden(&secrets, message);

        assert_eq!(hides("hunter2x is wanted"), "***x is wanted");
        assert_eq!(
            hides(r#"{"k":"k\"ey shop"} k"ey"#),
            r#"{"k":"*** ***"} ***"#
        );
        assert_eq!(hides("{windlass-secret:0a:b.key}"), "{secret:b.key}");
    }
}
