//! The stream of members, page by page: memory does not grow with the selection.

use std::collections::VecDeque;

use windlass_workflows::configuration::{Key, Source, Strategy};
use windlass_workflows::plan::Member;
use windlass_workflows::value::Value;

use windlass_workflows::configuration::JobConfiguration;

use crate::{Error, Store};

/// Members read at a time.
const PAGE: i64 = 1_000;

/// A selection while it is read, from its beginning.
pub(in crate::protocol) struct Members {
    store: Store,
    source: From,
    limit: Option<u64>,
}

enum From {
    /// A category at one version, in the order of its rows.
    Rows {
        category: i32,
        version: i32,
        after: i64,
    },
    /// The same, first those without an object, then grouped by object in byte order.
    Objectless {
        category: i32,
        version: i32,
        after: i64,
    },
    /// Those with an object, in its byte order.
    Objects {
        category: i32,
        version: i32,
        after: (String, i64),
    },
    /// Documents that stand in the configuration.
    Items(VecDeque<Member>),
}

impl Members {
    /// The selection of `configuration`, over a category at one version.
    pub(in crate::protocol) fn of(
        store: Store,
        configuration: &JobConfiguration,
        category: Option<(i32, i32)>,
    ) -> Self {
        let by_object = configuration.strategy == Strategy::Object;
        let source = match (&configuration.selection.source, category) {
            (Source::Items { items, key, object }, _) => {
                From::Items(inline(items, key, object.as_deref(), by_object))
            }
            (Source::Category(_), Some((category, version))) if by_object => From::Objectless {
                category,
                version,
                after: 0,
            },
            (Source::Category(_), Some((category, version))) => From::Rows {
                category,
                version,
                after: 0,
            },
            (Source::Category(_), None) => From::Items(VecDeque::new()),
        };
        Self {
            store,
            source,
            limit: configuration.selection.limit,
        }
    }

    /// The next members; `None` at the end.
    pub(in crate::protocol) async fn page(&mut self) -> Result<Option<Vec<Member>>, Error> {
        if let From::Objectless {
            category,
            version,
            after,
        } = &mut self.source
        {
            let page = objectless(&self.store, *category, *version, after).await?;
            if !page.is_empty() {
                return Ok(Some(page));
            }
            self.source = From::Objects {
                category: *category,
                version: *version,
                after: (String::new(), 0),
            };
        }
        let page = match &mut self.source {
            From::Rows {
                category,
                version,
                after,
            } => rows(&self.store, *category, *version, after).await?,
            From::Objects {
                category,
                version,
                after,
            } => objects(&self.store, *category, *version, after).await?,
            From::Objectless { .. } => Vec::new(),
            From::Items(items) => items.drain(..items.len().min(PAGE as usize)).collect(),
        };
        Ok((!page.is_empty()).then_some(page))
    }

    /// Whether `selection.limit` has been reached.
    pub(in crate::protocol) fn is_beyond_limit(&self, members: u64) -> bool {
        self.limit.is_some_and(|limit| members >= limit)
    }
}

async fn rows(
    store: &Store,
    category: i32,
    version: i32,
    after: &mut i64,
) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query_file_as!(
        Row,
        "queries/category/members.sql",
        category,
        version,
        *after,
        PAGE
    )
    .fetch_all(store.pool())
    .await?;
    *after = rows.last().map_or(*after, |row| row.n);
    rows.into_iter().map(Row::member).collect()
}

/// A category's rows may lack the object; a batch by object must meet them, to refuse them by name.
async fn objectless(
    store: &Store,
    category: i32,
    version: i32,
    after: &mut i64,
) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query_file_as!(
        Row,
        "queries/category/members_without_object.sql",
        category,
        version,
        *after,
        PAGE
    )
    .fetch_all(store.pool())
    .await?;
    *after = rows.last().map_or(*after, |row| row.n);
    rows.into_iter().map(Row::member).collect()
}

async fn objects(
    store: &Store,
    category: i32,
    version: i32,
    after: &mut (String, i64),
) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query_file_as!(
        Row,
        "queries/category/members_by_object.sql",
        category,
        version,
        after.0,
        after.1,
        PAGE
    )
    .fetch_all(store.pool())
    .await?;
    if let Some(last) = rows.last() {
        *after = (last.object.clone().unwrap_or_default(), last.n);
    }
    rows.into_iter().map(Row::member).collect()
}

/// A row of a category, whichever order it was read in.
struct Row {
    n: i64,
    key: String,
    object: Option<String>,
    document: String,
}

impl Row {
    fn member(self) -> Result<Member, Error> {
        let document = Value::parse(&self.document).map_err(|error| Error::Unreadable {
            noun: "category item",
            name: self.key.clone(),
            message: error.to_string(),
        })?;
        Ok(Member {
            n: u64::try_from(self.n).unwrap_or_default(),
            key: self.key,
            object: self.object,
            document,
        })
    }
}

/// The key of an item: its key fields, joined.
pub(in crate::protocol) fn item_key(document: &Value, fields: &[String]) -> String {
    let parts: Vec<String> = fields
        .iter()
        .map(|field| document.get(field).map_or_else(String::new, text))
        .collect();
    parts.join("\u{1f}")
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_json(), ToOwned::to_owned)
}

/// Items of the configuration; object groups stand together in byte order, items in their own.
fn inline(items: &[Value], key: &Key, object: Option<&str>, by_object: bool) -> VecDeque<Member> {
    let mut members: Vec<Member> = items
        .iter()
        .zip(1..)
        .map(|(document, n)| {
            let key = match key {
                Key::Row => n.to_string(),
                Key::Fields(fields) => item_key(document, fields),
            };
            let object = object
                .and_then(|field| document.get(field))
                .filter(|value| !value.is_null())
                .map(text);
            Member {
                n,
                key,
                object,
                document: document.clone(),
            }
        })
        .collect();
    if by_object {
        members.sort_by(|left, right| left.object.cmp(&right.object));
    }
    members.into()
}
