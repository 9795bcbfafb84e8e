//! What a plan evaluates: the filter over each document, and `input:` over what a job stands for.
//!
//! All expressions of a configuration are compiled once, into one program.

use chrono::{DateTime, Utc};

use crate::configuration::{JobConfiguration, VARIABLES};
use crate::document::step::{Expression, Shape};
use crate::expression::{Budget, ExpressionError, Library, Scope, Source};
use crate::problem::Problem;
use crate::value::{DEPTH_STORED_MAX, ParseError, Value};

use super::input::MemberValue;
use super::member::Member;
use super::occasion::Occasion;

/// The compiled expressions of a configuration on one occasion.
pub struct Rendering {
    library: Library,
    filter: Option<usize>,
    input: Option<Part>,
    purpose_input: Option<Value>,
    occasion: Occasion,
    slot: Value,
}

/// A shape whose expressions are places in the library.
pub(super) enum Part {
    Constant(Value),
    Expression(usize),
    List(Vec<Part>),
    Map(Vec<(String, Part)>),
}

/// Why a filter gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FilterError {
    /// It failed.
    #[error("the filter failed on member {n} (key `{key}`)")]
    Failed {
        /// Place of the member.
        n: u64,
        /// Its key.
        key: String,
        /// How.
        source: ExpressionError,
    },
    /// It gave neither a boolean nor null.
    #[error("the filter gave {kind} on member {n} (key `{key}`), not true or false")]
    NotBoolean {
        /// Place of the member.
        n: u64,
        /// Its key.
        key: String,
        /// JSON type of what it gave.
        kind: &'static str,
    },
}

impl FilterError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "filter_error"
    }
}

impl Rendering {
    /// Compiles what `job` evaluates; `purpose_input` is laid under every input.
    ///
    /// # Errors
    /// Every expression that does not compile.
    pub fn compile(
        job: &JobConfiguration,
        purpose_input: Option<&Value>,
        occasion: Occasion,
    ) -> Result<Rendering, Vec<Problem>> {
        let mut expressions = Vec::new();
        let filter = job.selection.filter.as_ref().map(|text| {
            let pointer = "/selection/filter".to_owned();
            let text = text.clone();
            place(&mut expressions, Expression { text, pointer })
        });
        let input = job
            .input
            .as_ref()
            .map(|shape| part(shape, &mut expressions));
        Ok(Rendering {
            library: library(&expressions)?,
            filter,
            input,
            purpose_input: purpose_input.cloned(),
            slot: occasion
                .slot
                .as_ref()
                .map_or(Value::Null, |slot| slot.to_value()),
            occasion,
        })
    }

