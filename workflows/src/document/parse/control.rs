//! `for`, `switch`, `raise` and `set`.

use super::Reader;
use super::shape::{shape, unwrapped};
use super::spot::Spot;
use crate::document::step::{Case, Fault, For, Kind, Shape};

impl Reader {
    pub fn repeat(&mut self, fields: &Spot<'_>) -> Option<Kind> {
        let body = self.required(fields, "do").map(|spot| self.tasks(&spot));
        let condition = fields.get("while").and_then(|spot| self.expression(&spot));
        let head = self.object(&fields.get("for")?, &["each", "in", "at"])?;
        let list = self
            .required(&head, "in")
            .and_then(|spot| self.expression(&spot));
        let each = head.get("each").and_then(|spot| self.text(&spot));
        let at = head.get("at").and_then(|spot| self.text(&spot));
        Some(Kind::For(For {
            each: each.unwrap_or("item").to_owned(),
            at: at.unwrap_or("index").to_owned(),
            list: list?,
            condition,
            body: body?,
        }))
    }

    pub fn cases(&mut self, spot: &Spot<'_>) -> Vec<Case> {
        let items = self.items(spot);
        let cases = items.iter().filter_map(|item| {
            let entry = self.only_entry(item, "a case")?;
            let fields = self.object(&item.of(entry), &["when", "then"])?;
            let then = self
                .required(&fields, "then")
                .map(|spot| self.directive(&spot));
            Some(Case {
                name: entry.key.to_string(),
                when: fields.get("when").and_then(|spot| self.expression(&spot)),
                then: then.unwrap_or_default(),
            })
        });
        cases.collect()
    }

    /// A map or `${ }`; text that is neither is refused (ruling 30).
    pub fn set(&mut self, spot: &Spot<'_>) -> Option<Kind> {
        match spot.tree.as_str() {
            None => self.map_shape(spot).map(Kind::Set),
            Some(text) if unwrapped(text).is_some() => Some(Kind::Set(shape(spot))),
            Some(_) => {
                let message = "`set` takes a map or an expression in `${ }`, not plain text";
                let problem = spot.problem("set.bare_string", message);
                self.problems
                    .push(problem.hint("write ${ … } around it, or `name: value`"));
                None
            }
        }
    }

    /// `raise`: an error written here, or a name of `use.errors`.
    pub fn raise(&mut self, spot: &Spot<'_>) -> Option<Kind> {
        let fields = self.object(spot, &["error"])?;
        let spot = self.required(&fields, "error")?;
        let Some(name) = spot.tree.as_str() else {
            return self.error(&spot).map(raised);
        };
        let error = self.errors.get(name).cloned();
        if error.is_none() {
            self.unknown_name(&spot, "error", name);
        }
        error.map(raised)
    }

    /// The members of a problem; `type` and `status` are required.
    pub fn error(&mut self, spot: &Spot<'_>) -> Option<Shape> {
        let fields = self.object(spot, &["type", "status", "title", "detail", "instance"])?;
        let kind = self
            .required(&fields, "type")
            .and_then(|spot| self.text(&spot));
        let status = self
            .required(&fields, "status")
            .and_then(|spot| self.integer(&spot, 100, 599));
        for key in ["title", "detail", "instance"] {
            if let Some(spot) = fields.get(key) {
                self.text(&spot);
            }
        }
        (kind.is_some() && status.is_some()).then(|| shape(&fields))
    }
}

fn raised(error: Shape) -> Kind {
    Kind::Raise(Fault { error })
}
