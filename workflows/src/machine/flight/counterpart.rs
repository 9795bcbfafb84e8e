//! Which task of another version is which: by the names around it, wherever it stands in its list.

use std::collections::{BTreeMap, HashMap};

use crate::problem::Problem;
use crate::program::node::{Leaf, Node, Target, Way};
use crate::program::{NodeId, NodeKind, Program};

/// Tasks that go on as others, by their pointers in the old and the new version. Others go on as the task
/// with the same names around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Old pointer, new pointer.
    pub steps: BTreeMap<String, String>,
}

/// For each task of the old version its counterpart.
#[derive(Clone, Debug)]
pub(super) struct Counterparts(Vec<Option<NodeId>>);

impl Counterparts {
    /// Pairs the tasks of two versions.
    pub(super) fn of(
        old: &Program,
        new: &Program,
        mapping: &Mapping,
    ) -> Result<Self, Vec<Problem>> {
        let problems: Vec<Problem> = (mapping.steps.iter())
            .flat_map(|(from, to)| [(old, from, "old"), (new, to, "new")])
            .filter(|(program, pointer, _)| program.numbered(pointer).is_none())
            .map(|(_, pointer, word)| {
                let message = format!("the {word} version has no task at `{pointer}`");
                Problem::new("flight.no_step", pointer.as_str(), message)
            })
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let named: HashMap<String, NodeId> = (new.nodes.iter().zip(0..))
            .map(|(node, number)| (names(&node.pointer), NodeId(number)))
            .collect();
        let counterpart = |node: &Node| match mapping.steps.get(&*node.pointer) {
            Some(pointer) => new.numbered(pointer),
            None => named.get(&names(&node.pointer)).copied(),
        };
        Ok(Self(old.nodes.iter().map(counterpart).collect()))
    }

    pub(super) fn get(&self, old: NodeId) -> Option<NodeId> {
        self.0[old.index()]
    }

    /// Tasks of the old version that have none.
    pub(super) fn missing<'p>(&self, old: &'p Program) -> impl Iterator<Item = &'p Node> {
        let without: Vec<&Node> = (old.nodes.iter().zip(&self.0))
            .filter(|(_, new)| new.is_none())
            .map(|(node, _)| node)
            .collect();
        without.into_iter()
    }
}

/// A pointer without its places: `/do/0/a/try/1/b` is `do/a/try/b`. A place is the number before a name.
fn names(pointer: &str) -> String {
    let mut kept = Vec::new();
    let mut is_name = false;
    for part in pointer.split('/').skip(1) {
        let is_place = !is_name && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_place {
            kept.push(part);
        }
        is_name = is_place;
    }
    kept.join("/")
}

/// What keeps a job that stands in a task from going on in another one, if anything does.
pub(super) fn hindrance(old: (&Program, &Node), new: (&Program, &Node)) -> Option<String> {
    let ((old_program, old), (new_program, new)) = (old, new);
    if old.kind.word() != new.kind.word() {
        return Some(format!(
            "it is `{}` now, not `{}`",
            new.kind.word(),
            old.kind.word()
        ));
    }
    let is_other = match (&old.kind, &new.kind) {
        (NodeKind::Call(old), NodeKind::Call(new)) => is_other_way(old, new),
        (NodeKind::Chunks(old), NodeKind::Chunks(new)) => is_other_way(&old.target, &new.target),
        (NodeKind::Fork(one), NodeKind::Fork(other)) => {
            let names = |program: &Program, branches: &[NodeId]| -> Vec<String> {
                let pointers = branches.iter().map(|branch| &program.node(*branch).name);
                pointers.map(|name| name.to_string()).collect()
            };
            one.compete != other.compete
                || names(old_program, &one.branches) != names(new_program, &other.branches)
        }
        (NodeKind::Listen(_), NodeKind::Listen(_)) => {
            let wants = |program: &Program, node: &Node| {
                let task = program.document.pointer(&node.place).cloned();
                task.map(|task| (task.get("listen").cloned(), task.get("foreach").cloned()))
            };
            wants(old_program, old) != wants(new_program, new)
        }
        _ => false,
    };
    is_other.then(|| "what it waits for has changed".to_owned())
}

/// An answer finds its way back through as many functions, from the same side.
fn is_other_way(old: &Target, new: &Target) -> bool {
    let is_outside = |target: &Target| matches!(target.leaf, Leaf::Http(_) | Leaf::OpenApi(_));
    old.way() != new.way()
        || old.layers.len() != new.layers.len()
        || (old.way() != Way::Perform && is_outside(old) != is_outside(new))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_stay_and_places_go() {
        for (pointer, wanted) in [
            ("", ""),
            ("/do/0/a", "do/a"),
            ("/do/0/a/try/12/b", "do/a/try/b"),
            ("/do/3/7", "do/7"),
            ("/do/3/7/fork/branches/0/0", "do/7/fork/branches/0"),
            ("/do/1/a/catch/do/0/do", "do/a/catch/do/do"),
        ] {
            assert_eq!(names(pointer), wanted, "{pointer}");
        }
    }
}