    /// Compiles a filter that belongs to no configuration: `$slot` is null, `$configuration` is empty.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn of_filter(filter: &str, now: DateTime<Utc>) -> Result<Rendering, Vec<Problem>> {
        let expression = Expression {
            text: filter.to_owned(),
            pointer: "/filter".to_owned(),
        };
        Ok(Rendering {
            library: library(&[expression])?,
            filter: Some(0),
            input: None,
            purpose_input: None,
            slot: Value::Null,
            occasion: Occasion {
                now,
                slot: None,
                configuration: String::new(),
            },
        })
    }

    /// Does the filter keep this member? Null is false.
    ///
    /// # Errors
    /// When the filter fails or gives anything but a boolean.
    pub fn keeps(&self, member: &Member) -> Result<bool, FilterError> {
        let Some(filter) = self.filter else {
            return Ok(true);
        };
        let (n, key) = (member.n, member.key.clone());
        let whole = MemberValue::Individual(member);
        let document = member.document.value().map_err(unreadable);
        match document.and_then(|document| self.evaluate(filter, document, &whole)) {
            Ok(Value::Bool(keeps)) => Ok(keeps),
            Ok(Value::Null) => Ok(false),
            Ok(other) => Err(FilterError::NotBoolean {
                n,
                key,
                kind: other.kind(),
            }),
            Err(source) => Err(FilterError::Failed { n, key, source }),
        }
    }

    /// The input of a job: the purpose's, and over it `input:` or the value itself.
    ///
    /// # Errors
    /// When an expression of `input:` fails, or the input is nested too deep to be stored.
    pub fn input(&self, value: &MemberValue<'_>) -> Result<Value, ExpressionError> {
        let whole = value.to_value().map_err(unreadable)?;
        let input = match &self.input {
            Some(part) => self.fill(part, &whole, value)?,
            None => whole,
        };
        let input = match &self.purpose_input {
            Some(under) => under.merged(&input),
            None => input,
        };
        if input.depth() > DEPTH_STORED_MAX {
            return Err(ExpressionError::Depth);
        }
        Ok(input)
    }

    /// The same as compact JSON. A member that is handed on as it is need not be read.
    ///
    /// # Errors
    /// As [`Rendering::input`].
    pub fn input_text(&self, value: &MemberValue<'_>) -> Result<String, ExpressionError> {
        match (value, &self.input, &self.purpose_input) {
            (MemberValue::Individual(member), None, None) => Ok(member.document.text().to_owned()),
            _ => self.input(value).map(|input| input.to_json()),
        }
    }

    fn fill(
        &self,
        part: &Part,
        whole: &Value,
        value: &MemberValue<'_>,
    ) -> Result<Value, ExpressionError> {
        part.fill(&|index| self.evaluate(index, whole, value))
    }

    fn evaluate(
        &self,
        index: usize,
        input: &Value,
        value: &MemberValue<'_>,
    ) -> Result<Value, ExpressionError> {
        let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
        let variables = [
            ("key", text(value.key())),
            ("object", text(value.object())),
            ("slot", self.slot.clone()),
            ("configuration", self.occasion.configuration.as_str().into()),
        ];
        let scope = Scope {
            now: self.occasion.now,
            variables: &variables,
        };
        self.library
            .evaluate(index, input, &scope, Budget::default())
    }
}

fn unreadable(error: ParseError) -> ExpressionError {
    ExpressionError::Internal(error.to_string())
}

impl Part {
    /// The value that it stands for, its expressions evaluated by `evaluate`.
    pub(super) fn fill(
        &self,
        evaluate: &impl Fn(usize) -> Result<Value, ExpressionError>,
    ) -> Result<Value, ExpressionError> {
        Ok(match self {
            Part::Constant(constant) => constant.clone(),
            Part::Expression(index) => evaluate(*index)?,
            Part::List(parts) => {
                let items = parts.iter().map(|part| part.fill(evaluate));
                Value::list(items.collect::<Result<Vec<_>, _>>()?)
            }
            Part::Map(parts) => {
                let members = parts
                    .iter()
                    .map(|(key, part)| Ok((key.as_str(), part.fill(evaluate)?)));
                Value::map(members.collect::<Result<Vec<_>, ExpressionError>>()?)
            }
        })
    }
}

fn place(expressions: &mut Vec<Expression>, expression: Expression) -> usize {
    expressions.push(expression);
    expressions.len() - 1
}

pub(super) fn part(shape: &Shape, expressions: &mut Vec<Expression>) -> Part {
    match shape {
        Shape::Constant(value) => Part::Constant(value.clone()),
        Shape::Expression(expression) => Part::Expression(place(expressions, expression.clone())),
        Shape::List(items) => Part::List(items.iter().map(|one| part(one, expressions)).collect()),
        Shape::Map(members) => Part::Map(
            members
                .iter()
                .map(|(key, one)| (key.clone(), part(one, expressions)))
                .collect(),
        ),
    }
}

