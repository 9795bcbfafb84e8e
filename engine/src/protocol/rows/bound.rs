//! A bound inside of a record: a row of a file is refused at it, before the parser has taken the rest into memory.
//!
//! Parsers read ahead by the blocks of their buffers, so that much slack is added.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Bytes of a CSV record, or of an element of a JSON array with what stands around it, as they are written: a document
/// is at most 1 MiB and may be written longer, by escapes.
pub(super) const RECORD_BYTES_MAX: u64 = 4 << 20;
/// What the buffers of a parser hold beside the record.
const SLACK_BYTES: u64 = 64 * 1024;

/// What may still be read for one record.
#[derive(Clone, Debug)]
pub(super) struct Allowance(Rc<Cell<u64>>);

impl Allowance {
    pub fn new() -> Self {
        let allowance = Self(Rc::default());
        allowance.renew();
        allowance
    }

    /// A record ends: the next one may be as long.
    pub fn renew(&self) {
        self.0.set(RECORD_BYTES_MAX + SLACK_BYTES);
    }
}

/// A reader that fails in a record that is too long.
pub(super) struct Within<R> {
    reader: R,
    left: Allowance,
}

impl<R> Within<R> {
    pub fn new(reader: R, left: &Allowance) -> Self {
        Self {
            reader,
            left: left.clone(),
        }
    }
}

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.0.get();
        if left == 0 {
            let message = format!("a row has more than {RECORD_BYTES_MAX} bytes");
            return Err(io::Error::other(message));
        }
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let length = self.reader.read(&mut buffer[..most])?;
        self.left.0.set(left - length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use windlass_workflows::configuration::{Category, Format, Header, Key};

    use super::super::{Reading, Sink, read_file};
    use super::*;

    /// Two gigabytes of one row.
    const HUGE: u64 = 2 << 30;
    /// What is read of it at most.
    const READ_MAX: u64 = RECORD_BYTES_MAX + 2 * SLACK_BYTES;

    /// A file that is made while it is read: a beginning, one byte over and over, an end.
    struct Generated {
        parts: [(&'static [u8], u64); 3],
        at: u64,
        read: Arc<AtomicU64>,
    }

    impl Generated {
        fn byte(&self, mut at: u64) -> Option<u8> {
            for (text, times) in self.parts {
                let length = text.len() as u64;
                if at < length * times {
                    return text.get(usize::try_from(at % length).ok()?).copied();
                }
                at -= length * times;
            }
            None
        }
    }

    impl Read for Generated {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut length = 0;
            while let Some(byte) = (length < buffer.len())
                .then(|| self.byte(self.at))
                .flatten()
            {
                buffer[length] = byte;
                length += 1;
                self.at += 1;
            }
            self.read.fetch_add(length as u64, Ordering::Relaxed);
            Ok(length)
        }
    }

    impl Seek for Generated {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Err(io::Error::other("it is read from front to back"))
        }
    }

    /// What reading such a file gives, and how much of it was read.
    fn read(format: Format, parts: [(&'static [u8], u64); 3]) -> (Reading, u64) {
        let category = Category {
            header: Header::default(),
            key: Key::Row,
            object: None,
            indexes: Vec::new(),
            schema: None,
            retention: Category::RETENTION,
            data: None,
        };
        let read = Arc::new(AtomicU64::default());
        let file = Generated {
            parts,
            at: 0,
            read: Arc::clone(&read),
        };
        let reading = read_file(&category, format, Box::new(file), Sink::of_preview());
        (reading, read.load(Ordering::Relaxed))
    }

    #[test]
    fn a_row_of_two_gigabytes_is_refused_at_the_bound() {
        let one = |begin, end| [(begin, 1), (b"x" as &[u8], HUGE), (end, 1)];
        let files = [
            (Format::Csv, one(b"a\n\"", b"\"\n")),
            (Format::Csv, one(b"", b"\n1\n")),
            (Format::Json, one(b"[{\"a\":\"", b"\"}]")),
            (Format::Json, [(b"[", 1), (b" ", HUGE), (b"]", 1)]),
        ];
        for (format, parts) in files {
            let (reading, read) = read(format, parts);

            let problem = &reading.refused[0];
            assert_eq!(problem.code, "source_broken", "{format:?}");
            assert!(
                problem.message.contains("more than 4194304 bytes"),
                "{problem:?}"
            );
            assert!(read <= READ_MAX, "{format:?}: {read} bytes read");
        }
    }

    #[test]
    fn many_rows_may_have_more_bytes_together() {
        let cell = b"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n";
        let all_of = |format: Format, parts: [(&'static [u8], u64); 3]| {
            let (reading, read) = read(format, parts);
            assert!(reading.refused.is_empty(), "{:?}", reading.refused);
            assert!(read > READ_MAX, "all was read");
        };

        all_of(Format::Csv, [(b"a\n", 1), (cell, 45_000), (b"1\n", 1)]);
        let objects = b"{\"a\":123},";
        all_of(
            Format::Json,
            [(b"[", 1), (&objects[..], 1 << 19), (b"{}]", 1)],
        );
    }
}
