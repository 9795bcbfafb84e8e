//! A pump: one connection, its claims, their jobs and what they want to record.
//!
//! Nothing crosses to the other pump. It drives its jobs until none can go on, sends all that they
//! want to record in one statement that also claims the next ones, and drives its jobs while that
//! statement is on its way (group commit without a timer: the flush finds its own size).
//!
//! ```text
//!   claim ─▶ jobs ─▶ outbox ─▶ exchange ─▶ acks ─▶ jobs …
//!                                  └─▶ claim
//! ```

mod lanes;
mod link;
pub(crate) mod outbox;
mod pace;

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, poll};
use tokio::select;
use uuid::Uuid;
use windlass_engine::store::{Claimed, ENTRIES_MAX, FLUSH_BYTES_MAX, Want};

use self::lanes::Lanes;
use self::link::{Answer, Link};
use self::outbox::{Outbox, Outgoing};
use self::pace::Pace;
use crate::job::{self, Left};
use crate::shared::{Phase, Shared};

/// Runs jobs until its worker has drained.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    outbox: Rc<Outbox>,
    link: Link,
    jobs: FuturesUnordered<LocalBoxFuture<'static, Run>>,
    lanes: Lanes,
    /// The look-out's number of the list that `lanes` comes from.
    look: u64,
    pace: Pace,
    worker: Uuid,
}

