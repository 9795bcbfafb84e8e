//! Steps outside of the machine: how a call is built, and what its result becomes.
//!
//! Functions around a call are layers (ruling 33): each gets its `with` as its whole input and shapes
//! the output on the way back, innermost first.

use std::time::Duration;

use super::command::{Call, Command, HttpRequest, Perform};
use super::event::Activity;
use super::fault::Fault;
use super::limits::PARALLEL_MAX;
use super::state::{Chunks, Doing, OpenCall, Step};
use super::{Execution, request};
use crate::policy::retry::later;
use crate::program::node::{ChunksNode, Layer, Leaf, NodeKind, Target};
use crate::value::Value;

impl Execution {
    /// Opens the call of the task on top.
    pub(super) fn open_call(&mut self, target: &Target) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        let (layers, call) = self.render(target, input)?;
        self.bound_by_layers(&target.layers)?;
        let call = match call {
            Call::Http(http) => OpenCall::Http {
                request: self.state.hold(request::to_value(&http)),
            },
            Call::Function { function, input } => OpenCall::Function {
                function,
                input: self.state.hold(input),
            },
        };
        let layers = layers
            .into_iter()
            .map(|input| self.state.hold(input))
            .collect();
        self.open_step(call, layers);
        Ok(())
    }

    /// Opens the chunks of the task on top, as many at once as it allows.
    pub(super) fn open_chunks(&mut self, node: &ChunksNode) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        let of = self.facts.chunks().ok_or_else(|| {
            Fault::standard(
                "configuration",
                400,
                "this job has no chunks: its batch needs `chunk`",
            )
        })?;
        let parallel = self
            .fill(&node.parallel, &input, None)?
            .as_u64()
            .unwrap_or(1);
        let tolerate = self.fill(&node.tolerate, &input, None)?;
        let percent = tolerate
            .get("percent")
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
            .clamp(0.0, 100.0);
        let parallel = u32::try_from(parallel)
            .unwrap_or(PARALLEL_MAX)
            .clamp(1, PARALLEL_MAX);
        let answers = self.state.hold(Value::list([]));
        let failed_max = (f64::from(of) * percent / 100.0).floor() as u32;
        let chunks = Chunks {
            of,
            parallel,
            next: 1,
            open: Vec::new(),
            answers,
            failed: 0,
            failed_max,
        };
        self.open_step(OpenCall::Chunks(chunks), Vec::new());
        self.fill_chunks();
        if of == 0 {
            self.give(Value::list([]));
            return self.leave(None);
        }
        Ok(())
    }

    fn open_step(&mut self, call: OpenCall, layers: Vec<super::held::Held>) {
        let activity = Activity(self.state.root.next_activity);
        self.state.root.next_activity += 1;
        let attempt = self.state.branch().attempt();
        self.stand(Doing::Step(Box::new(Step {
            activity,
            attempt,
            is_stopping: false,
            call,
            layers,
        })));
        let commands: Vec<Command> = self.pending();
        self.commands.extend(commands);
    }

    /// Opens chunks until `parallel` are in flight; the new ones are asked for.
    pub(super) fn fill_chunks(&mut self) {
        let Some(Step {
            activity,
            call: OpenCall::Chunks(chunks),
            ..
        }) = self.state.branch_mut().step_mut()
        else {
            return;
        };
        let activity = *activity;
        let mut opened = Vec::new();
        while chunks.next <= chunks.of && (chunks.open.len() as u32) < chunks.parallel {
            chunks.open.push(chunks.next);
            opened.push(chunks.next);
            chunks.next += 1;
        }
        let commands: Vec<Command> = opened
            .into_iter()
            .map(|number| self.perform_chunk(activity, number))
            .collect();
        self.commands.extend(commands);
    }

    /// Everything open outside, as commands: what a worker that takes the job over asks for again.
    pub fn pending(&self) -> Vec<Command> {
        // A closing job accepts what is under way, but nobody shall begin it again.
        let Some(step) = self.state.branch().step().filter(|step| !step.is_stopping) else {
            return Vec::new();
        };
        match &step.call {
            OpenCall::Chunks(chunks) => chunks
                .open
                .iter()
                .map(|number| self.perform_chunk(step.activity, *number))
                .collect(),
            OpenCall::Http { request } => {
                vec![self.perform(step, Call::Http(request::from_value(&request.value)))]
            }
            OpenCall::Function { function, input } => {
                let call = Call::Function {
                    function: function.clone(),
                    input: input.value.clone(),
                };
                vec![self.perform(step, call)]
            }
        }
    }

    fn perform(&self, step: &Step, call: Call) -> Command {
        let frame = self.top();
        let path = self.program.node(frame.node).pointer.to_string();
        let key = self.facts.key(&path, frame.visit);
        Command::Perform(Perform {
            activity: step.activity,
            path,
            visit: frame.visit,
            attempt: step.attempt,
            key,
            call,
            due: self.step_due(),
        })
    }

    fn perform_chunk(&self, activity: Activity, number: u32) -> Command {
        let frame = self.top();
        let key = self
            .facts
            .key(&self.program.node(frame.node).pointer, frame.visit);
        Command::PerformChunk {
            activity,
            number,
            key: format!("{key}-{number}"),
            due: self.step_due(),
        }
    }

    /// The first deadline around the open step.
    fn step_due(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.deadlines().map(|(_, due)| due).min()
    }

    /// Renders the call of one chunk from what was read of it. Pure; nothing changes.
    ///
    /// # Errors
    /// The fault of an expression; it is the chunk's error.
    pub fn render_chunk(
        &self,
        activity: Activity,
        number: u32,
        chunk: &Value,
    ) -> Result<Call, Fault> {
        let gone = || {
            Fault::standard(
                "runtime",
                500,
                format!("chunk {number} is not wanted any more"),
            )
        };
        let step = self
            .state
            .branch()
            .step()
            .filter(|step| step.activity == activity && !step.is_stopping)
            .ok_or_else(gone)?;
        let NodeKind::Chunks(node) = &self.program.node(self.top().node).kind else {
            return Err(gone());
        };
        debug_assert!(
            matches!(step.call, OpenCall::Chunks(_)),
            "a chunks task opens chunks"
        );
        let mut scratch = self.scratch();
        scratch
            .render(&node.target, chunk.clone())
            .map(|(_, call)| call)
    }

    /// The inputs of the layers, outermost first, and the call inside them.
    fn render(&mut self, target: &Target, input: Value) -> Result<(Vec<Value>, Call), Fault> {
        let rendered = self.render_inside(target, input);
        // Whatever went wrong inside: the tasks that follow see their own `$input` again.
        self.layer_input = None;
        rendered
    }

    fn render_inside(
        &mut self,
        target: &Target,
        input: Value,
    ) -> Result<(Vec<Value>, Call), Fault> {
        let mut inputs = Vec::with_capacity(target.layers.len());
        let mut dot = input;
        for layer in &target.layers {
            let with = self.fill(&layer.with, &dot, None)?;
            dot = self.take_in(&layer.input, &with)?;
            // Inside a function, `$input` is the function's own.
            self.layer_input = Some(dot.clone());
            inputs.push(dot.clone());
        }
        let call = self.render_leaf(&target.leaf, &dot)?;
        Ok((inputs, call))
    }

    fn render_leaf(&self, leaf: &Leaf, dot: &Value) -> Result<Call, Fault> {
        match leaf {
            Leaf::Function { function, with } => Ok(Call::Function {
                function: function.clone(),
                input: self.fill(with, dot, None)?,
            }),
            Leaf::Http(http) => {
                let fill = |form: &Option<crate::program::node::Form>| {
                    form.as_ref()
                        .map(|form| self.fill(form, dot, None))
                        .transpose()
                };
                Ok(Call::Http(HttpRequest {
                    method: http.method.clone(),
                    url: request::url(&http.endpoint, &self.fill(&http.endpoint, dot, None)?, dot)?,
                    headers: request::texts("header", fill(&http.headers)?)?,
                    query: request::texts("query parameter", fill(&http.query)?)?,
                    body: fill(&http.body)?,
                    output: http.output,
                    redirect: http.redirect,
                }))
            }
        }
    }

    /// A function's own `timeout` bounds the task that calls it.
    fn bound_by_layers(&mut self, layers: &[Layer]) -> Result<(), Fault> {
        for span in layers.iter().filter_map(|layer| layer.deadline) {
            let length = self.length(span, &self.top().input.value)?;
            self.bound(length);
        }
        Ok(())
    }

    fn bound(&mut self, length: Duration) {
        let due = later(self.state.root.at, length);
        let frame = self.top_mut();
        frame.due = Some(frame.due.map_or(due, |known| known.min(due)));
    }

    /// A step's raw output on its way back through the functions around it.
    pub(super) fn through_layers(&mut self, raw: Value, inputs: &[Value]) -> Result<Value, Fault> {
        let program = self.program.clone();
        let target = match &program.node(self.top().node).kind {
            NodeKind::Call(target) => target,
            NodeKind::Chunks(node) => &node.target,
            _ => return Ok(raw),
        };
        let mut output = raw;
        for (place, layer) in target.layers.iter().enumerate().rev() {
            self.layer_input = Some(inputs.get(place).cloned().unwrap_or(Value::Null));
            let given = self.give_out(&layer.output, &output, None);
            self.layer_input = None;
            output = given?;
        }
        Ok(output)
    }
}
