//! Calls, lowered: the functions around them become layers of the calling node.
//!
//! A function that is a single call has no steps of its own, so its place on a timeline and in the journal is the
//! caller's. One that is more stands below its caller, as tasks (`lower`).

use std::sync::Arc;

use super::node::{AuthenticationNode, ChunksNode, Form, HttpNode, Layer, Leaf, NodeKind, Target};
use super::place::{Places, refused};
use super::placed::calls_tasks;
use super::{LAYERS_MAX, Unbuildable};
use crate::catalogue::{APPROVAL, BATCH, CONTEXT_SAVE, MAP};
use crate::document::step::{
    Authentication, FunctionName, HttpCall, HttpOutput, Kind, Shape, Task,
};
use crate::openapi::Operation;
use crate::value::Value;

/// `call: openapi`.
#[derive(Debug)]
pub(crate) struct OpenApiNode {
    pub(crate) operation: Arc<Operation>,
    pub(crate) parameters: Form,
    pub(crate) output: HttpOutput,
    pub(crate) redirect: bool,
    pub(crate) authentication: Option<AuthenticationNode>,
}

/// How a call leaves the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A step that a worker performs.
    Perform,
    /// A group of jobs.
    Group,
    /// A change of a shared context, in the turn's own flush.
    Context,
    /// A request to people, in the turn's own flush.
    Approval,
}

impl Target {
    pub(crate) fn way(&self) -> Way {
        match &self.leaf {
            Leaf::Function { function, .. } => match function.name.as_str() {
                MAP | BATCH => Way::Group,
                CONTEXT_SAVE => Way::Context,
                APPROVAL => Way::Approval,
                _ => Way::Perform,
            },
            Leaf::Http(_) | Leaf::OpenApi(_) | Leaf::Given => Way::Perform,
        }
    }
}

/// What a template gives names to.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) functions: &'a [(String, Task)],
    pub(super) authentications: &'a [(String, Authentication)],
}

/// Lowers a call; `None` if the kind is none, or comes to a function that is more than a call.
pub(super) fn call(
    places: &mut Places,
    named: Named<'_>,
    kind: &Kind,
    pointer: &str,
) -> Result<Option<NodeKind>, Unbuildable> {
    if calls_tasks(named.functions, kind) {
        return Ok(None);
    }
    Ok(match kind {
        Kind::Http(_) | Kind::OpenApi(_) | Kind::Local { .. } => {
            Some(NodeKind::Call(target(places, named, kind, pointer)?))
        }
        Kind::Function { function, with } if function.name == "chunks" => Some(NodeKind::Chunks(
            Box::new(chunks(places, named, with, pointer)?),
        )),
        Kind::Function { .. } => Some(NodeKind::Call(target(places, named, kind, pointer)?)),
        _ => None,
    })
}

pub(super) fn target(
    places: &mut Places,
    named: Named<'_>,
    kind: &Kind,
    pointer: &str,
) -> Result<Target, Unbuildable> {
    let mut layers = Vec::new();
    let mut kind = kind;
    loop {
        match kind {
            Kind::Local { function, with } => {
                let with = places.form(with)?;
                let task = function_at(named, *function, pointer)?;
                if calls_tasks(named.functions, kind) {
                    return Err(refused(pointer, "a function must be a call here"));
                }
                layers.push(layer(places, with, task)?);
                if layers.len() > LAYERS_MAX {
                    return Err(refused(
                        pointer,
                        "functions call functions more than 8 deep",
                    ));
                }
                kind = &task.kind;
            }
            kind => {
                return Ok(Target {
                    layers,
                    leaf: leaf(places, named, kind, pointer)?,
                });
            }
        }
    }
}

fn function_at<'a>(named: Named<'a>, index: usize, pointer: &str) -> Result<&'a Task, Unbuildable> {
    named
        .functions
        .get(index)
        .map(|(_, task)| task)
        .ok_or_else(|| refused(pointer, "no such function"))
}

fn layer(places: &mut Places, with: Form, task: &Task) -> Result<Layer, Unbuildable> {
    Ok(Layer {
        with,
        input: places.inlet(&task.input, &task.pointer)?,
        output: places.outlet(&task.output, &task.pointer)?,
        deadline: places.maybe_span(task.timeout.as_ref())?,
    })
}

