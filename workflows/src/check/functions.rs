//! Functions that are more than a call (ruling 33): what they may not do to whoever calls them, and where only a call
//! can stand.
//!
//! A function sees what it is given and gives its output. What its tasks say of where the caller goes, or of the
//! caller's `$context`, reaches out of it.

use super::names::TASKS_MAX;
use super::{Checker, flow, walk};
use crate::catalogue::CHUNKS;
use crate::document::step::{Directive, Kind, Task};
use crate::document::tree::{Node, Tree, join};
use crate::program;

/// What is said of one call, which a function with tasks of its own is not.
const OF_A_CALL: [&str; 3] = ["effect", "onExhausted", "onParentClose"];

/// What a function says is read anew for each call: so many values of it are as good as a task.
const VALUES_OF_A_TASK: usize = 30;

impl Checker<'_> {
    pub(super) fn check_functions(&mut self) {
        let template = self.template;
        for (_, function) in &template.functions {
            for task in walk::with_inner(function) {
                self.check_inside(task, task.pointer != function.pointer);
            }
        }
        for task in walk::tasks(template) {
            self.check_called_by(task);
        }
        self.check_size();
    }

    /// Nothing in a function leads out of it; of its own task the reader has said so.
    fn check_inside(&mut self, task: &Task, is_inner: bool) {
        let directives = flow::directives(task).into_iter();
        let own = join(&task.pointer, "then");
        for (directive, pointer) in directives.filter(|(_, at)| is_inner || *at != own) {
            if *directive == Directive::End {
                let message = "`end` inside a function would end whoever calls it".to_owned();
                let hint = "write `exit`, which leaves the list".to_owned();
                self.report("function.then", &pointer, message, Some(hint));
            }
        }
        let foreach = match &task.kind {
            Kind::Listen(listen) => listen.foreach.as_ref(),
            _ => None,
        };
        let of_events = foreach.filter(|foreach| foreach.export.shape.is_some());
        let of_task = Some(task).filter(|task| is_inner && task.export.shape.is_some());
        let places = [
            of_task.map(|_| "export"),
            of_events.map(|_| "foreach/export"),
        ];
        for place in places.into_iter().flatten() {
            let pointer = format!("{}/{place}", task.pointer);
            let message = "`export` inside a function would change its caller's context".to_owned();
            let hint = "give it out by `output`, and export it where the function is called";
            self.report_key("function.export", &pointer, message, Some(hint.to_owned()));
        }
    }

    /// Where a function is called that is more than a call.
    fn check_called_by(&mut self, task: &Task) {
        let functions = &self.template.functions;
        if program::calls_tasks(functions, &task.kind) {
            for key in OF_A_CALL {
                let pointer = format!("{}/metadata/windlass/{key}", task.pointer);
                if self.tree.pointer(&pointer).is_some() {
                    let message = format!("`{key}` says nothing about a function of several tasks");
                    let hint = "write it at the calls inside of the function".to_owned();
                    self.report_key("metadata.misplaced", &pointer, message, Some(hint));
                }
            }
        }
        let of_tasks = self.inner_functions(task).into_iter();
        let of_tasks = of_tasks.filter(|(_, function)| program::has_tasks(functions, *function));
        let places = of_tasks.map(|(place, _)| place).chain(chunks_inside(task));
        for place in places.collect::<Vec<_>>() {
            let pointer = format!("{}/{place}", task.pointer);
            let message = "only a function that is one call can stand here".to_owned();
            let hint = "name one whose task is a `call` and has no `if`".to_owned();
            self.report("function.not_a_call", &pointer, message, Some(hint));
        }
    }

    /// Each call of such a function has tasks of its own: so many calls in each other must not make a program too large.
    fn check_size(&mut self) {
        let functions = &self.template.functions;
        let mut sizes = vec![None; functions.len()];
        let mut total: usize = 0;
        for task in self.template.body.iter().flat_map(walk::with_inner) {
            total = total.saturating_add(self.size(task, &mut sizes, 0));
        }
        for (index, (_, function)) in functions.iter().enumerate() {
            let size = self.whole(index, &mut sizes, 0);
            if size > TASKS_MAX {
                let message = format!(
                    "calling this makes more than {TASKS_MAX} tasks, {VALUES_OF_A_TASK} values being as good as one"
                );
                let hint = "call fewer functions in each other".to_owned();
                let code = "document.too_many_tasks";
                return self.report_key(code, &function.pointer, message, Some(hint));
            }
        }
        if total > TASKS_MAX {
            let message = format!(
                "with the tasks of the functions that it calls, {VALUES_OF_A_TASK} values of them being as good as one, the document has more than {TASKS_MAX}"
            );
            let hint = "call functions in a loop, or by `map`".to_owned();
            self.report("document.too_many_tasks", "/do", message, Some(hint));
        }
    }

    /// One task, with those of the function that it calls; a function that is one call is a layer of this task.
    fn size(&self, task: &Task, sizes: &mut Vec<Option<usize>>, depth: usize) -> usize {
        let Kind::Local { function, .. } = &task.kind else {
            return 1;
        };
        let own = program::calls_tasks(&self.template.functions, &task.kind);
        let called = self.whole(*function, sizes, depth);
        called.saturating_add(usize::from(own)).max(1)
    }

    /// All tasks of a function, and what it says beside them: each call reads that anew. What calls itself is refused
    /// elsewhere.
    fn whole(&self, function: usize, sizes: &mut Vec<Option<usize>>, depth: usize) -> usize {
        if let Some(known) = sizes.get(function).copied().flatten() {
            return known;
        }
        let Some((_, task)) = self.template.functions.get(function) else {
            return 0;
        };
        if depth > program::LAYERS_MAX {
            return 0;
        }
        // Whoever comes back here meanwhile calls itself.
        sizes[function] = Some(0);
        let tasks = walk::with_inner(task).into_iter();
        let said = self.tree.pointer(&task.pointer).map_or(0, values) / VALUES_OF_A_TASK;
        let size = tasks.fold(said, |size, task| {
            size.saturating_add(self.size(task, sizes, depth + 1))
        });
        sizes[function] = Some(size);
        size
    }
}

/// Where a task would have the chunks of its job worked on to undo it, or to find out about it.
fn chunks_inside(task: &Task) -> impl Iterator<Item = &'static str> {
    let verify = task.settings.effect.as_ref();
    let inner = [
        (
            "metadata/windlass/effect/verify",
            verify.and_then(|effect| effect.verify.as_deref()),
        ),
        ("metadata/windlass/undo/call", task.settings.undo.as_deref()),
    ];
    let is_chunks =
        |kind: &&Kind| matches!(kind, Kind::Function { function, .. } if function.name == CHUNKS);
    let places = inner.map(|(place, kind)| kind.filter(is_chunks).map(|_| place));
    places.into_iter().flatten()
}

/// Values of a tree, itself among them. As deep as the document, whose depth is bounded.
fn values(tree: &Tree) -> usize {
    1 + match &tree.node {
        Node::Scalar(_) => 0,
        Node::List(items) => items.iter().map(values).sum(),
        Node::Map(entries) => entries.iter().map(|entry| values(&entry.value)).sum(),
    }
}
