//! Prepared answers of a sheet.

use std::time::Duration;

use super::{Deeds, Read, entries, fail, length, string, unknown};
use crate::document::tree::Tree;
use crate::machine::fault::Fault;
use crate::trial::asked::Number;
use crate::trial::deed::{Choice, Deed, Prepared, Work};
use crate::trial::said;
use crate::value::Value;

/// What an answer may say.
const KEYS: &str = "output, error, never, after, retryAfter, chunk, item, when";

pub(super) fn answers(tree: &Tree, deeds: &mut Deeds) -> Read<()> {
    for entry in entries(tree)? {
        let work = Work(entry.key.to_string());
        let one = std::slice::from_ref(&entry.value);
        for tree in entry.value.as_list().unwrap_or(one) {
            let (choice, prepared) = answer(tree)?;
            let deed = Deed::Prepare(work.clone(), choice, prepared);
            deeds.push((tree.place.line, deed));
        }
    }
    Ok(())
}

/// What one answer says.
#[derive(Default)]
struct Parts {
    choice: Choice,
    output: Option<Value>,
    error: Option<Fault>,
    is_silent: bool,
    after: Duration,
    again_after: Option<Duration>,
}

fn answer(tree: &Tree) -> Read<(Choice, Prepared)> {
    let mut parts = Parts {
        is_silent: tree.as_str() == Some("never"),
        ..Parts::default()
    };
    if !parts.is_silent {
        parts.read(tree)?;
    }
    let Parts {
        after, again_after, ..
    } = parts;
    let prepared = match (parts.output, parts.error, parts.is_silent) {
        (Some(output), None, false) => Prepared::Gives { output, after },
        (None, Some(fault), false) => Prepared::Fails {
            fault,
            after,
            again_after,
        },
        (None, None, true) => Prepared::Silent,
        _ => {
            let wanted = "an answer has an `output` or an `error`, or is `never`";
            return Err(fail(tree, wanted));
        }
    };
    Ok((parts.choice, prepared))
}

impl Parts {
    fn read(&mut self, tree: &Tree) -> Read<()> {
        for entry in entries(tree)? {
            let value = &entry.value;
            match &*entry.key {
                "output" => self.output = Some(value.to_value()),
                "error" => {
                    let fault = said::fault(&value.to_value());
                    self.error = Some(fault.map_err(|message| fail(value, message))?);
                }
                "never" => self.is_silent = value.to_value() == Value::Bool(true),
                "after" => self.after = length(value)?,
                "retryAfter" => self.again_after = Some(length(value)?),
                "chunk" => self.number(value, Number::Chunk)?,
                "item" => self.number(value, Number::Item)?,
                "when" => self.choice.when = Some(string(value)?.to_owned()),
                _ => return Err(unknown(entry, KEYS)),
            }
        }
        Ok(())
    }

    fn number(&mut self, tree: &Tree, of: fn(u32) -> Number) -> Read<()> {
        let number = tree.as_scalar().and_then(Value::as_u64);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or_else(|| {
            fail(
                tree,
                "a number is wanted here: chunks count from 1, items from 0",
            )
        })?;
        if self.choice.number.replace(of(number)).is_some() {
            return Err(fail(tree, "an answer is for a chunk or for an item"));
        }
        Ok(())
    }
}
