//! Rows in the binary form of COPY: a signature, then rows whose columns each have their length before them
//! (PostgreSQL manual, COPY, section "Binary Format").

use tokio::sync::mpsc;

/// Bytes of a piece that is sent at once.
const PIECE_BYTES: usize = 256 << 10;
/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In the place of a length: there is no value.
const NULL: i32 = -1;
/// In the place of a number of columns: there are no more rows.
const END: i16 = -1;

/// A value of a column.
pub(crate) trait Column {
    /// Its length and itself.
    fn put(&self, piece: &mut Vec<u8>);
}

impl Column for i32 {
    fn put(&self, piece: &mut Vec<u8>) {
        put(piece, &self.to_be_bytes());
    }
}

impl Column for i64 {
    fn put(&self, piece: &mut Vec<u8>) {
        put(piece, &self.to_be_bytes());
    }
}

impl Column for f64 {
    fn put(&self, piece: &mut Vec<u8>) {
        put(piece, &self.to_be_bytes());
    }
}

impl Column for String {
    fn put(&self, piece: &mut Vec<u8>) {
        put(piece, self.as_bytes());
    }
}

impl<T: Column> Column for Option<T> {
    fn put(&self, piece: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(piece),
            None => piece.extend(NULL.to_be_bytes()),
        }
    }
}

fn put(piece: &mut Vec<u8>, column: &[u8]) {
    let length = i32::try_from(column.len()).expect("a document has its limit");
    piece.extend(length.to_be_bytes());
    piece.extend(column);
}

/// Rows that are all there.
pub(crate) struct Rows {
    pieces: Vec<Vec<u8>>,
    piece: Vec<u8>,
}

impl Rows {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            pieces: Vec::new(),
            piece: HEADER.to_vec(),
        }
    }

    /// Adds a row, its columns in the order of the statement.
    pub(crate) fn add(&mut self, row: &[&dyn Column]) {
        if self.piece.len() > PIECE_BYTES {
            self.pieces.push(std::mem::take(&mut self.piece));
        }
        let columns = i16::try_from(row.len()).expect("a table has few columns");
        self.piece.extend(columns.to_be_bytes());
        for column in row {
            column.put(&mut self.piece);
        }
    }

    /// Their pieces, as a copy takes them.
    pub(crate) fn end(mut self) -> mpsc::Receiver<Vec<u8>> {
        self.piece.extend(END.to_be_bytes());
        self.pieces.push(self.piece);
        let (rows, taken) = mpsc::channel(self.pieces.len());
        for piece in self.pieces {
            rows.try_send(piece).expect("there is room for all");
        }
        taken
    }
}
