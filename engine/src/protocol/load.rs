//! Loading a category: a file, or the items of a document, becomes the category's next version.
//!
//! Rows stream through COPY under the category's row lock. Nothing is stored when one row is refused
//! or a key stands twice; what was loaded before, read in the same way, is not loaded again.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use windlass_workflows::configuration::{Category, Content, Format};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::rows::{self, For, Reading, Sink};
use crate::Error;
use crate::store::Session;
use crate::store::{self, Store};
use crate::vocabulary::ConfigurationKind;

/// Parts of a copy under way; each is a quarter of a MiB.
pub(super) const PARTS_MAX: usize = 8;
/// Duplicate keys that are reported.
const DUPLICATES_MAX: i64 = 1_000;

/// Something to read twice: once for its checksum, once for its rows.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Where items come from.
pub enum Source {
    /// A file or a body.
    File {
        /// Its name, for messages.
        name: String,
        /// How it is written.
        format: Format,
        /// Its bytes.
        reader: Box<dyn ReadSeek>,
    },
    /// Values that stand in a document.
    Items(Vec<Value>),
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File { name, format, .. } => write!(formatter, "File({name}, {format:?})"),
            Source::Items(items) => write!(formatter, "Items({})", items.len()),
        }
    }
}

/// What a load did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Load {
    /// The category's version after it.
    pub version: i32,
    /// Items of that version.
    pub rows: i64,
    /// Whether there was anything new.
    pub loaded: bool,
}

impl Store {
    /// Replaces the items of a category that was applied before.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a category that nobody applied; [`Error::Invalid`] with every refused
    /// row, and then nothing is stored.
    pub async fn load_items(&self, tenant: i32, name: &str, source: Source) -> Result<Load, Error> {
        let revision = self
            .configuration(tenant, ConfigurationKind::Category, name)
            .await?;
        let Content::Category(category) = revision.content()? else {
            return Err(Error::not_found("category", name));
        };
        self.transaction(move |connection| {
            Box::pin(async move {
                match load(connection, tenant, &category, source).await? {
                    Ok(load) => Ok(load),
                    Err(problems) => Err(Error::Invalid { problems }),
                }
            })
        })
        .await
    }
}

/// Loads inside the caller's transaction. Problems are the inner error: the transaction can go on, to
/// find others, but must not commit.
pub(super) async fn load(
    connection: &mut Session,
    tenant: i32,
    category: &Category,
    source: Source,
) -> Result<Result<Load, Vec<Problem>>, Error> {
    let (checksum, source) = match checksum(category.clone(), source).await {
        Ok(known) => known,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    let locked = store::category::lock(connection, tenant, &category.header.name).await?;
    if locked.checksum.as_deref() == Some(checksum.as_str()) {
        return Ok(Ok(Load {
            version: locked.version,
            rows: locked.items,
            loaded: false,
        }));
    }
    let version = locked.version + 1;
    let file = source.file();
    let reading = copy(connection, category, source, locked.id, version).await?;
    let mut problems = refusals(&reading);
    if problems.is_empty() {
        let found =
            store::category::duplicates(connection, locked.id, version, DUPLICATES_MAX).await?;
        problems.extend(found.iter().map(|one| duplicate(one, &reading)));
    }
    if !problems.is_empty() {
        return Ok(Err(in_file(problems, file)));
    }
    store::category::replace(connection, locked.id, version, reading.rows, &checksum).await?;
    Ok(Ok(Load {
        version,
        rows: reading.rows,
        loaded: true,
    }))
}

/// Reads on a thread that may block, copies here.
async fn copy(
    connection: &mut Session,
    category: &Category,
    source: Source,
    id: i32,
    version: i32,
) -> Result<Reading, Error> {
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    let sink = Sink::new(sender, For::Category { id, version });
    let category = category.clone();
    let reading = spawn_blocking(move || match source {
        Source::File { format, reader, .. } => rows::read_file(&category, format, reader, sink),
        Source::Items(items) => rows::read_items(&category, &items, sink),
    });
    store::category::copy(connection, receiver).await?;
    Ok(reading.await.unwrap_or_else(panicked))
}

pub(super) fn panicked<T>(ended: JoinError) -> T {
    std::panic::resume_unwind(ended.into_panic())
}

impl Source {
    fn file(&self) -> Option<String> {
        match self {
            Source::File { name, .. } => Some(name.clone()),
            Source::Items(_) => None,
        }
    }
}

/// The identity of a load: the bytes, and all that decides how they are read.
async fn checksum(category: Category, mut source: Source) -> Result<(String, Source), Problem> {
    let hashed = spawn_blocking(move || {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?}\0{:?}\0", category.key, category.object));
        let schema = category.schema.as_ref().map(Value::to_json);
        hasher.update(format!(
            "{schema:?}\0{:?}\0",
            category.data.as_ref().map(|data| data.empty)
        ));
        let bytes = hash_source(&mut hasher, &mut source);
        bytes.map(|()| (hex::encode(hasher.finalize()), source))
    });
    let hashed = hashed.await.unwrap_or_else(panicked);
    hashed.map_err(|error| {
        Problem::new(
            "unreadable_file",
            "",
            format!("the file cannot be read: {error}"),
        )
    })
}

fn hash_source(hasher: &mut Sha256, source: &mut Source) -> io::Result<()> {
    match source {
        Source::File { format, reader, .. } => {
            hasher.update(format!("{format:?}\0"));
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let length = reader.read(&mut buffer)?;
                if length == 0 {
                    break;
                }
                hasher.update(&buffer[..length]);
            }
            reader.seek(SeekFrom::Start(0)).map(|_| ())
        }
        Source::Items(items) => {
            items
                .iter()
                .for_each(|item| hasher.update(format!("{item}\0")));
            Ok(())
        }
    }
}

pub(super) fn refusals(reading: &Reading) -> Vec<Problem> {
    let mut problems = reading.refused.clone();
    if reading.more_refused > 0 {
        let message = format!("{} further problems are not listed", reading.more_refused);
        problems.push(Problem::new("more_problems", "", message));
    }
    problems
}

fn duplicate(found: &store::category::Duplicate, reading: &Reading) -> Problem {
    let (first, second) = (reading.line_of(found.first_n), reading.line_of(found.n));
    let key = found
        .key
        .replace(windlass_workflows::category::KEY_SEPARATOR, ", ");
    let message = if second == 0 {
        format!(
            "items {} and {} have the same key `{key}`",
            found.first_n, found.n
        )
    } else {
        format!("lines {first} and {second} have the same key `{key}`")
    };
    let line = u32::try_from(second).unwrap_or(u32::MAX);
    Problem::new("duplicate_key", "", message)
        .hint("a key tells items apart: remove one of them, or name more fields in `key`")
        .at(line, 1)
}

pub(super) fn in_file(problems: Vec<Problem>, file: Option<String>) -> Vec<Problem> {
    let Some(file) = file else {
        return problems;
    };
    let placed = problems
        .into_iter()
        .map(|problem| problem.in_file(file.clone()));
    placed.collect()
}
