//! Every task and every list of a template, functions included, in document order.
//!
//! Recursion is as deep as the document, whose depth is bounded.

use crate::document::step::{Kind, Task, Template};

/// Every list; a function stands for a list of one.
pub(super) fn lists(template: &Template) -> Vec<&[Task]> {
    let mut found = Vec::new();
    for (_, function) in &template.functions {
        found.push(std::slice::from_ref(function));
        inside(function, &mut found);
    }
    list(&template.body, &mut found);
    found
}

/// Every task.
pub(crate) fn tasks(template: &Template) -> Vec<&Task> {
    lists(template).into_iter().flatten().collect()
}

/// A task and every task inside it.
pub(super) fn with_inner(task: &Task) -> Vec<&Task> {
    let mut found = vec![std::slice::from_ref(task)];
    inside(task, &mut found);
    found.into_iter().flatten().collect()
}

fn list<'a>(tasks: &'a [Task], found: &mut Vec<&'a [Task]>) {
    found.push(tasks);
    tasks.iter().for_each(|task| inside(task, found));
}

fn inside<'a>(task: &'a Task, found: &mut Vec<&'a [Task]>) {
    inner_lists(task)
        .into_iter()
        .for_each(|tasks| list(tasks, found));
}

/// The lists right inside a task. Each branch is a list of its own: nothing leads from one into another.
pub(super) fn inner_lists(task: &Task) -> Vec<&[Task]> {
    match &task.kind {
        Kind::Do(tasks) => vec![tasks],
        Kind::For(repeat) => vec![&repeat.body],
        Kind::Try(attempt) => std::iter::once(attempt.body.as_slice())
            .chain(attempt.handler.as_deref())
            .collect(),
        Kind::Fork(fork) => fork.branches.iter().map(std::slice::from_ref).collect(),
        Kind::Listen(listen) => {
            let foreach = listen.foreach.iter();
            foreach.map(|foreach| foreach.body.as_slice()).collect()
        }
        _ => Vec::new(),
    }
}
