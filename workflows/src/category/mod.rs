//! Items of a category: from a row of a file, or a JSON object, to a document under its key.
//!
//! Pure: records and values come in, items and problems come out. Problems carry the code
//! `invalid_row` and the line.

mod cell;
mod item;
mod row;

pub use item::{Item, ItemReader, key_text};
pub use row::RowReader;

/// Between the fields of a key of several.
pub const KEY_SEPARATOR: char = '\u{1f}';
