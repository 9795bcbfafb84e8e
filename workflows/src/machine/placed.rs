//! Steps that a job of their own performs, because their `metadata.windlass` says where: what that job is given, and
//! how it makes the call.
//!
//! The job that stands at the step has evaluated all of it. What it starts gets the call as its input, makes it
//! under the step's own key, with the step's own effect and markers of secrets, and its end is the step's. So it
//! is the same call, wherever it is made.

use std::time::Duration;

use super::command::Call;
use super::row::{Fate, Interest, Row, StartChild};
use super::secret::Marks;
use super::state::{Doing, OpenCall, Step};
use super::{Execution, request};
use crate::document::settings::OnUnknown;
use crate::document::step::FunctionName;
use crate::program::OF_CALLS;
use crate::value::Value;

/// What the job of a step says beside its error, in seconds, if whoever was asked named a time.
pub const AGAIN_AFTER: &str = "againAfter";

/// The call that the input of a step's job is.
pub(super) fn call_of(given: &Value) -> Call {
    if let Some(request) = given.get("http") {
        return Call::Http(request::from_value(request));
    }
    let function = given.get("function");
    let text = |key: &str| {
        let part = function.and_then(|function| function.get(key)?.as_str());
        part.unwrap_or_default().to_owned()
    };
    Call::Function {
        function: FunctionName {
            name: text("name"),
            version: text("version"),
        },
        input: given.get("with").cloned().unwrap_or(Value::Null),
    }
}

impl Step {
    /// Whether a job of its own performs it now.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.is_placed && self.verify.is_none()
    }

    /// What it waits for if it is performed elsewhere.
    pub(super) fn end_elsewhere(&self) -> Option<Interest> {
        let activity = self.activity;
        self.is_elsewhere().then_some(Interest::Child { activity })
    }
}

impl Execution {
    /// Whether a job of its own makes this call of the task on top.
    pub(super) fn places(&self, call: &OpenCall) -> bool {
        let is_call = matches!(call, OpenCall::Http { .. } | OpenCall::Function { .. });
        is_call && self.program.node(self.top().node).settings.is_placed
    }

    /// Starts the job of the step at hand, if one performs it.
    pub(super) fn start_step(&mut self) {
        let Doing::Step(step) = &self.state.branch().doing else {
            return;
        };
        if !step.is_elsewhere() {
            return;
        }
        let node = self.program.node(self.top().node);
        let key = self.key_of(self.state.cursor, step);
        let placement = step.placement.as_ref().map(|held| held.value.clone());
        let row = Row::StartChild(StartChild {
            activity: step.activity,
            template: self.part(&node.place),
            input: self.given(step, &key),
            key,
            is_awaited: true,
            fate: Fate::Cancel,
            placement,
            step_input: Some(self.top().input.value.clone()),
        });
        self.rows.push(row);
    }

    /// What the job of a step is given.
    fn given(&self, step: &Step, key: &str) -> Value {
        let mut members = match &step.call {
            OpenCall::Http { request } => vec![("http", request.value.clone())],
            OpenCall::Function { function, input } => vec![
                (
                    "function",
                    Value::map([
                        ("name", Value::text(function.name.as_str())),
                        ("version", Value::text(function.version.as_str())),
                    ]),
                ),
                ("with", input.value.clone()),
            ],
            _ => Vec::new(),
        };
        members.push(("key", Value::text(key)));
        members.push(("job", Value::from(self.facts.id)));
        if let Some(marks) = self.marks() {
            members.push(("mark", Value::text(marks.mark())));
        }
        let placement = step.placement.as_ref();
        members.extend(OF_CALLS.iter().filter_map(|key| {
            let said = placement?.value.get(key)?;
            Some((*key, said.clone()))
        }));
        if let Some(effect) = &step.effect {
            members.push(("effect", effect.value.clone()));
            let settings = &self.program.node(self.top().node).settings;
            let rule = settings.effect.as_ref().map(|effect| effect.on_unknown);
            if rule == Some(OnUnknown::Verify) {
                members.push(("input", self.top().input.value.clone()));
            }
        }
        Value::map(members)
    }

    /// A member of what the job of a step was given; nothing for any other job.
    fn given_to_step(&self, key: &str) -> Option<&Value> {
        self.program.is_step.then(|| self.facts.input.get(key))?
    }

    /// The key of the step whose call this job makes.
    pub(super) fn given_key(&self) -> Option<String> {
        self.given_to_step("key")?.as_str().map(ToOwned::to_owned)
    }

    /// The input of the task at hand, for who finds out whether its call was made.
    pub(super) fn asked_about(&self) -> Value {
        match self.program.is_step {
            true => self.given_to_step("input").cloned().unwrap_or(Value::Null),
            false => self.top().input.value.clone(),
        }
    }

    /// How this job's markers are told from other text: the job of a step has those of the job that asks for it.
    pub(super) fn own_marks(&self) -> Marks {
        let names = &self.program.secrets;
        match self.given_to_step("mark").and_then(Value::as_str) {
            Some(mark) => Marks::bearing(mark, names),
            None => Marks::of(&self.facts, names),
        }
    }

    /// The error of a step's job, with when its call may be made again.
    pub(super) fn with_again_after(&self, error: Value, again_after: Option<Duration>) -> Value {
        match again_after.filter(|_| self.program.is_step) {
            Some(length) => {
                let seconds = Value::from(length.as_secs_f64());
                error.merged(&Value::map([(AGAIN_AFTER, seconds)]))
            }
            None => error,
        }
    }

    /// Whose effects its steps have: a step's job has them for the job that asks for it.
    pub fn effects_of(&self) -> i64 {
        let job = self.given_to_step("job").and_then(Value::as_i64);
        job.unwrap_or(self.facts.id)
    }

    /// Whether it makes the call of another job's step.
    pub fn is_step(&self) -> bool {
        self.program.is_step
    }

    /// Whether the step of that activity is performed by a job of its own.
    pub(super) fn is_elsewhere(&self, activity: super::event::Activity) -> bool {
        let place = self.state.at_activity(activity);
        let step = place.and_then(|place| self.state.branches[place].step());
        step.is_some_and(Step::is_elsewhere)
    }
}
