//! The stream of members, page by page: memory does not grow with the selection.

use std::collections::VecDeque;

use windlass_workflows::configuration::{JobConfiguration, Source, Strategy};
use windlass_workflows::plan::{Document, Member, Narrow};

use super::inline;
use super::marked::Marked;
use super::narrowed::Narrowed;
use crate::store::source::LeftOut;
use crate::{Error, Store};

/// Members read at a time, to begin with: a small selection, or a preview, reads no more.
const PAGE_FIRST: i64 = 1_000;
/// Members read at a time, at most: each page costs ten round trips and a commit, which such a page hides.
const PAGE_MAX: i64 = 10_000;
/// Bytes of a page, whose last member may exceed them.
const PAGE_BYTES: i64 = 4 << 20;

/// A selection while it is read, from its beginning.
pub(in crate::protocol) struct Members {
    store: Store,
    source: From,
    /// Rows of the next page.
    page: i64,
    limit: Option<u64>,
    left_out: Vec<LeftOut>,
}

/// Where rows stand that outlive a planner.
#[derive(Clone, Copy)]
enum Place {
    /// A category at one version.
    Category { id: i32, version: i32 },
    /// What the source of a batch gave.
    Batch(i64),
}

enum From {
    /// In the order of rows.
    Rows { place: Place, after: i64 },
    /// Those that the filter may keep, in the order of rows.
    Narrowed(Narrowed),
    /// Grouped by object, perhaps by an index of the category: nobody looked for one yet.
    Unsought {
        category: (i32, i32),
        narrow: Narrow,
    },
    /// Those that an index finds, in the order of objects, behind an object and a row.
    Marked {
        category: (i32, i32),
        index: Marked,
        after: (String, i64),
    },
    /// First those without an object, then grouped by object in byte order.
    Objectless { place: Place, after: i64 },
    /// Those with an object, in its byte order.
    Objects { place: Place, after: (String, i64) },
    /// Documents that stand in the configuration.
    Items(VecDeque<Member>),
}

impl Members {
    /// The selection of `configuration`, over a category at one version or the rows of a batch's source.
    pub(in crate::protocol) fn of(
        store: Store,
        configuration: &JobConfiguration,
        category: Option<(i32, i32)>,
        batch: Option<i64>,
    ) -> Self {
        let by_object = configuration.strategy == Strategy::Object;
        let place = match (&configuration.selection.source, category, batch) {
            (Source::Category(_), Some((id, version)), _) => Some(Place::Category { id, version }),
            (Source::File { .. } | Source::Query(_) | Source::Http(_), _, Some(batch)) => {
                Some(Place::Batch(batch))
            }
            _ => None,
        };
        let judged = inline::judged(&configuration.selection);
        let narrow = configuration.selection.filter.as_deref();
        let narrow = narrow.map(Narrow::of).unwrap_or_default();
        let source = match place {
            Some(Place::Category { id, version }) if !by_object && !narrow.is_empty() => {
                From::Narrowed(Narrowed::new((id, version), narrow))
            }
            Some(Place::Category { id, version }) if by_object && !narrow.fields.is_empty() => {
                let category = (id, version);
                From::Unsought { category, narrow }
            }
            Some(place) if by_object => From::Objectless { place, after: 0 },
            Some(place) => From::Rows { place, after: 0 },
            None => From::Items(in_order(judged.members, by_object)),
        };
        Self {
            store,
            source,
            page: PAGE_FIRST,
            limit: configuration.selection.limit,
            left_out: judged.left_out,
        }
    }

    /// Members that are all in memory.
    pub(in crate::protocol) fn given(
        store: Store,
        configuration: &JobConfiguration,
        members: Vec<Member>,
    ) -> Self {
        let by_object = configuration.strategy == Strategy::Object;
        Self {
            store,
            source: From::Items(in_order(members, by_object)),
            page: PAGE_FIRST,
            limit: configuration.selection.limit,
            left_out: Vec::new(),
        }
    }

    /// Rows that were left out before any page was read.
    pub(in crate::protocol) fn left_out(&mut self) -> Vec<LeftOut> {
        std::mem::take(&mut self.left_out)
    }

    /// The next members; `None` at the end.
    pub(in crate::protocol) async fn page(&mut self) -> Result<Option<Vec<Member>>, Error> {
        let page = match &mut self.source {
            From::Items(items) => items
                .drain(..items.len().min(PAGE_FIRST as usize))
                .collect(),
            _ => self.read().await?,
        };
        Ok((!page.is_empty()).then_some(page))
    }

    async fn read(&mut self) -> Result<Vec<Member>, Error> {
        let rows = self.rows().await?;
        self.page = PAGE_MAX.min(self.page * 2);
        Ok(rows.into_iter().map(Row::member).collect())
    }

