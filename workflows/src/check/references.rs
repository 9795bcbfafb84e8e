//! Functions: they exist, take what is given, and never call themselves.

use std::collections::VecDeque;

use super::schemas::SCHEMA_HINT;
use super::{Checker, walk};
use crate::catalogue::{BATCH, CHUNKS, CONTEXT_SAVE, GENERATE, MAP};
use crate::document::parse::function_name;
use crate::document::step::{FunctionName, Kind, Shape, Task};
use crate::document::tree::join;
use crate::schema::{Mismatch, Schema};
use crate::value::Value;

/// Functions that may be called one inside the other (`machine.md` section 1).
const LAYERS_MAX: usize = 8;

/// Keywords about an object's keys or a list's length, which expressions inside do not change.
const ABOUT_FORM: [&str; 7] = [
    "required",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "minItems",
    "maxItems",
];

impl<'a> Checker<'a> {
    pub(super) fn check_references(&mut self) {
        for task in walk::tasks(self.template) {
            if let Kind::Function { function, with } = &task.kind {
                self.check_function(task, function, with);
            }
            self.check_beside(task);
        }
        self.check_recursion();
    }

    /// What undoes a step, and what finds out whether it happened.
    fn check_beside(&mut self, task: &Task) {
        let settings = &task.settings;
        let verify = settings.effect.as_ref();
        let verify = verify.and_then(|effect| effect.verify.as_deref());
        let beside = [
            ("undo/call", settings.undo.as_deref()),
            ("effect/verify", verify),
        ];
        for (place, kind) in beside {
            if let Some(Kind::Function { function, .. }) = kind
                && self.catalogue.schema(function).is_none()
            {
                let pointer = format!("{}/metadata/windlass/{place}", task.pointer);
                self.not_registered(function, &pointer);
            }
        }
    }

    fn check_function(&mut self, task: &Task, function: &FunctionName, with: &Shape) {
        let Some(schema) = self.catalogue.schema(function) else {
            self.not_registered(function, &join(&task.pointer, "call"));
            return;
        };
        let mut open = Vec::new();
        let value = filled(with, "", &mut open);
        let pointer = join(&task.pointer, "with");
        for mismatch in schema.mismatches(&value) {
            if is_certain(&mismatch, &open) {
                let place = format!("{pointer}{}", mismatch.pointer);
                let message = format!(
                    "`{}` does not take this: {}",
                    function.name, mismatch.message
                );
                let hint = self.taken_by(function, &mismatch);
                self.report("handler.input_mismatch", &place, message, Some(hint));
            }
        }
        if !open.iter().any(|open| open.starts_with("/answer")) {
            self.check_answer(&join(&pointer, "answer"), function, &value);
        }
        if function.name == CHUNKS {
            self.check_called(&join(&pointer, "call"), &value);
        }
        if function.name == CONTEXT_SAVE && !open.iter().any(String::is_empty) {
            self.check_save(&pointer, &value, &open);
        }
        if function.name == MAP {
            self.check_map(&pointer, &value);
        }
        if function.name == BATCH {
            self.check_batch(&pointer, &value, &open);
        }
    }

    /// What the function takes at the place of a mismatch.
    fn taken_by(&self, function: &FunctionName, mismatch: &Mismatch) -> String {
        let FunctionName { name, version } = function;
        match mismatch.keyword.as_str() {
            "required" => "add what is missing under `with`".to_owned(),
            "additionalProperties" | "unevaluatedProperties" => {
                "leave it out, or correct its name".to_owned()
            }
            "type" => {
                "numbers stand without quotes, texts with them; ${ } may give either".to_owned()
            }
            _ => format!(
                "`{name}:{version}` says what it takes in its input schema, at {}",
                mismatch.schema_pointer
            ),
        }
    }

    /// An item is worked on by a function or by a template.
    fn check_map(&mut self, pointer: &str, with: &Value) {
        if with.get("call").is_some() == with.get("workflow").is_some() {
            let message = "`map` needs `call` or `workflow`, one of them".to_owned();
            let hint = "name a function of yours by `call`, or a template by `workflow`";
            self.report(
                "handler.input_mismatch",
                pointer,
                message,
                Some(hint.to_owned()),
            );
        }
        self.check_called(&join(pointer, "call"), with);
    }

    /// `with.answer` of `generate` is a schema, which must compile when the document is published.
    fn check_answer(&mut self, pointer: &str, function: &FunctionName, with: &Value) {
        let Some(answer) = with.get("answer").filter(|_| function.name == GENERATE) else {
            return;
        };
        if let Err(error) = Schema::compile(answer) {
            let place = format!("{pointer}{}", error.pointer);
            let message = format!("this is no JSON Schema: {error}");
            self.report(
                "schema.invalid",
                &place,
                message,
                Some(SCHEMA_HINT.to_owned()),
            );
        }
    }

