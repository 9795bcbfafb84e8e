//! `call: context-save`: what goes together, and the jq of `change`, which is bare as in a condition.

use super::Checker;
use crate::context::{Formula, misfit};
use crate::document::step::Expression;
use crate::document::tree::join;
use crate::value::Value;

impl Checker<'_> {
    /// The pointers of what is computed when the step runs are `open`.
    pub(super) fn check_save(&mut self, pointer: &str, with: &Value, open: &[String]) {
        if let Some(message) = misfit(|part| with.get(part).is_some()) {
            let hint = "merge a `patch`, or compute the document by `change`".to_owned();
            let code = "handler.input_mismatch";
            return self.report(code, pointer, message.to_owned(), Some(hint));
        }
        let place = join(pointer, "change");
        if open.iter().any(|open| open == "/change") {
            let message = "the jq of `change` must be written out".to_owned();
            let hint = "write it without ${ }: it is evaluated with what is stored; give it what it needs by `input`";
            return self.report(
                "handler.input_mismatch",
                &place,
                message,
                Some(hint.to_owned()),
            );
        }
        let Some(text) = with.get("change").and_then(Value::as_str) else {
            return;
        };
        let Err(problem) = Formula::check(text) else {
            return;
        };
        // Said as of any other expression (`expressions.rs`).
        let code = match problem.message.starts_with("`$secrets`") {
            true => "secret.leaks",
            false => problem.code,
        };
        let text = text.to_owned();
        let expression = Expression {
            text,
            pointer: place,
        };
        let place = (&expression, problem.offset);
        self.report_in(code, place, problem.message, problem.hint);
    }
}
