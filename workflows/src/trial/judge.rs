//! Whether what a test expects holds, and if not, what was found in its place.

use std::cmp::Ordering;

use super::asked::{Asked, is_named, name, shown};
use super::deed::{Expectation, Work};
use super::said::error_type;
use super::stage::Stage;
use crate::document::tree::join;
use crate::machine::same_type;
use crate::machine::secret::plainly;
use crate::machine::trace::{Passage, Passed};
use crate::machine::turn::OutcomeKind;
use crate::value::Value;

/// Whether time must pass before this can be judged.
pub fn waits(stage: &Stage<'_>, expectation: &Expectation) -> bool {
    use Expectation::*;
    match expectation {
        Waiting | Times(..) | Calls(..) | CalledWith(..) | Refused(_) | Warned(_) => false,
        Before(..) | TaskCompletes(..) | TaskFaults(..) => holds(stage, expectation).is_err(),
        First(_) => entered(stage).next().is_none(),
        Complete(_) | Fault(_) | Cancelled | Parked | Took(_) | Properties(_) | Property(..)
        | Items(..) | Last(_) | Path(_) | TaskCancels(_) | Context(..) => stage.end.is_none(),
    }
}

/// Whether it holds now; if not, why.
pub fn holds(stage: &Stage<'_>, expectation: &Expectation) -> Result<(), String> {
    use Expectation::*;
    match expectation {
        Complete(wanted) => {
            let output = ended(stage, OutcomeKind::Completed)?;
            wanted
                .as_ref()
                .map_or(Ok(()), |wanted| same(wanted, &output, "the output"))
        }
        Fault(wanted) => {
            let error = ended(stage, OutcomeKind::Failed)?;
            wanted
                .as_ref()
                .map_or(Ok(()), |wanted| is_error(wanted, &error))
        }
        Cancelled => ended(stage, OutcomeKind::Cancelled).map(|_| ()),
        Parked => match (&stage.end, stage.outcome()) {
            (Some(_), None) => Ok(()),
            _ => Err(format!("the run is not parked: {}", stage.standing())),
        },
        Waiting => match &stage.end {
            None => Ok(()),
            Some(_) => Err(format!("the run does not wait: {}", stage.standing())),
        },
        Took(wanted) => {
            let took = stage.took();
            let message = || format!("the run took {took:?}, not {wanted:?}");
            (took == *wanted).then_some(()).ok_or_else(message)
        }
        Properties(names) => {
            let output = ended(stage, OutcomeKind::Completed)?;
            names
                .iter()
                .try_for_each(|name| member(&output, name).map(|_| ()))
        }
        Property(name, wanted) => {
            let output = ended(stage, OutcomeKind::Completed)?;
            same(wanted, member(&output, name)?, &format!("`{name}`"))
        }
        Items(name, wanted) => {
            let output = ended(stage, OutcomeKind::Completed)?;
            let found = member(&output, name)?;
            let count = found.as_list().map(<[Value]>::len);
            let message = || format!("`{name}` has not {wanted} items: {}", shown(found));
            (count == Some(*wanted)).then_some(()).ok_or_else(message)
        }
        Context(key, wanted) => {
            let world = stage.world.borrow();
            let found = world.contexts.document(key, stage.now);
            let found = found.unwrap_or(&Value::Null);
            same(wanted, found, &format!("the context `{key}`"))
        }
        _ => of_tasks(stage, expectation),
    }
}

