//! Functions that have no job of their own, and what these may not say of where it runs: nobody but a step, or the item
//! of a `map`, has one.

use super::references::called;
use super::{Checker, walk};
use crate::catalogue::{CHUNKS, MAP};
use crate::document::step::{Kind, Task};
use crate::program;

impl Checker<'_> {
    /// Functions that undo, find out, or work on a chunk run where their job does; so do tasks inside of what a `map`
    /// calls for its items.
    pub(super) fn check_inner_places(&mut self, task: &Task) {
        for (place, function) in self.inner_functions(task) {
            let end = self.ends.get(function).and_then(Option::as_ref);
            if let Some(key) = end.and_then(|end| end.place) {
                self.refuse_place(task, place, key);
            }
        }
        let functions = &self.template.functions;
        let mapped = self.function_of(task, MAP);
        if let Some(index) = mapped.filter(|index| program::has_tasks(functions, *index))
            && let Some(key) = self.place_inside(index, &mut vec![false; functions.len()])
        {
            self.refuse_place(task, "with/call", &key);
        }
    }

    /// Functions that a task names for more than its own call, each with its place.
    pub(super) fn inner_functions(&self, task: &Task) -> Vec<(&'static str, usize)> {
        let verify = task.settings.effect.as_ref();
        let verify = verify.and_then(|effect| effect.verify.as_deref());
        let local = |kind: Option<&Kind>| match kind {
            Some(Kind::Local { function, .. }) => Some(*function),
            _ => None,
        };
        let undo = local(task.settings.undo.as_deref());
        let inner = [
            ("metadata/windlass/effect/verify", local(verify)),
            ("metadata/windlass/undo/call", undo),
            ("with/call", self.function_of(task, CHUNKS)),
        ];
        let named = inner.into_iter();
        named
            .filter_map(|(place, function)| Some((place, function?)))
            .collect()
    }

    /// The function of the document that such a call names.
    fn function_of(&self, task: &Task, call: &str) -> Option<usize> {
        match &task.kind {
            Kind::Function { function, with } if function.name == call => {
                self.functions.get(called(with)?.as_str()).copied()
            }
            _ => None,
        }
    }

    /// What a task inside of a function says of where it runs.
    fn place_inside(&self, function: usize, seen: &mut Vec<bool>) -> Option<String> {
        let (_, outer) = self.template.functions.get(function)?;
        if std::mem::replace(&mut seen[function], true) {
            return None;
        }
        walk::with_inner(outer).into_iter().find_map(|task| {
            let called = match &task.kind {
                Kind::Local { function, .. } => Some(*function),
                _ => None,
            };
            let own = (task.pointer != outer.pointer)
                .then(|| program::place(task))
                .flatten();
            let of_called = || program::place(&self.template.functions.get(called?)?.1);
            let key = own.or_else(of_called).map(str::to_owned);
            key.or_else(|| self.place_inside(called?, seen))
        })
    }

    fn refuse_place(&mut self, task: &Task, place: &str, key: &str) {
        let message = format!("this function says `{key}`, which only a step can");
        let hint = "write it at the steps that call it".to_owned();
        let code = format!("unsupported.metadata.{key}");
        let pointer = format!("{}/{place}", task.pointer);
        self.report_key(&code, &pointer, message, Some(hint));
    }
}
