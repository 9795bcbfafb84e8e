//! Chunks that begin: as many at once as their task allows, without those that a predecessor of the job finished.

use std::collections::HashSet;

use super::Execution;
use super::command::{Call, Command};
use super::event::Activity;
use super::fault::Fault;
use super::finished;
use super::journal::FOLD_COPIED;
use super::limits::PARALLEL_MAX;
use super::row::Row;
use super::state::{Chunks, Frame, OpenCall, Step};
use crate::program::node::{ChunksNode, NodeKind};
use crate::value::Value;

impl Execution {
    /// Opens the chunks of the task on top, as many at once as it allows.
    pub(super) fn open_chunks(&mut self, node: &ChunksNode) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        let of = self.facts.chunks().ok_or_else(|| {
            Fault::standard(
                "configuration",
                400,
                "this job has no chunks: its batch needs `chunk`",
            )
        })?;
        let parallel = self
            .fill(&node.parallel, &input, None)?
            .as_u64()
            .unwrap_or(1);
        let tolerate = self.fill(&node.tolerate, &input, None)?;
        let percent = tolerate
            .get("percent")
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
            .clamp(0.0, 100.0);
        let parallel = u32::try_from(parallel)
            .unwrap_or(PARALLEL_MAX)
            .clamp(1, PARALLEL_MAX);
        let finished = self.finished_before(of);
        let missing = of as usize - finished.len();
        let answers = self.state.hold(Value::list(finished.clone()));
        let failed_max = (f64::from(of) * percent / 100.0).floor() as u32;
        let chunks = Chunks {
            of,
            parallel,
            next: 1,
            open: Vec::new(),
            answers,
            failed: 0,
            failed_max,
        };
        let activity = self.next_activity();
        self.open_step(activity, OpenCall::Chunks(chunks), Vec::new())?;
        if self.may_be_again() {
            self.rows.push(Row::BeginChunksAgain);
        }
        self.fill_chunks();
        if missing == 0 {
            self.give(Value::list(finished));
            return self.leave(None);
        }
        Ok(())
    }

    /// Whether the task on top may have been begun before: in an earlier visit, or in a try around it that failed.
    /// What is tried again in a branch beside its own says nothing of it.
    fn may_be_again(&self) -> bool {
        let mut around = self.state.upwards(self.state.cursor);
        let is_tried_again = |place: usize| {
            self.state.branches[place]
                .frames
                .iter()
                .any(Frame::is_tried_again)
        };
        self.top().visit > 1 || around.any(is_tried_again)
    }

    /// Answers of chunks that a predecessor of this job finished, in their order.
    fn finished_before(&mut self, of: u32) -> Vec<Value> {
        let frame = self.top();
        let pointer = &self.program.node(frame.node).pointer;
        let finished = self.finished.answers(pointer, frame.visit, of);
        if !finished.is_empty() {
            self.journal.format = self.journal.format.max(FOLD_COPIED);
        }
        finished
    }

    /// Opens chunks until `parallel` are in flight; the new ones are asked for.
    pub(super) fn fill_chunks(&mut self) {
        let Some(Step {
            activity,
            call: OpenCall::Chunks(chunks),
            ..
        }) = self.state.branch_mut().step_mut()
        else {
            return;
        };
        let activity = *activity;
        let mut opened = Vec::new();
        let answered = answered_from(chunks);
        loop {
            // The next one is always one that is to run, so that whoever ends the last knows that it was.
            while chunks.next <= chunks.of && answered.contains(&chunks.next) {
                chunks.next += 1;
            }
            if chunks.next > chunks.of || chunks.open.len() as u32 >= chunks.parallel {
                break;
            }
            chunks.open.push(chunks.next);
            opened.push(chunks.next);
            chunks.next += 1;
        }
        let place = self.state.cursor;
        let commands: Vec<Command> = opened
            .into_iter()
            .map(|number| self.perform_chunk(place, activity, number))
            .collect();
        self.commands.extend(commands);
    }

    /// Renders the call of one chunk from what was read of it. Pure; nothing changes.
    ///
    /// # Errors
    /// The fault of an expression; it is the chunk's error.
    pub fn render_chunk(
        &self,
        activity: Activity,
        number: u32,
        chunk: &Value,
    ) -> Result<Call, Fault> {
        let gone = || {
            Fault::standard(
                "runtime",
                500,
                format!("chunk {number} is not wanted any more"),
            )
        };
        let place = self.state.at_activity(activity).ok_or_else(gone)?;
        let branch = &self.state.branches[place];
        let is_open = branch.step().is_some_and(|step| !step.is_stopping);
        let node = branch
            .top()
            .map(|frame| &self.program.node(frame.node).kind);
        let Some(NodeKind::Chunks(node)) = node.filter(|_| is_open) else {
            return Err(gone());
        };
        let mut scratch = self.scratch();
        scratch.state.cursor = place;
        scratch
            .render(&node.target, chunk.clone(), None)
            .map(|(_, call)| call)
    }
}

/// Chunks beyond the next one that have their answer: those that a predecessor finished.
fn answered_from(chunks: &Chunks) -> HashSet<u32> {
    let answers = chunks.answers.value.as_list().unwrap_or_default().iter();
    let numbers = answers.filter_map(finished::number);
    numbers.filter(|number| *number >= chunks.next).collect()
}
