//! Loading a category: a file, or the items of a document, becomes the category's next version, or is merged into the one
//! before.
//!
//! Rows stream through COPY under the category's row lock. Nothing is stored when one row is refused
//! or a key stands twice; what was loaded before, read in the same way, is not loaded again. Rows that are no items are
//! left out where the load says so, and told.

mod identity;
mod left;
mod refusal;
mod untold;

use std::fmt;
use std::io::{Read, Seek};

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::{JoinError, spawn_blocking};
use windlass_workflows::configuration::{Category, Content, Format, Invalid, Key, Mode};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use self::identity::{checksum, key_rule};
pub use self::left::{LeftOut, Reason};
pub(super) use self::refusal::{in_file, refusals};
use self::refusal::{refused, unmergeable};
pub(super) use self::untold::{Loaded, Untold};
use super::rows::{self, For, Reading, Sink};
use crate::Error;
use crate::store::category::Locked;
use crate::store::category_version::{self, Differences, NewVersion};
use crate::store::{self, Session, Store};
use crate::store::{category_index, category_merge};
use crate::vocabulary::ConfigurationKind;

/// Parts of a copy under way; each is a quarter of a MiB.
pub(super) const PARTS_MAX: usize = 8;
/// Refused rows that an answer lists.
pub const LISTED_MAX: usize = 1_000;
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
    /// Items that were new.
    pub added: i64,
    /// Items that say something else.
    pub changed: i64,
    /// Items that were gone.
    pub removed: i64,
    /// Rows of the load whose items were there and said the same.
    pub unchanged: i64,
    /// Rows that were read.
    pub read: i64,
    /// Those that are no items, where the load goes on without them.
    pub left_out: LeftOut,
}

/// Whose load, and how.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Of which tenant the category is.
    pub tenant: i32,
    /// Who loads.
    pub who: &'a str,
    /// What becomes of items that the load does not name; as the category's document says unless given.
    pub mode: Option<Mode>,
    /// What a row does that is no item; as the category's document says unless given.
    pub invalid: Option<Invalid>,
    /// Refused rows that are listed at most; others are counted.
    pub listed_max: usize,
}

impl Store {
    /// Loads a category that was applied before, as its document says; `who` does.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a category that nobody applied, `category_deleted` for one that was deleted since;
    /// [`Error::Invalid`] with every refused row, and then nothing is stored; with `nothing_left` first where all rows would
    /// be left out.
    pub async fn load_items(
        &self,
        tenant: i32,
        who: &str,
        name: &str,
        source: Source,
    ) -> Result<Load, Error> {
        let terms = Terms {
            tenant,
            who,
            mode: None,
            invalid: None,
            listed_max: LISTED_MAX,
        };
        self.load_on(terms, name, source).await
    }

    /// The same on terms of the caller's.
    ///
    /// # Errors
    /// As [`Store::load_items`]; a load that is to be merged also with `merge_needs_key` and `merge_other_key`.
    ///
    /// # Cancel safety
    /// One transaction: dropped before its commit, nothing is stored. What was left out of a source that was loaded before
    /// is read behind it.
    pub async fn load_on(
        &self,
        terms: Terms<'_>,
        name: &str,
        source: Source,
    ) -> Result<Load, Error> {
        let revision = self
            .configuration(terms.tenant, ConfigurationKind::Category, name)
            .await?;
        let Content::Category(category) = revision.content()? else {
            return Err(Error::not_found("category", name));
        };
        let (who, terms) = (terms.who.to_owned(), Terms { who: "", ..terms });
        let loaded = self.transaction(move |connection| {
            Box::pin(async move {
                let terms = Terms { who: &who, ..terms };
                match load(connection, terms, &category, source).await? {
                    Ok(loaded) => Ok(loaded),
                    Err(problems) => Err(Error::Invalid { problems }),
                }
            })
        });
        let Loaded { mut load, untold } = loaded.await?;
        if let Some(untold) = untold {
            (load.read, load.left_out) = untold.read().await;
        }
        Ok(load)
    }
}

