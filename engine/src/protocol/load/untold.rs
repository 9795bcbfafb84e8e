//! What was left out of a source that was loaded before: told again, though nothing of it is stored.

use windlass_workflows::configuration::Category;

use super::{LeftOut, Load, Source, read};
use crate::protocol::rows::Sink;

/// What a load did, and what is still to be told of it.
pub(in crate::protocol) struct Loaded {
    pub load: Load,
    pub untold: Option<Untold>,
}

/// A source that was loaded before, with rows that may be no items.
pub(in crate::protocol) struct Untold {
    category: Category,
    source: Source,
    listed_max: usize,
}

impl Untold {
    /// Of a source of that category: so many rows are listed.
    pub(super) fn of(category: &Category, source: Source, listed_max: usize) -> Self {
        Self {
            category: category.clone(),
            source,
            listed_max,
        }
    }

    /// How many rows it has, and which of them are left out. It is read for that from its beginning to its end: by one who
    /// is in no transaction, since others would wait as long as that takes.
    pub(in crate::protocol) async fn read(self) -> (i64, LeftOut) {
        let file = self.source.file();
        let reading = read(&self.category, self.source, Sink::of_report()).await;
        let left_out = reading.left_out.told(file.as_deref(), self.listed_max);
        (reading.rows, left_out)
    }
}

impl From<Load> for Loaded {
    fn from(load: Load) -> Self {
        Self { load, untold: None }
    }
}