    async fn rows(&mut self) -> Result<Vec<Row>, Error> {
        if let Some(rows) = self.marked().await? {
            return Ok(rows);
        }
        let limit = self.page;
        if let From::Objectless { place, after } = &mut self.source {
            let place = *place;
            let rows = place.objectless(&self.store, after, limit).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            let after = (String::new(), 0);
            self.source = From::Objects { place, after };
        }
        match &mut self.source {
            From::Rows { place, after } => place.rows(&self.store, after, limit).await,
            From::Objects { place, after } => place.objects(&self.store, after, limit).await,
            From::Narrowed(narrowed) => narrowed.page(&self.store, PAGE_FIRST).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The next rows that an index finds, by object; none where the others are to be read.
    async fn marked(&mut self) -> Result<Option<Vec<Row>>, Error> {
        if let From::Unsought { category, narrow } = &self.source {
            let category = *category;
            let index = Marked::few(&self.store, category.0, narrow).await?;
            let after = (String::new(), 0);
            self.source = match index {
                Some(index) => From::Marked {
                    category,
                    index,
                    after,
                },
                None => by_object(category, after),
            };
        }
        let From::Marked {
            category,
            index,
            after,
        } = &mut self.source
        else {
            return Ok(None);
        };
        let (category, from) = (*category, (after.0.as_str(), after.1));
        let read = index.by_object(&self.store, category, from, PAGE_FIRST);
        let Some(rows) = read.await? else {
            self.source = by_object(category, std::mem::take(after));
            return Ok(None);
        };
        if let Some(last) = rows.last() {
            *after = (last.object.clone().unwrap_or_default(), last.n);
        }
        Ok(Some(rows))
    }

    /// Whether `selection.limit` has been reached.
    pub(in crate::protocol) fn is_beyond_limit(&self, members: u64) -> bool {
        self.limit.is_some_and(|limit| members >= limit)
    }
}

/// All rows of a category in the order of objects, behind an object, empty for none, and a row.
fn by_object((id, version): (i32, i32), (object, n): (String, i64)) -> From {
    let place = Place::Category { id, version };
    match object.is_empty() {
        true => From::Objectless { place, after: n },
        false => From::Objects {
            place,
            after: (object, n),
        },
    }
}

impl Place {
    async fn rows(self, store: &Store, after: &mut i64, limit: i64) -> Result<Vec<Row>, Error> {
        let rows = match self {
            Place::Category { id, version } => {
                sqlx::query_file_as!(
                    Row,
                    "queries/category/members.sql",
                    id,
                    version,
                    *after,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
            Place::Batch(batch) => {
                sqlx::query_file_as!(
                    Row,
                    "queries/source/members.sql",
                    batch,
                    *after,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
        };
        *after = rows.last().map_or(*after, |row| row.n);
        Ok(rows)
    }

    /// Rows may lack the object; a batch by object must meet them, to refuse them by name.
    async fn objectless(
        self,
        store: &Store,
        after: &mut i64,
        limit: i64,
    ) -> Result<Vec<Row>, Error> {
        let rows = match self {
            Place::Category { id, version } => {
                sqlx::query_file_as!(
                    Row,
                    "queries/category/members_without_object.sql",
                    id,
                    version,
                    *after,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
            Place::Batch(batch) => {
                sqlx::query_file_as!(
                    Row,
                    "queries/source/members_without_object.sql",
                    batch,
                    *after,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
        };
        *after = rows.last().map_or(*after, |row| row.n);
        Ok(rows)
    }

    async fn objects(
        self,
        store: &Store,
        after: &mut (String, i64),
        limit: i64,
    ) -> Result<Vec<Row>, Error> {
        let rows = match self {
            Place::Category { id, version } => {
                sqlx::query_file_as!(
                    Row,
                    "queries/category/members_by_object.sql",
                    id,
                    version,
                    after.0,
                    after.1,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
            Place::Batch(batch) => {
                sqlx::query_file_as!(
                    Row,
                    "queries/source/members_by_object.sql",
                    batch,
                    after.0,
                    after.1,
                    limit,
                    PAGE_BYTES
                )
                .fetch_all(store.pool())
                .await?
            }
        };
        if let Some(last) = rows.last() {
            *after = (last.object.clone().unwrap_or_default(), last.n);
        }
        Ok(rows)
    }
}

/// Object groups stand together in byte order, items in their own.
fn in_order(mut members: Vec<Member>, by_object: bool) -> VecDeque<Member> {
    if by_object {
        members.sort_by(|left, right| left.object.cmp(&right.object));
    }
    members.into()
}

/// A row, whichever order it was read in.
pub(crate) struct Row {
    pub(crate) n: i64,
    pub(crate) key: String,
    pub(crate) object: Option<String>,
    pub(crate) document: String,
}

impl Row {
    pub(crate) fn member(self) -> Member {
        Member {
            n: u64::try_from(self.n).unwrap_or_default(),
            key: self.key,
            object: self.object,
            document: Document::stored(self.document),
        }
    }
}
