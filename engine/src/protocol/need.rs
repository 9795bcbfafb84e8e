//! What a worker must offer for the jobs of a template, handlers and what it says that they need, and what it had
//! better.
//!
//! Calls that have jobs of their own are no need of the job that asks for them.

use std::collections::BTreeSet;

use windlass_workflows::catalogue::{CHUNKS, Catalogue, MAP};
use windlass_workflows::document::needs::{listed, needed};
use windlass_workflows::document::parse;
use windlass_workflows::document::step::{FunctionName, Kind, Shape, Task, Template};
use windlass_workflows::program;

/// One thing that a worker must offer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Handler(FunctionName),
    Word(String),
    /// It had better.
    Preferred(String),
}

/// For a template: what it says that it needs, and the handlers beyond the built-in functions, then what it prefers;
/// joined by commas.
pub(super) fn of_template(template: &Template) -> String {
    let mut look = Look::at(template);
    look.tasks(&template.body);
    look.listed()
}

/// For one call of a template, by name.
pub(super) fn of_call(template: &Template, call: &str) -> String {
    let mut look = Look::at(template);
    look.call(call);
    look.listed()
}

/// For the call of a task that has a job of its own. What the task says that it needs or prefers is evaluated when that job
/// is born.
pub(super) fn of_step(template: &Template, task: &Task) -> String {
    let mut look = Look::at(template);
    let leaf = program::leaf(&template.functions, &task.kind);
    look.kind(leaf);
    let mut kind = &task.kind;
    look.verify(task);
    while let Kind::Local { function, .. } = kind
        && let Some((_, called)) = template.functions.get(*function)
    {
        look.verify(called);
        kind = &called.kind;
    }
    look.listed()
}

struct Look<'t> {
    template: &'t Template,
    placed: Vec<&'t str>,
    found: BTreeSet<Need>,
}

impl<'t> Look<'t> {
    fn at(template: &'t Template) -> Self {
        let placed = program::placed(template).into_iter();
        Self {
            template,
            placed: placed.map(|task| task.pointer.as_str()).collect(),
            found: BTreeSet::new(),
        }
    }

    /// With what the document says of all its jobs.
    fn listed(self) -> String {
        let said = &self.template.header.settings;
        let (mut needed, mut preferred) = (said.needs.clone(), said.prefers.clone());
        let builtin = Catalogue::builtin();
        for need in self.found {
            match need {
                Need::Handler(function) if builtin.schema(&function).is_some() => {}
                Need::Handler(function) => {
                    needed.insert(format!("{}:{}", function.name, function.version));
                }
                Need::Word(word) => _ = needed.insert(word),
                Need::Preferred(word) => _ = preferred.insert(word),
            }
        }
        listed(&needed, &preferred)
    }

    fn tasks(&mut self, tasks: &'t [Task]) {
        tasks.iter().for_each(|task| self.task(task));
    }

    fn task(&mut self, task: &'t Task) {
        let undo = task.settings.undo.as_deref();
        undo.into_iter().for_each(|kind| self.kind(kind));
        if self.placed.contains(&task.pointer.as_str()) {
            // What undoes it runs here, whoever said so.
            return self.undos_of(&task.kind);
        }
        self.kind(&task.kind);
        self.verify(task);
        // A child, or an item's job, has its own.
        let starts = match &task.kind {
            Kind::Run(_) => true,
            Kind::Function { function, .. } => function.name == MAP,
            _ => false,
        };
        if !starts {
            self.said(task, "needs", Need::Word);
            self.said(task, "prefers", Need::Preferred);
        }
    }

    /// What is written out.
    fn said(&mut self, task: &Task, key: &str, need: fn(String) -> Need) {
        let mut said = task.settings.placement.iter();
        if let Some((_, Shape::Constant(words))) = said.find(|(said, _)| said == key) {
            let words = needed(words).unwrap_or_default();
            self.found.extend(words.into_iter().map(need));
        }
    }

    fn verify(&mut self, task: &'t Task) {
        let effect = task.settings.effect.as_ref();
        let verify = effect.and_then(|effect| effect.verify.as_deref());
        verify.into_iter().for_each(|kind| self.kind(kind));
    }

    fn undos_of(&mut self, kind: &'t Kind) {
        let mut kind = kind;
        while let Kind::Local { function, .. } = kind
            && let Some((_, called)) = self.template.functions.get(*function)
        {
            let undo = called.settings.undo.as_deref();
            undo.into_iter().for_each(|kind| self.kind(kind));
            kind = &called.kind;
        }
    }

    fn call(&mut self, call: &str) {
        let mut named = self.template.functions.iter();
        match named.find(|(name, _)| name == call) {
            Some((_, task)) => self.task(task),
            None => {
                let named = parse::function_name(call);
                let handler = named.map(|(function, _)| Need::Handler(function));
                self.found.extend(handler);
            }
        }
    }

    fn kind(&mut self, kind: &'t Kind) {
        match kind {
            Kind::Do(tasks) => self.tasks(tasks),
            Kind::For(each) => self.tasks(&each.body),
            Kind::Try(attempt) => {
                self.tasks(&attempt.body);
                attempt.handler.iter().for_each(|tasks| self.tasks(tasks));
            }
            Kind::Function { function, with } => {
                self.found.insert(Need::Handler(function.clone()));
                if function.name == CHUNKS
                    && let Some(call) = chunk_call(with)
                {
                    self.call(&call);
                }
            }
            // Functions do not call themselves: publishing has refused that.
            Kind::Local { function, .. } => {
                let called = self.template.functions.get(*function);
                called.into_iter().for_each(|(_, task)| self.task(task));
            }
            Kind::Fork(fork) => self.tasks(&fork.branches),
            Kind::Listen(listen) => {
                let foreach = listen.foreach.iter();
                foreach.for_each(|foreach| self.tasks(&foreach.body));
            }
            Kind::Set(_)
            | Kind::Emit(_)
            | Kind::Run(_)
            | Kind::Http(_)
            | Kind::OpenApi(_)
            | Kind::Switch(_)
            | Kind::Raise(_)
            | Kind::Wait(_) => {}
        }
    }
}

/// The function that `chunks` calls for every chunk.
fn chunk_call(with: &Shape) -> Option<String> {
    let call = match with {
        Shape::Constant(value) => value.get("call").cloned(),
        Shape::Map(members) => members.iter().find_map(|(key, shape)| match shape {
            Shape::Constant(value) if key == "call" => Some(value.clone()),
            _ => None,
        }),
        Shape::Expression(_) | Shape::List(_) => None,
    };
    Some(call?.as_str()?.to_owned())
}
