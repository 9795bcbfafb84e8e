//! All expressions of a template version in few jaq programs: compiled once, evaluated by number.
//!
//! Compiling them together takes a twenty-fifth of compiling each alone. The entry of each
//! definition is found once, so that an evaluation starts right at its expression.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jaq_core::compile::TermId;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};

use super::arithmetic::NOT_FINITE;
use super::datum::Datum;
use super::meter::{Meter, Stop};
use super::natives::{self, Entries, Jq, Surroundings};
use super::path::Path;
use super::{Budget, ExpressionError, Reads, Scope, Source, SyntaxProblem, check, vocabulary};
use crate::value::{DEPTH_STORED_MAX, Value};

/// Longest message kept of a failure; an author's own text may be as long as the data.
const MESSAGE_CHARACTERS_MAX: usize = 500;

/// Expressions of one program: compiling recurses with their number, and ten thousand would need more
/// stack than a thread has.
const PROGRAM_MAX: usize = 250;

/// The compiled expressions of one template version.
pub struct Library {
    programs: Vec<Filter<Jq>>,
    entries: Vec<Entry>,
    /// Every variable that any expression reads, in the order in which they are bound.
    variables: Vec<String>,
}

struct Entry {
    /// Number of its program, and its place there.
    program: usize,
    id: TermId,
    reads: Reads,
    /// It is a way through members, and can do without the language.
    path: Option<Path>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = formatter.debug_struct("Library");
        out.field("expressions", &self.entries.len())
            .field("variables", &self.variables);
        out.finish_non_exhaustive()
    }
}