pub(super) fn library(expressions: &[Expression]) -> Result<Library, Vec<Problem>> {
    let sources: Vec<Source<'_>> = expressions
        .iter()
        .map(|expression| Source {
            text: &expression.text,
            variables: &VARIABLES,
        })
        .collect();
    Library::compile(&sources).map_err(|problems| {
        let problem = |(index, fault): (usize, crate::expression::SyntaxProblem)| {
            let pointer = expressions[index].pointer.clone();
            let problem = Problem::new(fault.code, pointer, fault.message);
            match fault.hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        };
        problems.into_iter().map(problem).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Content, SourceFile, read};
    use crate::plan::{Document, SlotScope};

    fn job(selection: &str, input: &str) -> JobConfiguration {
        let text = format!(
            "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
             selection: {{ category: strikes{selection} }}\nstrategy: individual\n{input}\n\
             schedule: {{ weekly: {{ days: [ mon ], at: \"06:00\" }}, zone: America/New_York }}\n"
        );
        let file = SourceFile {
            name: "job.yaml",
            text: &text,
        };
        let documents = read(&[file], "2026-11-21T00:00:00Z".parse().unwrap());
        match documents.unwrap().remove(0).content {
            Content::JobConfiguration(job) => *job,
            other => panic!("{other:?}"),
        }
    }

    fn rendering(selection: &str, input: &str, purpose_input: Option<&Value>) -> Rendering {
        let job = job(selection, input);
        let at = "2026-11-23T11:00:00Z".parse().unwrap();
        let occasion = Occasion {
            now: at,
            slot: Some(SlotScope::of(job.schedule.as_ref().unwrap(), None, at)),
            configuration: "briefs".to_owned(),
        };
        Rendering::compile(&job, purpose_input, occasion).unwrap()
    }

    fn member(document: &str) -> Member {
        Member {
            n: 7,
            key: "k".to_owned(),
            object: Some("Ohio".to_owned()),
            document: Document::stored(document.to_owned()),
        }
    }

    #[test]
    fn a_filter_keeps_what_is_true_and_null_is_not() {
        let rendering = rendering(", filter: '.open and $object == \"Ohio\"'", "", None);
        assert!(rendering.keeps(&member(r#"{"open":true}"#)).unwrap());
        assert!(!rendering.keeps(&member(r#"{"open":false}"#)).unwrap());

        let null = self::rendering(", filter: .open", "", None);
        assert!(!null.keeps(&member("{}")).unwrap());
        let all = self::rendering("", "", None);
        assert!(all.keeps(&member("{}")).unwrap());
    }

    #[test]
    fn a_filter_that_gives_no_boolean_names_the_member() {
        let rendering = rendering(", filter: .name", "", None);

        let error = rendering.keeps(&member(r#"{"name":"x"}"#)).unwrap_err();

        assert_eq!(error.code(), "filter_error");
        assert!(
            error.to_string().contains("string on member 7 (key `k`)"),
            "{error}"
        );
        let failed = self::rendering(", filter: .name.x", "", None);
        let error = failed.keeps(&member(r#"{"name":"x"}"#)).unwrap_err();
        assert!(matches!(error, FilterError::Failed { n: 7, .. }));
    }

    #[test]
    fn without_input_the_value_itself_lies_over_the_purpose_s() {
        let under = Value::parse(r#"{"language":"en","a":0}"#).unwrap();
        let rendering = rendering("", "", Some(&under));

        let input = rendering.input(&MemberValue::Individual(&member(r#"{"a":1}"#)));

        assert_eq!(input.unwrap().to_json(), r#"{"language":"en","a":1}"#);
    }

    #[test]
    fn input_is_filled_from_value_slot_and_names() {
        let input = "input: { a: '${ .a + 1 }', list: [ '${ $key }', '${ $object }' ], \
             slot: '${ $slot }', by: '${ $configuration }', text: 'a ${ .a }' }";
        let rendering = rendering("", input, None);

        let input = rendering
            .input(&MemberValue::Individual(&member(r#"{"a":1}"#)))
            .unwrap();

        let slot = r#"{"at":"2026-11-23T11:00:00Z","previous":"2026-11-16T11:00:00Z","wall":"2026-11-23T06:00:00","zone":"America/New_York"}"#;
        let wanted = format!(
            r#"{{"a":2,"list":["k","Ohio"],"slot":{slot},"by":"briefs","text":"a ${{ .a }}"}}"#
        );
        assert_eq!(input.to_json(), wanted);
    }

    #[test]
    fn a_combined_job_has_neither_key_nor_object() {
        let rendering = rendering("", "input: { all: '${ [ $key, $object, .count ] }' }", None);
        let members = [member("{}"), member("{}")];

        let input = rendering.input(&MemberValue::Combined(&members)).unwrap();

        assert_eq!(input.to_json(), r#"{"all":[null,null,2]}"#);
    }

    #[test]
    fn an_input_that_fails_says_so() {
        let rendering = rendering("", "input: { a: '${ .a.b }' }", None);
        let member = member(r#"{"a":"text"}"#);
        assert!(rendering.input(&MemberValue::Individual(&member)).is_err());
    }
}
