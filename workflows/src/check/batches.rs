//! `call: batch`: the recipe of a batch is checked like a job configuration, as far as it is written out.

use super::Checker;
use crate::configuration::{conflict_in_step, of_step, place_in_step, restore};
use crate::document::tree::join;
use crate::value::Value;

impl<'a> Checker<'a> {
    /// The pointers of what is computed when the step runs are `open`.
    pub(super) fn check_batch(&mut self, pointer: &str, with: &Value, open: &[String]) {
        let is_said = |key: &str| with.get(key).is_some();
        if let Some((key, message)) = conflict_in_step(is_said) {
            let place = match key {
                "" => pointer.to_owned(),
                key => join(pointer, key),
            };
            let hint = "a batch is said whole here, or by a `configuration` alone".to_owned();
            self.report("handler.input_mismatch", &place, message, Some(hint));
            return;
        }
        if is_said("configuration") {
            return;
        }
        let Err(problems) = restore(&of_step(&stood_in(with, open), "step")) else {
            return;
        };
        for problem in problems {
            let place = format!("{pointer}{}", place_in_step(&problem.pointer));
            self.report(&problem.code, &place, problem.message, problem.hint);
        }
    }
}

/// With something that fits in the place of what is not known before the step runs.
fn stood_in(with: &Value, open: &[String]) -> Value {
    let strategy = match with.get("chunk").is_some() {
        true => r#"{"strategy":"combined"}"#,
        false => r#"{"strategy":"individual"}"#,
    };
    let patches = [
        ("/workflow", r#"{"workflow":{"namespace":"a","name":"b"}}"#),
        ("/workflow/namespace", r#"{"workflow":{"namespace":"a"}}"#),
        ("/workflow/name", r#"{"workflow":{"name":"b"}}"#),
        ("/purpose", r#"{"purpose":"a"}"#),
        ("/selection", r#"{"selection":{"items":[]}}"#),
        ("/selection/category", r#"{"selection":{"category":"a"}}"#),
        ("/selection/items", r#"{"selection":{"items":[]}}"#),
        ("/strategy", strategy),
        ("/chunk", r#"{"chunk":{"maxItems":1}}"#),
        ("/chunk/maxItems", r#"{"chunk":{"maxItems":1}}"#),
        ("/chunk/maxBytes", r#"{"chunk":{"maxBytes":1}}"#),
    ];
    let unknown = patches.into_iter();
    let mut unknown = unknown.filter(|(place, _)| open.iter().any(|open| open == place));
    // An item that is computed whole may be anything.
    let items = with.get("selection").and_then(|of| of.get("items"));
    let items = items.and_then(Value::as_list).unwrap_or_default();
    let first = items.iter().any(Value::is_null).then(|| {
        let known = items.iter().filter(|item| !item.is_null()).cloned();
        Value::map([("selection", Value::map([("items", Value::list(known))]))])
    });
    let first = first.map_or_else(|| with.clone(), |patch| with.patched(&patch));
    unknown
        .try_fold(first, |with, (_, patch)| {
            Value::parse(patch).map(|patch| with.patched(&patch))
        })
        .unwrap_or_else(|_| with.clone())
}
