//! Rows of a CSV file to items. The file itself is read elsewhere: here come header and records.

use std::collections::HashSet;

use super::cell::Column;
use super::item::{Item, ItemReader, Place};
use crate::configuration::{Category, Empty, Key};
use crate::document::nearest;
use crate::document::tree::join;
use crate::problem::Problem;
use crate::value::Value;

/// Reads the rows of one file into one category.
#[derive(Clone, Debug)]
pub struct RowReader {
    columns: Vec<(String, Column)>,
    empty: Empty,
    items: ItemReader,
    rows: u64,
}

impl RowReader {
    /// A reader for a file with this header.
    ///
    /// # Errors
    /// A column that is named twice or not at all, and a key or object field without a column.
    pub fn new(category: &Category, header: &[&str]) -> Result<RowReader, Vec<Problem>> {
        let mut problems = repeated(header);
        problems.extend(missing(category, header));
        if !problems.is_empty() {
            return Err(problems);
        }
        let schema = category.schema.as_ref();
        let columns = header
            .iter()
            .map(|name| ((*name).to_owned(), Column::of(schema, name)));
        Ok(RowReader {
            columns: columns.collect(),
            empty: category
                .data
                .as_ref()
                .map_or(Empty::Null, |data| data.empty),
            items: ItemReader::new(category)?,
            rows: 0,
        })
    }

    /// The item of the next record, which begins on `line` of the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn row(&mut self, line: u64, fields: &[&str]) -> Result<Item, Vec<Problem>> {
        self.rows += 1;
        let place = Place {
            row: self.rows,
            line,
        };
        if fields.len() != self.columns.len() {
            let (found, wanted) = (fields.len(), self.columns.len());
            let message = format!("line {line} has {found} columns; the header has {wanted}");
            return Err(vec![place.problem("", message)]);
        }
        let document = self.document(place, fields)?;
        self.items.item(place.row, line, document)
    }

    fn document(&self, place: Place, fields: &[&str]) -> Result<Value, Vec<Problem>> {
        let (mut members, mut problems) = (Vec::with_capacity(fields.len()), Vec::new());
        for ((name, column), cell) in self.columns.iter().zip(fields) {
            match column.read(cell, self.empty) {
                Ok(Some(value)) => members.push((name.as_str(), value)),
                Ok(None) => {}
                Err(wanted) => {
                    let cell: String = cell.chars().take(CELL_CHARS_SHOWN).collect();
                    let message = format!("{wanted} expected, `{cell}` found");
                    problems.push(place.problem(&join("", name), message));
                }
            }
        }
        if problems.is_empty() {
            Ok(Value::map(members))
        } else {
            Err(problems)
        }
    }
}

/// So much of a wrong cell is shown.
const CELL_CHARS_SHOWN: usize = 40;

fn repeated(header: &[&str]) -> Vec<Problem> {
    let mut seen = HashSet::new();
    let wrong = header.iter().enumerate().filter_map(|(index, name)| {
        let column = index + 1;
        if name.is_empty() {
            return Some(format!("column {column} has no name"));
        }
        (!seen.insert(*name)).then(|| format!("column {column} is the second named `{name}`"))
    });
    wrong
        .map(|message| Problem::new("invalid_header", "", message).at(1, 1))
        .collect()
}

