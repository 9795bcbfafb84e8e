//! Concurrent single submissions share a statement: a group commit without a timer.
//!
//! A request that finds nobody under way is sent at once. Those that come meanwhile wait together and
//! go with the next statement, so groups grow with the load and an idle engine adds no delay. Requests
//! with keys have a queue of their own, since somebody's open transaction may hold a key.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::{Desk, Fate, Kind, NewRequest, SUBMIT_MAX, Store};

/// Bytes of inputs in one group, beside the last one.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Groups under way at once: one waits for its commit while the other is put together.
const PLAIN_AT_ONCE: usize = 2;
/// The same for requests with keys, whose statements may wait for somebody else's transaction.
const KEYED_AT_ONCE: usize = 4;

/// Who waits for a statement.
#[derive(Debug, Default)]
pub(crate) struct Combiner {
    plain: Queue,
    said: Queue,
    keyed: Queue,
}

/// Requests of one kind.
#[derive(Debug, Default)]
struct Queue(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    under_way: usize,
}

/// A request and who wants to hear of it. A caller that is gone is not missed.
#[derive(Debug)]
struct Waiting {
    request: NewRequest,
    desk: OwnDesk,
    tell: oneshot::Sender<Fate>,
}

/// A desk that outlives its caller.
#[derive(Clone, Debug, PartialEq)]
struct OwnDesk {
    tenant: i32,
    who: Arc<str>,
    stamp: Option<i64>,
}

impl OwnDesk {
    fn lend(&self) -> Desk<'_> {
        Desk {
            tenant: self.tenant,
            who: &self.who,
            stamp: self.stamp,
        }
    }
}

impl Combiner {
    fn queue(&self, kind: Kind) -> (&Queue, usize) {
        match kind {
            Kind::Plain => (&self.plain, PLAIN_AT_ONCE),
            Kind::Said => (&self.said, PLAIN_AT_ONCE),
            Kind::Keyed | Kind::Replacing | Kind::Bounded => (&self.keyed, KEYED_AT_ONCE),
        }
    }
}

impl Queue {
    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.0.lock().expect("no panic while holding it")
    }

    /// Joins the line; whether somebody must begin to serve it.
    fn join(&self, waiting: Waiting, at_once: usize) -> bool {
        let mut line = self.line();
        line.waiting.push_back(waiting);
        let begins = line.under_way < at_once;
        line.under_way += usize::from(begins);
        begins
    }

    /// The next group, of one desk and without a key twice; none, and one server less, when nobody waits.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut line = self.line();
        let Some(first) = line.waiting.front() else {
            line.under_way -= 1;
            return None;
        };
        let desk = first.desk.clone();
        let (mut group, mut stay) = (Vec::new(), VecDeque::new());
        let (mut keys, mut bytes) = (HashSet::new(), 0);
        while let Some(waiting) = line.waiting.pop_front() {
            let key = waiting.request.scoped_key();
            let key = key.map(|(scope, key)| (scope.to_owned(), key.to_owned()));
            let fits = group.len() < SUBMIT_MAX && bytes < GROUP_BYTES_MAX && waiting.desk == desk;
            if fits && key.is_none_or(|key| keys.insert(key)) {
                bytes += waiting.request.input.len();
                group.push(waiting);
            } else {
                stay.push_back(waiting);
            }
        }
        line.waiting = stay;
        Some(group)
    }
}

impl Store {
    /// Stores one request, together with others that come at the same time.
    ///
    /// # Cancel safety
    /// Dropped, the request may still be stored; those that share its statement do not notice.
    pub(crate) async fn submit_combined(&self, desk: Desk<'_>, request: NewRequest) -> Fate {
        let kind = Kind::of(&request);
        if matches!(kind, Kind::Replacing | Kind::Bounded) {
            let fates = self.submit_all(desk, &[&request]).await;
            return fates.into_iter().next().unwrap_or(Fate::Stale);
        }
        let (tell, heard) = oneshot::channel();
        let desk = OwnDesk {
            tenant: desk.tenant,
            who: Arc::from(desk.who),
            stamp: desk.stamp,
        };
        let waiting = Waiting {
            request,
            desk,
            tell,
        };
        let (queue, at_once) = self.combiner.queue(kind);
        if queue.join(waiting, at_once) {
            self.pool().spawn(self.clone().serve(kind));
        }
        let lost = |_| Fate::Failed(sqlx::Error::WorkerCrashed.into());
        heard.await.unwrap_or_else(lost)
    }

    /// Sends group after group until nobody waits.
    async fn serve(self, kind: Kind) {
        let (queue, _) = self.combiner.queue(kind);
        let mut seat = Seat {
            queue,
            is_taken: true,
        };
        while let Some(group) = queue.next() {
            let desk = group[0].desk.clone();
            let requests: Vec<&NewRequest> = group.iter().map(|one| &one.request).collect();
            let fates = self.submit_all(desk.lend(), &requests).await;
            for (waiting, fate) in group.into_iter().zip(fates) {
                let _ = waiting.tell.send(fate);
            }
        }
        seat.is_taken = false;
    }
}

/// Gives the server's place back when it panics, so that the line never stands still for good.
struct Seat<'a> {
    queue: &'a Queue,
    is_taken: bool,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.queue.line().under_way -= 1;
        }
    }
}
