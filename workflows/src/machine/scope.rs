//! Data flow: what an expression sees, and what its failure means.
//!
//! Only the variables that an expression names are built: `$workflow` and `$task` can be large.

use chrono::{DateTime, SecondsFormat, Utc};

use super::Execution;
use super::fault::Fault;
use super::held::bytes;
use super::limits::VALUE_BYTES_MAX;
use crate::expression::{Budget, ExpressionError, Scope};
use crate::program::Site;
use crate::program::node::{Form, Inlet, Outlet, Span, Variable};
use crate::value::{DEPTH_STORED_MAX, Value};

/// The name under which templates know this engine.
const RUNTIME: &str = "windlass";

impl Execution {
    /// Evaluates one expression on `dot`; `output` is bound in `export.as` alone.
    pub(super) fn evaluate(
        &self,
        site: Site,
        dot: &Value,
        output: Option<&Value>,
    ) -> Result<Value, Fault> {
        let facts = self.program.site(site);
        if facts.is_fickle {
            self.is_fickle.set(true);
        }
        let variables: Vec<(&str, Value)> = facts
            .reads
            .iter()
            .map(|variable| {
                (
                    variable.name(),
                    self.variable(variable, output, &facts.text),
                )
            })
            .collect();
        let scope = Scope {
            now: self.state.root.at,
            variables: &variables,
        };
        let value = self
            .program
            .library
            .evaluate(site.0 as usize, dot, &scope, Budget::default());
        let value = value.map_err(|error| expression_fault(&error, &facts.pointer))?;
        fits(&value, &facts.pointer)?;
        Ok(value)
    }

    /// A condition: null counts as false, anything but a boolean is an error (ruling 5).
    pub(super) fn holds(&self, site: Site, dot: &Value) -> Result<bool, Fault> {
        match self.evaluate(site, dot, None)? {
            Value::Bool(holds) => Ok(holds),
            Value::Null => Ok(false),
            other => {
                let title = format!("a condition gave {}, not true or false", other.kind());
                Err(Fault::standard("expression", 400, title))
            }
        }
    }

    /// Fills a shape; every leaf sees the same `.` (ruling 3).
    pub(super) fn fill(
        &self,
        form: &Form,
        dot: &Value,
        output: Option<&Value>,
    ) -> Result<Value, Fault> {
        let value = self.filled(form, dot, output)?;
        // A leaf is as deep as can be stored; the shape around it adds its own levels.
        if value.depth() > DEPTH_STORED_MAX {
            let title = format!(
                "a value {} deep was built; {DEPTH_STORED_MAX} are allowed",
                value.depth()
            );
            return Err(Fault::standard("expression", 400, title));
        }
        Ok(value)
    }

    fn filled(&self, form: &Form, dot: &Value, output: Option<&Value>) -> Result<Value, Fault> {
        Ok(match form {
            Form::Same => dot.clone(),
            Form::Constant(value) => value.clone(),
            Form::Site(site) => self.evaluate(*site, dot, output)?,
            Form::List(items) => {
                let items = items.iter().map(|item| self.filled(item, dot, output));
                Value::list(items.collect::<Result<Vec<_>, _>>()?)
            }
            Form::Map(members) => {
                let members = members
                    .iter()
                    .map(|(key, form)| Ok((key.clone(), self.filled(form, dot, output)?)));
                Value::map(members.collect::<Result<Vec<_>, Fault>>()?)
            }
        })
    }

    /// `input`: the schema judges the raw value, `from` shapes it (ruling 8).
    pub(super) fn take_in(&self, inlet: &Inlet, raw: &Value) -> Result<Value, Fault> {
        if let Some(schema) = &inlet.schema {
            conforms("input", schema.violations(raw))?;
        }
        inlet
            .from
            .as_ref()
            .map_or_else(|| Ok(raw.clone()), |form| self.fill(form, raw, None))
    }

    /// `output` or `export`: `as` shapes the value, the schema judges what it gave.
    pub(super) fn give_out(
        &self,
        outlet: &Outlet,
        raw: &Value,
        output: Option<&Value>,
    ) -> Result<Value, Fault> {
        let shaped = outlet
            .shape
            .as_ref()
            .map_or_else(|| Ok(raw.clone()), |form| self.fill(form, raw, output))?;
        if let Some(schema) = &outlet.schema {
            conforms("output", schema.violations(&shaped))?;
        }
        Ok(shaped)
    }