fn of_tasks(stage: &Stage<'_>, expectation: &Expectation) -> Result<(), String> {
    use Expectation::*;
    match expectation {
        First(task) => at_end(stage, entered(stage).next(), task, "first"),
        Last(task) => at_end(stage, entered(stage).last(), task, "last"),
        Before(first, second) => {
            let place = |task: &str| {
                let found = entered(stage).position(|passed| is_named(&passed.path, task));
                found.ok_or_else(|| format!("`{task}` did not run: {}", path(stage)))
            };
            let in_order = place(first)? < place(second)?;
            let message = || format!("`{first}` did not run before `{second}`: {}", path(stage));
            in_order.then_some(()).ok_or_else(message)
        }
        Times(task, wanted) => {
            let count = entered(stage)
                .filter(|passed| is_named(&passed.path, task))
                .count();
            let message = || format!("`{task}` ran {count} times: {}", path(stage));
            (count == *wanted).then_some(()).ok_or_else(message)
        }
        Path(wanted) => {
            let found: Vec<String> = entered(stage).map(|passed| name(&passed.path)).collect();
            let message = || {
                let wanted = wanted.join(", ");
                format!("the path was {}; {wanted} is wanted", path(stage))
            };
            (found == *wanted).then_some(()).ok_or_else(message)
        }
        TaskCompletes(task, wanted) => match result(stage, task)? {
            Passage::Left(output) => wanted.as_ref().map_or(Ok(()), |wanted| {
                same(wanted, output, &format!("the output of `{task}`"))
            }),
            Passage::Failed(error) => Err(format!("`{task}` failed with {}", shown(error))),
            Passage::Entered => Err(format!("`{task}` did not end: {}", stage.standing())),
        },
        TaskFaults(task, wanted) => match result(stage, task)? {
            Passage::Failed(error) => wanted
                .as_ref()
                .map_or(Ok(()), |wanted| is_error(wanted, error)),
            Passage::Left(output) => Err(format!("`{task}` completed with {}", shown(output))),
            Passage::Entered => Err(format!("`{task}` did not end: {}", stage.standing())),
        },
        TaskCancels(task) => match result(stage, task)? {
            Passage::Entered => Ok(()),
            _ => Err(format!("`{task}` was not cancelled: it ended")),
        },
        _ => of_calls(stage, expectation),
    }
}

fn of_calls(stage: &Stage<'_>, expectation: &Expectation) -> Result<(), String> {
    use Expectation::*;
    match expectation {
        Calls(work, wanted) => {
            let count = asked(stage, work).len();
            let message = || {
                let others = called(stage);
                format!(
                    "`{}` was called {count} times, not {wanted}: {others}",
                    work.0
                )
            };
            (count == *wanted).then_some(()).ok_or_else(message)
        }
        CalledWith(work, wanted) => {
            let wanted = Value::list(wanted.iter().cloned());
            let found = asked(stage, work).into_iter().map(|asked| asked.given);
            let found = Value::list(found.collect::<Vec<_>>());
            same(&wanted, &found, &format!("what `{}` was given", work.0))
        }
        _ => Err("this is judged before the run".to_owned()),
    }
}

fn ended(stage: &Stage<'_>, kind: OutcomeKind) -> Result<Value, String> {
    let wrong = || format!("the run is not {}: {}", kind.as_str(), stage.standing());
    let outcome = stage.outcome().ok_or_else(wrong)?;
    if outcome.kind != kind {
        return Err(wrong());
    }
    let text = outcome.result.as_deref().unwrap_or("null");
    Value::parse(&plainly(text)).map_err(|error| error.to_string())
}

/// The member that a dotted path names.
fn member<'v>(value: &'v Value, name: &str) -> Result<&'v Value, String> {
    let step = |value: &'v Value, part: &str| match value.as_list() {
        Some(items) => items.get(part.parse::<usize>().ok()?),
        None => value.get(part),
    };
    let found = name.split('.').try_fold(value, step);
    found.ok_or_else(|| format!("there is no `{name}` in {}", shown(value)))
}

/// Equal as JSON, whatever the order of keys and the form of numbers.
fn same(wanted: &Value, found: &Value, what: &str) -> Result<(), String> {
    if wanted.order(found) == Ordering::Equal {
        return Ok(());
    }
    let (place, wanted, found) = first_difference(wanted, found, String::new());
    let place = match place.as_str() {
        "" => String::new(),
        place => format!(" at {place}"),
    };
    let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), shown);
    Err(format!(
        "{what}{place} is {}; {} is wanted",
        show(found),
        show(wanted)
    ))
}

