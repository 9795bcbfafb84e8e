//! The parts that all tasks share: `input`, `output`, `export`, `timeout`.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{Delay, Input, Output};
use crate::value::Value;

impl Reader {
    pub fn input(&mut self, spot: &Spot<'_>) -> Input {
        let Some(fields) = self.object(spot, &["schema", "from"]) else {
            return Input::default();
        };
        Input {
            schema: fields.get("schema").and_then(|spot| self.schema(&spot)),
            from: fields.get("from").and_then(|spot| self.data_shape(&spot)),
        }
    }

    /// `output` or `export`.
    pub fn output(&mut self, spot: &Spot<'_>) -> Output {
        let Some(fields) = self.object(spot, &["schema", "as"]) else {
            return Output::default();
        };
        Output {
            schema: fields.get("schema").and_then(|spot| self.schema(&spot)),
            shape: fields.get("as").and_then(|spot| self.data_shape(&spot)),
        }
    }

    /// A JSON Schema, inline or from elsewhere; whether it compiles is asked later.
    fn schema(&mut self, spot: &Spot<'_>) -> Option<Value> {
        let fields = self.object(spot, &["format", "document", "resource"])?;
        if let Some(spot) = fields.get("format") {
            let format = self.text(&spot)?;
            if !["json", "json:2020-12"].contains(&format) {
                let message = format!("the schema format `{format}` is not supported");
                let problem = spot.problem("unsupported.schema.format", message);
                self.problems.push(problem.hint("write format: json"));
            }
        }
        if let Some(spot) = fields.get("resource") {
            return self.schema_elsewhere(&spot);
        }
        let document = self.required(&fields, "document")?;
        Some(document.tree.to_value())
    }

    /// `timeout`: an object, or a name of `use.timeouts`.
    pub fn timeout(&mut self, spot: &Spot<'_>) -> Option<Delay> {
        let Some(name) = spot.tree.as_str() else {
            return self.timeout_after(spot);
        };
        let delay = self.timeouts.get(name).cloned();
        if delay.is_none() {
            self.unknown_name(spot, "timeout", name);
        }
        delay
    }

    pub fn timeout_after(&mut self, spot: &Spot<'_>) -> Option<Delay> {
        let fields = self.object(spot, &["after"])?;
        let after = self.required(&fields, "after")?;
        self.delay(&after)
    }
}
