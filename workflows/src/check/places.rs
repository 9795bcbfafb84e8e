//! Where a function may not say where it runs: nobody but a step, or the item of a `map`, has a job of its own.

use super::Checker;
use super::abilities::PLACES;
use super::references::called;
use crate::catalogue::CHUNKS;
use crate::document::step::{Kind, Task};

impl Checker<'_> {
    /// Functions that undo, find out, or work on a chunk run where their job does.
    pub(super) fn check_inner_places(&mut self, task: &Task) {
        let verify = task.settings.effect.as_ref();
        let verify = verify.and_then(|effect| effect.verify.as_deref());
        let local = |kind: Option<&Kind>| match kind {
            Some(Kind::Local { function, .. }) => Some(*function),
            _ => None,
        };
        let of_chunks = match &task.kind {
            Kind::Function { function, with } if function.name == CHUNKS => {
                called(with).and_then(|name| self.functions.get(name.as_str()).copied())
            }
            _ => None,
        };
        let inner = [
            ("metadata/windlass/effect/verify", local(verify)),
            (
                "metadata/windlass/undo/call",
                local(task.settings.undo.as_deref()),
            ),
            ("with/call", of_chunks),
        ];
        for (place, function) in inner {
            if let Some(key) = function.and_then(|function| self.place_of(function)) {
                let message = format!("this function says `{key}`, which only a step can");
                let hint = "write it at the steps that call it".to_owned();
                let code = format!("unsupported.metadata.{key}");
                let pointer = format!("{}/{place}", task.pointer);
                self.report_key(&code, &pointer, message, Some(hint));
            }
        }
    }

    /// The first thing that a function, or one that it calls, says of where it runs.
    fn place_of(&self, function: usize) -> Option<&'static str> {
        let mut next = Some(function);
        // A function that calls itself is refused elsewhere.
        for _ in 0..=self.template.functions.len() {
            let (_, task) = self.template.functions.get(next?)?;
            let said = task.settings.placement.iter();
            let mut said = said.filter_map(|(key, _)| PLACES.iter().find(|place| *place == key));
            // What is needed or preferred and written out is the job's own.
            if let Some(key) = said.find(|key| !["needs", "prefers"].contains(key)) {
                return Some(key);
            }
            next = match &task.kind {
                Kind::Local { function, .. } => Some(*function),
                _ => None,
            };
        }
        None
    }
}
