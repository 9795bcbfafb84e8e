//! A file that is sent with a batch: its rows are kept beside the batch in the transaction that makes it, and planned
//! from there. What cannot be a member refuses the whole, unless `rows:` says otherwise; then nothing is kept.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use windlass_workflows::category::KEY_SEPARATOR;
use windlass_workflows::configuration::{
    Category, Duplicate, Invalid, JobConfiguration, Key, Selection, Source, Strategy,
};
use windlass_workflows::problem::Problem;

use super::load::{LISTED_MAX, PARTS_MAX, ReadSeek, in_file, panicked, refusals};
use super::rows::{self, Collected, For, Sink};
use crate::Error;
use crate::store::Session;
use crate::store::source::{self, Repeated};

/// Repeated keys that are told.
const REPEATED_MAX: i64 = 20;
/// Bytes hashed at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// A file that is sent with a batch.
pub struct Upload {
    /// Its name, for messages.
    pub name: String,
    /// Its bytes.
    pub reader: Box<dyn ReadSeek>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Upload({})", self.name)
    }
}

/// A file whose bytes are known by their hash.
pub(super) struct Hashed {
    pub(super) upload: Upload,
    /// SHA-256, hexadecimal.
    pub(super) hash: String,
}

/// Reads a file once, for its hash.
pub(super) async fn hashed(upload: Option<Upload>) -> Result<Option<Hashed>, Error> {
    match upload {
        Some(upload) => hash(upload).await.map(Some),
        None => Ok(None),
    }
}

/// The same for one that is there.
pub(super) async fn hash(mut upload: Upload) -> Result<Hashed, Error> {
    let hashed = spawn_blocking(move || {
        let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            match upload.reader.read(&mut piece)? {
                0 => break,
                length => hasher.update(&piece[..length]),
            }
        }
        upload.reader.seek(SeekFrom::Start(0))?;
        let hash = hex::encode(hasher.finalize());
        Ok::<_, std::io::Error>(Hashed { upload, hash })
    });
    let hashed = hashed.await.unwrap_or_else(panicked);
    hashed.map_err(|error| {
        let message = format!("the file cannot be read: {error}");
        Error::invalid(Problem::new("unreadable_file", "", message))
    })
}

/// Refuses a selection that reads a file when there is none, and the reverse.
pub(super) fn check(selection: &Selection, has_file: bool) -> Result<(), Error> {
    let problem = match (&selection.source, has_file) {
        (Source::File { path, .. }, false) => Problem::new(
            "file_missing",
            "/selection/file",
            format!("the members stand in `{path}`, which was not sent"),
        )
        .hint("send it as the part `file` of a form, or with `windlass batch create FILE.yaml`"),
        (Source::File { .. }, true) | (_, false) => return Ok(()),
        (_, true) => Problem::new(
            "file_unexpected",
            "/selection",
            "a file was sent, and the selection reads none",
        )
        .hint("select it with `selection: { file: … }`"),
    };
    Err(Error::invalid(problem))
}

/// Keeps the rows of a file beside its batch, in the caller's transaction.
pub(super) async fn stage(
    connection: &mut Session,
    batch: i64,
    configuration: &JobConfiguration,
    file: Hashed,
) -> Result<(), Error> {
    let Source::File {
        format,
        key,
        object,
        ..
    } = &configuration.selection.source
    else {
        return Ok(());
    };
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    let leave_out = configuration.selection.rows.invalid == Invalid::LeaveOut;
    let sink = Sink::new(
        sender,
        For::Batch {
            id: batch,
            leave_out,
            by_object: configuration.strategy == Strategy::Object,
        },
    );
    let (form, format) = (form(configuration, key, object.as_ref()), *format);
    let reader = file.upload.reader;
    let reading = spawn_blocking(move || rows::read_file(&form, format, reader, sink));
    source::copy(connection, receiver).await?;
    let reading = reading.await.unwrap_or_else(panicked);
    let mut problems = refusals(&reading, LISTED_MAX);
    if problems.is_empty() {
        let line = |n| reading.line_of(n);
        problems.extend(settle(connection, batch, configuration, key, line).await?);
    }
    if !problems.is_empty() {
        let problems = in_file(problems, Some(file.upload.name));
        return Err(Error::Invalid { problems });
    }
    source::gathered(connection, batch, Some(&file.hash)).await?;
    Ok(())
}

