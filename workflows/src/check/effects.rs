//! Where an effect may stand: at a step that is one call outside, asked for by its own turn.

use super::Checker;
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
        for (place, function) in self.inner_functions(task) {
            let end = self.ends.get(function).and_then(Option::as_ref);
            if end.is_some_and(|end| end.has_effect) {
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
