//! Branches side by side: how they begin, join, race and fall (rulings 16 to 18).
//!
//! They are advanced in declared order. A race ends with the first branch that is done: those after it
//! that never moved never do. A fork that ends takes with it all that runs below it.

use super::Execution;
use super::fault::Fault;
use super::held::is_same;
use super::limits::BRANCHES_MAX;
use super::state::{Branch, Doing, FrameKind, Move};
use super::unwind::{fault_of, fault_value};
use crate::program::NodeKind;
use crate::program::node::ForkNode;
use crate::value::{Map, Value};

impl Execution {
    /// Opens a branch for each task of the fork on top.
    pub(super) fn begin_fork(&mut self, fork: &ForkNode) -> Result<(), Fault> {
        if self.state.branches.len() + fork.branches.len() > BRANCHES_MAX {
            let title = format!("more than {BRANCHES_MAX} branches stand beside each other");
            return Err(Fault::standard("runtime", 500, title));
        }
        let here = self.state.branch();
        let (parent, base) = (here.id, here.context.clone());
        let data = here.data.clone();
        self.top_mut().kind = FrameKind::Fork {
            base: base.clone(),
            fault: None,
        };
        self.stand(Doing::Forked);
        let first = self.state.root.next_branch;
        self.state.root.next_branch += fork.branches.len() as u32;
        let branches = fork.branches.iter().zip(first..).map(|(node, id)| Branch {
            id,
            parent: Some(parent),
            frames: Vec::new(),
            data: data.clone(),
            context: base.clone(),
            doing: Doing::Moving(Move::Enter(*node)),
        });
        let place = self.state.cursor + 1;
        let branches: Vec<Branch> = branches.collect();
        self.state.branches.splice(place..place, branches);
        Ok(())
    }

    /// The branch at hand reached its end.
    pub(super) fn branch_done(&mut self) -> Result<(), Fault> {
        self.stand(Doing::Done);
        let done = self.state.cursor;
        let Some(parent) = self.state.parent_of(done) else {
            return Ok(());
        };
        if self.competes(parent) {
            let winner = self.state.branches[done].clone();
            return self.join(parent, winner.data.value.clone(), &[winner]);
        }
        let branches = self.of_fork(parent);
        let is_done = |branch: &Branch| matches!(branch.doing, Doing::Done);
        if !branches.iter().all(is_done) {
            return Ok(());
        }
        let outputs: Vec<Value> = branches
            .iter()
            .map(|branch| branch.data.value.clone())
            .collect();
        self.join(parent, Value::list(outputs), &branches)
    }

    /// An error leaves the branch at hand; gives the error that leaves the fork, if one does. Then the
    /// branch that holds the fork is at hand.
    pub(super) fn branch_failed(&mut self, fault: Fault) -> Option<Fault> {
        let failed = self.state.cursor;
        let parent = self.state.parent_of(failed)?;
        if !self.competes(parent) {
            self.drop_below(parent);
            self.state.cursor = parent;
            return Some(fault);
        }
        self.stand(Doing::Lost);
        let error = self.state.hold(fault_value(&fault));
        self.state.cursor = parent;
        if let FrameKind::Fork { fault, .. } = &mut self.top_mut().kind {
            fault.get_or_insert(error);
        }
        let is_lost = |branch: &Branch| matches!(branch.doing, Doing::Lost);
        if !self.of_fork(parent).iter().all(is_lost) {
            self.state.cursor = failed;
            return None;
        }
        // All failed: the first to do so speaks for them.
        let first = match &self.top().kind {
            FrameKind::Fork {
                fault: Some(first), ..
            } => fault_of(&first.value),
            _ => fault,
        };
        self.drop_below(parent);
        Some(first)
    }

    fn competes(&self, parent: usize) -> bool {
        let node = self.state.branches[parent].top().map(|frame| frame.node);
        let kind = node.map(|node| &self.program.node(node).kind);
        matches!(kind, Some(NodeKind::Fork(ForkNode { compete: true, .. })))
    }

    fn of_fork(&self, parent: usize) -> Vec<Branch> {
        let id = self.state.branches[parent].id;
        let below = self.state.below(parent);
        let branches = self.state.branches[below].iter();
        branches
            .filter(|branch| branch.parent == Some(id))
            .cloned()
            .collect()
    }

    /// Goes on behind the fork with its output, and what those branches exported.
    fn join(&mut self, parent: usize, output: Value, branches: &[Branch]) -> Result<(), Fault> {
        self.drop_below(parent);
        self.state.cursor = parent;
        let base = match &self.top().kind {
            FrameKind::Fork { base, .. } => base.clone(),
            _ => self.state.branch().context.clone(),
        };
        let mut context = base.value.clone();
        for branch in branches {
            context = changed(&context, &base.value, &branch.context.value);
        }
        if !is_same(&context, &base.value) {
            let context = self.state.hold(context);
            self.state.branch_mut().context = context;
        }
        self.stand(Doing::Nothing);
        self.give(output);
        self.leave(None)
    }

    /// Ends all that runs below a branch, and the branches there.
    pub(super) fn drop_below(&mut self, parent: usize) {
        let here = self.state.cursor;
        let below = self.state.below(parent);
        for place in below.clone().rev() {
            self.state.cursor = place;
            self.unpark(self.state.branch().id);
            self.stop_standing();
            self.tell_dropped();
            while !self.state.branch().frames.is_empty() {
                self.pop_frame();
            }
        }
        self.state.branches.drain(below);
        self.state.cursor = here.min(self.state.branches.len() - 1);
    }
}

/// A context with the top-level keys that a branch changed.
fn changed(context: &Value, base: &Value, branch: &Value) -> Value {
    let differs = |key: &str, value: &Value| base.get(key).is_none_or(|old| !is_same(old, value));
    let entries = branch.as_map().map(Map::iter).into_iter().flatten();
    let set = entries.filter(|(key, value)| differs(key, value));
    let merged = context.merged(&Value::map(
        set.map(|(key, value)| (key.clone(), value.clone())),
    ));
    let is_gone = |key: &str| base.get(key).is_some() && branch.get(key).is_none();
    if !merged
        .as_map()
        .is_some_and(|map| map.keys().any(|key| is_gone(key)))
    {
        return merged;
    }
    let kept = merged.as_map().map(Map::iter).into_iter().flatten();
    Value::map(
        kept.filter(|(key, _)| !is_gone(key))
            .map(|(key, value)| (key.clone(), value.clone())),
    )
}
