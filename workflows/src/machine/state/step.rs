//! What a branch is at: on its way, or waiting for an activity outside of the machine.

use chrono::{DateTime, Utc};

use crate::document::step::FunctionName;
use crate::machine::event::Activity;
use crate::machine::held::Held;
use crate::machine::row::{ChildTemplate, Fate};
use crate::program::NodeId;

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
    /// A person said what the stopped step gave, or, without one, what the `try` on top did.
    Given {
        step: Option<Box<Step>>,
        output: Held,
    },
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
    /// Retries of the innermost `try` around it, or its own.
    pub(crate) attempt: u32,
    pub(crate) is_stopping: bool,
    pub(crate) call: OpenCall,
    /// Inputs of the functions around it, for their `output.as`.
    pub(crate) layers: Vec<Held>,
    /// A job of its own performs it.
    pub(crate) is_placed: bool,
    /// What places it, evaluated.
    pub(crate) placement: Option<Held>,
    /// Names what it does; nobody else does the same.
    pub(crate) effect: Option<Held>,
    /// Its key, where the pointer of its task has changed since it was asked for.
    pub(crate) key: Option<String>,
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
    Approval {
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

impl Step {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let verify = self.verify.iter().flat_map(OpenCall::values);
        let more = self.placement.iter().chain(&self.effect);
        (self.call.values())
            .chain(verify)
            .chain(&self.layers)
            .chain(more)
    }
}

impl OpenCall {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        let value = match self {
            Self::Http { request } => request,
            Self::Chunks(chunks) => &chunks.answers,
            Self::Function { input, .. }
            | Self::Child { input, .. }
            | Self::Group { input, .. }
            | Self::Context { input }
            | Self::Approval { input } => input,
        };
        std::iter::once(value)
    }
}