/// The first rows of a file, read for a preview; nothing is kept of them.
pub(super) async fn collected(
    configuration: &JobConfiguration,
    file: Upload,
) -> Result<Collected, Error> {
    let Source::File {
        format,
        key,
        object,
        ..
    } = &configuration.selection.source
    else {
        return Ok(Collected::default());
    };
    let (form, format) = (form(configuration, key, object.as_ref()), *format);
    let reader = file.reader;
    let reading =
        spawn_blocking(move || rows::read_file(&form, format, reader, Sink::of_preview()));
    let reading = reading.await.unwrap_or_else(panicked);
    // Such as a header that lacks the key, or a file that is broken.
    let problems = refusals(&reading, LISTED_MAX);
    match problems.is_empty() {
        true => Ok(reading.collected.unwrap_or_default()),
        false => Err(Error::Invalid {
            problems: in_file(problems, Some(file.name)),
        }),
    }
}

/// How the rows of a selection are read: as those of a category without a schema.
pub(super) fn form(
    configuration: &JobConfiguration,
    key: &Key,
    object: Option<&String>,
) -> Category {
    Category {
        header: configuration.header.clone(),
        key: key.clone(),
        object: object.cloned(),
        indexes: Vec::new(),
        schema: None,
        retention: Category::RETENTION,
        data: None,
    }
}

/// Decides what becomes of repeated keys, and keeps what was left out for the manifest. A problem refuses all.
pub(super) async fn settle(
    connection: &mut Session,
    batch: i64,
    configuration: &JobConfiguration,
    key: &Key,
    line: impl Fn(i64) -> u64,
) -> Result<Option<Problem>, Error> {
    let mut leaves_out = configuration.selection.rows.invalid == Invalid::LeaveOut;
    let word = match configuration.selection.source.is_outside() {
        true => "row",
        false => "line",
    };
    // Row numbers repeat nothing.
    if *key != Key::Row {
        match configuration.selection.rows.duplicate {
            Duplicate::Refuse => {
                let found = source::repeated(connection, batch, REPEATED_MAX).await?;
                if let Some(problem) = repeated(&found, word, line) {
                    return Ok(Some(problem));
                }
            }
            kept => {
                let keeps_last = kept == Duplicate::Last;
                let left = source::leave_out_repeated(connection, batch, keeps_last).await?;
                leaves_out |= left > 0;
            }
        }
    }
    if leaves_out {
        source::note_left_out(connection, batch).await?;
    }
    Ok(None)
}

/// What is wrong with keys that stand more than once: how many, and where the first of them are.
fn repeated(found: &[Repeated], word: &str, line: impl Fn(i64) -> u64) -> Option<Problem> {
    let first = found.first()?;
    let places: Vec<String> = found
        .iter()
        .map(|one| {
            let key = one.key.replace(KEY_SEPARATOR, ", ");
            let (from, to) = (line(one.first_n), line(one.last_n));
            match one.times {
                2 => format!("`{key}` ({from} and {to})"),
                times => format!("`{key}` ({times} times from {from} to {to})"),
            }
        })
        .collect();
    let rest = match first.keys - i64::try_from(found.len()).unwrap_or(i64::MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} keys stand in {} rows; by {word}: {}{rest}",
        first.keys,
        first.rows,
        places.join(", ")
    );
    let problem = Problem::new("duplicate_keys", "/selection/key", message);
    Some(
        problem.hint(
            "name more fields in `key`, or keep one row a key with `rows: { duplicate: last }`",
        ),
    )
}
