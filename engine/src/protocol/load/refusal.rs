//! What is wrong with a load: rows that are refused, keys that stand twice or mean nothing to the items that are there.

use windlass_workflows::configuration::{Category, Key, MERGE_HINT};
use windlass_workflows::problem::Problem;

use super::Reading;
use super::left::more;
use crate::Error;
use crate::store::category::Locked;
use crate::store::{self, Session};

/// Duplicate keys that are reported.
const DUPLICATES_MAX: i64 = 1_000;

/// Why the keys of a load would not say which items it changes.
pub(super) fn unmergeable(category: &Category, locked: &Locked, key_rule: &str) -> Option<Problem> {
    if category.key == Key::Row {
        let message = "items that are told apart by their row cannot be merged";
        return Some(Problem::new("merge_needs_key", "/key", message).hint(MERGE_HINT));
    }
    let before = locked.key_rule.as_deref().filter(|_| locked.items > 0)?;
    (before != key_rule).then(|| {
        let message = format!("the items were loaded with the key {before}, not {key_rule}");
        let hint = "replace them once; from then on loads can be merged";
        Problem::new("merge_other_key", "/key", message).hint(hint)
    })
}

/// What is wrong with the rows of a load, those that have one key among them.
pub(super) async fn refused(
    connection: &mut Session,
    locked: &Locked,
    reading: &Reading,
    most: usize,
) -> Result<Vec<Problem>, Error> {
    let mut problems = refusals(reading, most);
    if problems.is_empty() && reading.left_out.rows > 0 && reading.kept() == 0 {
        problems = nothing_left(reading, most);
    }
    if problems.is_empty() {
        let version = locked.version + 1;
        let found = store::category::duplicates(connection, locked.id, version, DUPLICATES_MAX);
        problems.extend(found.await?.iter().map(|one| duplicate(one, reading)));
    }
    Ok(problems)
}

/// What is wrong with the rows of a reading: so many of it at most, and how much more there is.
pub(in crate::protocol) fn refusals(reading: &Reading, most: usize) -> Vec<Problem> {
    let listed = reading.refused.len().min(most);
    let mut problems = reading.refused[..listed].to_vec();
    let unlisted = reading.refused.len() - listed + reading.more_refused;
    problems.extend((unlisted > 0).then(|| more(unlisted)));
    problems
}

/// A load of which nothing is left would end every item of its category because of one wrong column.
fn nothing_left(reading: &Reading, most: usize) -> Vec<Problem> {
    let left = reading.left_out.clone().told(None, most);
    let message = format!(
        "all {} rows are invalid, so nothing would be left to load",
        left.rows
    );
    let hint = "correct what is wrong with them; to empty the category, load a file without rows";
    let first = Problem::new("nothing_left", "", message).hint(hint);
    let more = left.more();
    std::iter::once(first)
        .chain(left.refused)
        .chain(more)
        .collect()
}

fn duplicate(found: &store::category::Duplicate, reading: &Reading) -> Problem {
    let (first_n, n) = (reading.row_of(found.first_n), reading.row_of(found.n));
    let (first, second) = (reading.line_of(first_n), reading.line_of(n));
    let key = found
        .key
        .replace(windlass_workflows::category::KEY_SEPARATOR, ", ");
    let message = if second == 0 {
        format!("items {first_n} and {n} have the same key `{key}`")
    } else {
        format!("lines {first} and {second} have the same key `{key}`")
    };
    let line = u32::try_from(second).unwrap_or(u32::MAX);
    Problem::new("duplicate_key", "", message)
        .hint("a key tells items apart: remove one of them, or name more fields in `key`")
        .at(line, 1)
}

pub(in crate::protocol) fn in_file(problems: Vec<Problem>, file: Option<String>) -> Vec<Problem> {
    let Some(file) = file else {
        return problems;
    };
    let placed = problems
        .into_iter()
        .map(|problem| problem.in_file(file.clone()));
    placed.collect()
}
