//! What somebody outside is told: an event of the form of Standard Webhooks, and what a callback is given.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::document::step::Shape;
use crate::expression::{Budget, ExpressionError, Library, Scope, Source};
use crate::problem::Problem;
use crate::value::{DEPTH_STORED_MAX, Value};

/// An event before it is written.
#[derive(Clone, Debug)]
pub struct Told {
    /// Such as `batch.finished`.
    pub kind: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What is known of it.
    pub data: Value,
}

/// The body that is signed and sent.
pub fn event(told: &Told) -> Value {
    let at = told.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    Value::map([
        ("type", Value::from(told.kind.as_str())),
        ("timestamp", Value::from(at)),
        ("data", told.data.clone()),
    ])
}

/// Whether a filter keeps an event. Null is false, and so is a filter that fails on it.
pub fn keeps(filter: Option<&str>, event: &Value, now: DateTime<Utc>) -> bool {
    let Some(filter) = filter else {
        return true;
    };
    let told = evaluated(filter, "/filter", event, &[], now);
    matches!(told, Ok(Value::Bool(true)))
}

/// What a callback gives: its `input` filled, over what it knows of the batch without one.
///
/// # Errors
/// An expression that does not compile, or fails on this batch.
pub fn callback_input(
    input: Option<&Shape>,
    batch: &Value,
    now: DateTime<Utc>,
) -> Result<Value, Problem> {
    let filled = match input {
        Some(shape) => fill(shape, batch, now)?,
        None => Value::map([("batch", batch.clone())]),
    };
    if filled.depth() > DEPTH_STORED_MAX {
        return Err(failed("/input", &ExpressionError::Depth));
    }
    Ok(filled)
}

fn fill(shape: &Shape, batch: &Value, now: DateTime<Utc>) -> Result<Value, Problem> {
    Ok(match shape {
        Shape::Constant(value) => value.clone(),
        Shape::Expression(one) => {
            let variables = [("batch", batch.clone())];
            evaluated(&one.text, &one.pointer, batch, &variables, now)?
        }
        Shape::List(items) => {
            let items = items.iter().map(|one| fill(one, batch, now));
            Value::list(items.collect::<Result<Vec<_>, _>>()?)
        }
        Shape::Map(members) => {
            let members = members.iter();
            let members = members.map(|(key, one)| Ok((key.as_str(), fill(one, batch, now)?)));
            Value::map(members.collect::<Result<Vec<_>, Problem>>()?)
        }
    })
}

fn evaluated(
    text: &str,
    pointer: &str,
    input: &Value,
    variables: &[(&str, Value)],
    now: DateTime<Utc>,
) -> Result<Value, Problem> {
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    let source = Source {
        text,
        variables: &names,
    };
    let library = Library::compile(&[source]).map_err(|faults| {
        let first = faults.into_iter().next();
        let message = first.map_or_else(String::new, |(_, fault)| fault.message);
        Problem::new("expression_failed", pointer, message)
    })?;
    let scope = Scope { now, variables };
    let found = library.evaluate(0, input, &scope, Budget::default());
    found.map_err(|error| failed(pointer, &error))
}

fn failed(pointer: &str, error: &ExpressionError) -> Problem {
    Problem::new("expression_failed", pointer, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-23T11:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_event_says_what_when_and_of_what() {
        let told = Told {
            kind: "batch.finished".into(),
            at: now(),
            data: Value::map([("batch", Value::from("b_7"))]),
        };

        let wanted = r#"{"type":"batch.finished","timestamp":"2026-11-23T11:00:00.000Z","data":{"batch":"b_7"}}"#;
        assert_eq!(event(&told).to_json(), wanted);
    }

    #[test]
    fn a_filter_keeps_what_is_true_and_nothing_else() {
        let event = Value::parse(r#"{"data":{"configuration":"briefs"}}"#).unwrap();
        let kept = |filter| keeps(Some(filter), &event, now());

        assert!(kept(".data.configuration != \"classify\"") && keeps(None, &event, now()));
        assert!(!kept(".data.configuration != \"briefs\""));
        assert!(!kept(".data.nothing") && !kept(".data.configuration.x") && !kept("1"));
    }

    #[test]
    fn a_callback_gives_its_input_or_the_batch() {
        let batch = Value::parse(r#"{"id":"b_7"}"#).unwrap();
        let expression = |text: &str| {
            Shape::Expression(crate::document::step::Expression {
                text: text.into(),
                pointer: "/callbacks/0/input/batch".into(),
            })
        };
        let shape = Shape::Map(vec![("batch".into(), expression("$batch.id"))]);

        let given = callback_input(Some(&shape), &batch, now()).unwrap();
        assert_eq!(given.to_json(), r#"{"batch":"b_7"}"#);
        let given = callback_input(None, &batch, now()).unwrap();
        assert_eq!(given.to_json(), r#"{"batch":{"id":"b_7"}}"#);
        let failed = callback_input(Some(&expression("$batch.id.x")), &batch, now());
        let problem = failed.unwrap_err();
        assert_eq!(problem.pointer, "/callbacks/0/input/batch");
    }
}