fn missing(category: &Category, header: &[&str]) -> Vec<Problem> {
    let keys = match &category.key {
        Key::Fields(fields) => fields.as_slice(),
        Key::Row => &[],
    };
    let wanted = keys.iter().chain(&category.object);
    let absent = wanted.filter(|field| !header.contains(&field.as_str()));
    absent
        .map(|field| {
            let message = format!("the file has no column `{field}`");
            let problem = Problem::new("invalid_header", join("", field), message).at(1, 1);
            let known = || format!("its columns: {}", header.join(", "));
            let hint = nearest::hint(field, header.iter().copied());
            problem.hint(hint.unwrap_or_else(known))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Data, Header, Invalid, Load, Mode};

    fn category(key: Key, empty: Empty, schema: &str) -> Category {
        Category {
            header: Header::default(),
            key,
            object: Some("State".to_owned()),
            indexes: Vec::new(),
            schema: Some(Value::parse(schema).unwrap()),
            data: Some(Data {
                load: Load::Items(Vec::new()),
                mode: Mode::Replace,
                invalid: Invalid::Refuse,
                empty,
            }),
            retention: Category::RETENTION,
        }
    }

    const SCHEMA: &str = r#"{
        "type": "object", "additionalProperties": {"type": "string"}, "required": ["State"],
        "properties": {
            "State": {"type": ["string", "null"]},
            "Cost": {"type": "integer", "minimum": 0},
            "Speed": {"type": ["integer", "null"]},
            "Size": {"enum": ["Small", "Large"]}
        }}"#;
    const HEADER: [&str; 5] = ["State", "Cost", "Speed", "Size", "Note"];

    fn by_row() -> RowReader {
        RowReader::new(&category(Key::Row, Empty::Null, SCHEMA), &HEADER).unwrap()
    }

    #[test]
    fn cells_become_what_the_schema_wants() {
        let mut reader = by_row();

        let item = reader.row(2, &["Ohio", "12", "", "Small", "7"]).unwrap();

        let document = r#"{"State":"Ohio","Cost":12,"Speed":null,"Size":"Small","Note":"7"}"#;
        assert_eq!(item.document.to_json(), document);
        assert_eq!((&*item.key, item.object.as_deref()), ("1", Some("Ohio")));
    }

    #[test]
    fn a_ragged_row_names_line_and_columns() {
        let problems = by_row().row(7, &["Ohio", "12"]).unwrap_err();

        assert_eq!(problems[0].code, "invalid_row");
        assert_eq!(problems[0].line, Some(7));
        assert_eq!(
            problems[0].message,
            "line 7 has 2 columns; the header has 5"
        );
    }

    #[test]
    fn every_cell_that_does_not_fit_is_named() {
        let problems = by_row()
            .row(3, &["Ohio", "many", "1.5", "Small", ""])
            .unwrap_err();

        let pointers: Vec<&str> = problems.iter().map(|one| &*one.pointer).collect();
        assert_eq!(pointers, ["/Cost", "/Speed"]);
        assert_eq!(problems[0].message, "an integer expected, `many` found");
    }

    #[test]
    fn the_schema_has_the_last_word() {
        let problems = by_row()
            .row(3, &["Ohio", "-1", "", "Huge", "x"])
            .unwrap_err();

        let pointers: Vec<&str> = problems.iter().map(|one| &*one.pointer).collect();
        assert!(pointers.contains(&"/Cost") && pointers.contains(&"/Size"));
        assert!(problems.iter().all(|one| one.line == Some(3)));
    }

    #[test]
    fn empty_cells_become_null_nothing_or_text() {
        let header = ["State", "Note"];
        let read = |empty| {
            let category = category(Key::Row, empty, "true");
            let mut reader = RowReader::new(&category, &header).unwrap();
            reader.row(2, &["Ohio", ""]).unwrap().document.to_json()
        };
        assert_eq!(read(Empty::Null), r#"{"State":"Ohio","Note":null}"#);
        assert_eq!(read(Empty::Absent), r#"{"State":"Ohio"}"#);
        assert_eq!(read(Empty::Text), r#"{"State":"Ohio","Note":""}"#);
    }

    #[test]
    fn keys_are_text_and_must_be_there() {
        let key = Key::Fields(vec!["State".to_owned(), "Cost".to_owned()]);
        let category = category(key, Empty::Null, SCHEMA);
        let mut reader = RowReader::new(&category, &HEADER).unwrap();

        let item = reader.row(2, &["Ohio", "1.0", "", "Small", "x"]).unwrap();
        let problems = reader.row(3, &["", "1", "", "Small", "x"]).unwrap_err();

        assert_eq!(item.key, "Ohio\u{1f}1");
        assert_eq!(problems[0].message, "the key `State` is missing or null");
    }

    #[test]
    fn a_missing_object_is_told_by_its_absence() {
        let item = by_row().row(2, &["", "1", "", "Small", "x"]).unwrap();
        assert_eq!(item.object, None);
    }

    #[test]
    fn the_header_must_carry_key_and_object_once() {
        let key = Key::Fields(vec!["Nummer".to_owned()]);
        let category = category(key, Empty::Null, "true");

        let problems = RowReader::new(&category, &["Number", "a", "a", ""]).unwrap_err();

        let messages: Vec<&str> = problems.iter().map(|one| &*one.message).collect();
        let wanted = [
            "column 3 is the second named `a`",
            "column 4 has no name",
            "the file has no column `Nummer`",
            "the file has no column `State`",
        ];
        assert_eq!(messages, wanted);
        assert_eq!(problems[2].hint.as_deref(), Some("did you mean `Number`?"));
    }
}