type Difference<'v> = (String, Option<&'v Value>, Option<&'v Value>);

fn first_difference<'v>(wanted: &'v Value, found: &'v Value, place: String) -> Difference<'v> {
    let pairs: Vec<(String, Option<&Value>, Option<&Value>)> = match (wanted, found) {
        (Value::Map(wanted), Value::Map(found)) => {
            let more = found.keys().filter(|key| !wanted.contains_key(key));
            let keys = wanted.keys().chain(more);
            keys.map(|key| (join(&place, key), wanted.get(key), found.get(key)))
                .collect()
        }
        (Value::List(wanted), Value::List(found)) => {
            let (wanted, found) = (wanted.items(), found.items());
            let places = 0..wanted.len().max(found.len());
            places
                .map(|index| {
                    (
                        format!("{place}/{index}"),
                        wanted.get(index),
                        found.get(index),
                    )
                })
                .collect()
        }
        _ => Vec::new(),
    };
    for (inner, wanted, found) in pairs {
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted.order(found) == Ordering::Equal => {}
            (Some(wanted), Some(found)) => return first_difference(wanted, found, inner),
            (wanted, found) => return (inner, wanted, found),
        }
    }
    (place, Some(wanted), Some(found))
}

/// An error has at least these members; the standard's types are equal under all their prefixes.
fn is_error(wanted: &Value, error: &Value) -> Result<(), String> {
    let members = wanted.as_map().ok_or("an error is an object")?;
    let mut members = members.iter();
    members.try_for_each(|(key, wanted)| is_member(key, wanted, error.get(key)))
}

fn is_member(key: &str, wanted: &Value, found: Option<&Value>) -> Result<(), String> {
    let found = found.unwrap_or(&Value::Null);
    match wanted.as_str().zip(found.as_str()) {
        Some((wanted, found)) if key == "type" && same_type(&error_type(wanted), found) => Ok(()),
        _ => same(wanted, found, &format!("`{key}` of the error")),
    }
}

fn entered<'s>(stage: &'s Stage<'_>) -> impl Iterator<Item = &'s Passed> {
    let passed = stage.passed.iter();
    passed.filter(|passed| matches!(passed.passage, Passage::Entered))
}

fn at_end(stage: &Stage<'_>, found: Option<&Passed>, task: &str, word: &str) -> Result<(), String> {
    let is_it = found.is_some_and(|passed| is_named(&passed.path, task));
    is_it
        .then_some(())
        .ok_or_else(|| format!("`{task}` did not run {word}: {}", path(stage)))
}

/// What came of a task, the last time that it ran.
fn result<'s>(stage: &'s Stage<'_>, task: &str) -> Result<&'s Passage, String> {
    let last = stage
        .passed
        .iter()
        .rfind(|passed| is_named(&passed.path, task));
    last.map(|passed| &passed.passage)
        .ok_or_else(|| format!("`{task}` did not run: {}", path(stage)))
}

fn asked(stage: &Stage<'_>, work: &Work) -> Vec<Asked> {
    let world = stage.world.borrow();
    let asked = world.asked.iter().filter(|asked| asked.is(work));
    asked.cloned().collect()
}

/// What was called at all, and how often.
fn called(stage: &Stage<'_>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for asked in &stage.world.borrow().asked {
        let word = asked.word();
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let told = counts.iter().take(50);
    let told: Vec<String> = told
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    match told.is_empty() {
        true => "nothing was called".to_owned(),
        false => format!("the calls were {}", told.join(", ")),
    }
}

fn path(stage: &Stage<'_>) -> String {
    let names: Vec<String> = entered(stage)
        .map(|passed| name(&passed.path))
        .take(50)
        .collect();
    match names.is_empty() {
        true => "no task ran".to_owned(),
        false => names.join(", "),
    }
}
