//! Children end while their parent rests, is about to, runs, or is cancelled.

use tokio::task::JoinHandle;
use windlass_engine::store::{Cancelled, Claimed, Exchanged, NewEntry, OnClose, Signalled};

use super::common::TestWorker;
use super::common::mail::{
    child, child_done, letters, resting, resting_until_now, send, signal_to, spawning, unread,
};
use super::stage::{BEFORE_CHILD, BEFORE_INTENT, BEFORE_WAIT, Stage, census, ended, start};

/// Whoever ends one of the children waits for this.
const BEFORE_CHILDS_OUTCOME: &str = "insert into outcome (first_id, last_id, tenant, lane, kind)
    select id, id, tenant, lane, 'failed' from job where parent is not null";
/// Whoever wakes the parent waits for this.
const BEFORE_PARENT: &str = "insert into ready (first_id, last_id, lane, eff, run_at)
    select id, id, lane, now(), now() from job where parent is null";

/// A parent that a worker has, alone on its stage.
struct Family {
    stage: Stage,
    worker: TestWorker,
    parent: Claimed,
    others: Vec<(TestWorker, Claimed)>,
}

impl Family {
    async fn of_one() -> Self {
        let stage = Stage::with_jobs(1).await;
        let mut worker = stage.bench.worker().await;
        let parent = worker.claim(1).await.remove(0);
        Self {
            stage,
            worker,
            parent,
            others: Vec::new(),
        }
    }

    /// It has started so many children, which run elsewhere.
    async fn with(children: i32) -> Self {
        let mut family = Self::of_one().await;
        for seq in 1..=children {
            let turn = family.spawning(seq, OnClose::Cancel).await;
            family.record(&[turn]).await;
            let mut other = family.stage.bench.worker().await;
            let child = other.claim(1).await.remove(0);
            assert_eq!(child.parent, Some(family.parent.id));
            family.others.push((other, child));
        }
        family
    }

    /// The same, and it rests until now, for its first child or for a signal.
    async fn at_rest(children: i32) -> Self {
        let mut family = Self::with(children).await;
        let causes = vec![child(), signal_to("k")];
        let entry = resting_until_now(&family.parent, children + 1, causes);
        family.record(&[entry]).await;
        family
    }

    async fn spawning(&self, seq: i32, on_close: OnClose) -> NewEntry {
        spawning(&self.stage.bench, &self.parent, seq, on_close).await
    }

    async fn record(&mut self, entries: &[NewEntry]) {
        assert!(self.worker.record(entries).await.refused.is_empty());
    }

    /// Its worker records this, and is expected to wait.
    async fn recording(&self, entry: NewEntry) -> JoinHandle<Exchanged> {
        let (mut hot, id) = (self.stage.hot().await, self.worker.id);
        start(async move {
            let exchanged = hot.exchange(id, &[entry], None).await;
            exchanged.expect("exchanged")
        })
    }

    /// It comes to rest for its child, and is expected to wait.
    async fn parking(&self) -> JoinHandle<Exchanged> {
        let entry = resting(&self.parent, 2, vec![child()]);
        self.recording(entry).await
    }

    /// The next child ends, and is expected to wait.
    fn ending(&mut self) -> JoinHandle<Exchanged> {
        let (mut other, child) = self.others.remove(0);
        start(async move { other.record(&[child_done(&child)]).await })
    }

    fn cancelling(&self) -> JoinHandle<Cancelled> {
        let (store, id) = (self.stage.bench.store.clone(), self.parent.id);
        start(async move {
            let cancelled = store.cancel(1, id, "mia", "").await;
            cancelled.expect("cancelled")
        })
    }

    /// Where the jobs stand in the end, and how much the parent is told.
    async fn assert<const N: usize>(&self, places: [(&str, usize); N], told: usize) {
        assert_eq!(self.stage.census().await, census(places));
        let letters = letters(&self.stage.bench, self.parent.id).await;
        assert_eq!(letters.len(), told, "{letters:?}");
    }
}

#[tokio::test]
async fn i14d_a_childs_end_that_waited_for_a_timer_is_in_the_inbox() {
    let mut family = Family::at_rest(1).await;
    let gate = family.stage.bench.database.hold(BEFORE_PARENT).await;
    let store = family.stage.bench.store.clone();
    let waking = start(async move { store.wake(None).await });
    family.stage.blocked(1).await;
    let ending = family.ending();
    family.stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(waking).await.expect("woken"), 1);
    assert!(ended(ending).await.refused.is_empty());
    family.assert([("completed", 1), ("ready 0 0", 1)], 1).await;
}

#[tokio::test]
async fn i14e_a_signal_that_waited_for_a_childs_end_is_kept() {
    let mut family = Family::at_rest(1).await;
    let gate = family.stage.bench.database.hold(BEFORE_PARENT).await;
    let ending = family.ending();
    family.stage.blocked(1).await;
    let store = family.stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    family.stage.blocked(2).await;
    let woken = family.stage.bench.store.wake(None).await;
    assert_eq!(woken.expect("looked"), 0);

    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    assert_eq!(ended(sending).await, Signalled::Kept);
    family.assert([("completed", 1), ("ready 0 0", 1)], 1).await;
}

