//! Which calls are made by a job of their own: those whose `metadata.windlass` says where.
//!
//! The job that stands at such a call evaluates all of it and starts another one, which runs a part of the same
//! template: its input is the call, and its only task stands where the placed one does.

use std::collections::HashSet;

use super::LAYERS_MAX;
use super::entry::mapped;
use super::lower::Lowered;
use super::node::{Leaf, NodeKind, Target, Way};
use crate::catalogue::CHUNKS;
use crate::check::walk;
use crate::document::settings::{Effect, Settings};
use crate::document::step::{
    Directive, Expression, FunctionName, Header, Input, Kind, Output, Shape, Task, Template,
};
use crate::value::Value;

/// What places a step, whatever it says.
const PLACES: [&str; 5] = ["queue", "priority", "limits", "cost", "startBy"];

/// What places a step if it is computed: written out, it is known when the job is made, and whoever takes the job
/// has it.
const PLACES_IF_READ: [&str; 2] = ["needs", "prefers"];

/// What is said of a call, wherever it is made.
pub(crate) const OF_CALLS: [&str; 2] = ["runTime", "subject"];

/// The tasks whose calls are made by jobs of their own.
pub fn placed(template: &Template) -> Vec<&Task> {
    let tasks = walk::tasks(template).into_iter();
    // A function's settings are those of whoever calls it.
    let layers = layers(template);
    let tasks = tasks.filter(|task| !layers.contains(task.pointer.as_str()));
    let placed = tasks.filter(|task| is_placed(&template.functions, task));
    placed.collect()
}

/// The tasks that say what their jobs cost, each with all that it says of where they run.
pub fn costed(template: &Template) -> Vec<(&Task, Vec<(&String, &Shape)>)> {
    let tasks = walk::tasks(template).into_iter();
    let layers = layers(template);
    let tasks = tasks.filter(|task| !layers.contains(task.pointer.as_str()));
    let said = tasks.map(|task| (task, merged(&template.functions, task)));
    let costed = said.filter(|(_, said)| said.iter().any(|(key, _)| *key == "cost"));
    costed.collect()
}

/// Whether a kind calls a function that is more than a call: its task, or one of those that it calls in turn, is no call,
/// or has an `if`. Such a function's tasks stand below its caller.
pub(crate) fn calls_tasks(functions: &[(String, Task)], kind: &Kind) -> bool {
    matches!(kind, Kind::Local { function, .. } if has_tasks(functions, *function))
}

/// Whether this function is more than a call.
pub(crate) fn has_tasks(functions: &[(String, Task)], function: usize) -> bool {
    let called = functions.get(function);
    called.is_some_and(|(_, task)| is_more_than_a_call(functions, task))
}

/// The first thing that a task itself says of where it runs.
pub(crate) fn place(task: &Task) -> Option<&str> {
    let said = task
        .settings
        .placement
        .iter()
        .map(|(key, shape)| (key, shape));
    said.filter(says_where).map(|(key, _)| key.as_str()).next()
}

fn is_more_than_a_call(functions: &[(String, Task)], task: &Task) -> bool {
    let mut task = task;
    // More layers are refused when they are published.
    for _ in 0..=LAYERS_MAX {
        let next = match &task.kind {
            Kind::Http(_) | Kind::OpenApi(_) => None,
            Kind::Function { function, .. } if function.name != CHUNKS => None,
            Kind::Local { function, .. } => functions.get(*function),
            _ => return true,
        };
        match next {
            _ if task.condition.is_some() => return true,
            Some((_, called)) => task = called,
            None => return false,
        }
    }
    false
}

/// Functions that are one call, by pointer: they have no place but their callers'.
fn layers(template: &Template) -> HashSet<&str> {
    let functions = &template.functions;
    let tasks = functions.iter().map(|(_, task)| task);
    let layers = tasks.filter(|task| !is_more_than_a_call(functions, task));
    layers.map(|task| task.pointer.as_str()).collect()
}

/// The call that a kind comes to through functions; what calls a function that is more than a call is itself.
pub fn leaf<'t>(functions: &'t [(String, Task)], kind: &'t Kind) -> &'t Kind {
    let mut kind = kind;
    // A function that calls itself is refused when it is published.
    for _ in 0..=functions.len() {
        match kind {
            Kind::Local { function, .. } if !calls_tasks(functions, kind) => {
                match functions.get(*function) {
                    Some((_, called)) => kind = &called.kind,
                    None => break,
                }
            }
            _ => break,
        }
    }
    kind
}

