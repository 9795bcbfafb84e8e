//! What a test sees of a run: its tasks as they are entered, left, and failed.
//!
//! No part of the state: nobody pays for it who does not watch, and a folded job begins without it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Execution;
use crate::document::settings::Lifecycle;
use crate::program::NodeId;
use crate::value::Value;

/// So much of a run is watched; a longer one is no test any more.
const PASSED_MAX: usize = 100_000;

/// A task that was entered or left.
#[derive(Clone, Debug)]
pub struct Passed {
    /// JSON pointer of the task.
    pub path: Arc<str>,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened to it.
    pub passage: Passage,
}

/// What happens to a task.
#[derive(Clone, Debug)]
pub enum Passage {
    /// Its body begins.
    Entered,
    /// It ended well, with this output.
    Left(Value),
    /// It ended with this error.
    Failed(Value),
}

impl Execution {
    /// From here on the tasks that this job passes are noted.
    pub fn watch(&mut self) {
        self.passed.get_or_insert_default();
    }

    /// What was passed since the last look.
    pub fn passed(&mut self) -> Vec<Passed> {
        self.passed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn pass(&mut self, node: NodeId, passage: impl FnOnce(&Self) -> Passage) {
        let is_watched = node != NodeId::WORKFLOW && self.passed.is_some();
        if !is_watched && self.program.lifecycle == Lifecycle::None {
            return;
        }
        let passage = passage(self);
        self.tell_passage(node, &passage);
        let has_room = |passed: &&mut Vec<Passed>| is_watched && passed.len() < PASSED_MAX;
        if let Some(watched) = self.passed.as_mut().filter(has_room) {
            watched.push(Passed {
                path: self.program.node(node).pointer.clone(),
                at: self.state.root.at,
                passage,
            });
        }
    }
}
