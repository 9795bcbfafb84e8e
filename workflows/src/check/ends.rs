//! What the calls of functions come to. Each function is followed once, so that a long chain of them costs its
//! length and not its square, also where it turns out to be a circle.

use super::Checker;
use super::abilities::PLACES;
use crate::document::step::{Kind, Task, Template};
use crate::document::tree::{Tree, join};
use crate::program;

/// What a function comes to.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    /// The call at the end of the chain; of a circle, one of its calls.
    leaf: &'a Kind,
    /// Whether it, or one that it calls, has an effect.
    pub has_effect: bool,
    /// Whether all of the chain could be read, and has an end.
    is_known: bool,
    /// The first thing that it, or one that it calls, says of where it runs.
    pub place: Option<&'static str>,
}

/// Of every function, in the order of `use.functions`.
pub(super) fn ends<'a>(template: &'a Template, tree: &Tree) -> Vec<Option<End<'a>>> {
    let functions = &template.functions;
    let mut ends = vec![None; functions.len()];
    let mut seen = vec![false; functions.len()];
    for start in 0..functions.len() {
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next.filter(|index| !seen[*index]) {
            seen[index] = true;
            chain.push(index);
            next = callee(template, index);
        }
        // Round a circle a second time each one knows of all others.
        let circle = next.and_then(|index| chain.iter().position(|known| *known == index));
        if let Some(from) = circle {
            chain.extend_from_within(from..);
        }
        for index in chain.into_iter().rev() {
            let rest = callee(template, index).and_then(|callee| ends[callee]);
            ends[index] = Some(joined(&functions[index].1, rest, tree));
        }
    }
    ends
}

fn callee(template: &Template, index: usize) -> Option<usize> {
    match &template.functions[index].1.kind {
        Kind::Local { function, .. } => {
            Some(*function).filter(|function| *function < template.functions.len())
        }
        _ => None,
    }
}

fn joined<'a>(task: &'a Task, rest: Option<End<'a>>, tree: &Tree) -> End<'a> {
    let said = task.settings.placement.iter();
    let mut said = said.filter_map(|(key, _)| PLACES.into_iter().find(|place| place == key));
    // What is needed or preferred and written out is the job's own.
    let own = said.find(|key| !["needs", "prefers"].contains(key));
    End {
        leaf: rest.map_or(&task.kind, |rest| rest.leaf),
        has_effect: task.settings.effect.is_some() || rest.is_some_and(|rest| rest.has_effect),
        is_known: match task.kind {
            Kind::Local { .. } => rest.is_some_and(|rest| rest.is_known),
            _ => is_read(task, tree),
        },
        place: own.or(rest.and_then(|rest| rest.place)),
    }
}

/// Whether what a task does could be read: one that could not is left as an empty list.
fn is_read(task: &Task, tree: &Tree) -> bool {
    let is_empty = matches!(&task.kind, Kind::Do(tasks) if tasks.is_empty());
    !is_empty || tree.pointer(&join(&task.pointer, "do")).is_some()
}

impl<'a> Checker<'a> {
    /// Whether it is known what a task comes to.
    pub(super) fn is_known(&self, task: &Task) -> bool {
        match &task.kind {
            Kind::Local { .. } => self.end(&task.kind).is_some_and(|end| end.is_known),
            _ => is_read(task, self.tree),
        }
    }

    /// What a kind comes to, if it calls a function of the document.
    pub(super) fn end(&self, kind: &Kind) -> Option<End<'a>> {
        match kind {
            Kind::Local { function, .. } => self.ends.get(*function).copied().flatten(),
            _ => None,
        }
    }

    /// The call that a kind comes to through functions; what calls a function that is more than a call is itself.
    pub(super) fn leaf(&self, kind: &'a Kind) -> &'a Kind {
        let end = self.end(kind);
        let end = end.filter(|_| !program::calls_tasks(&self.template.functions, kind));
        end.map_or(kind, |end| end.leaf)
    }
}
