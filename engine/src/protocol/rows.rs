//! Rows of a file of items: CSV, NDJSON or a JSON array, read once from front to back.
//!
//! Blocking, on a thread of its own: memory holds one row and a few parts of the copy, whatever the
//! size of the file. After the first bad row nothing is sent any more, and reading goes on to find
//! every other.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use windlass_workflows::category::{Item, ItemReader, RowReader};
use windlass_workflows::configuration::{Category, Format};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

/// Refused rows that are reported; the rest are only counted.
const REFUSED_MAX: usize = 1_000;
/// One JSON row; a document of a category is at most 1 MiB.
const ROW_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a key or object, so that it fits an index entry.
const KEY_BYTES_MAX: usize = 1_000;
/// Bytes sent to Postgres at once.
const PART_BYTES: usize = 256 * 1024;

/// What reading a file gave.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Rows read.
    pub rows: i64,
    /// What is wrong.
    pub refused: Vec<Problem>,
    /// Bad rows beyond the bound.
    pub more_refused: usize,
    lines: Lines,
}

impl Reading {
    /// The line on which a row begins.
    pub fn line_of(&self, n: i64) -> u64 {
        self.lines.of(n)
    }
}

/// Where rows begin, remembered only where the distance between row and line changes.
#[derive(Debug, Default)]
struct Lines(Vec<(i64, u64)>);

impl Lines {
    fn note(&mut self, n: i64, line: u64) {
        if self.of(n) != line {
            self.0.push((n, line));
        }
    }

    fn of(&self, n: i64) -> u64 {
        let after = self.0.partition_point(|(first, _)| *first <= n);
        let Some((first, line)) = after.checked_sub(1).map(|index| self.0[index]) else {
            return u64::try_from(n).unwrap_or_default();
        };
        line + u64::try_from(n - first).unwrap_or_default()
    }
}

/// Where read rows go: into parts of a copy for one version of one category.
pub(super) struct Sink {
    sender: mpsc::Sender<Vec<u8>>,
    /// Category and version, as every line of the copy begins.
    prefix: String,
    part: Vec<u8>,
    reading: Reading,
}

impl Sink {
    pub fn new(sender: mpsc::Sender<Vec<u8>>, category: i32, version: i32) -> Self {
        let prefix = format!("{category}\t{version}\t");
        Self {
            sender,
            prefix,
            part: Vec::new(),
            reading: Reading::default(),
        }
    }

    /// The next row: an item, or what is wrong with it.
    fn row(&mut self, line: u64, item: Result<Item, Vec<Problem>>) {
        self.reading.rows += 1;
        self.reading.lines.note(self.reading.rows, line);
        match item.and_then(|item| storable(item, line)) {
            Ok(item) => self.keep(&item),
            Err(problems) => problems
                .into_iter()
                .for_each(|problem| self.refuse(problem)),
        }
    }

    fn refuse(&mut self, problem: Problem) {
        if self.reading.refused.len() < REFUSED_MAX {
            self.reading.refused.push(problem);
        } else {
            self.reading.more_refused += 1;
        }
    }

    fn keep(&mut self, item: &Item) {
        if !self.reading.refused.is_empty() {
            return;
        }
        self.part.extend_from_slice(self.prefix.as_bytes());
        self.part
            .extend_from_slice(self.reading.rows.to_string().as_bytes());
        self.part.push(b'\t');
        escape(&mut self.part, &item.key);
        self.part.push(b'\t');
        match &item.object {
            Some(object) => escape(&mut self.part, object),
            None => self.part.extend_from_slice(b"\\N"),
        }
        self.part.push(b'\t');
        escape(&mut self.part, &item.document.to_json());
        self.part.push(b'\n');
        if self.part.len() >= PART_BYTES {
            self.send();
        }
    }

    /// A receiver that is gone has failed; its error is told there.
    fn send(&mut self) {
        let part = std::mem::take(&mut self.part);
        let _ = self.sender.blocking_send(part);
    }

    fn end(mut self) -> Reading {
        if !self.part.is_empty() {
            self.send();
        }
        self.reading
    }
}

/// Postgres' text form of COPY.
fn escape(part: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => part.extend_from_slice(b"\\\\"),
            b'\t' => part.extend_from_slice(b"\\t"),
            b'\n' => part.extend_from_slice(b"\\n"),
            b'\r' => part.extend_from_slice(b"\\r"),
            other => part.push(other),
        }
    }
}

/// Refuses what Postgres could not keep or find again.
fn storable(item: Item, line: u64) -> Result<Item, Vec<Problem>> {
    for (word, text) in [
        ("key", Some(&item.key)),
        ("object key", item.object.as_ref()),
    ] {
        let Some(text) = text else { continue };
        if text.len() > KEY_BYTES_MAX {
            let message = format!("the {word} has more than {KEY_BYTES_MAX} bytes");
            return Err(vec![wrong(line, message)]);
        }
        if text.contains('\0') {
            return Err(vec![wrong(
                line,
                format!("the {word} holds a NUL character"),
            )]);
        }
    }
    Ok(item)
}

fn wrong(line: u64, message: impl Into<String>) -> Problem {
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    Problem::new("invalid_row", "", message).at(line, 1)
}

/// Reads a file to its end.
pub(super) fn read_file(
    category: &Category,
    format: Format,
    reader: impl Read,
    mut sink: Sink,
) -> Reading {
    let read = match format {
        Format::Csv => read_csv(category, reader, &mut sink),
        Format::Ndjson => read_ndjson(category, reader, &mut sink),
        Format::Json => read_json(category, reader, &mut sink),
    };
    if let Err(problems) = read {
        problems
            .into_iter()
            .for_each(|problem| sink.refuse(problem));
    }
    sink.end()
}

