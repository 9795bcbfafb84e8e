//! Values with expression leaves: a string that is wholly `${ … }` is an expression, anything else is
//! itself. Keys are never expressions.

use super::VARIABLES;
use super::spot::{Fault, Spot};
use crate::document::step::{Expression, Shape};
use crate::document::tree::{Node, join};
use crate::expression::{self, Source};
use crate::value::Value;

/// The jq inside `${ }`, if the text is wholly one expression.
pub(super) fn inside(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    Some(inner.trim())
}

/// Reads a value whose leaves may be expressions.
pub(super) fn read(spot: &Spot<'_>) -> Option<Shape> {
    read_with(spot, &VARIABLES)
}

/// The same where expressions know other variables.
pub(super) fn read_with(spot: &Spot<'_>, variables: &[&str]) -> Option<Shape> {
    match &spot.tree.node {
        Node::Scalar(Value::Text(text)) => match inside(text) {
            Some(jq) => Some(Shape::Expression(checked(spot, jq, variables)?)),
            None => Some(Shape::Constant(spot.tree.to_value())),
        },
        Node::Scalar(value) => Some(Shape::Constant(value.clone())),
        Node::List(items) => list(spot, items.len(), variables),
        Node::Map(_) => map(spot, variables),
    }
}

fn list(spot: &Spot<'_>, count: usize, variables: &[&str]) -> Option<Shape> {
    if count == 0 {
        return Some(Shape::Constant(spot.tree.to_value()));
    }
    let items = spot.each(usize::MAX, |one| read_with(one, variables))?;
    Some(if items.iter().all(is_constant) {
        Shape::Constant(spot.tree.to_value())
    } else {
        Shape::List(items)
    })
}

fn map(spot: &Spot<'_>, variables: &[&str]) -> Option<Shape> {
    let read: Vec<_> = spot
        .members()?
        .into_iter()
        .map(|(key, value)| Some((key.to_owned(), read_with(&value, variables)?)))
        .collect();
    let members: Vec<(String, Shape)> = read.into_iter().collect::<Option<_>>()?;
    Some(if members.iter().all(|(_, shape)| is_constant(shape)) {
        Shape::Constant(spot.tree.to_value())
    } else {
        Shape::Map(members)
    })
}

fn is_constant(shape: &Shape) -> bool {
    matches!(shape, Shape::Constant(_))
}

/// An expression that is known to compile here.
pub(super) fn checked(spot: &Spot<'_>, jq: &str, variables: &[&str]) -> Option<Expression> {
    let source = Source {
        text: jq,
        variables,
    };
    match expression::check(&source) {
        Ok(_) => Some(Expression {
            text: jq.to_owned(),
            pointer: spot.pointer.clone(),
        }),
        Err(problem) => {
            spot.report(problem.code, Fault(problem.message, problem.hint));
            None
        }
    }
}

/// Refuses expressions where this release takes plain data only.
pub(super) fn plain(spot: &Spot<'_>) -> Option<Value> {
    let value = spot.tree.to_value();
    match first_expression(&value, &spot.pointer) {
        Some(pointer) => spot.later(format!("the expression at {pointer}")),
        None => Some(value),
    }
}

fn first_expression(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::Text(text) => inside(text).map(|_| pointer.to_owned()),
        Value::List(list) => {
            let mut items = list.items().iter().enumerate();
            items
                .find_map(|(index, item)| first_expression(item, &join(pointer, index.to_string())))
        }
        Value::Map(map) => map
            .iter()
            .find_map(|(key, value)| first_expression(value, &join(pointer, key))),
        _ => None,
    }
}
