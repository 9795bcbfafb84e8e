//! What a job remembers: its root, and a tree of branches with their frames.
//!
//! A fork's branches stand right behind the branch that holds it, in declared order, so the list is the
//! tree in pre-order. The cursor says which of them the machine works on; it is no part of the state.

use chrono::{DateTime, Utc};

use super::event::Activity;
use super::held::Held;
use super::row::{ChildTemplate, Fate};
use super::transition::job::JobState;
use super::turn::{End, Outcome};
use crate::document::step::FunctionName;
use crate::program::{NodeId, NodeKind, Program};
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

/// A task that was entered and not left.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) node: NodeId,
    pub(crate) visit: u32,
    pub(crate) raw: Held,
    pub(crate) input: Held,
    pub(crate) started: DateTime<Utc>,
    pub(crate) due: Option<DateTime<Utc>>,
    /// Of a scope: what undoes the steps that completed inside, in the order of completion.
    pub(crate) undos: Vec<Undo>,
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
    /// Branches side by side.
    Fork {
        /// `$context` when they began.
        base: Held,
        /// Of a race: what the first that failed raised.
        fault: Option<Held>,
    },
    /// A listen.
    Listen(Box<Listening>),
    /// Undos before an error leaves the task.
    Undoing {
        unwinding: Unwinding,
        /// The error.
        fault: Held,
        /// Frames from here on do not catch it.
        limit: Option<u32>,
    },
}

/// A listen: what it waits for and what it has taken.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) activity: Activity,
    pub(crate) since: DateTime<Utc>,
    /// Values of correlations, by filter and key, or by key alone.
    pub(crate) keys: Held,
    pub(crate) taken: Vec<Taken>,
    /// It has all it wants.
    pub(crate) is_full: bool,
    /// Place of the event whose body runs, or would run next.
    pub(crate) index: u32,
    /// What the bodies gave.
    pub(crate) outputs: Held,
}

/// An event that a listen has taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) id: i64,
    pub(crate) arrived: DateTime<Utc>,
    /// The filter it fills; those of `until` come after the others.
    pub(crate) filter: u32,
    pub(crate) envelope: Held,
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
    /// Its branches run.
    Forked,
    /// The listen on top waits for mail.
    Listening,
    /// The undo at hand.
    Undo(Box<Step>),
    UndoBackoff {
        until: DateTime<Utc>,
    },
    /// A step that a person decides about; whoever lets the job go on opens it again.
    Stopped(Box<Step>),
    /// A branch that reached its end.
    Done,
    /// A branch that failed in a race.
    Lost,
    /// It ended.
    Nothing,
}

/// The next thing that a branch does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Enter(NodeId),
    /// The loop or listen on top of the frames looks at its next item.
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
    /// What places it, evaluated.
    pub(crate) placement: Option<Held>,
    /// Names what it does; nobody else does the same.
    pub(crate) effect: Option<Held>,
    /// The call that finds out whether it happened.
    pub(crate) verify: Option<OpenCall>,
}

/// What was asked for, with every expression evaluated.
#[derive(Clone, Debug)]
pub(crate) enum OpenCall {
    Http {
        request: Held,
    },
    Function {
        function: FunctionName,
        input: Held,
    },
    Chunks(Chunks),
    Child {
        template: ChildTemplate,
        input: Held,
        fate: Fate,
    },
    Group {
        function: FunctionName,
        input: Held,
    },
    Context {
        input: Held,
    },
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
            .position(|branch| matches!(branch.doing, Doing::Moving(_)))
    }

    /// The branch whose activity this is.
    pub(crate) fn at_activity(&self, activity: Activity) -> Option<usize> {
        self.branches.iter().position(|branch| {
            let step = branch.step().or(branch.stopped());
            step.is_some_and(|step| step.activity == activity)
        })
    }

    /// Retries of the innermost `try` around the branch's task.
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
            (FrameKind::Listen(listening), NodeKind::Listen(node)) => {
                let foreach = node.foreach.as_ref()?;
                if *foreach.at == *name {
                    return Some(Value::from(i64::from(listening.index)));
                }
                let taken = listening.given(node).nth(listening.index as usize)?;
                (*foreach.item == *name).then(|| taken.read(node.read))
            }
            (FrameKind::Catch { error }, NodeKind::Try(tried)) if *tried.bind == *name => {
                Some(error.value.clone())
            }
            _ => None,
        }
    }

    /// Every value that it holds.
    pub(crate) fn values(&self) -> Vec<&Held> {
        let mut all = vec![&self.raw, &self.input];
        all.extend(self.undos.iter().flat_map(|undo| undo.call.values()));
        match &self.kind {
            FrameKind::List | FrameKind::Try(_) => {}
            FrameKind::For { list, .. } => all.push(list),
            FrameKind::Catch { error } => all.push(error),
            FrameKind::Fork { base, fault } => {
                all.extend([Some(base), fault.as_ref()].into_iter().flatten())
            }
            FrameKind::Listen(listening) => {
                all.extend([&listening.keys, &listening.outputs]);
                all.extend(listening.taken.iter().map(|taken| &taken.envelope));
            }
            FrameKind::Undoing {
                unwinding, fault, ..
            } => {
                all.push(fault);
                all.extend(unwinding.values());
            }
        }
        all
    }
}

impl Unwinding {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        self.undos.iter().flat_map(|undo| undo.call.values())
    }
}

impl Step {
    fn values(&self) -> impl Iterator<Item = &Held> {
        let verify = self.verify.iter().flat_map(OpenCall::values);
        let more = self.placement.iter().chain(&self.effect);
        (self.call.values())
            .chain(verify)
            .chain(&self.layers)
            .chain(more)
    }
}

impl Branch {
    /// Every value that it holds; some more than once.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let step = self.step().or(self.stopped());
        [&self.data, &self.context]
            .into_iter()
            .chain(self.frames.iter().flat_map(Frame::values))
            .chain(step.into_iter().flat_map(Step::values))
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
                _ => None,
            })
    }
}

impl OpenCall {
    fn values(&self) -> impl Iterator<Item = &Held> {
        let value = match self {
            Self::Http { request } => request,
            Self::Chunks(chunks) => &chunks.answers,
            Self::Function { input, .. }
            | Self::Child { input, .. }
            | Self::Group { input, .. }
            | Self::Context { input } => input,
        };
        std::iter::once(value)
    }
}
