//! Members of `batch` and `combined`: a file that somebody names, else lines that are made as they are read.
//!
//! Each made line is as long as every other, so any place of the whole is known without a file on disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use windlass_engine::protocol::Upload;

use super::failed;
use crate::cli::error::CliError;

/// Bytes of a made line.
const LINE_BYTES: u64 = 98;

/// Where the members of a run come from.
#[derive(Clone, Debug)]
pub enum Members {
    /// Lines of JSON.
    Generated(u64),
    /// A file.
    File(PathBuf),
}

impl Members {
    /// What a selection calls it: the ending says how it is read.
    pub fn name(&self) -> String {
        match self {
            Self::Generated(_) => "members.ndjson".to_owned(),
            Self::File(path) => path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
        }
    }

    /// In words, for who reads the figures.
    pub fn told(&self) -> String {
        match self {
            Self::Generated(count) => format!("{count} generated lines of JSON"),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// As it would be sent.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn upload(&self) -> Result<Upload, CliError> {
        Ok(Upload {
            name: self.name(),
            reader: match self {
                Self::Generated(count) => Box::new(Lines::of(*count)),
                Self::File(path) => Box::new(
                    File::open(path)
                        .map_err(|error| failed(format!("{}: {error}", path.display())))?,
                ),
            },
        })
    }
}

/// Lines that are made as they are read.
#[derive(Debug)]
struct Lines {
    bytes: u64,
    at: u64,
}

impl Lines {
    fn of(count: u64) -> Self {
        Self {
            bytes: count * LINE_BYTES,
            at: 0,
        }
    }
}

impl Read for Lines {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.at;
        while !buffer.is_empty() && self.at < self.bytes {
            let line = line(self.at / LINE_BYTES + 1);
            let rest = &line.as_bytes()[(self.at % LINE_BYTES) as usize..];
            let length = buffer.write(rest)?;
            self.at += length as u64;
        }
        Ok((self.at - start) as usize)
    }
}

impl Seek for Lines {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let place = match place {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(distance) => self.bytes.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// About as much as a job of `drain` is given.
fn line(n: u64) -> String {
    format!(
        "{{\"key\":\"m{n:09}\",\"to\":\"user@example.test\",\"n\":123456,\"note\":\"about one hundred bytes of json\"}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_as_long_as_it_is_said_to_be() {
        assert_eq!(line(1).len() as u64, LINE_BYTES);
        assert_eq!(line(999_999_999).len() as u64, LINE_BYTES);
    }

    #[test]
    fn lines_are_the_same_from_any_place() {
        let mut whole = String::new();
        let mut lines = Lines::of(3);
        lines.read_to_string(&mut whole).expect("text");
        assert_eq!(whole, [1, 2, 3].map(line).concat());

        let mut rest = String::new();
        lines.seek(SeekFrom::Start(120)).expect("a place");
        lines.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, whole[120..]);
        assert_eq!(
            lines.seek(SeekFrom::End(0)).expect("a place"),
            3 * LINE_BYTES
        );
    }
}
