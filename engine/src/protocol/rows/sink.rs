//! Where rows go that are read: into parts of a copy, with what was wrong with the others.

use tokio::sync::mpsc;
use windlass_workflows::category::Item;
use windlass_workflows::problem::Problem;

use crate::protocol::load::{LeftOut, REPORTED_MAX};

/// Bytes of a key or object, so that it fits an index entry.
const KEY_BYTES_MAX: usize = 1_000;
/// Bytes sent to Postgres at once.
const PART_BYTES: usize = 256 * 1024;

/// What reading a file gave.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Reading {
    /// Rows read.
    pub rows: i64,
    /// The row behind which they are copied.
    behind: i64,
    /// What is wrong.
    pub refused: Vec<Problem>,
    /// Bad rows beyond the bound.
    pub more_refused: usize,
    /// Rows that a category goes on without.
    pub left_out: LeftOut,
    /// The rows themselves, where they are not copied.
    pub gathered: Vec<Gathered>,
    /// The rows of a preview.
    pub collected: Option<Collected>,
    lines: Lines,
    /// The rows that were copied, by how many there were with each.
    kept_rows: Lines,
}

impl Reading {
    /// Rows that are items.
    pub fn kept(&self) -> i64 {
        self.rows - self.left_out.rows
    }

    /// Which row of the source a copied one is, from 1.
    pub fn row_of(&self, n: i64) -> i64 {
        self.kept_rows.of(n - self.behind).cast_signed()
    }

    /// The line on which a row begins.
    pub fn line_of(&self, n: i64) -> u64 {
        self.lines.of(n)
    }
}

/// A row that is kept in memory.
#[derive(Debug)]
pub(in crate::protocol) struct Gathered {
    pub n: i64,
    pub key: String,
    pub object: Option<String>,
    /// JSON text.
    pub document: String,
    pub left_out: bool,
}

/// Where rows begin, remembered only where the distance between row and line changes. The same is kept of copied rows.
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

/// Whose rows are copied.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) enum For {
    /// A version of a category; its rows come behind a row. `leave_out`: invalid rows refuse nothing, and the others count
    /// on as if they had not been there.
    Category {
        id: i32,
        version: i32,
        behind: i64,
        leave_out: bool,
        /// Whether the key of a row is its number.
        numbers: bool,
    },
    /// Nobody's, for they are loaded: what was left out of them is told again.
    Report,
    /// A batch, whose source it is. `leave_out`: invalid rows refuse nothing. `by_object`: it is read object by object.
    Batch {
        id: i64,
        leave_out: bool,
        by_object: bool,
    },
    /// Nobody's yet: they are gathered, up to these bounds.
    Addition { leave_out: bool, bounds: Bounds },
}

/// How many rows are gathered, and how many bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::protocol) struct Bounds {
    pub rows: usize,
    pub bytes: usize,
}

/// A row as a preview has it, with its number.
pub(in crate::protocol) type PreviewedRow = (u64, Result<Item, Vec<Problem>>);

/// The first rows of a source, as many as a preview looks at.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Collected {
    pub rows: Vec<PreviewedRow>,
    bytes: usize,
}

/// Rows that a preview looks at.
const COLLECTED_ROWS_MAX: usize = 50_000;
/// Bytes of them, as their documents are written.
const COLLECTED_BYTES_MAX: usize = 32 * 1024 * 1024;

impl Collected {
    /// Whether a preview has seen enough.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= COLLECTED_ROWS_MAX || self.bytes >= COLLECTED_BYTES_MAX
    }

    pub fn add(&mut self, row: PreviewedRow) {
        let bytes = row
            .1
            .as_ref()
            .map_or(0, |item| item.document.to_json().len());
        self.bytes += bytes;
        self.rows.push(row);
    }
}

/// Where read rows go: into parts of a copy, or the first of them to a preview.
pub(in crate::protocol) struct Sink {
    sender: mpsc::Sender<Vec<u8>>,
    collected: Option<Collected>,
    whose: For,
    /// As every line of the copy begins.
    prefix: String,
    part: Vec<u8>,
    /// Bytes gathered.
    bytes: usize,
    reading: Reading,
}

impl Sink {
    pub fn new(sender: mpsc::Sender<Vec<u8>>, whose: For) -> Self {
        let behind = match whose {
            For::Category { behind, .. } => behind,
            _ => 0,
        };
        let prefix = match whose {
            For::Category { id, version, .. } => format!("{id}\t{version}\t"),
            For::Batch { id, by_object, .. } => format!("{id}\t{by_object}\t"),
            For::Addition { .. } | For::Report => String::new(),
        };
        Self {
            sender,
            collected: None,
            whose,
            prefix,
            part: Vec::new(),
            bytes: 0,
            reading: Reading {
                behind,
                ..Reading::default()
            },
        }
    }

    /// One that nothing is copied from.
    pub fn of_preview() -> Self {
        let whose = For::Batch {
            id: 0,
            leave_out: false,
            by_object: false,
        };
        let collected = Some(Collected::default());
        Self {
            collected,
            ..Self::new(mpsc::channel(1).0, whose)
        }
    }

    /// One that only tells what is left out.
    pub fn of_report() -> Self {
        Self::new(mpsc::channel(1).0, For::Report)
    }

