//! A task that was entered and not left, and what it remembers besides being a list.

use chrono::{DateTime, Utc};

use super::{Undo, Unwinding};
use crate::machine::event::Activity;
use crate::machine::held::Held;
use crate::program::{NodeId, NodeKind, Program};
use crate::value::Value;

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
    /// A step outside of every `try` that failed and is made again.
    Again {
        /// So often so far, the one to come included.
        retries: u32,
    },
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

impl Frame {
    /// Whether a step stands here that failed, and that no `try` makes again.
    pub(crate) fn is_made_again(&self) -> bool {
        matches!(self.kind, FrameKind::Again { .. })
    }

    /// Whether what stands in it failed, and is tried again.
    pub(crate) fn is_tried_again(&self) -> bool {
        match &self.kind {
            FrameKind::Try(tries) => tries.attempt > 0,
            kind => matches!(kind, FrameKind::Again { .. }),
        }
    }

    /// How often its step was made again.
    pub(crate) fn retries(&self) -> u32 {
        match self.kind {
            FrameKind::Again { retries } => retries,
            _ => 0,
        }
    }

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
            FrameKind::List | FrameKind::Try(_) | FrameKind::Again { .. } => {}
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
