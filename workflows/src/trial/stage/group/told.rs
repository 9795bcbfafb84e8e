//! What the parent hears of its list, as `group/tell.sql` says it.

use super::Group;
use crate::machine::event::EventKind;
use crate::machine::fault::Fault;
use crate::machine::group::{TOGETHER_BYTES_MAX, too_many_failed};
use crate::value::Value;

/// What an item's outcome takes beside its result, in bytes.
const ENTRY_BYTES: usize = 40;

/// The error of one item is told whole up to so many bytes.
const ERROR_BYTES_MAX: usize = 4_096;

/// How one item ended.
pub(super) struct Ended {
    pub(super) index: usize,
    pub(super) job: i64,
    /// Its output, or its error as a value.
    pub(super) result: Result<Value, Value>,
}

impl Group<'_> {
    /// What the parent hears.
    pub(super) fn told(mut self, parent: &str) -> EventKind {
        self.ended.sort_by_key(|one| one.index);
        let bytes = self.ended.iter().map(Ended::bytes).sum::<usize>();
        let items = self.items.len() as i64;
        let title = match self.is_lost() {
            true => Some(too_many_failed(self.failed, items, self.failed_max)),
            false => (bytes > TOGETHER_BYTES_MAX)
                .then(|| "what the items gave is too large together".to_owned()),
        };
        let bad = self.ended.iter().find(|one| one.result.is_err());
        let by = bad.map_or_else(|| parent.to_owned(), |bad| format!("j_{}", bad.job));
        let result = match title {
            None => Ok(Value::list(self.ended.iter().map(Ended::entry))),
            Some(title) => {
                let error = bad.and_then(|bad| bad.result.as_ref().err());
                let error = error.filter(|error| error.to_json().len() <= ERROR_BYTES_MAX);
                let index = bad.map_or(Value::Null, |bad| Value::from(bad.index as i64));
                let mut fault = Fault::standard("runtime", 500, title);
                fault.detail = Some(Value::map([
                    ("items", Value::from(items)),
                    ("failed", Value::from(i64::from(self.failed))),
                    ("index", index),
                    ("error", error.cloned().unwrap_or(Value::Null)),
                ]));
                Err(fault)
            }
        };
        EventKind::Settled {
            activity: self.activity,
            by,
            result,
        }
    }
}

impl Ended {
    fn bytes(&self) -> usize {
        let (Ok(value) | Err(value)) = &self.result;
        value.to_json().len() + ENTRY_BYTES
    }

    fn entry(&self) -> Value {
        let (is_ok, key, value) = match &self.result {
            Ok(output) => (true, "output", output),
            Err(error) => (false, "error", error),
        };
        Value::map([
            ("index", Value::from(self.index as i64)),
            ("ok", Value::from(is_ok)),
            (key, value.clone()),
        ])
    }
}
