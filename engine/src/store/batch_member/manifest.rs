//! The manifest: every member of a batch, as a stream.
//!
//! Where the pages of a plan begin is known before any is read, so several are read at a time: a server process
//! reads one while the rows of another are decoded and sent on.

use std::panic::resume_unwind;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio_util::task::AbortOnDropHandle;

use super::{MemberCursor, MemberView};
use crate::store::batch::BatchView;
use crate::store::page::{PAGE_MAX, Page};
use crate::{Error, Store};

/// Pages that are read at a time, each on a connection: two keep both a server process and a reader busy, the third
/// fills the gaps between them.
const AHEAD: usize = 3;

type MemberPage = Page<MemberView, MemberCursor>;
type Reading = BoxFuture<'static, Result<MemberPage, Error>>;

/// So many members behind a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    behind: MemberCursor,
    members: u32,
}

impl Store {
    /// Every member of a batch with its result, then every row that was left out. A few pages are read ahead, so
    /// memory does not grow with the batch.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the batch does not exist in this tenant.
    ///
    /// # Cancel safety
    /// Dropped, the stream reads no page but those that it is at.
    pub async fn manifest(
        &self,
        tenant: i32,
        batch: i64,
    ) -> Result<impl Stream<Item = Result<MemberView, Error>> + use<>, Error> {
        let batch = Arc::new(self.batch(tenant, batch).await?);
        let (spans, end) = self.spans(&batch).await?;
        let store = self.clone();
        let read = move |span: Span| page(store.clone(), tenant, Arc::clone(&batch), span);
        let planned = stream::iter(spans).map({
            let read = read.clone();
            move |span| within(span, read(span))
        });
        let planned = planned.buffered(AHEAD).map_ok({
            let read = read.clone();
            // Its first page was read ahead; there are others where results are large.
            move |(first, rest, last)| {
                stream::iter([Ok(first)]).chain(pages(rest, read.clone(), Some(last)))
            }
        });
        // Begun once what is planned was read: members may come until then.
        let pages = planned.try_flatten().chain(pages(Some(end), read, None));
        let members = |page: MemberPage| stream::iter(page.items).map(Ok);
        Ok(pages.map_ok(members).try_flatten())
    }

    /// The pages of what is planned, and where what is behind them begins: rows that were left out, and members
    /// that come meanwhile.
    async fn spans(&self, batch: &BatchView) -> Result<(Vec<Span>, Span), Error> {
        let mut spans = Spans::default();
        if batch.strategy == "individual" {
            let ranges = sqlx::query_file!("queries/batch/ranges.sql", batch.id);
            let mut ranges = ranges.fetch(self.pool());
            while let Some(range) = ranges.try_next().await? {
                spans.add(range.first_id, range.last_id);
            }
        } else if batch.sealed {
            spans.add(1, batch.planned.members);
        }
        Ok(spans.end())
    }
}

/// Begins to read a page at once.
fn page(store: Store, tenant: i32, batch: Arc<BatchView>, span: Span) -> Reading {
    let reading = AbortOnDropHandle::new(tokio::spawn(async move {
        let page = store.member_page(tenant, &batch, span.behind, span.members, true);
        page.await
    }));
    Box::pin(async move {
        match reading.await {
            Ok(page) => page,
            Err(panicked) => resume_unwind(panicked.into_panic()),
        }
    })
}

/// The first page of a span, what is left of the span, and its last member.
async fn within(span: Span, reading: Reading) -> Result<(MemberPage, Option<Span>, i64), Error> {
    let last = span.behind.n + i64::from(span.members);
    let (page, rest) = cut(reading.await?, Some(last));
    Ok((page, rest, last))
}

/// Pages from a span on, as far as the member `last`.
fn pages(
    from: Option<Span>,
    read: impl Fn(Span) -> Reading + Clone,
    last: Option<i64>,
) -> impl Stream<Item = Result<MemberPage, Error>> {
    stream::try_unfold(from, move |from| {
        let reading = from.map(&read);
        async move {
            let Some(reading) = reading else {
                return Ok(None);
            };
            Ok(Some(cut(reading.await?, last)))
        }
    })
}

