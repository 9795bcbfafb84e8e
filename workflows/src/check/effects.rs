//! Where an effect may stand: at a step that is one call outside, asked for by its own turn.

use super::Checker;
use super::references::called;
use crate::catalogue::{BATCH, CHUNKS, CONTEXT_SAVE, MAP};
use crate::document::step::{Kind, Task};

/// Calls that are rows of the job's own turn, or many calls.
const NOT_ONE_CALL: [&str; 4] = [MAP, BATCH, CONTEXT_SAVE, CHUNKS];

impl<'a> Checker<'a> {
    pub(super) fn check_effect(&mut self, task: &'a Task) {
        let leaf = self.leaf(&task.kind);
        if let Kind::Function { function, .. } = leaf
            && task.settings.effect.is_some()
            && NOT_ONE_CALL.contains(&function.name.as_str())
        {
            let message = format!("`call: {}` cannot be one effect", function.name);
            let hint = "write it at the calls inside";
            self.refuse_effect(&task.pointer, "metadata/windlass/effect", message, hint);
        }
        // These are no steps of their own: whoever performs them takes no key.
        let of_chunks = match &task.kind {
            Kind::Function { function, with } if function.name == CHUNKS => {
                let name = called(with);
                let index = name.and_then(|name| self.functions.get(name.as_str()));
                let end = index.and_then(|index| self.ends.get(*index).copied().flatten());
                end.map(|end| ("with/call", end.has_effect))
            }
            _ => None,
        };
        let verify = task.settings.effect.as_ref();
        let verify = verify.and_then(|effect| effect.verify.as_deref());
        let inner = [
            ("metadata/windlass/effect/verify", verify),
            ("metadata/windlass/undo/call", task.settings.undo.as_deref()),
        ];
        let inner = inner.map(|(place, kind)| Some((place, self.end(kind?)?.has_effect)));
        for (place, has_effect) in inner.into_iter().flatten().chain(of_chunks) {
            if has_effect {
                let message = "this function has an effect, which only a step can have".to_owned();
                let hint = "write `effect` at the steps that call it";
                self.refuse_effect(&task.pointer, place, message, hint);
            }
        }
    }

    fn refuse_effect(&mut self, task: &str, place: &str, message: String, hint: &str) {
        let pointer = format!("{task}/{place}");
        let hint = Some(hint.to_owned());
        self.report_key("unsupported.metadata.effect", &pointer, message, hint);
    }
}
