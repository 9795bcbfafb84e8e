//! What a `context-save` says once its `with` is evaluated: workers and trials read it alike. What publishing lets
//! through and a context cannot be is refused here.

use std::time::Duration;

use super::misfit;
use crate::duration;
use crate::machine::fault::Fault;
use crate::value::Value;

/// Bytes of a key or a subject, as an index of the store takes them.
const NAME_BYTES_MAX: usize = 255;

/// A save, as a job asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Save<'a> {
    /// Which context.
    pub key: String,
    /// What becomes of its document.
    pub edit: Edit<'a>,
    /// Whom it is about: as it was where absent, nobody where null.
    pub subject: Option<Option<String>>,
    /// After how long it is over: as it was where absent, never where null.
    pub ttl: Option<Option<Duration>>,
}

/// What becomes of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit<'a> {
    /// It is merged.
    Patch {
        /// An object.
        patch: &'a Value,
        /// The version that must stand there; 0: none.
        version: Option<i64>,
    },
    /// It is computed from what is stored.
    Change {
        /// Bare jq, not compiled yet.
        text: &'a str,
        /// What the jq sees as `$input`.
        input: Option<&'a Value>,
    },
}

impl<'a> Save<'a> {
    /// Reads the evaluated `with`.
    ///
    /// # Errors
    /// `configuration` when it is no save of a context.
    pub fn read(input: &'a Value) -> Result<Self, Fault> {
        let key = name(input, "key")?;
        if let Some(which) = misfit(|part| input.get(part).is_some()) {
            return Err(unfit(which));
        }
        Ok(Self {
            key,
            edit: edit(input)?,
            subject: given(input, "subject", |_| name(input, "subject"))?,
            ttl: given(input, "ttl", length)?,
        })
    }
}

/// The key or the subject of a context.
///
/// # Errors
/// `configuration` when the part is absent, or no name that the store could hold.
pub fn name(input: &Value, part: &str) -> Result<String, Fault> {
    let text = input.get(part).and_then(Value::as_str).unwrap_or_default();
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| {
        unfit(&format!(
            "`{part}` is a text of 1 to {NAME_BYTES_MAX} bytes without control characters"
        ))
    })
}

fn unfit(what: &str) -> Fault {
    Fault::standard("configuration", 400, format!("a context's {what}"))
}

fn edit(input: &Value) -> Result<Edit<'_>, Fault> {
    if let Some(change) = input.get("change") {
        let text = change.as_str();
        let text = text.ok_or_else(|| unfit("`change` is jq as a text, without ${ }"))?;
        let input = input.get("input");
        return Ok(Edit::Change { text, input });
    }
    let patch = input.get("patch").filter(|patch| patch.as_map().is_some());
    let patch = patch.ok_or_else(|| unfit("`patch` is an object"))?;
    let version = given(input, "version", whole)?.flatten();
    Ok(Edit::Patch { patch, version })
}

fn whole(value: &Value) -> Result<i64, Fault> {
    let version = value.as_i64().filter(|version| *version >= 0);
    version.ok_or_else(|| unfit("`version` is a whole number"))
}

fn length(value: &Value) -> Result<Duration, Fault> {
    let read = value.as_str().and_then(|text| duration::parse(text).ok());
    read.ok_or_else(|| unfit(&format!("`ttl` is a duration, not {}", value.to_json())))
}

/// A part that may be absent, and may be null.
fn given<T>(
    input: &Value,
    part: &str,
    read: impl FnOnce(&Value) -> Result<T, Fault>,
) -> Result<Option<Option<T>>, Fault> {
    match input.get(part) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => read(value).map(|value| Some(Some(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_index_could_hold_is_refused() {
        let of = |text: &str| name(&Value::map([("key", Value::from(text))]), "key");

        assert!(of("customer/17").is_ok());
        assert!(of(&"x".repeat(255)).is_ok());
        for wrong in ["", "a\nb", "a\0b", &"x".repeat(256)] {
            assert_eq!(of(wrong).map_err(|fault| fault.status), Err(400));
        }
    }

    #[test]
    fn what_is_no_save_is_refused_with_the_part_that_is_wrong() {
        for (text, said) in [
            (
                r#"{"patch":{}}"#,
                "a context's `key` is a text of 1 to 255 bytes without control characters",
            ),
            (
                r#"{"key":"k"}"#,
                "a context's `patch` or `change` says what becomes of it, one of them",
            ),
            (
                r#"{"key":"k","patch":[]}"#,
                "a context's `patch` is an object",
            ),
            (
                r#"{"key":"k","patch":{},"version":1.5}"#,
                "a context's `version` is a whole number",
            ),
            (
                r#"{"key":"k","patch":{},"version":-1}"#,
                "a context's `version` is a whole number",
            ),
            (
                r#"{"key":"k","change":7}"#,
                "a context's `change` is jq as a text, without ${ }",
            ),
            (
                r#"{"key":"k","patch":{},"subject":7}"#,
                "a context's `subject` is a text of 1 to 255 bytes without control characters",
            ),
            (
                r#"{"key":"k","patch":{},"ttl":"soon"}"#,
                "a context's `ttl` is a duration, not \"soon\"",
            ),
        ] {
            let input = Value::parse(text).expect("JSON");
            let fault = Save::read(&input).expect_err(text);
            assert_eq!((fault.code(), fault.status), ("configuration", 400));
            assert_eq!(fault.title.as_deref(), Some(said), "{text}");
        }
    }

    #[test]
    fn null_takes_away_and_absence_leaves() {
        let text = r#"{"key":"k","patch":{},"version":null,"subject":null,"ttl":"PT1H"}"#;
        let input = Value::parse(text).expect("JSON");
        let save = Save::read(&input).expect("a save");

        assert!(matches!(save.edit, Edit::Patch { version: None, .. }));
        assert_eq!(save.subject, Some(None));
        assert_eq!(save.ttl, Some(Some(Duration::from_secs(3600))));

        let input = Value::parse(r#"{"key":"k","change":"."}"#).expect("JSON");
        let save = Save::read(&input).expect("a save");
        assert_eq!((save.subject, save.ttl), (None, None));
    }
}
