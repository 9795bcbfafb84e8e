//! How a turn is written: its events, the root, the branch, and the values that are new.
//!
//! Each value stands once, under a number; one that grew out of a known one is written as what was
//! appended, set or removed, so that a growing context does not make the journal quadratic.
//! `fold` reads what is written here.

mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};

use super::flight::By;
use super::held::{Held, bytes, is_same};
use super::state::{Branch, Chunks, Doing, Frame, FrameKind, Move, Root, State, Step, Unwinding};
use super::transition::job::JobState;
use super::turn::Outcome;
use crate::program::{NodeId, Program};
use crate::value::Value;

/// The newest format. A reader that does not know a number gives the job back unspent.
pub(super) const FOLD: i32 = FOLD_AGAIN;

/// The format of jobs of which a step outside of every `try` was made again.
pub(super) const FOLD_AGAIN: i32 = 5;

/// The format of jobs that began with chunks which a predecessor finished.
pub(super) const FOLD_COPIED: i32 = 4;

/// The format of jobs of which a step was performed by a job of its own.
pub(super) const FOLD_PLACED: i32 = 3;

/// The format that says what a person said of a step, and that a job reads under another version than it began
/// with: once changed, a job stays in it.
pub(super) const FOLD_CHANGED: i32 = 2;

/// The format of all other jobs.
pub(super) const FOLD_FIRST: i32 = 1;

/// A value this small is written whole: a difference would not be shorter.
const WHOLE_BYTES_MAX: usize = 256;

/// Differences inside differences: a list that grows in a map in the context is written as it grew.
/// Each level adds one to the depth of the entry.
const NESTING_MAX: u32 = 4;

/// An event of a turn, for people and tests.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) kind: &'static str,
    pub(super) at: DateTime<Utc>,
    /// The task that is on top after it.
    pub(super) node: Option<NodeId>,
    /// Who did it, if a person did.
    pub(super) by: Option<Arc<By>>,
    /// Whom or what that task's step is about.
    pub(super) subject: Option<Value>,
}

/// The entry's text, and the values that stand in the journal once it does.
pub(super) fn entry(
    program: &Program,
    state: &State,
    events: &[Note],
    known: &HashMap<u32, Value>,
    format: i32,
) -> (String, HashMap<u32, Value>) {
    let events = Value::list(events.iter().map(|one| event(program, one, state.root.at)));
    let mut members = vec![
        ("v", Value::from(i64::from(format))),
        ("events", events),
        ("root", root(program, &state.root)),
    ];
    if state.root.status == JobState::Ended {
        // Nothing follows, and the result stands in the outcome's own row.
        return (Value::map(members).to_json(), HashMap::new());
    }
    let live = live(state);
    let mut fresh: Vec<(&u32, &Value)> = live
        .iter()
        .filter(|(number, _)| !known.contains_key(number))
        .collect();
    fresh.sort_unstable_by_key(|(number, _)| **number);
    let values = fresh
        .into_iter()
        .map(|(number, value)| written(*number, value, known));
    let branches = (state.branches.iter()).map(|one| branch(program, one, state.root.at));
    members.extend([
        ("branches", Value::list(branches)),
        ("values", Value::list(values)),
    ]);
    (Value::map(members).to_json(), live)
}

/// An event of another instant than the turn's tells it.
fn event(program: &Program, note: &Note, at: DateTime<Utc>) -> Value {
    let mut members = vec![("kind", Value::text(note.kind))];
    members.extend((note.at != at).then(|| ("at", instant(note.at))));
    let task = note.node.map(|node| program.node(node).pointer.clone());
    members.extend(task.map(|task| ("now_at", Value::text(task))));
    members.extend(note.subject.clone().map(|subject| ("subject", subject)));
    if let Some(by) = &note.by {
        let said = [("who", &by.who), ("why", &by.why), ("what", &by.what)];
        let said = said.into_iter().filter(|(_, text)| !text.is_empty());
        members.extend(said.map(|(key, text)| (key, Value::text(text.as_str()))));
    }
    Value::map(members)
}

/// The whole state.
pub(super) fn head(program: &Program, state: &State, format: i32) -> String {
    entry(program, state, &[], &HashMap::new(), format).0
}

/// Values that something points to, but for the job's input, which is read from its row.
pub(super) fn live(state: &State) -> HashMap<u32, Value> {
    held(state)
        .map(|held| (held.number, held.value.clone()))
        .collect()
}

/// The same, each as often as something points to it.
pub(super) fn held(state: &State) -> impl Iterator<Item = &Held> {
    let closing = state.root.closing.iter().flat_map(|closing| {
        let undos = closing.undoing.iter().flat_map(Unwinding::values);
        std::iter::once(&closing.problem).chain(undos)
    });
    let held = state.branches.iter().flat_map(Branch::values);
    held.chain(closing)
        .filter(|held| held.number != Held::INPUT)
}

