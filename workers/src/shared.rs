//! What the parts of one worker process share: who it is, what it may believe, what it should stop.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::{Notify, Semaphore, watch};
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::store::{ConnectOptions, LaneAhead};

use crate::batches::Batches;
use crate::formulas::Formulas;
use crate::perform::Performer;
use crate::programs::Programs;
use crate::pump::flight::Board;
use crate::retries::Retries;

/// How far a worker has come in leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It claims.
    Running,
    /// It claims nothing; running steps may finish.
    Draining,
    /// The grace is over: steps are cut off and their jobs given back.
    Cut,
    /// The database did not take what was given back in time: the lease time will.
    Gone,
}

/// One worker process.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) connect: ConnectOptions,
    pub(crate) listen: ConnectOptions,
    pub(crate) performer: Performer,
    pub(crate) programs: Programs,
    pub(crate) batches: Batches,
    pub(crate) retries: Retries,
    pub(crate) formulas: Formulas,
    /// Where handlers go that are not done at their first poll.
    pub(crate) work: Handle,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) claims: Claims,
    pub(crate) board: Board,
    slots_per_pump: usize,
    incarnation: watch::Sender<Uuid>,
    trusted_until: watch::Sender<Instant>,
    phase: watch::Sender<Phase>,
    stops: watch::Sender<Arc<HashSet<i64>>>,
    ahead: watch::Sender<(u64, Arc<Vec<LaneAhead>>)>,
    /// The pump's wish for another look, with whether the last one brought work.
    pub(crate) looking: Notify,
    busy: watch::Sender<bool>,
    noticed: Notify,
    hears: AtomicBool,
    /// Whether the first pump has nothing to do: then news is for it alone.
    first_rests: AtomicBool,
    first: Notify,
    /// Lanes with new work that nobody looked at, for the first pump while it has nothing to do.
    named: Mutex<Vec<i32>>,
    woken: Notify,
}