fn leaf(
    places: &mut Places,
    named: Named<'_>,
    kind: &Kind,
    pointer: &str,
) -> Result<Leaf, Unbuildable> {
    match kind {
        Kind::Http(call) => Ok(Leaf::Http(Box::new(http(places, named, call, pointer)?))),
        Kind::OpenApi(call) => Ok(Leaf::OpenApi(Box::new(OpenApiNode {
            operation: call.operation.clone(),
            parameters: places.form(&call.parameters)?,
            output: call.output,
            redirect: call.redirect,
            authentication: maybe(places, named, call.authentication.as_ref(), pointer)?,
        }))),
        Kind::Function { function, with } if function.name != "chunks" => Ok(Leaf::Function {
            function: function.clone(),
            with: places.form(with)?,
        }),
        _ => Err(refused(pointer, "a function must be a call")),
    }
}

fn http(
    places: &mut Places,
    named: Named<'_>,
    call: &HttpCall,
    pointer: &str,
) -> Result<HttpNode, Unbuildable> {
    Ok(HttpNode {
        method: call.method.clone(),
        endpoint: places.form(&call.endpoint)?,
        headers: places.maybe_form(call.headers.as_ref())?,
        query: places.maybe_form(call.query.as_ref())?,
        body: places.maybe_form(call.body.as_ref())?,
        output: call.output,
        redirect: call.redirect,
        authentication: maybe(places, named, call.authentication.as_ref(), pointer)?,
    })
}

fn maybe(
    places: &mut Places,
    named: Named<'_>,
    policy: Option<&Authentication>,
    pointer: &str,
) -> Result<Option<AuthenticationNode>, Unbuildable> {
    let lowered = policy.map(|policy| authentication(places, named, policy, pointer));
    lowered.transpose()
}

fn authentication(
    places: &mut Places,
    named: Named<'_>,
    policy: &Authentication,
    pointer: &str,
) -> Result<AuthenticationNode, Unbuildable> {
    let policy = match policy {
        Authentication::Named(name) => named
            .authentications
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, policy)| policy),
        policy => Some(policy),
    };
    let Some(Authentication::Policy {
        scheme,
        parameters,
        secret,
    }) = policy
    else {
        return Err(refused(pointer, "no such authentication"));
    };
    Ok(AuthenticationNode {
        scheme: Arc::from(scheme.as_str()),
        parameters: places.form(parameters)?,
        secret: secret.as_deref().map(Arc::from),
    })
}

fn chunks(
    places: &mut Places,
    named: Named<'_>,
    with: &Shape,
    pointer: &str,
) -> Result<ChunksNode, Unbuildable> {
    let Some(Shape::Constant(called)) = member(with, "call") else {
        return Err(refused(pointer, "`with.call` must name a function"));
    };
    let called = called.as_str().unwrap_or_default();
    let target = match named.functions.iter().find(|(name, _)| name == called) {
        Some((_, task)) => {
            let outer = layer(places, Form::Same, task)?;
            let inner = target(places, named, &task.kind, pointer)?;
            Target {
                layers: std::iter::once(outer).chain(inner.layers).collect(),
                leaf: inner.leaf,
            }
        }
        None => Target {
            layers: Vec::new(),
            leaf: catalogued(called, pointer)?,
        },
    };
    let optional = |places: &mut Places, key: &str| match member(with, key) {
        Some(shape) => places.form(&shape),
        None => Ok(Form::Constant(Value::Null)),
    };
    Ok(ChunksNode {
        target,
        parallel: optional(places, "parallel")?,
        tolerate: optional(places, "tolerate")?,
    })
}

fn catalogued(called: &str, pointer: &str) -> Result<Leaf, Unbuildable> {
    let parts = called
        .strip_suffix("@default")
        .and_then(|name| name.split_once(':'));
    let (name, version) = parts.ok_or_else(|| refused(pointer, "`with.call` names no function"))?;
    let function = FunctionName {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    Ok(Leaf::Function {
        function,
        with: Form::Same,
    })
}

/// What a `with` says under a key.
pub(super) fn member(shape: &Shape, key: &str) -> Option<Shape> {
    match shape {
        Shape::Map(members) => members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, shape)| shape.clone()),
        Shape::Constant(value) => value.get(key).cloned().map(Shape::Constant),
        _ => None,
    }
}