    /// `with.call` names a function: it must be known when the document is published.
    fn check_called(&mut self, pointer: &str, with: &Value) {
        let Some(name) = with.get("call") else { return };
        let Some(name) = name.as_str() else {
            let message = "the function to call must be written out".to_owned();
            let hint = "write its name, without ${ }; a `switch` chooses among calls".to_owned();
            self.report("handler.input_mismatch", pointer, message, Some(hint));
            return;
        };
        let local = self.functions.contains_key(name);
        match function_name(name) {
            _ if local => {}
            Some((function, "default")) => {
                if self.catalogue.schema(&function).is_none() {
                    self.not_registered(&function, pointer);
                }
            }
            // Whoever read the document found it in its catalogue, or has said why not.
            Some(_) => {}
            None => {
                let known = self
                    .template
                    .functions
                    .iter()
                    .map(|(known, _)| known.as_str());
                let hint = self.nearest(name, known);
                let message = format!("`use.functions` has no `{name}`");
                self.report("reference.unknown_function", pointer, message, hint);
            }
        }
    }

    fn not_registered(&mut self, function: &FunctionName, pointer: &str) {
        if self.problems.is_full() {
            return self.problems.count();
        }
        let FunctionName { name, version } = function;
        let versions = self
            .catalogue
            .functions()
            .filter(|known| known.name == *name);
        let versions: Vec<&str> = versions.map(|known| known.version.as_str()).collect();
        let names = self.catalogue.functions().map(|known| known.name.as_str());
        let hint = match versions.is_empty() {
            false => Some(format!("versions of it: {}", versions.join(", "))),
            true => self.nearest(name, names),
        };
        let hint = hint.unwrap_or_else(|| "start a worker that registers it, then publish".into());
        let message = format!("no function `{name}:{version}` is registered");
        self.report("handler.not_registered", pointer, message, Some(hint));
    }

    /// Takes away functions whose callees are gone; those that stay call themselves.
    fn check_recursion(&mut self) {
        let functions = &self.template.functions;
        let calls: Vec<Vec<usize>> = functions
            .iter()
            .map(|(_, function)| self.called_by(function))
            .collect();
        let mut callers = vec![Vec::new(); calls.len()];
        let mut waiting: Vec<usize> = calls.iter().map(Vec::len).collect();
        for (caller, called) in calls.iter().enumerate() {
            called
                .iter()
                .for_each(|callee| callers[*callee].push(caller));
        }
        let mut layers = vec![1usize; calls.len()];
        let mut ready: VecDeque<usize> = (0..calls.len())
            .filter(|index| waiting[*index] == 0)
            .collect();
        while let Some(callee) = ready.pop_front() {
            for caller in &callers[callee] {
                layers[*caller] = layers[*caller].max(layers[callee] + 1);
                waiting[*caller] -= 1;
                if waiting[*caller] == 0 {
                    ready.push_back(*caller);
                }
            }
        }
        for (index, (name, function)) in functions.iter().enumerate() {
            if waiting[index] > 0 {
                let message = format!("`{name}` calls itself, or calls one that does");
                let hint =
                    "let a template of its own do it again, by `run: workflow`, or use `for`";
                let hint = Some(hint.to_owned());
                self.report_key("reference.recursion", &function.pointer, message, hint);
            } else if layers[index] > LAYERS_MAX {
                let message = format!("`{name}` calls functions more than {LAYERS_MAX} deep");
                let hint = "let one function do what several in a row do".to_owned();
                self.report_key("reference.too_deep", &function.pointer, message, Some(hint));
            }
        }
    }

    /// Indices of the functions that a function calls, one for each call.
    fn called_by(&self, function: &Task) -> Vec<usize> {
        let named = |name: &str| self.functions.get(name).copied();
        let called = walk::with_inner(function)
            .into_iter()
            .filter_map(|task| match &task.kind {
                Kind::Local { function, .. } => Some(*function),
                Kind::Function { function, with }
                    if [CHUNKS, MAP].contains(&function.name.as_str()) =>
                {
                    named(&called(with)?)
                }
                _ => None,
            });
        called.collect()
    }
}

/// The function that each chunk, or item, is given to.
pub(super) fn called(with: &Shape) -> Option<String> {
    let given = filled(with, "", &mut Vec::new());
    given.get("call")?.as_str().map(ToOwned::to_owned)
}

/// The value with null for each expression, whose pointers are noted.
fn filled(shape: &Shape, pointer: &str, open: &mut Vec<String>) -> Value {
    match shape {
        Shape::Constant(value) => value.clone(),
        Shape::Expression(_) => {
            open.push(pointer.to_owned());
            Value::Null
        }
        Shape::List(items) => {
            let items = items.iter().enumerate();
            Value::list(
                items.map(|(index, item)| filled(item, &format!("{pointer}/{index}"), open)),
            )
        }
        Shape::Map(entries) => Value::map(
            entries
                .iter()
                .map(|(key, value)| (key.as_str(), filled(value, &join(pointer, key), open))),
        ),
    }
}

/// Whether a mismatch holds whatever the expressions give.
fn is_certain(mismatch: &Mismatch, open: &[String]) -> bool {
    let depends = ["/then", "/else", "/anyOf", "/oneOf", "/not"];
    let conditional = depends
        .iter()
        .any(|part| mismatch.schema_pointer.contains(part));
    let covers = |open: &String| {
        let rest = open.strip_prefix(&mismatch.pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let about_form = ABOUT_FORM.contains(&mismatch.keyword.as_str());
    let itself = open.contains(&mismatch.pointer);
    !open.iter().any(covers) || (about_form && !itself && !conditional)
}
