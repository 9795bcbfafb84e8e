//! Every JSON Schema compiles, inline or from elsewhere.

use super::{Checker, walk};
use crate::document::step::Template;
use crate::schema::Schema;
use crate::value::Value;

/// What mends most schemas that do not compile.
pub(super) const SCHEMA_HINT: &str =
    "write it as JSON Schema 2020-12; `$ref` points into the schema itself, such as #/$defs/name";

impl Checker<'_> {
    pub(super) fn check_schemas(&mut self) {
        for (schema, pointer) in schemas(self.template) {
            if let Err(error) = Schema::compile(schema) {
                let elsewhere = format!("{pointer}/schema/resource");
                let place = match self.tree.pointer(&elsewhere) {
                    Some(_) => elsewhere,
                    None => format!("{pointer}/schema/document{}", error.pointer),
                };
                let message = format!("this is no JSON Schema: {error}");
                self.report(
                    "schema.invalid",
                    &place,
                    message,
                    Some(SCHEMA_HINT.to_owned()),
                );
            }
        }
    }
}

/// Every schema with the pointer of what holds it.
fn schemas(template: &Template) -> Vec<(&Value, String)> {
    let whole = [
        (&template.input.schema, "/input".to_owned()),
        (&template.output.schema, "/output".to_owned()),
    ];
    let tasks = walk::tasks(template).into_iter().flat_map(|task| {
        [
            (&task.input.schema, format!("{}/input", task.pointer)),
            (&task.output.schema, format!("{}/output", task.pointer)),
            (&task.export.schema, format!("{}/export", task.pointer)),
        ]
    });
    let all = whole.into_iter().chain(tasks);
    all.filter_map(|(schema, pointer)| Some((schema.as_ref()?, pointer)))
        .collect()
}
