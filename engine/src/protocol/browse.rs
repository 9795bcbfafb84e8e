//! The items of a category that a filter keeps, a page at a time, as a selection would take them.
//!
//! A page looks at a bounded number of rows for a bounded time, however few of them the filter keeps: one that has looked
//! enough is short, and says where to go on.

use std::time::{Duration, Instant};

use windlass_workflows::plan::{Member, Narrow, Rendering};
use windlass_workflows::problem::Problem;

use super::plan::narrowed::Narrowed;
use crate::store::{ItemView, Page, category};
use crate::{Error, Store};

/// Rows that one page passes over at most: ten megabytes or so of documents.
const PASSED_MAX: i64 = 100_000;

/// How long one page looks, but for the statement under way: people wait for it.
const LOOKING_MAX: Duration = Duration::from_secs(1);

/// Rows that are read at a time.
const LOOK: i64 = 1_000;

/// Which items of a category.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its name.
    pub category: &'a str,
    /// A version that is kept; the current one unless given.
    pub version: Option<i32>,
    /// jq, as in a selection; `$slot` is null and `$configuration` empty.
    pub filter: &'a str,
}

impl Store {
    /// Items after row `after` that a filter keeps, at most `limit`. A page may have fewer, or none, and still be
    /// followed by others.
    ///
    /// # Errors
    /// As [`Store::items_of`]; `invalid` for a filter that does not compile, or that fails on a row.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn items_kept(
        &self,
        tenant: i32,
        wanted: Wanted<'_>,
        after: i64,
        limit: u32,
    ) -> Result<Page<ItemView>, Error> {
        let rendering = Rendering::of_filter(wanted.filter, chrono::Utc::now());
        let rendering = rendering.map_err(|problems| Error::Invalid { problems })?;
        let category = self.category(tenant, wanted.category).await?;
        let Some(version) = category::readable(&category, wanted.version)? else {
            return Ok(page(Vec::new(), limit));
        };
        let rows = Narrowed::new((category.id, version), Narrow::of(wanted.filter));
        let browse = Browse {
            store: self,
            rendering,
            found: Vec::new(),
            until: Instant::now() + LOOKING_MAX,
        };
        browse.look(rows.behind(after), limit).await
    }
}

/// A page on its way.
struct Browse<'a> {
    store: &'a Store,
    rendering: Rendering,
    found: Vec<ItemView>,
    until: Instant,
}

impl Browse<'_> {
    async fn look(mut self, mut rows: Narrowed, limit: u32) -> Result<Page<ItemView>, Error> {
        loop {
            for row in rows.look(self.store, LOOK).await? {
                let (n, member) = (row.n, row.member());
                if self.keeps(&member)? {
                    self.found.push(item(n, member));
                }
                if self.found.len() > limit as usize {
                    return Ok(page(self.found, limit));
                }
                if Instant::now() > self.until {
                    return Ok(self.short(n));
                }
            }
            if rows.is_over() {
                return Ok(page(self.found, limit));
            }
            if rows.passed() >= PASSED_MAX || Instant::now() > self.until {
                return Ok(self.short(rows.reached()));
            }
        }
    }

    fn keeps(&self, member: &Member) -> Result<bool, Error> {
        let keeps = self.rendering.keeps(member);
        keeps.map_err(|error| {
            let problem = Problem::new(error.code(), "/filter", error.to_string());
            Error::invalid(problem.hint("make the filter total, such as `.cost // 0 > 100`"))
        })
    }

    /// What was found up to a row behind which there may be more.
    fn short(self, reached: i64) -> Page<ItemView> {
        Page {
            items: self.found,
            next: Some(reached),
        }
    }
}

fn item(n: i64, member: Member) -> ItemView {
    ItemView {
        n,
        key: member.key,
        object: member.object,
        document: member.document.into_text(),
    }
}

fn page(found: Vec<ItemView>, limit: u32) -> Page<ItemView> {
    Page::cut(found, limit, |item| item.n)
}
