//! Where a function may not say where it runs: nobody but a step, or the item of a `map`, has a job of its own.

use super::Checker;
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
            if let Some(key) =
                function.and_then(|function| self.ends.get(function)?.as_ref()?.place)
            {
                let message = format!("this function says `{key}`, which only a step can");
                let hint = "write it at the steps that call it".to_owned();
                let code = format!("unsupported.metadata.{key}");
                let pointer = format!("{}/{place}", task.pointer);
                self.report_key(&code, &pointer, message, Some(hint));
            }
        }
    }
}
