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

pub(crate) mod flight;
mod lanes;
mod link;
pub(crate) mod outbox;
mod pace;
mod past;
mod room;

use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, poll};
use tokio::select;
use uuid::Uuid;
use windlass_engine::store::{Claimed, ENTRIES_MAX, FLUSH_BYTES_MAX, Want};

use self::flight::Flight;
use self::lanes::Lanes;
use self::link::{Answer, Link};
use self::outbox::{Outbox, Outgoing};
use self::pace::Pace;
use crate::job::{self, Begun, Left};
use crate::shared::{Phase, Shared};

/// Runs jobs until its worker has drained.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    outbox: Rc<Outbox>,
    link: Link,
    jobs: FuturesUnordered<Going>,
    lanes: Lanes,
    flight: Flight,
    /// The look-out's number of the list that `lanes` comes from.
    look: u64,
    pace: Pace,
    worker: Uuid,
    is_first: bool,
}

impl Pump {
    /// Pump `number` of its worker, from 0: the first one alone takes jobs that must be alone.
    pub(crate) fn new(shared: Arc<Shared>, number: usize) -> Self {
        let link = Link::new(shared.connect.clone(), number == 0);
        let worker = shared.incarnation();
        Self {
            flight: Flight::join(&shared.board),
            shared,
            outbox: Rc::default(),
            link,
            jobs: FuturesUnordered::new(),
            lanes: Lanes::default(),
            look: 0,
            pace: Pace::default(),
            worker,
            is_first: number == 0,
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
            self.lanes.forget();
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
        for leaving in outgoing
            .iter()
            .filter(|outgoing| outgoing.new.ending.is_some())
        {
            self.lanes.leave(leaving.new.job);
        }
        self.refresh_lanes();
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
        let permits = self.shared.slots_per_pump();
        let (quota, hold) = (self.pace.want(held, permits), self.pace.hold(permits));
        let mut lanes = self.lanes.choose(quota, hold, &self.flight);
        let named = self.is_first && self.lanes.is_empty() && outgoing.is_empty();
        if named && quota > 0 {
            let new = self.shared.take_named();
            let each = quota.div_ceil(new.len().max(1));
            lanes = new.into_iter().map(|lane| (lane, each)).collect();
        }
        (!lanes.is_empty()).then(|| Want {
            claim: Uuid::now_v7(),
            limited: lanes.iter().any(|(lane, _)| self.lanes.is_limited(*lane)),
            named,
            lanes,
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
                    Some(run) = self.jobs.next(), if !self.jobs.is_empty() => ended(&mut self.lanes, &mut self.pace, &self.shared, run),
                }
            }
        };
        metrics::counter!("windlass_flushes_total").increment(1);
        // A refused one is settled by whoever finds out why.
        let is_refused = |job: i64| answer.refused.iter().any(|refused| refused.job == job);
        let accepted = unattended.iter().filter(|(job, _)| !is_refused(*job));
        let claims: Vec<Uuid> = accepted.map(|(_, claim)| *claim).collect();
        for alike in claims.chunk_by(|one, next| one == next) {
            self.shared.claims.settle(alike[0], alike.len());
        }
        self.take(answer, want).await;
    }

    async fn take(&mut self, answer: Answer, want: Option<Want>) {
        if let Some(want) = want {
            let mut got = HashMap::new();
            for job in &answer.claimed {
                *got.entry(job.lane).or_default() += 1;
            }
            for &(lane, asked) in &want.lanes {
                let got = got.get(&lane).copied().unwrap_or_default();
                self.lanes.book(lane, asked, got, answer.more);
            }
            for job in answer.claimed.iter().filter(|job| job.limited) {
                self.lanes.count(job.id, job.lane);
            }
            let is_busy = !answer.claimed.is_empty();
            if want.named {
                let gave_all = |(lane, asked): &(i32, usize)| got.get(lane) == Some(asked);
                if !is_busy || want.lanes.iter().any(gave_all) || answer.more {
                    self.shared.notice();
                }
            } else if !self.lanes.is_empty() {
                // There is more than one pump wants.
                self.shared.wake();
            } else if is_busy && self.lanes.come_back() {
                // A look goes over all lanes: where limits are many, work in hand brings on more than it.
                self.shared.stay_busy();
            } else {
                self.shared.look_for_work(is_busy);
            }
            self.shared.claims.open(want.claim, answer.claimed.len());
        }
        for refused in answer.refused {
            let obeyed = job::obey_refusal(refused, self.shared.clone(), self.outbox.clone());
            self.jobs.push(Going::new(None, obeyed.boxed_local()));
        }
        if self.shared.incarnation() == self.worker {
            self.start(answer.claimed);
        }
    }

