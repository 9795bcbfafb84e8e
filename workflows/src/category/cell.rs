//! A cell of a CSV file as the value that the schema wants there.
//!
//! Without a schema, or where it says nothing of a column, a cell is text.

use crate::configuration::Empty;
use crate::value::Value;

/// What a column may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Column {
    integer: bool,
    number: bool,
    boolean: bool,
    text: bool,
}

impl Column {
    /// What `schema` says of the column `name`.
    pub fn of(schema: Option<&Value>, name: &str) -> Column {
        let named = schema
            .and_then(|schema| schema.get("properties"))
            .and_then(|properties| properties.get(name));
        let said = named.or_else(|| schema.and_then(|schema| schema.get("additionalProperties")));
        let column = said.map(Column::says).unwrap_or_default();
        if column == Column::default() {
            return Column {
                text: true,
                ..column
            };
        }
        column
    }

    /// The types that a schema names: by `type`, else by the values of `enum` and `const`.
    fn says(schema: &Value) -> Column {
        let mut column = Column::default();
        match schema.get("type") {
            Some(Value::List(types)) => {
                types
                    .items()
                    .iter()
                    .for_each(|one| column.allow(one.as_str()));
            }
            Some(one) => column.allow(one.as_str()),
            None => {
                let values = schema.get("enum").and_then(Value::as_list);
                let values = values.unwrap_or_default().iter().chain(schema.get("const"));
                values.for_each(|value| column.allow(Some(value.kind())));
            }
        }
        column
    }

    fn allow(&mut self, kind: Option<&str>) {
        match kind {
            Some("integer") => self.integer = true,
            Some("number") => self.number = true,
            Some("boolean") => self.boolean = true,
            Some("string") => self.text = true,
            _ => {}
        }
    }

    /// The value of a cell: the narrowest type that the column allows and the cell fits; none for an
    /// empty cell that is to be left out.
    pub fn read(&self, cell: &str, empty: Empty) -> Result<Option<Value>, String> {
        if cell.is_empty() {
            return Ok(match empty {
                Empty::Null => Some(Value::Null),
                Empty::Absent => None,
                Empty::Text => Some(Value::text("")),
            });
        }
        let value = self
            .plain(cell)
            .or_else(|| self.text.then(|| Value::text(cell)));
        value.map(Some).ok_or_else(|| self.wanted())
    }

    fn plain(&self, cell: &str) -> Option<Value> {
        if !(self.integer || self.number || self.boolean) {
            return None;
        }
        let value = Value::parse(cell).ok()?;
        let fits = match &value {
            Value::Bool(_) => self.boolean,
            Value::Number(number) => {
                let is_whole = number
                    .written()
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'-');
                self.number || (self.integer && (is_whole || number.as_i64().is_some()))
            }
            _ => false,
        };
        fits.then_some(value)
    }

    fn wanted(&self) -> String {
        let kinds = [
            (self.integer, "an integer"),
            (self.number, "a number"),
            (self.boolean, "`true` or `false`"),
        ];
        let kinds = kinds.into_iter().filter(|(allowed, _)| *allowed);
        kinds.map(|(_, kind)| kind).collect::<Vec<_>>().join(" or ")
    }
}
