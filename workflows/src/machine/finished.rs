//! Chunks that a job's predecessors finished: a job that is made anew of a failed one begins with their results.
//!
//! They are read from the journal, state by state, since the last one of a failed job has none any more. A chunk is
//! told by its task, the visit of that task, and its number.

use std::collections::BTreeMap;

use super::fold;
use super::state::{OpenCall, State};
use super::turn::{Entry, Head};
use super::{JobFacts, Unloadable};
use crate::program::Program;
use crate::value::Value;

/// Outputs of finished chunks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinishedChunks(BTreeMap<(String, u32), BTreeMap<u32, Value>>);

impl FinishedChunks {
    /// What a journal says was finished.
    ///
    /// # Errors
    /// [`Unloadable`] if a later binary wrote it, or it is damaged.
    pub fn of(
        program: &Program,
        facts: &JobFacts,
        head: Option<&Head>,
        entries: &[Entry],
    ) -> Result<Self, Unloadable> {
        let (mut finished, mut seen) = (Self::default(), BTreeMap::new());
        fold::each(program, facts, head, entries, |_, state| {
            finished.note(program, &state, &mut seen);
        })?;
        Ok(finished)
    }

    /// These, and of an earlier job those that are not among them.
    pub fn or(mut self, earlier: Self) -> Self {
        for (task, chunks) in earlier.0 {
            let mine = self.0.entry(task).or_default();
            for (number, output) in chunks {
                mine.entry(number).or_insert(output);
            }
        }
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// Answers of the chunks of one visit of a task, up to this number.
    pub(super) fn answers(&self, pointer: &str, visit: u32, of: u32) -> Vec<Value> {
        let chunks = self.0.get(&(pointer.to_owned(), visit)).into_iter();
        let chunks = chunks.flat_map(|chunks| chunks.range(1..=of));
        let answers = chunks.map(|(number, output)| answer(*number, output.clone()));
        answers.collect()
    }

    /// The answers of a visit only get more, at the end: those that were seen before are not looked at again.
    fn note(
        &mut self,
        program: &Program,
        state: &State,
        seen: &mut BTreeMap<(String, u32), usize>,
    ) {
        for branch in &state.branches {
            let (Some(frame), Some(step)) = (branch.top(), branch.step()) else {
                continue;
            };
            let OpenCall::Chunks(chunks) = &step.call else {
                continue;
            };
            let pointer = program.node(frame.node).pointer.to_string();
            let visit = (pointer, frame.visit);
            let answers = chunks.answers.value.as_list().unwrap_or_default();
            let before = seen.insert(visit.clone(), answers.len());
            let new = answers.get(before.unwrap_or_default()..).unwrap_or(answers);
            let known = self.0.entry(visit).or_default();
            for answer in new {
                if let Some((number, output)) = finished(answer) {
                    known.entry(number).or_insert_with(|| output.clone());
                }
            }
        }
    }
}

/// The answer of a chunk that did well.
pub(super) fn answer(number: u32, output: Value) -> Value {
    Value::map([
        ("index", Value::from(number.saturating_sub(1))),
        ("ok", Value::from(true)),
        ("output", output),
    ])
}

/// The number of an answer's chunk.
pub(super) fn number(answer: &Value) -> Option<u32> {
    let index = answer.get("index").and_then(Value::as_u64)?;
    u32::try_from(index + 1).ok()
}

fn finished(answer: &Value) -> Option<(u32, &Value)> {
    let is_ok = answer.get("ok").and_then(Value::as_bool) == Some(true);
    Some((number(answer)?, answer.get("output").filter(|_| is_ok)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u32], output: i64) -> FinishedChunks {
        let outputs = numbers.iter().map(|n| (*n, Value::from(output)));
        let task = ("/do/0/work".to_owned(), 1);
        FinishedChunks(BTreeMap::from([(task, outputs.collect())]))
    }

    #[test]
    fn what_an_earlier_job_finished_stands_behind_what_a_later_one_did() {
        let both = of(&[2], 20).or(of(&[1, 2, 4], 10));

        let answers = both.answers("/do/0/work", 1, 3);

        assert_eq!(
            answers,
            [
                answer(1, Value::from(10_i64)),
                answer(2, Value::from(20_i64))
            ]
        );
        assert!(both.answers("/do/0/work", 2, 3).is_empty());
        assert!(!both.is_empty() && FinishedChunks::default().is_empty());
    }

    #[test]
    fn only_what_did_well_is_finished() {
        let well = answer(7, Value::from("x"));
        let badly = Value::map([("index", Value::from(6_u32)), ("ok", Value::from(false))]);

        assert_eq!(number(&well), Some(7));
        assert_eq!(finished(&well), Some((7, &Value::from("x"))));
        assert_eq!(finished(&badly), None);
        assert_eq!(number(&Value::Null), None);
    }
}
