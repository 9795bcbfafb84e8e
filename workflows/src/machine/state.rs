//! What a job remembers: its root, and a tree of branches with their frames.
//!
//! A fork's branches stand right behind the branch that holds it, in declared order, so the list is the
//! tree in pre-order. The cursor says which of them the machine works on; it is no part of the state.

mod frame;
mod step;

use chrono::{DateTime, Utc};

pub(crate) use self::frame::{Frame, FrameKind, Listening, Taken, Tries};
pub(crate) use self::step::{Chunks, Doing, Move, OpenCall, Step};
use super::event::Activity;
use super::held::Held;
use super::transition::job::JobState;
use super::turn::{End, Outcome};
use crate::program::{NodeId, Program};
use crate::value::Value;

/// Everything that folds from a journal.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) root: Root,
    pub(crate) branches: Vec<Branch>,
    /// Place of the branch at hand.
    pub(crate) cursor: usize,
}

/// What belongs to the job as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) status: JobState,
    /// Never goes back.
    pub(crate) at: DateTime<Utc>,
    pub(crate) started: DateTime<Utc>,
    /// Tries of an unjournaled job before this one.
    pub(crate) attempt: u32,
    /// How often each node was entered, by number.
    pub(crate) visits: Vec<u32>,
    pub(crate) next_value: u32,
    pub(crate) next_activity: u32,
    pub(crate) next_branch: u32,
    /// Children that nobody awaits and that end with this job.
    pub(crate) loose: Vec<Activity>,
    /// Branches that wait for a person. The job does, once nothing else of it runs.
    pub(crate) parked: Vec<Parked>,
    pub(crate) closing: Option<Closing>,
    pub(crate) outcome: Option<Outcome>,
}

/// A branch that waits for a person, and why.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    pub(crate) branch: u32,
    pub(crate) end: End,
}

/// Why a job closes, while its running step is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    /// The problem that its outcome will tell.
    pub(crate) problem: Held,
    /// Cancelled by somebody; else the workflow's deadline passed.
    pub(crate) is_cancelled: bool,
    /// Then it ends without the result.
    pub(crate) until: DateTime<Utc>,
    /// What is undone, once nothing runs any more.
    pub(crate) undoing: Option<Unwinding>,
}

/// A call that undoes a step, rendered when the step completed.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    /// The step, and which visit of it.
    pub(crate) node: NodeId,
    pub(crate) visit: u32,
    pub(crate) call: OpenCall,
}

/// Undos under way: the last of the list is at hand.
#[derive(Clone, Debug)]
pub(crate) struct Unwinding {
    pub(crate) undos: Vec<Undo>,
    /// Tries of the one at hand that failed.
    pub(crate) attempt: u32,
}

/// One line of execution.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) id: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) data: Held,
    pub(crate) context: Held,
    pub(crate) doing: Doing,
}

impl State {
    pub(crate) fn new(program: &Program, input: Value, at: DateTime<Utc>) -> Self {
        let input = Held {
            number: Held::INPUT,
            value: input,
        };
        let context = Held {
            number: 1,
            value: Value::map(std::iter::empty::<(&str, Value)>()),
        };
        Self {
            root: Root {
                status: JobState::New,
                at,
                started: at,
                attempt: 0,
                visits: vec![0; program.nodes.len()],
                next_value: 2,
                next_activity: 1,
                next_branch: 1,
                loose: Vec::new(),
                parked: Vec::new(),
                closing: None,
                outcome: None,
            },
            branches: vec![Branch {
                id: 0,
                parent: None,
                frames: Vec::new(),
                data: input,
                context,
                doing: Doing::Nothing,
            }],
            cursor: 0,
        }
    }

    /// The branch at hand.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branches[self.cursor]
    }

    pub(crate) fn branch_mut(&mut self) -> &mut Branch {
        &mut self.branches[self.cursor]
    }

    /// Place of the branch that holds the fork of this one.
    pub(crate) fn parent_of(&self, place: usize) -> Option<usize> {
        let parent = self.branches[place].parent?;
        self.branches[..place]
            .iter()
            .rposition(|branch| branch.id == parent)
    }

    /// This branch and those that hold it, innermost first.
    pub(crate) fn upwards(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(place), |place| self.parent_of(*place))
    }

    /// Places of the branches below this one.
    pub(crate) fn below(&self, place: usize) -> std::ops::Range<usize> {
        let is_below = |inner: usize| self.upwards(inner).skip(1).any(|outer| outer == place);
        let end = (place + 1..self.branches.len())
            .find(|inner| !is_below(*inner))
            .unwrap_or(self.branches.len());
        place + 1..end
    }

    /// The first branch that can go on by itself.
    pub(crate) fn moving(&self) -> Option<usize> {
        self.branches
            .iter()
            .position(|branch| matches!(branch.doing, Doing::Moving(_) | Doing::Given { .. }))
    }

    /// The branch whose activity this is.
    pub(crate) fn at_activity(&self, activity: Activity) -> Option<usize> {
        self.branches.iter().position(|branch| {
            let step = branch.step().or(branch.stopped());
            step.is_some_and(|step| step.activity == activity)
        })
    }

    /// Retries of the branch's task: of the innermost `try` around it, or its own.
    pub(crate) fn attempt(&self, place: usize) -> u32 {
        self.upwards(place)
            .find_map(|place| self.branches[place].attempt())
            .unwrap_or(0)
    }

    /// Gives a value its number.
    pub(crate) fn hold(&mut self, value: Value) -> Held {
        let number = self.root.next_value;
        self.root.next_value += 1;
        Held { number, value }
    }
}

impl Unwinding {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        self.undos.iter().flat_map(|undo| undo.call.values())
    }
}

impl Branch {
    /// Every value that it holds; some more than once.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let (given, output) = match &self.doing {
            Doing::Given { step, output } => (step.as_deref(), Some(output)),
            _ => (None, None),
        };
        let step = self.step().or(self.stopped()).or(given);
        [&self.data, &self.context]
            .into_iter()
            .chain(self.frames.iter().flat_map(Frame::values))
            .chain(step.into_iter().flat_map(Step::values))
            .chain(output)
    }

    pub(crate) fn top(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// The open activity outside of the machine.
    pub(crate) fn step(&self) -> Option<&Step> {
        match &self.doing {
            Doing::Step(step) | Doing::Undo(step) => Some(step),
            _ => None,
        }
    }

    /// A step that a person decides about.
    pub(crate) fn stopped(&self) -> Option<&Step> {
        match &self.doing {
            Doing::Stopped(step) => Some(step),
            _ => None,
        }
    }

    pub(crate) fn step_mut(&mut self) -> Option<&mut Step> {
        match &mut self.doing {
            Doing::Step(step) | Doing::Undo(step) => Some(step),
            _ => None,
        }
    }

    fn attempt(&self) -> Option<u32> {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| match &frame.kind {
                FrameKind::Try(tries) => Some(tries.attempt),
                FrameKind::Again { retries } => Some(*retries),
                _ => None,
            })
    }
}