/// Whether a call can be made by a job of its own: it is one step that a worker performs.
pub(crate) fn is_step(kind: &Kind) -> bool {
    match kind {
        Kind::Http(_) | Kind::OpenApi(_) => true,
        Kind::Function { function, .. } => performed(function),
        _ => false,
    }
}

fn performed(function: &FunctionName) -> bool {
    let target = Target {
        layers: Vec::new(),
        leaf: Leaf::Function {
            function: function.clone(),
            with: super::node::Form::Same,
        },
    };
    function.name != CHUNKS && target.way() == Way::Perform
}

pub(super) fn is_placed(functions: &[(String, Task)], task: &Task) -> bool {
    is_step(leaf(functions, &task.kind)) && merged(functions, task).iter().any(says_where)
}

fn says_where((key, shape): &(&String, &Shape)) -> bool {
    match shape {
        Shape::Constant(Value::Null) => false,
        Shape::Constant(value) if value.as_list().is_some_and(<[Value]>::is_empty) => false,
        Shape::Constant(_) => PLACES.contains(&key.as_str()),
        _ => PLACES.contains(&key.as_str()) || PLACES_IF_READ.contains(&key.as_str()),
    }
}

/// What places a task: its own settings first, then those of the functions that it calls, inwards. What a `map`
/// calls for its items says where these go.
pub(super) fn merged<'t>(
    functions: &'t [(String, Task)],
    task: &'t Task,
) -> Vec<(&'t String, &'t Shape)> {
    let own = chain(functions, task);
    let of_items = mapped(task).and_then(|call| {
        let function = functions.iter().find(|(name, _)| *name == call);
        function.map(|(_, function)| chain(functions, function))
    });
    let chain = own.into_iter().chain(of_items.unwrap_or_default());
    let mut merged: Vec<(&String, &Shape)> = Vec::new();
    let said = chain.flat_map(|settings| &settings.placement);
    // A stage is for people: whoever shows it reads it from the document.
    for (key, shape) in said.filter(|(key, _)| key != "stage") {
        if !merged.iter().any(|(known, _)| *known == key) {
            merged.push((key, shape));
        }
    }
    merged
}

/// The task's own first, then those of the functions that it calls, inwards.
pub(super) fn chain<'t>(functions: &'t [(String, Task)], task: &'t Task) -> Vec<&'t Settings> {
    let mut chain = vec![&task.settings];
    let mut kind = &task.kind;
    while let Kind::Local { function, .. } = kind
        && chain.len() <= LAYERS_MAX
        && !calls_tasks(functions, kind)
        && let Some((_, called)) = functions.get(*function)
    {
        chain.push(&called.settings);
        kind = &called.kind;
    }
    chain
}

/// The template with that task as all that it does: it makes the call that its input is.
pub(super) fn entered(template: Template, pointer: &str) -> Option<Template> {
    let tasks = placed(&template);
    let task = tasks.into_iter().find(|task| task.pointer == pointer)?;
    let given = |key: &str| Expression {
        text: format!(".{key}"),
        pointer: format!("{pointer}/metadata/windlass/{key}"),
    };
    let chain = chain(&template.functions, task);
    let effect = chain.iter().find_map(|settings| settings.effect.as_ref());
    let effect = effect.map(|effect| Effect {
        key: given("effect"),
        ..effect.clone()
    });
    let said = merged(&template.functions, task).into_iter();
    let said = said.filter(|(key, _)| OF_CALLS.contains(&key.as_str()));
    let said = said.map(|(key, _)| (key.clone(), Shape::Expression(given(key))));
    let task = Task {
        name: task.name.clone(),
        pointer: pointer.to_owned(),
        condition: None,
        input: Input::default(),
        output: Output::default(),
        export: Output::default(),
        timeout: None,
        then: Directive::Continue,
        settings: Settings {
            placement: said.collect(),
            effect,
            ..Settings::default()
        },
        // Lowered, it is replaced.
        kind: Kind::Set(Shape::Constant(Value::Null)),
    };
    Some(alone(template, task))
}

/// A template of one task: a part.
pub(super) fn alone(template: Template, task: Task) -> Template {
    Template {
        header: Header {
            settings: Default::default(),
            ..template.header
        },
        body: vec![task],
        input: Input::default(),
        output: Output::default(),
        timeout: None,
        schedule: None,
        ..template
    }
}

/// Makes the task of such a template the call that its input is.
pub(super) fn make_given(lowered: &mut Lowered) {
    if let Some(node) = lowered.nodes.last_mut() {
        node.kind = NodeKind::Call(Target {
            layers: Vec::new(),
            leaf: Leaf::Given,
        });
    }
}
