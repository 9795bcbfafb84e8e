//! Rows of a file of items: CSV, NDJSON, a JSON array or Parquet, read once from front to back.
//!
//! Blocking, on a thread of its own: memory holds one row, of a bounded length, and a few parts of the
//! copy, whatever the size of the file. After the first bad row nothing is sent any more, and reading goes on to find
//! every other.

mod bound;
mod parquet;
mod sink;

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use windlass_workflows::category::{Item, ItemReader, RowReader};
use windlass_workflows::configuration::{Category, Format};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use self::bound::{Allowance, Within};
pub(in crate::protocol) use self::sink::{
    Bounds, Collected, For, Gathered, Reading, Sink, storable,
};
use self::sink::{broken, wrong};
use super::load::ReadSeek;

/// One JSON row; a document of a category is at most 1 MiB.
const ROW_BYTES_MAX: u64 = 1 << 20;

/// Reads a file to its end.
pub(super) fn read_file(
    category: &Category,
    format: Format,
    reader: Box<dyn ReadSeek>,
    mut sink: Sink,
) -> Reading {
    let read = match format {
        Format::Csv => read_csv(category, reader, &mut sink),
        Format::Ndjson => read_ndjson(category, reader, &mut sink),
        Format::Json => read_json(category, reader, &mut sink),
        Format::Parquet => parquet::read(category, reader, &mut sink),
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
    let left = Allowance::new();
    let mut reader = BufReader::new(Within::new(reader, &left));
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
        left.renew();
        match csv.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) if sink.is_full() => return Ok(()),
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
    broken(line, format!("the file cannot be read: {error}"))
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
        if length == 0 || sink.is_full() {
            break;
        }
        if length as u64 > ROW_BYTES_MAX {
            if text.last() != Some(&b'\n') {
                reader
                    .skip_until(b'\n')
                    .map_err(|error| unreadable(line, &error))?;
            }
            row += 1;
            let message = format!("the line has more than {ROW_BYTES_MAX} bytes");
            sink.row(line, Err(vec![wrong(line, message)]));
            continue;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        row += 1;
        let document =
            std::str::from_utf8(&text).map_err(|_| vec![broken(line, "the line is not UTF-8")]);
        sink.row(
            line,
            document.and_then(|text| json_item(&items, row, line, text)),
        );
    }
    Ok(())
}

fn unreadable(line: u64, error: &io::Error) -> Vec<Problem> {
    vec![broken(line, format!("the file cannot be read: {error}"))]
}

fn json_item(items: &ItemReader, row: u64, line: u64, text: &str) -> Result<Item, Vec<Problem>> {
    let document = Value::parse(text).map_err(|error| vec![broken(line, error.to_string())])?;
    items.item(row, line, document)
}

fn read_json(category: &Category, reader: impl Read, sink: &mut Sink) -> Result<(), Vec<Problem>> {
    let items = ItemReader::new(category)?;
    let (line, left) = (Rc::new(Cell::new(1)), Allowance::new());
    let counted = CountLines {
        reader: BufReader::new(Within::new(reader, &left)),
        line: Rc::clone(&line),
    };
    let mut json = serde_json::Deserializer::from_reader(counted);
    let rows = Rows {
        items: &items,
        line: &line,
        left: &left,
        sink,
    };
    let read = json.deserialize_seq(rows).and_then(|()| json.end());
    read.map_err(|error| vec![broken(error.line() as u64, error.to_string())])
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
    left: &'a Allowance,
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
            self.left.renew();
            // The rest is only passed over: what is wrong with it is found when it is planned.
            if self.sink.is_full() {
                continue;
            }
            row += 1;
            let text = element.get();
            let within = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
            let line = self.line.get().saturating_sub(within);
            self.sink.row(line, json_item(self.items, row, line, text));
        }
        Ok(())
    }
}
