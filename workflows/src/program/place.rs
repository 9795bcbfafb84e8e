//! Places of a document that read data: each expression becomes a site of the one library.

use std::sync::Arc;

use super::Unbuildable;
use super::node::{Form, Inlet, Outlet, Site, SiteFacts, Span, Variable};
use super::schema::Schema;
use crate::document::step::{Delay, Expression, Input, Output, Shape};
use crate::expression::{self, Library, Reads, Source};

/// Variables that every place may name; check has refused those that its place lacks.
const STANDARD: [&str; 7] = [
    "context", "input", "output", "task", "workflow", "runtime", "secrets",
];

/// What `$runtime` gives alike each time a job begins again.
const STEADY: [&str; 5] = [
    ".name",
    ".version",
    ".metadata.batch",
    ".metadata.tenant",
    ".metadata.template",
];

/// Gathers the expressions of a program.
#[derive(Default)]
pub(super) struct Places {
    texts: Vec<(String, Vec<Arc<str>>)>,
    pub(super) facts: Vec<SiteFacts>,
    /// Loop and error names bound where lowering stands.
    pub(super) bound: Vec<Arc<str>>,
}

impl Places {
    pub(super) fn site(&mut self, expression: &Expression) -> Result<Site, Unbuildable> {
        let bound = self.bound.clone();
        let names = variables(&bound);
        let source = Source {
            text: &expression.text,
            variables: &names,
        };
        let reads = expression::check(&source)
            .map_err(|problem| refused(&expression.pointer, &problem.message))?;
        let site = Site(self.facts.len() as u32);
        self.facts.push(SiteFacts {
            text: Arc::from(expression.text.as_str()),
            pointer: Arc::from(expression.pointer.as_str()),
            is_fickle: is_fickle(&expression.text, &reads),
            reads: reads
                .variables
                .iter()
                .map(|name| Variable::named(name))
                .collect(),
        });
        self.texts.push((expression.text.clone(), bound));
        Ok(site)
    }

    pub(super) fn maybe(
        &mut self,
        expression: Option<&Expression>,
    ) -> Result<Option<Site>, Unbuildable> {
        expression
            .map(|expression| self.site(expression))
            .transpose()
    }

    pub(super) fn form(&mut self, shape: &Shape) -> Result<Form, Unbuildable> {
        Ok(match shape {
            Shape::Constant(value) => Form::Constant(value.clone()),
            Shape::Expression(expression) => Form::Site(self.site(expression)?),
            Shape::List(items) => Form::List(
                items
                    .iter()
                    .map(|item| self.form(item))
                    .collect::<Result<_, _>>()?,
            ),
            Shape::Map(members) => {
                let members = members
                    .iter()
                    .map(|(key, shape)| Ok((Arc::from(key.as_str()), self.form(shape)?)));
                Form::Map(members.collect::<Result<_, Unbuildable>>()?)
            }
        })
    }

    pub(super) fn maybe_form(
        &mut self,
        shape: Option<&Shape>,
    ) -> Result<Option<Form>, Unbuildable> {
        shape.map(|shape| self.form(shape)).transpose()
    }

    pub(super) fn inlet(&mut self, input: &Input, pointer: &str) -> Result<Inlet, Unbuildable> {
        let schema = schema(input.schema.as_ref(), pointer)?;
        Ok(Inlet {
            schema,
            from: self.maybe_form(input.from.as_ref())?,
        })
    }

    pub(super) fn outlet(&mut self, output: &Output, pointer: &str) -> Result<Outlet, Unbuildable> {
        let schema = schema(output.schema.as_ref(), pointer)?;
        Ok(Outlet {
            schema,
            shape: self.maybe_form(output.shape.as_ref())?,
        })
    }

    pub(super) fn span(&mut self, delay: &Delay) -> Result<Span, Unbuildable> {
        Ok(match delay {
            Delay::Fixed(length) => Span::Fixed(*length),
            Delay::Computed(expression) => Span::Computed(self.site(expression)?),
        })
    }

    pub(super) fn maybe_span(
        &mut self,
        delay: Option<&Delay>,
    ) -> Result<Option<Span>, Unbuildable> {
        delay.map(|delay| self.span(delay)).transpose()
    }

    /// Compiles all that was gathered into one library.
    pub(super) fn compile(self) -> Result<(Library, Vec<SiteFacts>), Unbuildable> {
        let names: Vec<Vec<&str>> = self
            .texts
            .iter()
            .map(|(_, bound)| variables(bound))
            .collect();
        let sources: Vec<Source<'_>> = self
            .texts
            .iter()
            .zip(&names)
            .map(|((text, _), names)| Source {
                text,
                variables: names,
            })
            .collect();
        match Library::compile(&sources) {
            Ok(library) => Ok((library, self.facts)),
            Err(problems) => {
                let first = problems
                    .first()
                    .map(|(index, problem)| (&self.facts[*index].pointer, &problem.message));
                Err(first.map_or_else(
                    || refused("", "expressions"),
                    |(pointer, message)| refused(pointer, message),
                ))
            }
        }
    }
}

pub(super) fn refused(pointer: &str, message: &str) -> Unbuildable {
    Unbuildable::Place {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    }
}

fn variables(bound: &[Arc<str>]) -> Vec<&str> {
    STANDARD
        .into_iter()
        .chain(bound.iter().map(AsRef::as_ref))
        .collect()
}

fn schema(
    schema: Option<&crate::value::Value>,
    pointer: &str,
) -> Result<Option<Schema>, Unbuildable> {
    schema
        .map(Schema::compile)
        .transpose()
        .map_err(|message| refused(pointer, &message))
}

/// Reads the clock, the attempt, or a start instant. Where the text leaves it open, it counts as yes.
fn is_fickle(text: &str, reads: &Reads) -> bool {
    let after = |name: &str| {
        text.match_indices(name)
            .map(|(at, found)| text[at + found.len()..].to_owned())
            .collect::<Vec<_>>()
    };
    let names = |name: &str| reads.variables.contains(name);
    let steady = |rest: &String| STEADY.iter().any(|steady| rest.starts_with(steady));
    let opaque = |rest: &String| {
        !rest.starts_with('.') || rest.starts_with(".[") || rest.starts_with(".startedAt")
    };
    reads.clock
        || (names("runtime") && !after("$runtime").iter().all(steady))
        || (names("task") && after("$task").iter().any(opaque))
        || (names("workflow") && after("$workflow").iter().any(opaque))
}
