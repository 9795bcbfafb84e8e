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
use crate::store::category::Locked;
use crate::store::category_version::{self, Differences, NewVersion};
use crate::store::{self, Session, Store};
use crate::vocabulary::ConfigurationKind;

/// Parts of a copy under way; each is a quarter of a MiB.
pub(super) const PARTS_MAX: usize = 8;
/// Refused rows that an answer lists.
pub const LISTED_MAX: usize = 1_000;
/// Duplicate keys that are reported.
const DUPLICATES_MAX: i64 = 1_000;

/// Refused rows that a report of them lists; each costs a few hundred bytes while a file is read.
pub const REPORTED_MAX: usize = 20_000;
/// The origin of items that stand in the document of their category.
pub(super) const DOCUMENT: &str = "document";

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
    /// Replaces the items of a category that was applied before; `who` does.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a category that nobody applied, `category_deleted` for one that was deleted since;
    /// [`Error::Invalid`] with every refused row, and then nothing is stored.
    pub async fn load_items(
        &self,
        tenant: i32,
        who: &str,
        name: &str,
        source: Source,
    ) -> Result<Load, Error> {
        self.load_listing(tenant, who, (name, source), LISTED_MAX)
            .await
    }

    /// The same, listing up to so many refused rows; others are counted.
    ///
    /// # Errors
    /// As [`Store::load_items`].
    pub async fn load_listing(
        &self,
        tenant: i32,
        who: &str,
        (name, source): (&str, Source),
        most: usize,
    ) -> Result<Load, Error> {
        let revision = self
            .configuration(tenant, ConfigurationKind::Category, name)
            .await?;
        let Content::Category(category) = revision.content()? else {
            return Err(Error::not_found("category", name));
        };
        let who = who.to_owned();
        self.transaction(move |connection| {
            Box::pin(async move {
                match load(connection, (tenant, &who, most), &category, source).await? {
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
    (tenant, who, most): (i32, &str, usize),
    category: &Category,
    source: Source,
) -> Result<Result<Load, Vec<Problem>>, Error> {
    let (checksum, source) = match checksum(category.clone(), source).await {
        Ok(known) => known,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    let locked = store::category::lock(connection, tenant, &category.header.name).await?;
    if locked.deleted_at.is_some() {
        return Err(deleted(&category.header.name));
    }
    if locked.checksum.as_deref() == Some(checksum.as_str()) {
        return Ok(Ok(known(&locked)));
    }
    let version = locked.version + 1;
    let file = source.file();
    let reading = copy(connection, category, source, locked.id, version).await?;
    let mut problems = refusals(&reading, most);
    if problems.is_empty() {
        let found =
            store::category::duplicates(connection, locked.id, version, DUPLICATES_MAX).await?;
        problems.extend(found.iter().map(|one| duplicate(one, &reading)));
    }
    if !problems.is_empty() {
        return Ok(Err(in_file(problems, file)));
    }
    let new = NewVersion {
        category: locked.id,
        version,
        items: reading.rows,
        differences: Differences::all_new(reading.rows),
        origin: file.as_deref().unwrap_or(DOCUMENT),
        who,
    };
    publish(connection, &locked, new, &checksum).await.map(Ok)
}

/// Makes copied rows the current version, unless they say what it says already.
async fn publish(
    connection: &mut Session,
    locked: &Locked,
    mut new: NewVersion<'_>,
    checksum: &str,
) -> Result<Load, Error> {
    // After a deletion there is nothing that could be compared.
    if locked.checksum.is_some() {
        let found = category_version::compare(connection, locked.id, new.version).await?;
        if found.is_none() {
            category_version::take_back(connection, locked.id, new.version, checksum).await?;
            return Ok(known(locked));
        }
        new.differences = found;
    }
    store::category::replace(connection, locked.id, new.version, new.items, checksum).await?;
    category_version::note(connection, new).await?;
    Ok(Load {
        version: new.version,
        rows: new.items,
        loaded: true,
    })
}

fn known(locked: &Locked) -> Load {
    Load {
        version: locked.version,
        rows: locked.items,
        loaded: false,
    }
}

pub(super) fn deleted(name: &str) -> Error {
    Error::Conflict {
        code: "category_deleted",
        message: format!("the category `{name}` was deleted"),
        hint: Some(format!(
            "`windlass category undelete {name}` brings it back, and so does applying its document"
        )),
    }
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

/// What is wrong with the rows of a reading: so many of it at most, and how much more there is.
pub(super) fn refusals(reading: &Reading, most: usize) -> Vec<Problem> {
    let listed = reading.refused.len().min(most);
    let mut problems = reading.refused[..listed].to_vec();
    let more = reading.refused.len() - listed + reading.more_refused;
    if more > 0 {
        let message = format!("{more} further problems are not listed");
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