/// `[n, value]`, or `[n, base, difference]`.
fn written(number: u32, value: &Value, known: &HashMap<u32, Value>) -> Value {
    let size = bytes(value);
    if size > WHOLE_BYTES_MAX {
        let best = known
            .iter()
            .filter_map(|(base, old)| Some((*base, difference(old, value, NESTING_MAX)?)))
            .min_by_key(|(base, difference)| (bytes(difference), *base));
        if let Some((base, difference)) = best
            && bytes(&difference) < size / 2
        {
            return Value::list([Value::from(number), Value::from(base), difference]);
        }
    }
    Value::list([Value::from(number), value.clone()])
}

/// What makes `new` of `old`, where that can be said; members may differ so many levels down.
fn difference(old: &Value, new: &Value, levels: u32) -> Option<Value> {
    match (old, new) {
        (Value::List(_), Value::List(_)) => {
            let (old, new) = (old.as_list()?, new.as_list()?);
            let begins_alike =
                old.len() <= new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new));
            begins_alike
                .then(|| Value::map([("append", Value::list(new[old.len()..].iter().cloned()))]))
        }
        (Value::Map(old), Value::Map(new)) => {
            // Keys that stay keep their order, and new ones come last: else the order would be lost.
            let stays: Vec<_> = old.keys().filter(|key| new.contains_key(key)).collect();
            if !stays.iter().zip(new.keys()).all(|(old, new)| *old == new) {
                return None;
            }
            let changed = new
                .iter()
                .filter(|(key, value)| !old.get(key).is_some_and(|old| is_same(old, value)));
            let (mut set, mut grow) = (Vec::new(), Vec::new());
            for (key, value) in changed {
                match old.get(key).and_then(|old| shorter(old, value, levels)) {
                    Some(difference) => grow.push((key.clone(), difference)),
                    None => set.push((key.clone(), value.clone())),
                }
            }
            let gone = old
                .keys()
                .filter(|key| !new.contains_key(key))
                .map(|key| Value::text(key.clone()));
            let gone = Value::list(gone.collect::<Vec<_>>());
            Some(Value::map([
                ("set", Value::map(set)),
                ("grow", Value::map(grow)),
                ("remove", gone),
            ]))
        }
        _ => None,
    }
}

/// A difference that is worth more than the value itself.
fn shorter(old: &Value, new: &Value, levels: u32) -> Option<Value> {
    let size = bytes(new);
    if levels == 0 || size <= WHOLE_BYTES_MAX {
        return None;
    }
    difference(old, new, levels - 1).filter(|difference| bytes(difference) < size / 2)
}

fn root(program: &Program, root: &Root) -> Value {
    let visits = program
        .nodes
        .iter()
        .zip(&root.visits)
        .filter(|(_, visits)| **visits > 0);
    let mut members = vec![
        ("status", Value::text(root.status.word())),
        ("at", instant(root.at)),
        ("started", instant(root.started)),
        ("attempt", Value::from(root.attempt)),
        (
            "visits",
            Value::map(visits.map(|(node, visits)| (node.pointer.clone(), Value::from(*visits)))),
        ),
        ("next_value", Value::from(root.next_value)),
        ("next_activity", Value::from(root.next_activity)),
    ];
    if root.next_branch > 1 {
        members.push(("next_branch", Value::from(root.next_branch)));
    }
    if !root.loose.is_empty() {
        let loose = root.loose.iter().map(|activity| Value::from(activity.0));
        members.push(("loose", Value::list(loose.collect::<Vec<_>>())));
    }
    if !root.parked.is_empty() {
        members.push(("parked", tree::parked(&root.parked)));
    }
    if let Some(closing) = &root.closing {
        let mut told = vec![
            ("problem", number(&closing.problem)),
            ("is_cancelled", Value::from(closing.is_cancelled)),
            ("until", instant(closing.until)),
        ];
        let undoing = closing.undoing.as_ref();
        told.extend(undoing.map(|undoing| ("undoing", tree::unwinding(program, undoing))));
        members.push(("closing", Value::map(told)));
    }
    members.extend(
        root.outcome
            .as_ref()
            .map(|outcome| ("outcome", outcome_value(outcome))),
    );
    Value::map(members)
}

/// The result stands in the outcome's own row.
fn outcome_value(outcome: &Outcome) -> Value {
    let text = |text: &Option<String>| text.as_deref().map(Value::text);
    let mut members = vec![("kind", Value::text(outcome.kind.as_str()))];
    members.extend(text(&outcome.code).map(|code| ("code", code)));
    members.extend(text(&outcome.fingerprint).map(|fingerprint| ("fingerprint", fingerprint)));
    Value::map(members)
}