#[tokio::test]
async fn i15a_two_last_children_wake_their_parent_once_and_both_are_heard() {
    let mut family = Family::at_rest(2).await;
    let gate = family.stage.bench.database.hold(BEFORE_PARENT).await;
    let first = family.ending();
    family.stage.blocked(1).await;
    let second = family.ending();
    family.stage.blocked(2).await;

    gate.release().await;

    assert!(ended(first).await.refused.is_empty());
    assert!(ended(second).await.refused.is_empty());
    family.assert([("completed", 2), ("ready 0 0", 1)], 2).await;
}

/// The first flush is lost while the second one waits for it: the second one wakes the parent.
#[tokio::test]
async fn i15b_the_last_child_wakes_its_parent_although_the_one_before_was_rolled_back() {
    let mut family = Family::at_rest(2).await;
    let gate = family.stage.bench.database.hold(BEFORE_PARENT).await;
    let (mut one, first) = family.others.remove(0);
    let id = one.id;
    let losing = start(async move { one.hot.exchange(id, &[child_done(&first)], None).await });
    family.stage.blocked(1).await;
    let ending = family.ending();
    family.stage.blocked(2).await;
    family
        .stage
        .run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'",
        )
        .await;

    ended(losing).await.expect_err("its connection was broken");
    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    let places = [("completed", 1), ("lease", 1), ("ready 0 0", 1)];
    family.assert(places, 1).await;
}

#[tokio::test]
async fn i16a_a_park_that_waited_for_a_childs_end_does_not_rest() {
    let mut family = Family::with(1).await;
    let gate = family
        .stage
        .bench
        .database
        .hold(BEFORE_CHILDS_OUTCOME)
        .await;
    let ending = family.ending();
    family.stage.blocked(1).await;
    let parking = family.parking().await;
    family.stage.blocked(2).await;

    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    assert!(ended(parking).await.refused.is_empty());
    family.assert([("completed", 1), ("ready 0 0", 1)], 1).await;
}

#[tokio::test]
async fn i16b_a_childs_end_that_waited_for_a_park_wakes_it() {
    let mut family = Family::with(1).await;
    let gate = family.stage.bench.database.hold(BEFORE_WAIT).await;
    let parking = family.parking().await;
    family.stage.blocked(1).await;
    let ending = family.ending();
    family.stage.blocked(2).await;

    gate.release().await;

    assert!(ended(parking).await.refused.is_empty());
    assert!(ended(ending).await.refused.is_empty());
    family.assert([("completed", 1), ("ready 0 0", 1)], 1).await;
}

#[tokio::test]
async fn i16c_a_child_that_ends_while_its_parent_runs_is_in_the_inbox() {
    let mut family = Family::with(1).await;

    assert!(ended(family.ending()).await.refused.is_empty());

    let found = unread(&family.stage.bench, family.parent.id).await;
    assert_eq!(found.len(), 1);
    // What it has seen and does not want is no reason not to rest.
    let mut entry = resting(&family.parent, 2, vec![signal_to("k")]);
    let post = entry.post.as_mut().expect("a post");
    post.seen = vec![found[0].id];
    family.record(&[entry]).await;
    let places = census([("completed", 1), ("wait", 1)]);
    assert_eq!(family.stage.census().await, places);
}

#[tokio::test]
async fn i29a_a_cancel_that_waited_for_a_spawn_ends_the_child_too() {
    let family = Family::of_one().await;
    let turn = family.spawning(1, OnClose::Cancel).await;
    let gate = family.stage.bench.database.hold(BEFORE_CHILD).await;
    let starting = family.recording(turn).await;
    family.stage.blocked(1).await;
    let cancelling = family.cancelling();
    family.stage.blocked(2).await;

    gate.release().await;

    assert!(ended(starting).await.refused.is_empty());
    assert_eq!(ended(cancelling).await, Cancelled::Asked);
    let places = census([("cancelled", 1), ("lease stopped", 1)]);
    assert_eq!(family.stage.census().await, places);
}

#[tokio::test]
async fn i29b_a_spawn_that_waited_for_a_cancel_starts_nothing() {
    let family = Family::of_one().await;
    let turn = family.spawning(1, OnClose::Cancel).await;
    let gate = family.stage.bench.database.hold(BEFORE_INTENT).await;
    let cancelling = family.cancelling();
    family.stage.blocked(1).await;
    let starting = family.recording(turn).await;
    family.stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(cancelling).await, Cancelled::Asked);
    assert_eq!(ended(starting).await.refused, [family.parent.id]);
    let children = "select count(*) from job where parent is not null";
    assert_eq!(family.stage.bench.count(children).await, 0);
    let places = census([("lease stopped", 1)]);
    assert_eq!(family.stage.census().await, places);
}

/// A kill takes what is waited for with it, and leaves what goes on alone.
#[tokio::test]
async fn i29c_a_kill_leaves_the_child_that_goes_on_alone() {
    let mut family = Family::of_one().await;
    for (seq, fate) in (1..).zip([OnClose::Wait, OnClose::Cancel, OnClose::Abandon]) {
        let turn = family.spawning(seq, fate).await;
        family.record(&[turn]).await;
    }

    let (store, id) = (&family.stage.bench.store, family.parent.id);
    store.kill(1, id, "mia", "").await.expect("killed");

    let places = census([("cancelled", 3), ("ready 0 0", 1)]);
    assert_eq!(family.stage.census().await, places);
    // Their parent has ended: what it is told goes away.
    assert_eq!(store.tell_parents().await.expect("told"), 2);
    assert_eq!(store.return_letters().await.expect("looked"), 2);
    assert!(letters(&family.stage.bench, id).await.is_empty());
}