/// What a worker process is made from.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) connect: ConnectOptions,
    pub(crate) listen: ConnectOptions,
    pub(crate) performer: Performer,
    pub(crate) work: Handle,
    pub(crate) slots: usize,
    pub(crate) pumps: usize,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            programs: Programs::new(parts.store.clone()),
            batches: Batches::new(parts.store.clone()),
            retries: Retries::new(parts.store.clone()),
            formulas: Formulas::default(),
            store: parts.store,
            connect: parts.connect,
            listen: parts.listen,
            performer: parts.performer,
            work: parts.work,
            slots: Arc::new(Semaphore::new(parts.slots)),
            claims: Claims::default(),
            board: Board::default(),
            slots_per_pump: parts.slots.div_ceil(parts.pumps),
            incarnation: watch::Sender::new(Uuid::nil()),
            trusted_until: watch::Sender::new(Instant::now()),
            phase: watch::Sender::new(Phase::Running),
            stops: watch::Sender::new(Arc::default()),
            ahead: watch::Sender::new((0, Arc::default())),
            looking: Notify::new(),
            busy: watch::Sender::new(false),
            noticed: Notify::new(),
            hears: AtomicBool::new(false),
            first_rests: AtomicBool::new(false),
            first: Notify::new(),
            named: Mutex::default(),
            woken: Notify::new(),
        }
    }

    /// This life of the process.
    pub(crate) fn incarnation(&self) -> Uuid {
        *self.incarnation.borrow()
    }

    /// A new life begins: pumps drop everything of the old one.
    pub(crate) fn begin(&self, incarnation: Uuid, trusted_until: Instant) {
        self.claims.clear();
        self.trusted_until.send_replace(trusted_until);
        self.incarnation.send_replace(incarnation);
        self.wake();
    }

    /// A heartbeat was answered: the leases may be believed until `until`, by the monotonic clock.
    pub(crate) fn trust(&self, until: Instant) {
        self.trusted_until.send_replace(until);
    }

    /// Whether the leases may be believed now.
    pub(crate) fn is_trusted(&self) -> bool {
        Instant::now() < *self.trusted_until.borrow()
    }

    /// Whether a call may begin: its lease is believed, and the process is not being cut off. What ends then makes
    /// room for what was queued, which must not begin.
    pub(crate) fn may_begin(&self) -> bool {
        self.is_trusted() && self.phase() < Phase::Cut
    }

    /// Jobs that a pump may run at once.
    pub(crate) fn slots_per_pump(&self) -> usize {
        self.slots_per_pump
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn enter_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.wake();
    }

    /// Waits until the phase is at least `phase`.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self
            .phase
            .subscribe()
            .wait_for(|current| *current >= phase)
            .await;
    }

    /// Jobs that should stop, by the last heartbeat.
    pub(crate) fn set_stops(&self, stops: HashSet<i64>) {
        self.stops.send_if_modified(|known| {
            let changed = **known != stops;
            if changed {
                *known = Arc::new(stops);
            }
            changed
        });
    }

    /// Waits until somebody wants `job` to stop.
    pub(crate) async fn stopped(&self, job: i64) {
        let _ = self
            .stops
            .subscribe()
            .wait_for(|stops| stops.contains(&job))
            .await;
    }

    /// Lanes with work by the last look, and that look's number, if it is another than `look`.
    pub(crate) fn lanes_after(&self, look: u64) -> Option<(u64, Arc<Vec<LaneAhead>>)> {
        let ahead = self.ahead.borrow();
        (ahead.0 != look).then(|| ahead.clone())
    }

    pub(crate) fn set_lanes_ahead(&self, ahead: Vec<LaneAhead>) {
        self.ahead.send_modify(|(look, lanes)| {
            *look += 1;
            *lanes = Arc::new(ahead);
        });
        // Two pumps that race for one job wait for each other. The first one wakes the rest for more.
        if self.first_rests.load(Ordering::SeqCst) {
            self.first.notify_one();
        } else {
            self.wake();
        }
    }

    /// Waits until the leases may not be believed any more.
    pub(crate) async fn distrusted(&self) {
        loop {
            let until = *self.trusted_until.borrow();
            tokio::time::sleep_until(until.into()).await;
            if !self.is_trusted() {
                return;
            }
        }
    }

    /// A pump has no lane left: look again, at once if there was work a moment ago.
    pub(crate) fn look_for_work(&self, busy: bool) {
        if busy {
            self.stay_busy();
        }
        self.looking.notify_one();
    }

    /// There was work a moment ago: looks stay close to each other.
    pub(crate) fn stay_busy(&self) {
        self.busy.send_replace(true);
    }

    /// Whether a pump found work since this was last asked.
    pub(crate) fn take_busy(&self) -> bool {
        self.busy.send_replace(false)
    }

    /// Somebody says that there is new work.
    pub(crate) fn notice(&self) {
        self.noticed.notify_one();
        self.looking.notify_one();
    }

    /// Somebody says in which lanes. A worker without work asks those at once, and looks later.
    pub(crate) fn notice_of(&self, lanes: Vec<i32>) {
        let is_idle = self.first_rests.load(Ordering::SeqCst) && self.ahead.borrow().1.is_empty();
        if lanes.is_empty() || !is_idle {
            return self.notice();
        }
        // Whoever spoke before is not forgotten.
        let mut named = self.named.lock().expect("no panic while holding it");
        named.extend(lanes);
        named.sort_unstable();
        named.dedup();
        self.first.notify_one();
    }

    /// Lanes that were named since this was last asked.
    pub(crate) fn take_named(&self) -> Vec<i32> {
        std::mem::take(&mut *self.named.lock().expect("no panic while holding it"))
    }

    /// Waits until somebody says that there is new work.
    pub(crate) async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// Whether notifications come, as far as anybody knows.
    pub(crate) fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    pub(crate) fn set_hears(&self, hears: bool) {
        self.hears.store(hears, Ordering::Relaxed);
    }

    /// Wakes every pump.
    pub(crate) fn wake(&self) {
        self.woken.notify_waiters();
    }

    /// The same for the first pump, while it has nothing to do.
    pub(crate) async fn first_woken(&self) {
        self.first_rests.store(true, Ordering::SeqCst);
        let _resting = Resting(&self.first_rests);
        select! {
            () = self.first.notified() => {}
            () = self.woken() => {}
        }
    }

    /// Waits for news. A pump that was busy meanwhile looks again by itself, within the pause.
    pub(crate) async fn woken(&self) {
        let _ = tokio::time::timeout(PUMP_PAUSE_MAX, self.woken.notified()).await;
    }
}

/// The first pump's rest, over when it is dropped.
struct Resting<'a>(&'a AtomicBool);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// A pump that missed a wake-up looks again after this long.
const PUMP_PAUSE_MAX: Duration = Duration::from_millis(250);

/// The claims that this worker knows of: named before they are sent, listed in every heartbeat until
/// the last of their jobs is settled, so that a lease whose answer was lost is found and given back.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<Uuid, Claim>>);

#[derive(Clone, Copy, Debug)]
enum Claim {
    /// On its way.
    Sent,
    /// So many of its jobs are not settled yet.
    Open(usize),
}

impl Claims {
    /// A claim is about to be sent.
    pub(crate) fn send(&self, claim: Uuid) {
        self.lock().insert(claim, Claim::Sent);
    }

    /// Its answer brought so many jobs.
    pub(crate) fn open(&self, claim: Uuid, jobs: usize) {
        if jobs == 0 {
            self.lock().remove(&claim);
        } else {
            self.lock().insert(claim, Claim::Open(jobs));
        }
    }

    /// So many of its jobs are settled.
    pub(crate) fn settle(&self, claim: Uuid, settled: usize) {
        let mut claims = self.lock();
        match claims.get_mut(&claim) {
            Some(Claim::Open(jobs)) if *jobs > settled => *jobs -= settled,
            Some(Claim::Open(_)) => {
                claims.remove(&claim);
            }
            Some(Claim::Sent) | None => {}
        }
    }

    /// All that the worker knows of.
    pub(crate) fn listed(&self) -> Vec<Uuid> {
        self.lock().keys().copied().collect()
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Claim>> {
        self.0.lock().expect("no panic while holding it")
    }
}