    /// Whether more rows would not be looked at.
    pub fn is_full(&self) -> bool {
        self.collected.as_ref().is_some_and(Collected::is_full)
    }

    /// The next row: an item, or what is wrong with it.
    pub fn row(&mut self, line: u64, item: Result<Item, Vec<Problem>>) {
        self.reading.rows += 1;
        self.reading.lines.note(self.reading.rows, line);
        let item = item.and_then(|item| storable(item, line));
        let row = u32::try_from(self.reading.rows).unwrap_or(u32::MAX);
        let in_row = |problem: Problem| problem.in_row(row);
        let item = item.map_err(|problems| problems.into_iter().map(in_row).collect::<Vec<_>>());
        if let Some(collected) = &mut self.collected {
            let n = self.reading.rows.unsigned_abs();
            return collected.add((n, item));
        }
        match item {
            Ok(item) => {
                let document = item.document.to_json();
                self.keep(&item.key, item.object.as_deref(), &document, None);
            }
            Err(problems) if self.leaves_out(&problems) => match self.whose {
                For::Category { .. } | For::Report => self.reading.left_out.add(problems),
                _ => self.keep("", None, "", Some("invalid")),
            },
            Err(problems) => problems
                .into_iter()
                .for_each(|problem| self.refuse(problem)),
        }
    }

    /// A broken source refuses the whole, whatever is said of its rows.
    fn leaves_out(&self, problems: &[Problem]) -> bool {
        let does = match self.whose {
            For::Category { leave_out, .. }
            | For::Batch { leave_out, .. }
            | For::Addition { leave_out, .. } => leave_out,
            For::Report => true,
        };
        does && problems.iter().all(|problem| problem.code == "invalid_row")
    }

    pub fn refuse(&mut self, problem: Problem) {
        if self.reading.refused.len() < REPORTED_MAX {
            self.reading.refused.push(problem);
        } else {
            self.reading.more_refused += 1;
        }
    }

    fn keep(&mut self, key: &str, object: Option<&str>, document: &str, left_out: Option<&str>) {
        if !self.reading.refused.is_empty() || matches!(self.whose, For::Report) {
            return;
        }
        if let For::Addition { bounds, .. } = self.whose {
            let row = Gathered {
                n: self.reading.rows,
                key: key.to_owned(),
                object: object.map(str::to_owned),
                document: document.to_owned(),
                left_out: left_out.is_some(),
            };
            return self.gather(row, bounds);
        }
        let kept = self.reading.kept();
        let row = self.reading.rows.unsigned_abs();
        self.reading.kept_rows.note(kept, row);
        let n = (self.reading.behind + kept).to_string();
        self.part.extend_from_slice(self.prefix.as_bytes());
        self.part.extend_from_slice(n.as_bytes());
        match self.whose {
            For::Category { numbers: true, .. } => self.cell(Some(&n)),
            _ => self.cell(Some(key)),
        }
        self.cell(object);
        self.cell(Some(document));
        if matches!(self.whose, For::Batch { .. }) {
            self.cell(left_out);
        }
        self.part.push(b'\n');
        if self.part.len() >= PART_BYTES {
            self.send();
        }
    }

    fn gather(&mut self, row: Gathered, bounds: Bounds) {
        self.bytes += row.document.len();
        if self.reading.gathered.len() < bounds.rows && self.bytes <= bounds.bytes {
            return self.reading.gathered.push(row);
        }
        let (rows, bytes) = (bounds.rows, bounds.bytes);
        let message = format!("at most {rows} rows of together {bytes} bytes are taken at once");
        let problem = Problem::new("too_large", "", message);
        self.refuse(problem.hint("send the rest with another call"));
        self.reading.gathered = Vec::new();
    }

    fn cell(&mut self, text: Option<&str>) {
        self.part.push(b'\t');
        match text {
            Some(text) => escape(&mut self.part, text),
            None => self.part.extend_from_slice(b"\\N"),
        }
    }

    /// A receiver that is gone has failed; its error is told there.
    fn send(&mut self) {
        let part = std::mem::take(&mut self.part);
        let _ = self.sender.blocking_send(part);
    }

    pub fn end(mut self) -> Reading {
        self.reading.collected = self.collected.take();
        if !self.part.is_empty() {
            self.send();
        }
        self.reading
    }
}

/// Postgres' text form of COPY.
fn escape(part: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r');
    while let Some(at) = rest.iter().position(is_special) {
        part.extend_from_slice(&rest[..at]);
        part.extend_from_slice(match rest[at] {
            b'\\' => b"\\\\",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            _ => b"\\r",
        });
        rest = &rest[at + 1..];
    }
    part.extend_from_slice(rest);
}

/// Refuses what Postgres could not keep or find again.
pub(in crate::protocol) fn storable(item: Item, line: u64) -> Result<Item, Vec<Problem>> {
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

/// A row that does not fit.
pub(super) fn wrong(line: u64, message: impl Into<String>) -> Problem {
    let line = u32::try_from(line).unwrap_or(u32::MAX);
    Problem::new("invalid_row", "", message).at(line, 1)
}

/// What cannot be read at all.
pub(super) fn broken(line: u64, message: impl Into<String>) -> Problem {
    Problem {
        code: "source_broken".into(),
        ..wrong(line, message)
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