/// Reads the items that stand in a document.
pub(super) fn read_items(category: &Category, items: &[Value], mut sink: Sink) -> Reading {
    match ItemReader::new(category) {
        Ok(reader) => {
            for (row, document) in (1..).zip(items) {
                sink.row(0, reader.item(row, 0, document.clone()));
            }
        }
        Err(problems) => problems
            .into_iter()
            .for_each(|problem| sink.refuse(problem)),
    }
    sink.end()
}

fn read_csv(category: &Category, reader: impl Read, sink: &mut Sink) -> Result<(), Vec<Problem>> {
    let mut reader = BufReader::new(reader);
    let skew = line_skew(&mut reader).map_err(|error| unreadable(1, &error))?;
    let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = csv
        .headers()
        .map_err(|error| vec![csv_problem(&error)])?
        .clone();
    if header.is_empty() {
        return Err(vec![
            Problem::new("invalid_header", "", "the file is empty").at(1, 1),
        ]);
    }
    let mut rows = RowReader::new(category, &header.iter().collect::<Vec<_>>())?;
    let mut record = csv::ByteRecord::new();
    loop {
        match csv.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(vec![csv_problem(&error)]),
        }
        let line = record.position().map_or(0, csv::Position::line) + skew;
        let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
        match cells {
            Ok(cells) => sink.row(line, rows.row(line, &cells)),
            Err(_) => sink.row(line, Err(vec![wrong(line, "the line is not UTF-8")])),
        }
    }
}

/// What to add to the line that the CSV reader tells: it ends a record at the CR of a CRLF and counts
/// the line with the LF, one record later.
fn line_skew(reader: &mut impl BufRead) -> io::Result<u64> {
    let text = reader.fill_buf()?;
    let end = text
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or_default();
    Ok(u64::from(end > 0 && text[end - 1] == b'\r'))
}

fn csv_problem(error: &csv::Error) -> Problem {
    let line = error.position().map_or(1, csv::Position::line);
    wrong(line, format!("the file cannot be read: {error}"))
}

fn read_ndjson(
    category: &Category,
    reader: impl Read,
    sink: &mut Sink,
) -> Result<(), Vec<Problem>> {
    let items = ItemReader::new(category)?;
    let (mut reader, mut text, mut row) = (BufReader::new(reader), Vec::new(), 0);
    for line in 1.. {
        text.clear();
        let mut bounded = (&mut reader).take(ROW_BYTES_MAX + 1);
        let length = bounded
            .read_until(b'\n', &mut text)
            .map_err(|error| unreadable(line, &error))?;
        if length == 0 {
            break;
        }
        if length as u64 > ROW_BYTES_MAX {
            return Err(vec![wrong(
                line,
                format!("the line has more than {ROW_BYTES_MAX} bytes"),
            )]);
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        row += 1;
        let document =
            std::str::from_utf8(&text).map_err(|_| vec![wrong(line, "the line is not UTF-8")]);
        sink.row(
            line,
            document.and_then(|text| json_item(&items, row, line, text)),
        );
    }
    Ok(())
}

fn unreadable(line: u64, error: &io::Error) -> Vec<Problem> {
    vec![wrong(line, format!("the file cannot be read: {error}"))]
}

fn json_item(items: &ItemReader, row: u64, line: u64, text: &str) -> Result<Item, Vec<Problem>> {
    let document = Value::parse(text).map_err(|error| vec![wrong(line, error.to_string())])?;
    items.item(row, line, document)
}

fn read_json(category: &Category, reader: impl Read, sink: &mut Sink) -> Result<(), Vec<Problem>> {
    let items = ItemReader::new(category)?;
    let line = Rc::new(Cell::new(1));
    let counted = CountLines {
        reader: BufReader::new(reader),
        line: Rc::clone(&line),
    };
    let mut json = serde_json::Deserializer::from_reader(counted);
    let rows = Rows {
        items: &items,
        line: &line,
        sink,
    };
    let read = json.deserialize_seq(rows).and_then(|()| json.end());
    read.map_err(|error| vec![wrong(error.line() as u64, error.to_string())])
}

/// Counts line ends as they are read; the JSON reader takes single bytes.
struct CountLines<R> {
    reader: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> Read for CountLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let ends = buffer[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        self.line.set(self.line.get() + ends as u64);
        Ok(length)
    }
}

/// The elements of a JSON array, one at a time.
struct Rows<'a> {
    items: &'a ItemReader,
    line: &'a Cell<u64>,
    sink: &'a mut Sink,
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut row = 0;
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            row += 1;
            let text = element.get();
            let within = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
            let line = self.line.get().saturating_sub(within);
            self.sink.row(line, json_item(self.items, row, line, text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_remembers_its_line_across_cells_of_several_lines() {
        let mut lines = Lines::default();
        for (n, line) in [(1, 2), (2, 3), (3, 6), (4, 7)] {
            lines.note(n, line);
        }

        assert_eq!([1, 2, 3, 4].map(|n| lines.of(n)), [2, 3, 6, 7]);
        assert_eq!(lines.0.len(), 2);
    }

    #[test]
    fn copied_text_is_escaped() {
        let mut part = Vec::new();

        escape(&mut part, "a\tb\\n\nc\r");

        assert_eq!(part, b"a\\tb\\\\n\\nc\\r");
    }
}
