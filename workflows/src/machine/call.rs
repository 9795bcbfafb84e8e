//! Steps outside of the machine: how a call is built, and what its result becomes.
//!
//! Functions around a call are layers (ruling 33): each gets its `with` as its whole input and shapes
//! the output on the way back, innermost first.

use std::time::Duration;

use super::command::{Authentication, Call, HttpRequest};
use super::effect::names_an_effect;
use super::event::Activity;
use super::fault::Fault;
use super::held::Held;
use super::journal::FOLD_PLACED;
use super::state::{Doing, OpenCall, Step};
use super::{Execution, placed, request, subject};
use crate::policy::retry::later;
use crate::program::NodeId;
use crate::program::node::{AuthenticationNode, FunctionNode, Layer, Leaf, NodeKind, Target, Way};
use crate::value::Value;

/// An evaluated call, as the state keeps it.
pub(super) struct OpenedCall {
    pub(super) call: OpenCall,
    pub(super) layers: Vec<Held>,
}

impl Execution {
    /// Begins a function of several tasks: its `with` is its whole input.
    pub(super) fn enter_function(
        &mut self,
        function: &FunctionNode,
        id: NodeId,
    ) -> Result<(), Fault> {
        let given = self.fill(&function.with, &self.top().input.value, None)?;
        self.give(given);
        self.enter_list(function.first, id)
    }

