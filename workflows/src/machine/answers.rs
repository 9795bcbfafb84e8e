//! Chunks that ended: each answer is kept as it comes, and told in the order of chunks.

use super::Execution;
use super::event::Activity;
use super::fault::Fault;
use super::finished;
use super::row::{ChunkError, Row};
use super::state::{Doing, OpenCall};
use super::transition::step::{self, Rest, StepEvent};
use super::transition::{Illegal, Verdict};
use super::unwind::fault_value;
use crate::policy::fingerprint;
use crate::value::Value;

impl Execution {
    pub(super) fn chunk(
        &mut self,
        activity: Activity,
        number: u32,
        result: Result<Value, Fault>,
    ) -> Result<Verdict<()>, Illegal> {
        let state = self.step_state(activity);
        let Verdict::To(_) = step::next(state, StepEvent::Chunk(Rest::Some))? else {
            return Ok(Verdict::Late);
        };
        let result = result.and_then(|raw| self.through_layers(raw, &[]));
        let error = result.as_ref().err().map(|fault| ChunkError {
            code: fault.kept_code(),
            fingerprint: fingerprint::of(fault),
        });
        let Some(answers) = self.keep_answer(number, result) else {
            return Ok(Verdict::Late);
        };
        let at = self.state.root.at;
        self.rows.push(Row::EndChunk { number, error, at });
        if self.state.root.closing.is_some() {
            if self.has_open_chunks() {
                return Ok(Verdict::To(()));
            }
            self.stand(Doing::Nothing);
            self.ends_closing();
            return Ok(Verdict::To(()));
        }
        match answers {
            Rest::Some => self.fill_chunks(),
            Rest::None => self.finish_chunks(),
            Rest::TooManyFailed { .. } => {
                self.stop_step();
                let title = "more chunks failed than are tolerated";
                let mut fault = Fault::standard("runtime", 500, title);
                fault.detail = self.last_chunk_error.take();
                self.end_step(fault, None);
            }
        }
        Ok(Verdict::To(()))
    }

    /// Keeps the answer of an open chunk; nothing if it was not open.
    fn keep_answer(&mut self, number: u32, result: Result<Value, Fault>) -> Option<Rest> {
        let (answer, failure) = match result {
            Ok(output) => (finished::answer(number, output), None),
            Err(fault) => {
                let error = fault_value(&fault);
                let index = ("index", Value::from(number.saturating_sub(1)));
                (
                    Value::map([index, ("ok", Value::from(false)), ("error", error.clone())]),
                    Some(error),
                )
            }
        };
        let held = self.state.root.next_value;
        let step = self.state.branch_mut().step_mut()?;
        let OpenCall::Chunks(chunks) = &mut step.call else {
            return None;
        };
        let place = chunks.open.iter().position(|open| *open == number)?;
        chunks.open.remove(place);
        chunks.failed += u32::from(failure.is_some());
        let answers = chunks
            .answers
            .value
            .as_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .chain([answer]);
        chunks.answers = super::held::Held {
            number: held,
            value: Value::list(answers.collect::<Vec<_>>()),
        };
        let rest = if chunks.failed > chunks.failed_max {
            Rest::TooManyFailed { again: false }
        } else if chunks.open.is_empty() && chunks.next > chunks.of {
            Rest::None
        } else {
            Rest::Some
        };
        self.state.root.next_value += 1;
        self.last_chunk_error = failure.or(self.last_chunk_error.take());
        Some(rest)
    }

    fn has_open_chunks(&self) -> bool {
        matches!(self.state.branch().step().map(|step| &step.call), Some(OpenCall::Chunks(chunks)) if !chunks.open.is_empty())
    }

    /// The answers in the order of chunks, whatever the order in which they came.
    fn finish_chunks(&mut self) {
        let Some(OpenCall::Chunks(chunks)) = self.state.branch().step().map(|step| &step.call)
        else {
            return;
        };
        let mut answers: Vec<Value> = chunks.answers.value.as_list().unwrap_or_default().to_vec();
        answers.sort_by_key(finished::number);
        self.stand(Doing::Nothing);
        self.give(Value::list(answers));
        if let Err(fault) = self.leave(None) {
            self.raise(fault, None);
        }
    }
}
