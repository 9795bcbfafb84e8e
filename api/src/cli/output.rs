//! Standard output is data: a table for people, the same columns for pipes, JSON and YAML whole.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::fields;
use super::text::{clean, clean_json};

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns; in a pipe separated by tabs, whole and without colour.
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// Ids or names, one a line.
    Name,
    /// YAML.
    Yaml,
}

/// A column: its title, and where its value stands; the first place that has one wins.
pub struct Column(pub &'static str, pub &'static [&'static str]);

/// Narrower terminals get lines that they break themselves.
const WIDTH_MIN: u16 = 60;

/// Where ids and names stand.
const NAMES: [&str; 5] = ["/id", "/name", "/job", "/key", "/at"];

/// Writes data to standard output.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// In which form.
    pub format: Format,
    /// Whether people look at it.
    pub is_terminal: bool,
}

impl Output {
    /// Many things; `is_first` writes the header.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn list(&self, items: &[Value], columns: &[Column], is_first: bool) -> io::Result<()> {
        match self.format {
            Format::Table => self.table(items, columns, is_first),
            Format::Json => self.json(&Value::Array(items.to_vec())),
            Format::Yaml => self.yaml(&Value::Array(items.to_vec())),
            Format::Ndjson => items
                .iter()
                .try_for_each(|item| self.line(&clean_json(&item.to_string()))),
            Format::Name => items.iter().try_for_each(|item| self.line(&name(item))),
        }
    }

    /// One thing; as a table its fields, one a line.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn item(&self, item: &Value) -> io::Result<()> {
        match self.format {
            Format::Table => self.fields(item),
            Format::Json => self.json(item),
            Format::Yaml => self.yaml(item),
            Format::Ndjson => self.line(&clean_json(&item.to_string())),
            Format::Name => self.line(&name(item)),
        }
    }

    /// A line as it is.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn line(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(bytes)
    }

    /// Indented JSON.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn json(&self, value: &Value) -> io::Result<()> {
        self.line(&clean_json(&serde_json::to_string_pretty(value)?))
    }

    fn yaml(&self, value: &Value) -> io::Result<()> {
        let mut text = String::new();
        let mut serializer = serde_saphyr::Serializer::new(&mut text);
        serde::Serialize::serialize(&harmless(value), &mut serializer).map_err(io::Error::other)?;
        self.bytes(text.trim_end().as_bytes())?;
        self.line("")
    }

    fn table(&self, items: &[Value], columns: &[Column], is_first: bool) -> io::Result<()> {
        if !self.is_terminal {
            if is_first {
                let titles: Vec<_> = columns.iter().map(|Column(title, _)| *title).collect();
                self.line(&titles.join("\t"))?;
            }
            return items
                .iter()
                .try_for_each(|item| self.line(&cells(item, columns).join("\t")));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        // Terminals that do not know their width say zero; a column a letter wide helps nobody.
        if table.width().is_some_and(|width| width >= WIDTH_MIN) {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        if is_first {
            table.set_header(columns.iter().map(|Column(title, _)| *title));
        }
        for item in items {
            table.add_row(cells(item, columns));
        }
        self.line(&table.trim_fmt())
    }

    fn fields(&self, item: &Value) -> io::Result<()> {
        let Value::Object(fields) = item else {
            return self.line(&shown(item));
        };
        if self.is_terminal {
            return fields::lines(fields)
                .iter()
                .try_for_each(|line| self.line(line));
        }
        let mut told = fields.iter().filter(|(_, value)| !value.is_null());
        told.try_for_each(|(key, value)| self.line(&format!("{}\t{}", clean(key), shown(value))))
    }
}

/// The value with harmless texts. YAML is for people: plain scalars have no escapes, so what steers a
/// terminal is replaced by its name; JSON keeps it exactly.
fn harmless(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            Value::String(text.split('\n').map(clean).collect::<Vec<_>>().join("\n"))
        }
        Value::Array(items) => items.iter().map(harmless).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (clean(name), harmless(value)))
            .collect(),
        other => other.clone(),
    }
}

fn cells(item: &Value, columns: &[Column]) -> Vec<String> {
    let cell = |Column(_, places): &Column| {
        let found = places
            .iter()
            .find_map(|place| item.pointer(place).filter(|value| !value.is_null()));
        found.map(shown).unwrap_or_default()
    };
    columns.iter().map(cell).collect()
}

fn name(item: &Value) -> String {
    let found = NAMES.iter().find_map(|place| item.pointer(place));
    shown(found.unwrap_or(item))
}

/// A value in a cell, on one line.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clean(text),
        Value::Array(items)
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array()) =>
        {
            items.iter().map(shown).collect::<Vec<_>>().join(",")
        }
        other => clean(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_place_with_a_value_fills_the_cell() {
        let item = serde_json::json!({"a": null, "b": {"c": 3}, "d": "x\ty"});

        let cells = cells(
            &item,
            &[
                Column("A", &["/a", "/b/c"]),
                Column("D", &["/d"]),
                Column("E", &["/e"]),
            ],
        );

        assert_eq!(cells, ["3", "x\\ty", ""]);
    }
}