    /// Begins each new job: one that needs nobody else ends here.
    fn start(&mut self, claimed: Vec<Claimed>) {
        metrics::counter!("windlass_claimed_total").increment(claimed.len() as u64);
        for claimed in claimed {
            let (lane, since) = (Some(claimed.lane), Instant::now());
            match job::begin(claimed, &self.shared, &self.outbox) {
                Begun::Left(left) => self.ended(Run::new(lane, since, left)),
                Begun::Goes(job) => self.jobs.push(Going { lane, since, job }),
            }
        }
    }

    /// Waits for whatever comes first: a job, an entry, work, an order.
    async fn rest(&mut self) {
        let waits = !self.jobs.is_empty() && self.lanes.come_back();
        if self.lanes.is_empty() && !waits && self.shared.phase() == Phase::Running {
            self.shared.look_for_work(false);
        }
        let is_idle = self.is_first && self.jobs.is_empty();
        let shared = self.shared.clone();
        let woken = async {
            if is_idle {
                shared.first_woken().await;
            } else {
                shared.woken().await;
            }
        };
        select! {
            Some(run) = self.jobs.next(), if !self.jobs.is_empty() => ended(&mut self.lanes, &mut self.pace, &self.shared, run),
            () = self.outbox.filled() => {}
            () = woken => self.refresh_lanes(),
        }
    }

    /// Takes a list of lanes that it has not used yet: a stale one would be claimed from in vain. A new
    /// one is taken although lanes are left: one of them may be paused, or have another share, by now.
    fn refresh_lanes(&mut self) {
        if let Some((look, ahead)) = self.shared.lanes_after(self.look) {
            self.look = look;
            self.lanes.refresh(&ahead);
        }
    }

    fn ended(&mut self, run: Run) {
        ended(&mut self.lanes, &mut self.pace, &self.shared, run);
    }

    fn is_done(&self) -> bool {
        self.shared.phase() != Phase::Running && self.jobs.is_empty()
    }
}

/// A job that left its pump's hands.
struct Run {
    /// Its lane; none for one that was booked before.
    lane: Option<i32>,
    held: Duration,
    left: Left,
}

impl Run {
    fn new(lane: Option<i32>, since: Instant, left: Left) -> Self {
        let held = since.elapsed();
        Self { lane, held, left }
    }
}

/// Books a job that left. One whose ending nobody waits for is settled by the flush that takes it.
fn ended(lanes: &mut Lanes, pace: &mut Pace, shared: &Shared, run: Run) {
    if let Some(lane) = run.lane {
        lanes.ended(lane);
    }
    pace.ended(1, run.held);
    if let Left::Settled(claim) = run.left {
        shared.claims.settle(claim, 1);
    }
}

/// A job on its way.
struct Going {
    lane: Option<i32>,
    since: Instant,
    job: LocalBoxFuture<'static, Left>,
}

impl Going {
    fn new(lane: Option<i32>, job: LocalBoxFuture<'static, Left>) -> Self {
        let since = Instant::now();
        Self { lane, since, job }
    }
}

impl Future for Going {
    type Output = Run;

    fn poll(mut self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<Run> {
        let (lane, since) = (self.lane, self.since);
        let left = self.job.as_mut().poll(waker);
        left.map(|left| Run::new(lane, since, left))
    }
}
