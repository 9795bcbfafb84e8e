//! What a job remembers: its root, and a tree of branches with their frames.
//!
//! One branch exists in this release; the tree is the stored form, so that forks need no other.

use chrono::{DateTime, Utc};

use super::event::Activity;
use super::held::Held;
use super::transition::job::JobState;
use super::turn::Outcome;
use crate::document::step::FunctionName;
use crate::program::{NodeId, NodeKind, Program};
use crate::value::Value;

/// Everything that folds from a journal.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) root: Root,
    pub(crate) branches: Vec<Branch>,
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
    pub(crate) closing: Option<Closing>,
    pub(crate) outcome: Option<Outcome>,
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

/// A task that was entered and not left.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) node: NodeId,
    pub(crate) visit: u32,
    pub(crate) raw: Held,
    pub(crate) input: Held,
    pub(crate) started: DateTime<Utc>,
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) kind: FrameKind,
}

/// What a frame adds to being a list.
#[derive(Clone, Debug)]
pub(crate) enum FrameKind {
    /// A list, or the step itself.
    List,
    /// A loop, standing at an item.
    For { list: Held, index: u32 },
    /// A tried list.
    Try(Tries),
    /// The handler of a caught error.
    Catch { error: Held },
}

/// The tries of one `try`.
#[derive(Clone, Debug)]
pub(crate) struct Tries {
    pub(crate) first: DateTime<Utc>,
    /// Retries so far.
    pub(crate) attempt: u32,
    /// Deadline of this try alone.
    pub(crate) due: Option<DateTime<Utc>>,
    /// Visits inside the body when the first try began: a retry keeps its keys.
    pub(crate) visits: Vec<(NodeId, u32)>,
}

/// What a branch is at.
#[derive(Clone, Debug)]
pub(crate) enum Doing {
    /// The slice was spent before this move.
    Moving(Move),
    Step(Box<Step>),
    Backoff {
        until: DateTime<Utc>,
    },
    Sleep {
        until: DateTime<Utc>,
    },
    /// It ended.
    Nothing,
}

/// The next thing that a branch does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Enter(NodeId),
    /// The loop on top of the frames looks at its next item.
    Iterate,
}

/// An activity outside of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) activity: Activity,
    /// Retries of the innermost `try` around it.
    pub(crate) attempt: u32,
    pub(crate) is_stopping: bool,
    pub(crate) call: OpenCall,
    /// Inputs of the functions around it, for their `output.as`.
    pub(crate) layers: Vec<Held>,
}

/// What was asked for, with every expression evaluated.
#[derive(Clone, Debug)]
pub(crate) enum OpenCall {
    Http { request: Held },
    Function { function: FunctionName, input: Held },
    Chunks(Chunks),
}

/// A `chunks` activity.
#[derive(Clone, Debug)]
pub(crate) struct Chunks {
    pub(crate) of: u32,
    pub(crate) parallel: u32,
    /// The chunk to open next.
    pub(crate) next: u32,
    pub(crate) open: Vec<u32>,
    /// `{index, ok, output | error}` in the order of arrival: the journal appends.
    pub(crate) answers: Held,
    pub(crate) failed: u32,
    pub(crate) failed_max: u32,
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
        }
    }

    /// The one branch of this release.
    pub(crate) fn branch(&self) -> &Branch {
        &self.branches[0]
    }

    pub(crate) fn branch_mut(&mut self) -> &mut Branch {
        &mut self.branches[0]
    }

    /// Gives a value its number.
    pub(crate) fn hold(&mut self, value: Value) -> Held {
        let number = self.root.next_value;
        self.root.next_value += 1;
        Held { number, value }
    }
}

impl Frame {
    /// The value that this frame binds to a name.
    pub(crate) fn bound(&self, program: &Program, name: &str) -> Option<Value> {
        match (&self.kind, &program.node(self.node).kind) {
            (FrameKind::For { list, index }, NodeKind::For(each)) if *each.each == *name => Some(
                list.value
                    .at(*index as usize)
                    .cloned()
                    .unwrap_or(Value::Null),
            ),
            (FrameKind::For { index, .. }, NodeKind::For(each)) if *each.at == *name => {
                Some(Value::from(i64::from(*index)))
            }
            (FrameKind::Catch { error }, NodeKind::Try(tried)) if *tried.bind == *name => {
                Some(error.value.clone())
            }
            _ => None,
        }
    }

    /// Every value that it holds.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let more = match &self.kind {
            FrameKind::For { list, .. } => Some(list),
            FrameKind::Catch { error } => Some(error),
            FrameKind::List | FrameKind::Try(_) => None,
        };
        [&self.raw, &self.input].into_iter().chain(more)
    }
}

impl Branch {
    /// Every value that it holds; some more than once.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let step = match &self.doing {
            Doing::Step(step) => Some(step),
            _ => None,
        };
        let step = step
            .into_iter()
            .flat_map(|step| std::iter::once(step.call.value()).chain(&step.layers));
        [&self.data, &self.context]
            .into_iter()
            .chain(self.frames.iter().flat_map(Frame::values))
            .chain(step)
    }

    pub(crate) fn top(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// The open activity outside of the machine.
    pub(crate) fn step(&self) -> Option<&Step> {
        match &self.doing {
            Doing::Step(step) => Some(step),
            _ => None,
        }
    }

    pub(crate) fn step_mut(&mut self) -> Option<&mut Step> {
        match &mut self.doing {
            Doing::Step(step) => Some(step),
            _ => None,
        }
    }

    /// Retries of the innermost `try`.
    pub(crate) fn attempt(&self) -> u32 {
        let tries = self
            .frames
            .iter()
            .rev()
            .find_map(|frame| match &frame.kind {
                FrameKind::Try(tries) => Some(tries.attempt),
                _ => None,
            });
        tries.unwrap_or(0)
    }
}

impl OpenCall {
    pub(crate) const fn value(&self) -> &Held {
        match self {
            Self::Http { request } => request,
            Self::Function { input, .. } => input,
            Self::Chunks(chunks) => &chunks.answers,
        }
    }
}