    /// A length of time, fixed or computed from ISO 8601 text.
    pub(super) fn length(&self, span: Span, dot: &Value) -> Result<std::time::Duration, Fault> {
        let site = match span {
            Span::Fixed(length) => return Ok(length),
            Span::Computed(site) => site,
        };
        let value = self.evaluate(site, dot, None)?;
        let text = value
            .as_str()
            .ok_or_else(|| Fault::standard("expression", 400, "a duration must be text"))?;
        crate::duration::parse(text)
            .map_err(|error| Fault::standard("expression", 400, error.to_string()))
    }

    fn variable(&self, variable: &Variable, output: Option<&Value>, text: &str) -> Value {
        let branch = self.state.branch();
        match variable {
            Variable::Context => branch.context.value.clone(),
            Variable::Input => match &self.layer_input {
                Some(input) => input.clone(),
                None => branch
                    .top()
                    .map_or(Value::Null, |frame| frame.input.value.clone()),
            },
            Variable::Output => {
                let bound = output.or(self.output_bound.as_ref());
                bound.cloned().unwrap_or(Value::Null)
            }
            Variable::Secrets => self.secrets(text),
            Variable::Task => self.task_value(output),
            Variable::Workflow => self.workflow_value(),
            Variable::Runtime => self.runtime_value(),
            Variable::Bound(name) => {
                let around = self.state.upwards(self.state.cursor);
                let mut frames =
                    around.flat_map(|place| self.state.branches[place].frames.iter().rev());
                let bound = frames.find_map(|frame| frame.bound(&self.program, name));
                bound.unwrap_or(Value::Null)
            }
        }
    }

    fn task_value(&self, output: Option<&Value>) -> Value {
        let Some(frame) = self.state.branch().top() else {
            return Value::Null;
        };
        let node = self.program.node(frame.node);
        let mut members = vec![
            ("name", Value::text(node.name.clone())),
            ("reference", Value::text(node.place.clone())),
            (
                "definition",
                self.program
                    .document
                    .pointer(&node.place)
                    .cloned()
                    .unwrap_or(Value::Null),
            ),
            ("input", frame.raw.value.clone()),
            ("startedAt", instant(frame.started)),
        ];
        if let Some(output) = output {
            members.push(("output", output.clone()));
        }
        Value::map(members)
    }

    fn workflow_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.facts.name())),
            ("definition", self.program.document.clone()),
            ("input", self.facts.input.clone()),
            ("startedAt", instant(self.state.root.started)),
        ])
    }

    fn runtime_value(&self) -> Value {
        let batch = self
            .facts
            .batch
            .as_ref()
            .map_or(Value::Null, super::facts::BatchFacts::to_value);
        let metadata = Value::map([
            ("tenant", Value::text(self.facts.tenant.as_str())),
            (
                "attempt",
                Value::from(self.state.attempt(self.state.cursor) + self.state.root.attempt),
            ),
            ("template", Value::text(self.program.hash.clone())),
            ("batch", batch),
        ]);
        Value::map([
            ("name", Value::text(RUNTIME)),
            ("version", Value::text(self.program.semantics.to_string())),
            ("metadata", metadata),
        ])
    }
}

fn instant(at: DateTime<Utc>) -> Value {
    let epoch = Value::map([
        ("seconds", Value::from(at.timestamp())),
        ("milliseconds", Value::from(at.timestamp_millis())),
    ]);
    Value::map([
        (
            "iso8601",
            Value::text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        ),
        ("epoch", epoch),
    ])
}

fn expression_fault(error: &ExpressionError, pointer: &str) -> Fault {
    let mut fault = Fault::standard("expression", 400, error.to_string());
    fault.detail = Some(Value::map([
        ("code", Value::text(error.code())),
        ("expression", Value::text(pointer)),
    ]));
    fault
}

fn conforms(place: &str, violations: Vec<String>) -> Result<(), Fault> {
    if violations.is_empty() {
        return Ok(());
    }
    let mut fault = Fault::standard(
        "validation",
        400,
        format!("the {place} does not fit its schema"),
    );
    fault.detail = Some(Value::list(violations.into_iter().map(Value::from)));
    Err(fault)
}

fn fits(value: &Value, pointer: &str) -> Result<(), Fault> {
    let size = bytes(value);
    if size <= VALUE_BYTES_MAX {
        return Ok(());
    }
    let title =
        format!("{pointer} gave a value of about {size} bytes; {VALUE_BYTES_MAX} are allowed");
    Err(Fault::standard("expression", 400, title))
}
