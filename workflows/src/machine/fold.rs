//! How a journal is read: the last root, the last of each branch, and the values that they name.
//!
//! Nothing is evaluated. A pointer that the program does not have is damage, or another template.

mod reader;
mod tree;

use std::collections::HashMap;

use chrono::DateTime;

use self::reader::Reader;
use super::facts::JobFacts;
use super::held::Held;
use super::journal::{FOLD, FOLD_FIRST, live};
use super::state::{Branch, State};
use super::transition::job::JobState;
use super::turn::{Entry, Head};
use crate::program::Program;
use crate::value::{Entries, Map, Value};

/// Stored values are at most 64 deep; the entry around them adds a few levels.
const DEPTH_MAX: u32 = 96;

/// Why a job's memory cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unloadable {
    /// A later binary wrote it; that one must go on with the job.
    #[error("newer_format: entry {seq} is of format {found}; this binary knows {FOLD}")]
    NewerFormat {
        /// Which entry.
        seq: i32,
        /// Its number.
        found: i64,
    },
    /// It does not say what it should.
    #[error("journal_damaged: entry {seq}: {message}")]
    Damaged {
        /// Which entry.
        seq: i32,
        /// What is wrong.
        message: String,
    },
}

/// A state and how far its journal goes.
pub(super) struct Folded {
    pub(super) state: State,
    pub(super) seq: i32,
    pub(super) known: HashMap<u32, Value>,
    pub(super) bytes: usize,
    pub(super) head_bytes: usize,
    /// The newest format among them.
    pub(super) format: i32,
}

/// Folds a head, if there is one, and the entries after it.
pub(super) fn fold(
    program: &Program,
    facts: &JobFacts,
    head: Option<Head>,
    entries: Vec<Entry>,
) -> Result<Folded, Unloadable> {
    let first = head.as_ref().map_or(0, |head| head.seq);
    let head_bytes = head.as_ref().map_or(0, |head| head.state.len());
    let after = entries.iter().filter(|entry| entry.seq > first);
    let bytes = after.map(|entry| entry.data.len()).sum();
    let (mut seq, mut state) = (first, None);
    let format = each(program, facts, head.as_ref(), &entries, |at, folded| {
        (seq, state) = (at, Some(folded));
    })?;
    let state = state.ok_or_else(|| damaged(0, "there is no entry"))?;
    Ok(Folded {
        known: live(&state),
        state,
        seq,
        bytes,
        head_bytes,
        format,
    })
}

/// Every state on the way: that of the head, if there is one, then that of each entry after it. Gives the
/// newest format among them.
pub(super) fn each(
    program: &Program,
    facts: &JobFacts,
    head: Option<&Head>,
    entries: &[Entry],
    mut look: impl FnMut(i32, State),
) -> Result<i32, Unloadable> {
    let mut values = HashMap::from([(Held::INPUT, facts.input.clone())]);
    let (mut seq, mut newest) = (0, FOLD_FIRST);
    if let Some(head) = head {
        seq = head.seq;
        let text =
            std::str::from_utf8(&head.state).map_err(|_| damaged(seq, "the head is no text"))?;
        let (state, format) = read(program, seq, text, &mut values)?;
        newest = newest.max(format);
        look(seq, state);
    }
    let known = seq;
    for entry in entries.iter().filter(|entry| entry.seq > known) {
        if entry.seq != seq + 1 {
            return Err(damaged(entry.seq, "the entry before it is missing"));
        }
        seq = entry.seq;
        let (state, format) = read(program, seq, &entry.data, &mut values)?;
        newest = newest.max(format);
        look(seq, state);
    }
    Ok(newest)
}

/// Reads one entry over what came before; with its format.
pub(super) fn read(
    program: &Program,
    seq: i32,
    text: &str,
    values: &mut HashMap<u32, Value>,
) -> Result<(State, i32), Unloadable> {
    let whole =
        Value::parse_within(text, DEPTH_MAX).map_err(|error| damaged(seq, &error.to_string()))?;
    let format = whole.get("v").and_then(Value::as_i64).unwrap_or_default();
    if format > i64::from(FOLD) {
        return Err(Unloadable::NewerFormat { seq, found: format });
    }
    let format = i32::try_from(format).unwrap_or_default();
    if format < FOLD_FIRST {
        return Err(damaged(seq, &format!("there is no format {format}")));
    }
    let mut reader = Reader {
        program,
        seq,
        at: DateTime::UNIX_EPOCH,
    };
    for written in reader.maybe_list(&whole, "values")? {
        reader.value(written, values)?;
    }
    let root = reader.root(reader.member(&whole, "root")?, values)?;
    if root.status == JobState::Ended {
        // It stands nowhere any more.
        let ended = State::new(program, Value::Null, root.at);
        return Ok((State { root, ..ended }, format));
    }
    reader.at = root.at;
    let branches = reader
        .list(&whole, "branches")?
        .iter()
        .map(|branch| reader.branch(branch, values));
    let branches: Vec<Branch> = branches.collect::<Result<_, _>>()?;
    if branches.is_empty() {
        return Err(damaged(seq, "it has no branch"));
    }
    let state = State {
        root,
        branches,
        cursor: 0,
    };
    Ok((state, format))
}

fn damaged(seq: i32, message: &str) -> Unloadable {
    Unloadable::Damaged {
        seq,
        message: message.to_owned(),
    }
}

/// A value grown by a difference.
fn grown(base: &Value, difference: &Value) -> Option<Value> {
    if let Some(appended) = difference.get("append") {
        let items = base.as_list()?.iter().chain(appended.as_list()?).cloned();
        return Some(Value::list(items.collect::<Vec<_>>()));
    }
    let mut entries: Entries = base
        .as_map()?
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for key in difference.get("remove")?.as_list()? {
        entries.shift_remove(key.as_str()?);
    }
    for (key, difference) in difference.get("grow")?.as_map()?.iter() {
        let value = grown(entries.get(key)?, difference)?;
        entries.insert(key.clone(), value);
    }
    for (key, value) in difference.get("set")?.as_map().map(Map::iter)? {
        entries.insert(key.clone(), value.clone());
    }
    Some(Value::map(entries))
}
