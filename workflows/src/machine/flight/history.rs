//! Where a job has been: the state of the turn that opened a task.
//!
//! A turn passes many tasks and ends at what waits outside: only where a turn ended has a state, and
//! only there can a job go back to.

use std::collections::HashSet;
use std::sync::Arc;

use super::{StepId, unknown_step};
use crate::machine::event::{Event, EventKind};
use crate::machine::fold::each;
use crate::machine::limits::{NODES_MAX, SLICE_NODES};
use crate::machine::state::{FrameKind, State};
use crate::machine::turn::{Entry, Head};
use crate::machine::{Applied, Execution, JobFacts};
use crate::problem::Problem;
use crate::program::{NodeId, Program};

/// What is durable of a job, as far back as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The job's program.
    pub program: &'a Arc<Program>,
    /// Its row.
    pub facts: &'a JobFacts,
    /// The head from which `entries` go on; none where they begin with the first.
    pub head: Option<&'a Head>,
    /// The entries to the last one.
    pub entries: &'a [Entry],
}

/// What was found in a history.
pub(super) struct Found {
    /// The entry of the turn that opened the task; 0 for the job's beginning.
    pub(super) seq: i32,
    /// The state of that turn.
    pub(super) state: State,
    /// Steps whose undos have run, or were to run, since.
    pub(super) undone: HashSet<(NodeId, u32)>,
    /// The last entry, and its state.
    pub(super) last: (i32, State),
}

impl History<'_> {
    /// The state of the turn that opened a task.
    pub(super) fn find(&self, to: &StepId) -> Result<Found, Problem> {
        let node = self.program.numbered(&to.path);
        let node = node.ok_or_else(|| unknown_step(self.program, to))?;
        let opens = |state: &State| {
            let mut frames = state.branches.iter().flat_map(|branch| &branch.frames);
            frames.any(|frame| (frame.node, frame.visit) == (node, to.visit))
        };
        let (mut found, mut undone, mut last) = (None, HashSet::new(), None);
        each(
            self.program,
            self.facts,
            self.head,
            self.entries,
            |seq, state| {
                if found.is_none() && opens(&state) {
                    found = Some((seq, state.clone()));
                    undone.clear();
                } else {
                    undone.extend(unwound(&state));
                }
                last = Some((seq, state));
            },
        )
        .map_err(|error| Problem::new("flight.history", "", error.to_string()))?;
        let last = last.unwrap_or_else(|| (0, self.beginning()));
        if found.is_none() && self.head.is_none() {
            let beginning = self.beginning();
            found = opens(&beginning).then_some((0, beginning));
        }
        let (seq, state) = found.ok_or_else(|| not_reached(to))?;
        Ok(Found {
            seq,
            state,
            undone,
            last,
        })
    }

    /// A journal may begin with the end of the first step: what stands before it begins again from its row.
    fn beginning(&self) -> State {
        let mut job = Execution::new(self.program.clone(), self.facts.clone());
        let at = self.facts.created_at;
        let mut kind = EventKind::Started {
            attempt: 0,
            losses: 0,
        };
        for _ in 0..=NODES_MAX / SLICE_NODES {
            match job.apply(Event { at, kind }) {
                Ok(Applied::More) => kind = EventKind::Continued,
                _ => break,
            }
        }
        job.state
    }
}

/// Steps that are being undone.
fn unwound(state: &State) -> Vec<(NodeId, u32)> {
    let frames = state.branches.iter().flat_map(|branch| &branch.frames);
    let undos = frames.filter_map(|frame| match &frame.kind {
        FrameKind::Undoing { unwinding, .. } => Some(&unwinding.undos),
        _ => None,
    });
    let undos = undos.flatten();
    undos.map(|undo| (undo.node, undo.visit)).collect()
}

/// Whether undos run in a state: nobody goes back while they do.
pub(super) fn is_undoing(state: &State) -> bool {
    let mut frames = state.branches.iter().flat_map(|branch| &branch.frames);
    frames.any(|frame| matches!(frame.kind, FrameKind::Undoing { .. }))
}

fn not_reached(to: &StepId) -> Problem {
    let message = format!(
        "no turn of the job ended in visit {} of `{}`",
        to.visit, to.path
    );
    let hint =
        "a job goes back to steps outside, waits and listens, and to lists and loops around them";
    Problem::new("flight.not_reached", to.path.as_str(), message).hint(hint)
}