    /// Opens the call of the task on top.
    pub(super) fn open_call(&mut self, target: &Target) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        self.bound_by_layers(&target.layers)?;
        if target.way() != Way::Perform {
            let (layers, call) = self.render(target, input, None)?;
            let Call::Function { function, input } = call else {
                unreachable!("only functions are rows of their own")
            };
            let layers = self.hold_all(layers);
            return self.open_row(target, function, input, layers);
        }
        let OpenedCall { call, layers } = self.opened(target, input, None)?;
        let activity = self.next_activity();
        self.open_step(activity, call, layers)
    }

    /// A call with every expression evaluated; given something, it has that instead of its `with`.
    pub(super) fn opened(
        &mut self,
        target: &Target,
        dot: Value,
        given: Option<Value>,
    ) -> Result<OpenedCall, Fault> {
        let (layers, call) = self.render(target, dot, given)?;
        let call = match call {
            Call::Http(http) => OpenCall::Http {
                request: self.state.hold(request::to_value(&http)),
            },
            Call::Function { function, input } => OpenCall::Function {
                function,
                input: self.state.hold(input),
            },
        };
        let layers = self.hold_all(layers);
        Ok(OpenedCall { call, layers })
    }

    fn hold_all(&mut self, values: Vec<Value>) -> Vec<Held> {
        let values = values.into_iter();
        values.map(|value| self.state.hold(value)).collect()
    }

    /// The task on top waits for this activity from now on.
    pub(super) fn open_step(
        &mut self,
        activity: Activity,
        call: OpenCall,
        layers: Vec<Held>,
    ) -> Result<(), Fault> {
        let program = self.program.clone();
        let settings = &program.node(self.top().node).settings;
        let input = self.top().input.value.clone();
        // Children have their placement in their own rows.
        let placement = match call {
            OpenCall::Child { .. } | OpenCall::Group { .. } => None,
            _ => self.placement()?,
        };
        let placement = placement.map(|placement| self.state.hold(placement));
        let effect = match &settings.effect {
            Some(effect) => {
                let key = self.evaluate(effect.key, &input, None)?;
                names_an_effect(&key)?;
                Some(self.state.hold(key))
            }
            None => None,
        };
        let attempt = self.state.attempt(self.state.cursor);
        let (is_placed, key) = (self.places(&call), self.given_key());
        if is_placed {
            self.journal.format = self.journal.format.max(FOLD_PLACED);
        }
        self.stand(Doing::Step(Box::new(Step {
            activity,
            attempt,
            is_stopping: false,
            call,
            layers,
            is_placed,
            placement,
            effect,
            key,
            verify: None,
        })));
        self.start_step();
        let asked = self.perform_of(self.state.cursor);
        self.commands.extend(asked);
        Ok(())
    }

    /// What places the task on top, evaluated.
    pub(super) fn placement(&self) -> Result<Option<Value>, Fault> {
        let settings = &self.program.node(self.top().node).settings;
        let form = settings.placement.as_ref();
        form.map(|form| self.fill(form, &self.top().input.value, None))
            .transpose()?
            .map(subject::checked)
            .transpose()
    }

    /// The inputs of the layers, outermost first, and the call inside them.
    pub(super) fn render(
        &mut self,
        target: &Target,
        input: Value,
        given: Option<Value>,
    ) -> Result<(Vec<Value>, Call), Fault> {
        let rendered = self.render_inside(target, input, given);
        // Whatever went wrong inside: the tasks that follow see their own `$input` again.
        self.layer_input = None;
        rendered
    }

    fn render_inside(
        &mut self,
        target: &Target,
        input: Value,
        mut given: Option<Value>,
    ) -> Result<(Vec<Value>, Call), Fault> {
        let mut inputs = Vec::with_capacity(target.layers.len());
        let mut dot = input;
        for layer in &target.layers {
            let with = match given.take() {
                Some(given) => given,
                None => self.fill(&layer.with, &dot, None)?,
            };
            dot = self.take_in(&layer.input, &with)?;
            // Inside a function, `$input` is the function's own.
            self.layer_input = Some(dot.clone());
            inputs.push(dot.clone());
        }
        let mut call = self.render_leaf(&target.leaf, &dot)?;
        if let (Call::Function { input, .. }, Some(given)) = (&mut call, given) {
            *input = given;
        }
        Ok((inputs, call))
    }

    fn render_leaf(&self, leaf: &Leaf, dot: &Value) -> Result<Call, Fault> {
        match leaf {
            Leaf::Given => Ok(placed::call_of(dot)),
            Leaf::Function { function, with } => Ok(Call::Function {
                function: function.clone(),
                input: self.fill(with, dot, None)?,
            }),
            Leaf::OpenApi(call) => {
                let parts = call
                    .operation
                    .request(&self.fill(&call.parameters, dot, None)?);
                let parts = parts.map_err(|why| Fault::standard("validation", 400, why))?;
                Ok(Call::Http(HttpRequest {
                    method: parts.method,
                    url: parts.url,
                    headers: parts.headers,
                    query: Vec::new(),
                    body: parts.body,
                    output: call.output,
                    redirect: call.redirect,
                    authentication: self.proof(call.authentication.as_ref(), dot)?,
                }))
            }
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
                    authentication: self.proof(http.authentication.as_ref(), dot)?,
                }))
            }
        }
    }

    /// How a request proves who sends it.
    fn proof(
        &self,
        policy: Option<&AuthenticationNode>,
        dot: &Value,
    ) -> Result<Option<Box<Authentication>>, Fault> {
        let proof = policy.map(|policy| {
            Ok(Box::new(Authentication {
                scheme: policy.scheme.to_string(),
                parameters: self.fill(&policy.parameters, dot, None)?,
                secret: policy.secret.as_deref().map(ToOwned::to_owned),
            }))
        });
        proof.transpose()
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
        self.out_of(&target.layers, raw, inputs)
    }

    /// The same for these functions.
    pub(super) fn out_of(
        &mut self,
        layers: &[Layer],
        raw: Value,
        inputs: &[Value],
    ) -> Result<Value, Fault> {
        let mut output = raw;
        for (place, layer) in layers.iter().enumerate().rev() {
            self.layer_input = Some(inputs.get(place).cloned().unwrap_or(Value::Null));
            let given = self.give_out(&layer.output, &output, None);
            self.layer_input = None;
            output = given?;
        }
        Ok(output)
    }
}
