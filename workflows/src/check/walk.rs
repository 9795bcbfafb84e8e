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
pub(super) fn tasks(template: &Template) -> Vec<&Task> {
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
    match &task.kind {
        Kind::Do(tasks) => list(tasks, found),
        Kind::For(repeat) => list(&repeat.body, found),
        Kind::Try(attempt) => {
            list(&attempt.body, found);
            attempt.handler.iter().for_each(|tasks| list(tasks, found));
        }
        // Each branch is a list of its own: nothing leads from one into another.
        Kind::Fork(fork) => fork
            .branches
            .iter()
            .for_each(|branch| list(std::slice::from_ref(branch), found)),
        Kind::Listen(listen) => listen
            .foreach
            .iter()
            .for_each(|foreach| list(&foreach.body, found)),
        _ => {}
    }
}
