//! Another version for a job in flight: every task that it stands in, and every undo that it keeps, has
//! a counterpart there, or it stays.
//!
//! What was given to an open step was given; its answer takes the new version's ways from there on.

use std::sync::Arc;

use super::counterpart::{Counterparts, Mapping, hindrance};
use super::{Change, What};
use crate::machine::Execution;
use crate::machine::state::{Branch, Doing, Frame, FrameKind, Move, Step};
use crate::problem::Problem;
use crate::program::{NodeId, NodeKind, Program};

/// A way into another version, found open.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    to: Arc<Program>,
    counterparts: Counterparts,
}

/// What a move to another version would mean for one job.
#[derive(Clone, Debug)]
pub struct Migration {
    /// To be applied as `EventKind::Changed`, if the job can move. The job's entries before it read under
    /// the old program alone: from here on it is loaded from the head of this turn.
    pub change: Result<Change, Vec<Problem>>,
    /// Every task of the old version that has no counterpart, by pointer: where the job has been or would
    /// have come to.
    pub removed: Vec<String>,
}

/// A move of a job to another version.
///
/// `change` holds every reason at once if it cannot move: `flight.removed` if it stands in a task, or keeps
/// an undo of one, that has no counterpart; `flight.other_kind` if its counterpart cannot take over;
/// `flight.other_schema` if its input does not fit the new version.
///
/// # Errors
/// `flight.no_step` if the mapping names a task that there is not.
pub fn migrate(
    job: &Execution,
    to: &Arc<Program>,
    mapping: &Mapping,
) -> Result<Migration, Vec<Problem>> {
    let counterparts = Counterparts::of(&job.program, to, mapping)?;
    let removed = counterparts.missing(&job.program);
    let removed = removed.map(|node| node.pointer.to_string()).collect();
    let mut problems: Vec<Problem> = job
        .held_nodes()
        .into_iter()
        .filter_map(|(node, stands)| blocked(job, to, &counterparts, node, stands))
        .collect();
    problems.extend(misfit(job, to));
    let change = match problems.is_empty() {
        true => Ok(Change {
            expected: job.journal.seq,
            what: What::Migrated(Passage {
                to: to.clone(),
                counterparts,
            }),
            by: None,
        }),
        false => Err(problems),
    };
    Ok(Migration { change, removed })
}

fn blocked(
    job: &Execution,
    to: &Program,
    counterparts: &Counterparts,
    id: NodeId,
    stands: bool,
) -> Option<Problem> {
    let node = job.program.node(id);
    let Some(new) = counterparts.get(id) else {
        let what = if stands {
            "the job stands in it"
        } else {
            "its undo is still to run"
        };
        let message = format!("the new version has no `{}`, and {what}", node.name);
        let problem = Problem::new("flight.removed", &*node.pointer, message);
        return Some(problem.hint("say which task of the new version takes its place"));
    };
    let new = to.node(new);
    let hindrance = hindrance((&job.program, node), (to, new)).filter(|_| stands)?;
    let message = format!(
        "the job stands in it and cannot go on at `{}`: {hindrance}",
        new.pointer
    );
    Some(Problem::new("flight.other_kind", &*node.pointer, message))
}

/// What the new version asks of its input and this job's input does not have.
fn misfit(job: &Execution, to: &Program) -> Option<Problem> {
    let schema = to.node(NodeId::WORKFLOW).input.schema.as_ref()?;
    let violations = schema.violations(&job.facts.input);
    if violations.is_empty() {
        return None;
    }
    let message = format!(
        "the job's input does not fit the new version: {}",
        violations.join("; ")
    );
    let problem = Problem::new("flight.other_schema", "/input/schema", message);
    Some(problem.hint("what is new in the input needs a default there: make it optional"))
}