impl Library {
    /// Checks and compiles these expressions; their numbers are their places.
    ///
    /// # Errors
    /// Every expression that is no expression of ours, with its number.
    pub fn compile(sources: &[Source<'_>]) -> Result<Library, Vec<(usize, SyntaxProblem)>> {
        let mut reads = Vec::new();
        let mut problems = Vec::new();
        for (index, checked) in check::all(sources).into_iter().enumerate() {
            match checked {
                Ok(read) => reads.push(read),
                Err(problem) => problems.push((index, problem)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let names: BTreeSet<&String> = reads.iter().flat_map(|read| &read.variables).collect();
        let variables: Vec<String> = names.into_iter().map(|name| format!("${name}")).collect();
        let parts = sources.chunks(PROGRAM_MAX);
        let built: Result<Vec<_>, _> =
            check::with_room(|| parts.map(|part| build(part, &variables)).collect());
        let (programs, ids): (Vec<_>, Vec<_>) = built?.into_iter().unzip();
        let ids = ids.into_iter().enumerate();
        let places = ids.flat_map(|(program, ids)| ids.into_iter().map(move |id| (program, id)));
        let entries = places
            .zip(reads)
            .zip(sources)
            .map(|(((program, id), reads), source)| Entry {
                program,
                id,
                reads,
                path: Path::of(source.text),
            });
        Ok(Library {
            programs,
            entries: entries.collect(),
            variables,
        })
    }

    /// What an expression names.
    pub fn reads(&self, index: usize) -> Option<&Reads> {
        self.entries.get(index).map(|entry| &entry.reads)
    }

    /// The first result of an expression. Works on any thread with 1.25 MiB of stack to spare.
    ///
    /// # Errors
    /// When it gives nothing, fails, or goes over its budget.
    pub fn evaluate(
        &self,
        index: usize,
        input: &Value,
        scope: &Scope<'_>,
        budget: Budget,
    ) -> Result<Value, ExpressionError> {
        let missing = || ExpressionError::Internal(format!("there is no expression {index}"));
        let entry = self.entries.get(index).ok_or_else(missing)?;
        if let Some(value) = entry
            .path
            .as_ref()
            .and_then(|path| path.follow(input, scope))
        {
            return stored(value);
        }
        let meter = Meter::start(budget);
        let first = catch_unwind(AssertUnwindSafe(|| self.first(entry, input, scope)));
        // A spent meter can look like success: ask it before believing any result.
        if let Some(stop) = meter.stopped() {
            return Err(stop.into());
        }
        let first = first.map_err(|_| ExpressionError::Internal("it panicked".into()))?;
        stored(first.ok_or(ExpressionError::Empty)??)
    }

    fn first(
        &self,
        entry: &Entry,
        input: &Value,
        scope: &Scope<'_>,
    ) -> Option<Result<Value, ExpressionError>> {
        let now = scope.now.timestamp_micros() as f64 / 1e6;
        let surroundings = Surroundings {
            lut: &self.programs[entry.program].lut,
            now,
            entries: None,
        };
        let variables = self
            .variables
            .iter()
            .map(|name| value_of(&name[1..], entry, scope));
        let context = Ctx::<Jq>::new(surroundings, Vars::new(variables));
        let result = entry.id.run((context, Datum::from(input.clone()))).next()?;
        Some(
            result
                .map(|datum| datum.value)
                .map_err(|raised| match raised.get_err() {
                    Ok(error) => explained(&error.to_string()),
                    Err(_) => ExpressionError::Internal("it left its own bounds".into()),
                }),
        )
    }
}

/// The value, if it can be stored.
fn stored(value: Value) -> Result<Value, ExpressionError> {
    match value.depth() > DEPTH_STORED_MAX {
        true => Err(ExpressionError::Depth),
        false => Ok(value),
    }
}

fn value_of(name: &str, entry: &Entry, scope: &Scope<'_>) -> Datum {
    if !entry.reads.variables.contains(name) {
        return Datum::default();
    }
    let given = scope.variables.iter().find(|(known, _)| *known == name);
    given
        .map(|(_, value)| Datum::from(value.clone()))
        .unwrap_or_default()
}

fn explained(message: &str) -> ExpressionError {
    match message {
        NOT_FINITE => ExpressionError::NotFinite,
        _ => ExpressionError::Failed(message.chars().take(MESSAGE_CHARACTERS_MAX).collect()),
    }
}

impl From<Stop> for ExpressionError {
    fn from(stop: Stop) -> ExpressionError {
        match stop {
            Stop::Steps => ExpressionError::Steps,
            Stop::Memory => ExpressionError::Memory,
            Stop::Depth => ExpressionError::Depth,
            Stop::NotFinite => ExpressionError::NotFinite,
        }
    }
}

type Built = Result<(Filter<Jq>, Vec<TermId>), Vec<(usize, SyntaxProblem)>>;

/// Compiles one program with a definition for each expression and finds their entries.
fn build(sources: &[Source<'_>], variables: &[String]) -> Built {
    let code = program(sources);
    let arena = Arena::default();
    let loader = Loader::new(vocabulary::definitions().iter().cloned());
    let file = File {
        code: &*code,
        path: (),
    };
    let modules = loader
        .load(&arena, file)
        .map_err(|_| defect("the program cannot be read"))?;
    let collect = (
        "w_entries",
        natives::filters(sources.len()),
        natives::collect_entries(),
    );
    let compiler = Compiler::default()
        .with_funs(natives::all().into_iter().chain([collect]))
        .with_global_vars(variables.iter().map(String::as_str));
    let filter = compiler.compile(modules).map_err(|errors| {
        let missing = errors
            .iter()
            .flat_map(|(_, errors)| errors)
            .map(|error| error.0);
        defect(&format!(
            "not compiled: {}",
            missing.collect::<Vec<_>>().join(", ")
        ))
    })?;
    let ids = entries(&filter, sources.len(), variables.len());
    Ok((filter, ids))
}

/// Checked expressions that do not compile together are a defect of ours, told like a problem.
fn defect(message: &str) -> Vec<(usize, SyntaxProblem)> {
    let message = message.to_owned();
    vec![(
        0,
        SyntaxProblem {
            code: "expression.syntax",
            message,
            hint: None,
            offset: 0,
        },
    )]
}

fn program(sources: &[Source<'_>]) -> String {
    let mut code = String::new();
    let mut calls = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        // A comment may end the text, and a backslash at its end takes one more line.
        let _ = writeln!(code, "def e{index}: (\n{}\n\n);", source.text);
        calls.push(format!("e{index}"));
    }
    match calls.is_empty() {
        true => ".".into(),
        false => code + "w_entries(" + &calls.join("; ") + ")",
    }
}

fn entries(filter: &Filter<Jq>, count: usize, variables: usize) -> Vec<TermId> {
    let entries = Entries {
        count,
        ids: RefCell::default(),
    };
    let surroundings = Surroundings {
        lut: &filter.lut,
        now: 0.0,
        entries: Some(&entries),
    };
    let variables = Vars::new(std::iter::repeat_n(Datum::default(), variables));
    let context = Ctx::<Jq>::new(surroundings, variables);
    filter.id.run((context, Datum::default())).for_each(drop);
    let mut ids = entries.ids.take();
    ids.reverse();
    ids
}
