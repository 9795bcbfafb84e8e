//! Whom or what a step is about: `subject`, a text for the handler and for people.

use super::Execution;
use super::command::StepSettings;
use super::fault::Fault;
use crate::value::Value;

/// Longest subject, in bytes.
const BYTES_MAX: usize = 200;

impl StepSettings {
    /// Whom or what the step is about.
    pub fn subject(&self) -> Option<&str> {
        self.placement.as_ref()?.get("subject")?.as_str()
    }
}

impl Execution {
    /// The subject of the step that the branch at hand stands at.
    pub(super) fn subject(&self) -> Option<Value> {
        let step = self.state.branch().step()?;
        let subject = step.placement.as_ref()?.value.get("subject");
        subject.filter(|subject| !subject.is_null()).cloned()
    }
}

/// What places a step names a subject that is one, or none: as with all that places, null says nothing.
pub(super) fn checked(placement: Value) -> Result<Value, Fault> {
    let subject = placement.get("subject");
    let Some(subject) = subject.filter(|subject| !subject.is_null()) else {
        return Ok(placement);
    };
    let refused = |why: String| Err(Fault::standard("configuration", 400, why));
    match subject.as_str() {
        Some(text) if (1..=BYTES_MAX).contains(&text.len()) && !text.contains('\0') => {
            Ok(placement)
        }
        Some(text) => refused(format!(
            "`subject` has {} bytes, or a U+0000; 1 to {BYTES_MAX} bytes are allowed",
            text.len()
        )),
        None => {
            let shown: String = subject.to_json().chars().take(BYTES_MAX).collect();
            refused(format!("`subject` is no text: {shown}"))
        }
    }
}