impl Execution {
    /// Tasks that the state names, each once and outermost first: whether the job stands in them, or only
    /// keeps their undos.
    fn held_nodes(&self) -> Vec<(NodeId, bool)> {
        let frames = self.state.branches.iter().flat_map(|branch| &branch.frames);
        let mut held: Vec<(NodeId, bool)> =
            frames.clone().map(|frame| (frame.node, true)).collect();
        held.extend(self.state.branches.iter().filter_map(|branch| {
            let Doing::Moving(Move::Enter(node)) = branch.doing else {
                return None;
            };
            Some((node, false))
        }));
        let undos = frames.flat_map(undos_of);
        held.extend(undos.map(|node| (node, false)));
        let mut known = Vec::with_capacity(held.len());
        for one in held {
            if !known.iter().any(|(node, _)| *node == one.0) {
                known.push(one);
            }
        }
        known
    }

    /// What is asked for, and under which key.
    fn asked(&self) -> Vec<(usize, String)> {
        let asked = self.state.branches.iter().enumerate();
        let asked = asked.filter_map(|(place, branch)| {
            let step = branch.step().or(branch.stopped())?;
            // Whoever finds out whether it happened has a key of his own.
            let step = Step {
                verify: None,
                ..step.clone()
            };
            Some((place, self.key_of(place, &step)))
        });
        asked.collect()
    }

    /// What was asked for under a key is asked for again under that one, wherever its task stands now.
    fn keep_keys(&mut self, asked: Vec<(usize, String)>) {
        for (known, (place, key)) in self.asked().into_iter().zip(asked) {
            match &mut self.state.branches[place].doing {
                Doing::Step(step) | Doing::Undo(step) | Doing::Stopped(step) if known.1 != key => {
                    step.key = Some(key);
                }
                _ => {}
            }
        }
    }

    /// Goes on under another version.
    pub(super) fn pass_over(&mut self, passage: Passage) {
        let Passage { to, counterparts } = passage;
        let asked = self.asked();
        let old = std::mem::replace(&mut self.program, to);
        let visits = std::mem::take(&mut self.state.root.visits);
        let mut counted = vec![0; self.program.nodes.len()];
        for (number, count) in (0..old.nodes.len() as u32).zip(visits) {
            if let Some(new) = counterparts.get(NodeId(number)) {
                // Two tasks may go on as one: no key of either is used again.
                counted[new.index()] = counted[new.index()].max(count);
            }
        }
        self.state.root.visits = counted;
        for branch in &mut self.state.branches {
            branch.pass_over(&self.program, &counterparts, &self.state.root.visits);
        }
        self.keep_keys(asked);
    }
}

/// Tasks whose undos a frame keeps or runs.
fn undos_of(frame: &Frame) -> impl Iterator<Item = NodeId> + '_ {
    let running = match &frame.kind {
        FrameKind::Undoing { unwinding, .. } => unwinding.undos.as_slice(),
        _ => &[],
    };
    frame.undos.iter().chain(running).map(|undo| undo.node)
}

impl Branch {
    fn pass_over(&mut self, to: &Program, counterparts: &Counterparts, visits: &[u32]) {
        let mapped = |node: &mut NodeId| {
            if let Some(new) = counterparts.get(*node) {
                *node = new;
            }
        };
        if let Doing::Moving(Move::Enter(node)) = &mut self.doing {
            mapped(node);
        }
        for frame in &mut self.frames {
            mapped(&mut frame.node);
            frame
                .undos
                .iter_mut()
                .for_each(|undo| mapped(&mut undo.node));
            match &mut frame.kind {
                FrameKind::Undoing { unwinding, .. } => {
                    let undos = unwinding.undos.iter_mut();
                    undos.for_each(|undo| mapped(&mut undo.node));
                }
                FrameKind::Try(tries) => {
                    let counted = std::mem::take(&mut tries.visits);
                    let count_of = |new: NodeId| {
                        let mut known = counted.iter();
                        let known = known.find(|(old, _)| counterparts.get(*old) == Some(new));
                        known.map_or(visits[new.index()], |(_, count)| *count)
                    };
                    let body = body_of(to, frame.node);
                    tries.visits = body.map(|new| (new, count_of(new))).collect();
                }
                _ => {}
            }
        }
    }
}

/// The body of a `try`, as a range of numbers.
fn body_of(program: &Program, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
    let end = match &program.node(id).kind {
        NodeKind::Try(tried) => tried.body_end.0,
        _ => id.0 + 1,
    };
    (id.0 + 1..end).map(NodeId)
}