impl Pump {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let link = Link::new(shared.connect.clone());
        let worker = shared.incarnation();
        Self {
            shared,
            outbox: Rc::default(),
            link,
            jobs: FuturesUnordered::new(),
            lanes: Lanes::default(),
            look: 0,
            pace: Pace::default(),
            worker,
        }
    }

    /// Claims, performs and records until the worker has drained and nothing is held.
    ///
    /// However long the database is away, it ends once the worker must be gone.
    pub(crate) async fn run(mut self) {
        let shared = self.shared.clone();
        tokio::select! {
            () = self.work() => self.link.close().await,
            () = shared.reached(Phase::Gone) => {}
        }
    }

    async fn work(&mut self) {
        loop {
            self.renew();
            self.go_on().await;
            let outgoing = self.outbox.take(ENTRIES_MAX, FLUSH_BYTES_MAX);
            let want = self.want(&outgoing);
            if !outgoing.is_empty() || want.is_some() {
                self.exchange(outgoing, want).await;
            } else if self.is_done() {
                return;
            } else {
                self.rest().await;
            }
        }
    }

    /// Everything of an earlier incarnation is lost: its leases belong to others by now.
    fn renew(&mut self) {
        let current = self.shared.incarnation();
        if current != self.worker {
            self.jobs.clear();
            self.outbox.clear();
            self.worker = current;
        }
    }

    /// What can go on, goes on.
    async fn go_on(&mut self) {
        while let Poll::Ready(Some(run)) = poll!(self.jobs.next()) {
            self.ended(run);
        }
    }

    /// What to claim: from the lane whose turn it is, as many as the present speed asks for.
    fn want(&mut self, outgoing: &[Outgoing]) -> Option<Want> {
        if self.shared.phase() != Phase::Running || !self.shared.is_trusted() {
            return None;
        }
        if self.lanes.is_empty() {
            self.refresh_lanes();
        }
        let lane = self.lanes.next()?;
        let unattended = self.outbox.unattended()
            + outgoing
                .iter()
                .filter(|outgoing| outgoing.ack.is_none())
                .count();
        let leaving = outgoing
            .iter()
            .filter(|outgoing| outgoing.new.ending.is_some())
            .count();
        let held = (self.jobs.len() + unattended).saturating_sub(leaving);
        let quota = self.pace.want(held, self.shared.slots_per_pump());
        (quota > 0).then(|| Want {
            claim: Uuid::new_v4(),
            lanes: vec![(lane, quota)],
        })
    }

    /// Sends acks, starts what was claimed; drives the jobs meanwhile.
    async fn exchange(&mut self, outgoing: Vec<Outgoing>, want: Option<Want>) {
        if let Some(want) = &want {
            self.shared.claims.send(want.claim);
        }
        let unattended: Vec<(i64, Uuid)> = outgoing
            .iter()
            .filter(|outgoing| outgoing.ack.is_none())
            .map(|outgoing| (outgoing.new.job, outgoing.new.lease.claim))
            .collect();
        let answer = {
            let exchange = self.link.exchange(self.worker, outgoing, want.as_ref());
            tokio::pin!(exchange);
            loop {
                select! { biased;
                    answer = &mut exchange => break answer,
                    Some(run) = self.jobs.next(), if !self.jobs.is_empty() => ended(&mut self.pace, &self.shared, run),
                }
            }
        };
        metrics::counter!("windlass_flushes_total").increment(1);
        // A refused one is settled by whoever finds out why.
        let is_refused = |job: i64| answer.refused.iter().any(|refused| refused.job == job);
        for (job, claim) in unattended {
            if !is_refused(job) {
                self.shared.claims.settle(claim);
            }
        }
        self.take(answer, want).await;
    }

    async fn take(&mut self, answer: Answer, want: Option<Want>) {
        if let Some(want) = want {
            let (lane, asked) = want.lanes[0];
            self.lanes.book(lane, asked, answer.claimed.len());
            if self.lanes.is_empty() {
                self.shared.look_for_work(!answer.claimed.is_empty());
            }
            self.shared.claims.open(want.claim, answer.claimed.len());
        }
        for refused in answer.refused {
            self.jobs.push(timed(job::obey_refusal(
                refused,
                self.shared.clone(),
                self.outbox.clone(),
            )));
        }
        if self.shared.incarnation() == self.worker {
            self.start(answer.claimed).await;
        }
    }

    /// Polls each new job once in place: one that needs nobody else ends here.
    async fn start(&mut self, claimed: Vec<Claimed>) {
        metrics::counter!("windlass_claimed_total").increment(claimed.len() as u64);
        for claimed in claimed {
            let mut run = timed(job::conduct(
                claimed,
                self.shared.clone(),
                self.outbox.clone(),
            ));
            match poll!(run.as_mut()) {
                Poll::Ready(run) => self.ended(run),
                Poll::Pending => self.jobs.push(run),
            }
        }
    }

    /// Waits for whatever comes first: a job, an entry, work, an order.
    async fn rest(&mut self) {
        if self.lanes.is_empty() && self.shared.phase() == Phase::Running {
            self.shared.look_for_work(false);
        }
        select! {
            Some(run) = self.jobs.next(), if !self.jobs.is_empty() => ended(&mut self.pace, &self.shared, run),
            () = self.outbox.filled() => {}
            () = self.shared.woken() => self.refresh_lanes(),
        }
    }

    /// Takes a list of lanes that it has not used yet: a stale one would be claimed from in vain.
    fn refresh_lanes(&mut self) {
        let (look, ahead) = self.shared.lanes_ahead();
        if look != self.look {
            self.look = look;
            self.lanes.refresh(&ahead);
        }
    }

    fn ended(&mut self, run: Run) {
        ended(&mut self.pace, &self.shared, run);
    }

    fn is_done(&self) -> bool {
        self.shared.phase() != Phase::Running && self.jobs.is_empty()
    }
}

/// A job that left its pump's hands.
struct Run {
    held: Duration,
    left: Left,
}

/// Books a job that left. One whose ending nobody waits for is settled by the flush that takes it.
fn ended(pace: &mut Pace, shared: &Shared, run: Run) {
    pace.ended(1, run.held);
    if let Left::Settled(claim) = run.left {
        shared.claims.settle(claim);
    }
}

/// A job's run with the time that it took.
fn timed(run: impl Future<Output = Left> + 'static) -> LocalBoxFuture<'static, Run> {
    let since = Instant::now();
    run.map(move |left| Run {
        held: since.elapsed(),
        left,
    })
    .boxed_local()
}