fn branch(program: &Program, branch: &Branch, at: DateTime<Utc>) -> Value {
    let frames = (branch.frames.iter()).map(|one| frame(program, one, at));
    let mut members = vec![("id", Value::from(branch.id))];
    members.extend(branch.parent.map(|parent| ("parent", Value::from(parent))));
    members.extend([
        ("frames", Value::list(frames)),
        ("data", number(&branch.data)),
        ("context", number(&branch.context)),
        ("doing", doing(program, &branch.doing)),
    ]);
    Value::map(members)
}

/// What is most often so is not written: the raw value is the input, and the turn entered the task.
fn frame(program: &Program, frame: &Frame, at: DateTime<Utc>) -> Value {
    let mut members = vec![
        (
            "path",
            Value::text(program.node(frame.node).pointer.clone()),
        ),
        ("visit", Value::from(frame.visit)),
        ("raw", number(&frame.raw)),
    ];
    let shaped = (frame.input.number != frame.raw.number).then(|| number(&frame.input));
    members.extend(shaped.map(|input| ("input", input)));
    members.extend((frame.started != at).then(|| ("started", instant(frame.started))));
    members.extend(frame.due.map(|due| ("due", instant(due))));
    if !frame.undos.is_empty() {
        members.push(("undos", tree::undos(program, &frame.undos)));
    }
    match &frame.kind {
        FrameKind::List => {}
        FrameKind::For { list, index } => members.push((
            "for",
            Value::map([("list", number(list)), ("index", Value::from(*index))]),
        )),
        FrameKind::Again { retries } => members.push(("again", Value::from(*retries))),
        FrameKind::Catch { error } => members.push(("catch", number(error))),
        FrameKind::Fork { .. } | FrameKind::Listen(_) | FrameKind::Undoing { .. } => {
            members.extend(tree::frame_kind(program, &frame.kind));
        }
        FrameKind::Try(tries) => {
            let visits = tries.visits.iter().filter(|(_, visits)| *visits > 0);
            let visits = visits
                .map(|(node, visits)| (program.node(*node).pointer.clone(), Value::from(*visits)));
            let mut tried = vec![
                ("first", instant(tries.first)),
                ("attempt", Value::from(tries.attempt)),
                ("visits", Value::map(visits)),
            ];
            tried.extend(tries.due.map(|due| ("due", instant(due))));
            members.push(("try", Value::map(tried)));
        }
    }
    Value::map(members)
}

fn doing(program: &Program, doing: &Doing) -> Value {
    let one = |key: &'static str, value: Value| Value::map([(key, value)]);
    match doing {
        Doing::Nothing => Value::Null,
        Doing::Backoff { until } => one("backoff", instant(*until)),
        Doing::Sleep { until } => one("sleep", instant(*until)),
        Doing::Moving(Move::Iterate) => one("iterate", Value::from(true)),
        Doing::Moving(Move::Enter(node)) => {
            one("enter", Value::text(program.node(*node).pointer.clone()))
        }
        Doing::Given { step: open, output } => {
            let open = open.as_deref().map(|open| ("step", step(open)));
            let members = [("output", number(output))].into_iter().chain(open);
            one("given", Value::map(members))
        }
        Doing::Step(open) => one("step", step(open)),
        Doing::Undo(open) => one("undo", step(open)),
        Doing::Stopped(open) => one("stopped", step(open)),
        Doing::UndoBackoff { until } => one("undo_backoff", instant(*until)),
        Doing::Forked => one("forked", Value::from(true)),
        Doing::Listening => one("listening", Value::from(true)),
        Doing::Done => one("done", Value::from(true)),
        Doing::Lost => one("lost", Value::from(true)),
    }
}

fn step(step: &Step) -> Value {
    let mut members = vec![("activity", Value::from(step.activity.0))];
    if step.attempt > 0 {
        members.push(("attempt", Value::from(step.attempt)));
    }
    if step.is_stopping {
        members.push(("is_stopping", Value::from(true)));
    }
    if !step.layers.is_empty() {
        members.push(("layers", Value::list(step.layers.iter().map(number))));
    }
    members.push(tree::call(&step.call));
    Value::map(members.into_iter().chain(tree::more_of(step)))
}

pub(super) fn chunks(chunks: &Chunks) -> Value {
    Value::map([
        ("of", Value::from(chunks.of)),
        ("parallel", Value::from(chunks.parallel)),
        ("next", Value::from(chunks.next)),
        (
            "open",
            Value::list(chunks.open.iter().map(|number| Value::from(*number))),
        ),
        ("answers", number(&chunks.answers)),
        ("failed", Value::from(chunks.failed)),
        ("failed_max", Value::from(chunks.failed_max)),
    ])
}

pub(super) fn number(held: &Held) -> Value {
    Value::from(held.number)
}

/// RFC 3339, exact.
pub(super) fn instant(at: DateTime<Utc>) -> Value {
    Value::text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
