//! What a source outside is asked with: parameters, evaluated before there is any member.

use crate::configuration::Source;
use crate::document::step::Shape;
use crate::expression::{Budget, Scope};
use crate::problem::Problem;
use crate::value::Value;

use super::occasion::Occasion;
use super::rendering::{library, part};

/// The parameters of a selection on one occasion: a list for a query, a map for a service, else null.
///
/// # Errors
/// `expression_failed`, or an expression that does not compile.
pub fn asked(source: &Source, occasion: &Occasion) -> Result<Value, Problem> {
    let shape = match source {
        Source::Query(query) => Shape::List(query.params.clone()),
        Source::Http(service) => service
            .query
            .clone()
            .unwrap_or(Shape::Constant(Value::Null)),
        Source::Category(_) | Source::Items { .. } | Source::File { .. } => {
            return Ok(Value::Null);
        }
    };
    known(&shape, occasion, "/selection")
}

/// A value whose expressions know what is known before there is a member.
pub(super) fn known(shape: &Shape, occasion: &Occasion, pointer: &str) -> Result<Value, Problem> {
    let mut expressions = Vec::new();
    let part = part(shape, &mut expressions);
    let library = library(&expressions).map_err(|mut problems| problems.remove(0))?;
    let slot = occasion.slot.as_ref().map(|slot| slot.to_value());
    let variables = [
        ("slot", slot.unwrap_or(Value::Null)),
        ("configuration", occasion.configuration.as_str().into()),
    ];
    let scope = Scope {
        now: occasion.now,
        variables: &variables,
    };
    let evaluate = |index| library.evaluate(index, &Value::Null, &scope, Budget::default());
    part.fill(&evaluate)
        .map_err(|error| Problem::new("expression_failed", pointer, error.to_string()))
}