/// A page without what is behind the member `last`, and what is left before that: where old jobs were dropped, a page
/// goes on into the next ones; where results are large, it ends before.
fn cut(mut page: MemberPage, last: Option<i64>) -> (MemberPage, Option<Span>) {
    let Some(last) = last else {
        let rest = page.next.map(Span::from);
        return (page, rest);
    };
    page.items.retain(|member| member.n <= last);
    let rest = page.next.filter(|next| !next.left_out && next.n < last);
    let rest = rest.map(|behind| Span {
        behind,
        members: u32::try_from(last - behind.n).map_or(PAGE_MAX, |left| left.min(PAGE_MAX)),
    });
    (page, rest)
}

/// Pages that are put together from ranges of jobs, or of members.
#[derive(Default)]
struct Spans {
    whole: Vec<Span>,
    open: Option<Span>,
    /// Behind the last member so far.
    end: Option<MemberCursor>,
}

impl Spans {
    fn add(&mut self, first: i64, last: i64) {
        let mut first = first;
        while first <= last {
            let n = self.end.map_or(0, |end| end.n);
            let open = self.open.get_or_insert(Span {
                behind: MemberCursor {
                    left_out: false,
                    after: first - 1,
                    n,
                },
                members: 0,
            });
            let taken = (last - first + 1).min(i64::from(PAGE_MAX - open.members));
            open.members += taken as u32;
            if open.members == PAGE_MAX {
                self.whole.extend(self.open.take());
            }
            first += taken;
            self.end = Some(MemberCursor {
                left_out: false,
                after: first - 1,
                n: n + taken,
            });
        }
    }

    fn end(mut self) -> (Vec<Span>, Span) {
        self.whole.extend(self.open);
        let end = self.end.unwrap_or(MemberCursor::START);
        (self.whole, Span::from(end))
    }
}

/// A page behind a cursor.
impl From<MemberCursor> for Span {
    fn from(behind: MemberCursor) -> Self {
        Self {
            behind,
            members: PAGE_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(after: i64, n: i64) -> MemberCursor {
        MemberCursor {
            left_out: false,
            after,
            n,
        }
    }

    #[test]
    fn small_ranges_share_a_page_and_large_ones_have_several() {
        let mut spans = Spans::default();
        spans.add(5_001, 5_010);
        spans.add(7_001, 9_000);

        let (whole, end) = spans.end();

        let of = |behind, members| Span { behind, members };
        assert_eq!(
            whole,
            [
                of(behind(5_000, 0), 1_000),
                of(behind(7_990, 1_000), 1_000),
                of(behind(8_990, 2_000), 10),
            ]
        );
        assert_eq!(end, of(behind(9_000, 2_010), PAGE_MAX));
    }

    #[test]
    fn nothing_planned_is_read_from_the_start() {
        let (whole, end) = Spans::default().end();

        assert_eq!((whole, end.behind), (vec![], MemberCursor::START));
    }

    fn read(ns: &[i64], next: Option<MemberCursor>) -> MemberPage {
        let member = |n: &i64| MemberView {
            n: *n,
            key: String::new(),
            object: None,
            chunk: None,
            planned_job: None,
            job: None,
            state: String::new(),
            code: None,
            fingerprint: None,
            attempts: 0,
            restarts: 0,
            ended_at: None,
            result: None,
        };
        Page {
            items: ns.iter().map(member).collect(),
            next,
        }
    }

    #[test]
    fn a_page_that_ends_before_its_span_leaves_the_rest_of_it() {
        let (page, rest) = cut(read(&[1, 2], Some(behind(5_002, 2))), Some(10));

        let (behind, members) = (behind(5_002, 2), 8);
        assert_eq!(
            (page.items.len(), rest),
            (2, Some(Span { behind, members }))
        );
    }

    #[test]
    fn a_page_that_goes_on_behind_its_span_is_cut_there() {
        let (page, rest) = cut(read(&[9, 10, 11], Some(behind(7_000, 11))), Some(10));

        assert_eq!((page.items.len(), rest), (2, None));
    }
}
