//! Values with expressions in them, expressions alone, and lengths of time.
//!
//! Ruling 1: in some places text is jq, with or without `${ }`; everywhere else only text that is
//! wholly `${ … }` is an expression, and any other text is itself.

use std::time::Duration;

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Delay, Expression, Shape};
use crate::document::tree::Node;
use crate::duration::{self, DurationError};
use crate::value::Value;

/// The jq inside a text that is wholly `${ … }`.
pub fn unwrapped(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    Some(inner.trim())
}

impl Reader {
    /// A place where text is jq (ruling 1).
    pub fn expression(&mut self, spot: &Spot<'_>) -> Option<Expression> {
        let text = self.text(spot)?;
        Some(jq(unwrapped(text).unwrap_or(text.trim()), spot))
    }

    /// `from` and `as`: text is jq, an object is built.
    pub fn data_shape(&mut self, spot: &Spot<'_>) -> Option<Shape> {
        match &spot.tree.node {
            Node::Map(_) => Some(shape(spot)),
            Node::Scalar(Value::Text(_)) => self.expression(spot).map(Shape::Expression),
            _ => {
                self.wrong_type(spot, "an expression or an object");
                None
            }
        }
    }

    /// A map, possibly with expressions in it.
    pub fn map_shape(&mut self, spot: &Spot<'_>) -> Option<Shape> {
        self.any_object(spot).map(|spot| shape(&spot))
    }

    /// A length of time: ISO 8601, an object, or an expression giving ISO 8601.
    pub fn delay(&mut self, spot: &Spot<'_>) -> Option<Delay> {
        let read = match &spot.tree.node {
            Node::Scalar(Value::Text(text)) => match unwrapped(text) {
                Some(inner) => return Some(Delay::Computed(jq(inner, spot))),
                None => duration::parse(text),
            },
            Node::Map(_) => return self.length_of_units(spot).map(Delay::Fixed),
            _ => {
                self.wrong_type(spot, "a length of time");
                return None;
            }
        };
        self.length(spot, read).map(Delay::Fixed)
    }

    /// A length of time that is known at publish.
    pub fn fixed_delay(&mut self, spot: &Spot<'_>) -> Option<Duration> {
        match self.delay(spot)? {
            Delay::Fixed(length) => Some(length),
            Delay::Computed(_) => {
                let message = "this length of time must be written out, not computed";
                self.problems
                    .push(spot.problem("duration.computed", message));
                None
            }
        }
    }

    fn length_of_units(&mut self, spot: &Spot<'_>) -> Option<Duration> {
        const UNITS: [&str; 8] = [
            "weeks",
            "days",
            "hours",
            "minutes",
            "seconds",
            "milliseconds",
            "months",
            "years",
        ];
        let spot = self.object(spot, &UNITS)?;
        if spot.entries().is_empty() {
            self.wrong_type(&spot, "at least one unit of time");
            return None;
        }
        let mut units = Vec::new();
        for entry in spot.entries() {
            let known = UNITS.contains(&&*entry.key);
            let number = self.integer(&spot.of(entry), i64::MIN, i64::MAX)?;
            units.extend(known.then_some((&*entry.key, number)));
        }
        self.length(&spot, duration::from_units(units))
    }

    fn length(
        &mut self,
        spot: &Spot<'_>,
        read: Result<Duration, DurationError>,
    ) -> Option<Duration> {
        let report = |error: DurationError| {
            let problem = spot.problem(error.code(), error.to_string());
            self.problems.push(problem.hint(error.hint()));
        };
        read.map_err(report).ok()
    }
}

fn jq(text: &str, spot: &Spot<'_>) -> Expression {
    Expression {
        text: text.to_owned(),
        pointer: spot.pointer.clone(),
    }
}

/// A value whose `${ }` leaves are expressions; keys never are (ruling 3).
pub(super) fn shape(spot: &Spot<'_>) -> Shape {
    match &spot.tree.node {
        Node::Scalar(Value::Text(text)) => match unwrapped(text) {
            Some(inner) => Shape::Expression(jq(inner, spot)),
            None => Shape::Constant(Value::Text(text.clone())),
        },
        Node::Scalar(value) => Shape::Constant(value.clone()),
        Node::List(items) => {
            let items = items.iter().enumerate();
            let items: Vec<Shape> = items
                .map(|(index, tree)| shape(&spot.at(index, tree)))
                .collect();
            match items.iter().all(is_constant) {
                true => Shape::Constant(spot.tree.to_value()),
                false => Shape::List(items),
            }
        }
        Node::Map(entries) => {
            let entries = entries.iter();
            let entries: Vec<(String, Shape)> = entries
                .map(|entry| (entry.key.to_string(), shape(&spot.of(entry))))
                .collect();
            match entries.iter().all(|(_, shape)| is_constant(shape)) {
                true => Shape::Constant(spot.tree.to_value()),
                false => Shape::Map(entries),
            }
        }
    }
}

fn is_constant(shape: &Shape) -> bool {
    matches!(shape, Shape::Constant(_))
}
