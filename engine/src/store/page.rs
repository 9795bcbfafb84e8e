//! Pages by key: stable under inserts, no offsets, always bounded.

use serde::Serialize;

/// More items than this are never read at once.
pub const PAGE_MAX: u32 = 1_000;

/// Some items, and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T, C = i64> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Key of the last item when there are more behind it.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// A page of rows that were read with one row more than asked for.
    pub(crate) fn cut(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> C) -> Self {
        let limit = bound(limit) as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The same page of other items.
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, C> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

/// What is asked of the database: at least one row, one more than the page shows.
pub(crate) fn fetch(limit: u32) -> i64 {
    bound(limit) + 1
}

fn bound(limit: u32) -> i64 {
    i64::from(limit.clamp(1, PAGE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_names_where_the_next_begins() {
        let page = Page::cut(vec![9, 8, 7], 2, |id| *id);

        assert_eq!(
            page,
            Page {
                items: vec![9, 8],
                next: Some(8)
            }
        );
    }

    #[test]
    fn the_last_page_names_nothing() {
        let page = Page::cut(vec![9, 8], 2, |id: &i64| *id);

        assert_eq!(page.next, None);
    }
}