/// Loads inside the caller's transaction. Problems are the inner error: the transaction can go on, to
/// find others, but must not commit.
pub(super) async fn load(
    connection: &mut Session,
    terms: Terms<'_>,
    category: &Category,
    source: Source,
) -> Result<Result<Loaded, Vec<Problem>>, Error> {
    let (mode, invalid) = manner(terms, category);
    let (checksum, source) = match checksum(category.clone(), (mode, invalid), source).await {
        Ok(known) => known,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    let locked = store::category::lock(connection, terms.tenant, &category.header.name).await?;
    if locked.deleted_at.is_some() {
        return Err(deleted(&category.header.name));
    }
    let key_rule = key_rule(&category.key);
    if let (Mode::Merge, Some(problem)) = (mode, unmergeable(category, &locked, &key_rule)) {
        return Ok(Err(vec![problem]));
    }
    // What is merged leaves no trace of its bytes: others may have changed the same items since.
    if mode == Mode::Replace && locked.checksum.as_deref() == Some(checksum.as_str()) {
        let load = known(&locked, locked.items);
        let leaves_out = invalid == Invalid::LeaveOut;
        let untold = leaves_out.then(|| Untold::of(category, source, terms.listed_max));
        return Ok(Ok(Loaded { load, untold }));
    }
    let merges = mode == Mode::Merge && locked.items > 0;
    let (version, file) = (locked.version + 1, source.file());
    let rows = For::Category {
        id: locked.id,
        version,
        behind: if merges { category_merge::BEYOND } else { 0 },
        leave_out: invalid == Invalid::LeaveOut,
        numbers: category.key == Key::Row,
    };
    let reading = copy(connection, category, source, rows).await?;
    let problems = refused(connection, &locked, &reading, terms.listed_max).await?;
    if !problems.is_empty() {
        return Ok(Err(in_file(problems, file)));
    }
    let new = NewVersion {
        category: locked.id,
        version,
        items: reading.kept(),
        differences: Differences::all_new(reading.kept()),
        left_out: reading.left_out.rows,
        origin: file.as_deref().unwrap_or(DOCUMENT),
        who: terms.who,
        checksum: &checksum,
        key_rule: &key_rule,
    };
    let load = match merges {
        true => merge(connection, &locked, new).await?,
        false => replace(connection, &locked, new).await?,
    };
    let load = load.of(reading, file.as_deref(), terms.listed_max);
    Ok(Ok(load.into()))
}

/// As the caller says, else as the document does.
fn manner(terms: Terms<'_>, category: &Category) -> (Mode, Invalid) {
    let said = category.data.as_ref().map(|data| (data.mode, data.invalid));
    let (mode, invalid) = said.unwrap_or_default();
    (terms.mode.unwrap_or(mode), terms.invalid.unwrap_or(invalid))
}

/// Makes copied rows the current version, unless they say what it says already.
async fn replace(
    connection: &mut Session,
    locked: &Locked,
    mut new: NewVersion<'_>,
) -> Result<Load, Error> {
    // After a deletion there is nothing that could be compared.
    if locked.checksum.is_some() {
        let found = category_version::compare(connection, locked.id, new.version).await?;
        if found.is_none() {
            category_version::take_back(connection, new).await?;
            return Ok(known(locked, locked.items));
        }
        new.differences = found;
    }
    store::category::replace(connection, locked.id, new.version).await?;
    let unchanged = new.items - new.differences.added - new.differences.changed;
    publish(connection, new, unchanged).await
}

/// Brings copied rows to the items that have their keys, and the others behind those.
async fn merge(
    connection: &mut Session,
    locked: &Locked,
    mut new: NewVersion<'_>,
) -> Result<Load, Error> {
    let merged = category_merge::settle(connection, locked.id, new.version).await?;
    if merged.added + merged.changed == 0 {
        return Ok(known(locked, merged.unchanged));
    }
    new.items = locked.items + merged.added;
    new.differences = merged.into();
    publish(connection, new, merged.unchanged).await
}

async fn publish(
    connection: &mut Session,
    new: NewVersion<'_>,
    unchanged: i64,
) -> Result<Load, Error> {
    category_index::mark(connection, new.category, new.version).await?;
    category_version::publish(connection, new).await?;
    Ok(Load {
        version: new.version,
        rows: new.items,
        loaded: true,
        added: new.differences.added,
        changed: new.differences.changed,
        removed: new.differences.removed,
        unchanged,
        read: new.items,
        left_out: LeftOut::default(),
    })
}

fn known(locked: &Locked, unchanged: i64) -> Load {
    Load {
        version: locked.version,
        rows: locked.items,
        loaded: false,
        added: 0,
        changed: 0,
        removed: 0,
        unchanged,
        read: unchanged,
        left_out: LeftOut::default(),
    }
}

impl Load {
    /// With what its rows were.
    fn of(self, reading: Reading, file: Option<&str>, listed_max: usize) -> Self {
        Self {
            read: reading.rows,
            left_out: reading.left_out.told(file, listed_max),
            ..self
        }
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
    rows: For,
) -> Result<Reading, Error> {
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    let reading = read(category, source, Sink::new(sender, rows));
    store::category::copy(connection, receiver).await?;
    Ok(reading.await)
}

/// Begins at once, on a thread that may block.
fn read(category: &Category, source: Source, sink: Sink) -> impl Future<Output = Reading> + use<> {
    let category = category.clone();
    let reading = spawn_blocking(move || match source {
        Source::File { format, reader, .. } => rows::read_file(&category, format, reader, sink),
        Source::Items(items) => rows::read_items(&category, &items, sink),
    });
    async { reading.await.unwrap_or_else(panicked) }
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
