//! The state for people: where a job stands, task by task.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Execution;
use super::state::{Doing, FrameKind};

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// `New`, `Running`, `Closing`, `Ended`.
    pub status: &'static str,
    /// What it does: `walks`, `step`, `backoff`, `sleep`, `forked`, `listens`, `undoes`, `stopped`, `nothing`.
    pub doing: &'static str,
    /// When its next timer falls due.
    pub due: Option<DateTime<Utc>>,
    /// The tasks that it stands in, outermost first; branches follow the fork that holds them.
    pub steps: Vec<StepView>,
}

/// One task that a job stands in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepView {
    /// JSON pointer; empty for the workflow itself.
    pub path: String,
    /// `do`, `call`, `for` …
    pub kind: &'static str,
    /// How often this path was entered.
    pub visit: u32,
    /// Retries so far, of a `try` or of a step that is made again without one.
    pub attempt: Option<u32>,
    /// Index of the item, of a loop.
    pub index: Option<u32>,
    /// When it was entered.
    pub started_at: DateTime<Utc>,
    /// Its deadline.
    pub due: Option<DateTime<Utc>>,
}

impl Execution {
    /// Where the job stands.
    pub fn view(&self) -> View {
        let doing = match self.state.branches[0].doing {
            Doing::Moving(_) | Doing::Given { .. } => "walks",
            Doing::Step(_) => "step",
            Doing::Backoff { .. } => "backoff",
            Doing::Sleep { .. } => "sleep",
            Doing::Forked => "forked",
            Doing::Listening => "listens",
            Doing::Undo(_) | Doing::UndoBackoff { .. } => "undoes",
            Doing::Stopped(_) => "stopped",
            Doing::Done => "done",
            Doing::Lost => "lost",
            Doing::Nothing => "nothing",
        };
        let frames = self.state.branches.iter().flat_map(|branch| &branch.frames);
        let steps = frames.map(|frame| {
            let node = self.program.node(frame.node);
            StepView {
                path: node.pointer.to_string(),
                kind: node.kind.word(),
                visit: frame.visit,
                attempt: match &frame.kind {
                    FrameKind::Try(tries) => Some(tries.attempt),
                    FrameKind::Again { retries } => Some(*retries),
                    _ => None,
                },
                index: match frame.kind {
                    FrameKind::For { index, .. } => Some(index),
                    _ => None,
                },
                started_at: frame.started,
                due: frame.due,
            }
        });
        View {
            status: self.state.root.status.word(),
            doing,
            due: self.next_due(),
            steps: steps.collect(),
        }
    }
}
