//! Children end while their parent rests, is about to, runs, or is cancelled.

use windlass_engine::store::{Cancelled, Claimed, OnClose, Signalled};

use super::common::TestWorker;
use super::common::mail::{
    child, child_done, letters, resting, resting_until_now, send, signal_to, spawning,
};
use super::stage::{BEFORE_CHILD, BEFORE_INTENT, BEFORE_WAIT, Stage, census, ended, start};

/// Whoever ends one of the children waits for this.
const BEFORE_CHILDS_OUTCOME: &str = "insert into outcome (first_id, last_id, tenant, lane, kind)
    select id, id, tenant, lane, 'failed' from job where parent is not null";
/// Whoever wakes the parent waits for this.
const BEFORE_PARENT: &str = "insert into ready (first_id, last_id, lane, eff, run_at)
    select id, id, lane, now(), now() from job where parent is null";

/// A parent under lease that has started so many children, which run elsewhere.
struct Family {
    worker: TestWorker,
    parent: Claimed,
    others: Vec<(TestWorker, Claimed)>,
}

impl Family {
    async fn new(stage: &Stage, children: i32) -> Self {
        let mut worker = stage.bench.worker().await;
        let parent = worker.claim(1).await.remove(0);
        let mut others = Vec::new();
        for seq in 1..=children {
            let turn = spawning(&stage.bench, &parent, seq, OnClose::Cancel).await;
            assert!(worker.record(&[turn]).await.refused.is_empty());
            let mut other = stage.bench.worker().await;
            let child = other.claim(1).await.remove(0);
            assert_eq!(child.parent, Some(parent.id));
            others.push((other, child));
        }
        Self {
            worker,
            parent,
            others,
        }
    }

    /// The parent rests until now, for its child or for a signal.
    async fn rest(&mut self, seq: i32) {
        let causes = vec![child(), signal_to("k")];
        let entry = resting_until_now(&self.parent, seq, causes);
        assert!(self.worker.record(&[entry]).await.refused.is_empty());
    }
}

#[tokio::test]
async fn i14d_a_childs_end_that_waited_for_a_timer_is_in_the_inbox() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 1).await;
    family.rest(2).await;
    let gate = stage.bench.database.hold(BEFORE_PARENT).await;
    let store = stage.bench.store.clone();
    let waking = start(async move { store.wake(None).await });
    stage.blocked(1).await;
    let (mut other, child) = family.others.remove(0);
    let ending = start(async move { other.record(&[child_done(&child)]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(waking).await.expect("woken"), 1);
    assert!(ended(ending).await.refused.is_empty());
    let places = census([("completed", 1), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, family.parent.id).await.len(), 1);
}

#[tokio::test]
async fn i14e_a_signal_that_waited_for_a_childs_end_is_kept() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 1).await;
    family.rest(2).await;
    let gate = stage.bench.database.hold(BEFORE_PARENT).await;
    let (mut other, child) = family.others.remove(0);
    let ending = start(async move { other.record(&[child_done(&child)]).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    stage.blocked(2).await;
    assert_eq!(stage.bench.store.wake(None).await.expect("looked"), 0);

    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    assert_eq!(ended(sending).await, Signalled::Kept);
    let places = census([("completed", 1), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, family.parent.id).await.len(), 1);
}

#[tokio::test]
async fn i15a_two_last_children_wake_their_parent_once_and_both_are_heard() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 2).await;
    family.rest(3).await;
    let gate = stage.bench.database.hold(BEFORE_PARENT).await;
    let (mut one, first) = family.others.remove(0);
    let (mut other, second) = family.others.remove(0);
    let ending = start(async move { one.record(&[child_done(&first)]).await });
    stage.blocked(1).await;
    let ending_too = start(async move { other.record(&[child_done(&second)]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    assert!(ended(ending_too).await.refused.is_empty());
    let places = census([("completed", 2), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, family.parent.id).await.len(), 2);
}

/// The first flush is lost while the second one waits for it: the second one wakes the parent.
#[tokio::test]
async fn i15b_the_last_child_wakes_its_parent_although_the_one_before_was_rolled_back() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 2).await;
    family.rest(3).await;
    let gate = stage.bench.database.hold(BEFORE_PARENT).await;
    let (mut one, first) = family.others.remove(0);
    let (mut other, second) = family.others.remove(0);
    let id = one.id;
    let losing = start(async move { one.hot.exchange(id, &[child_done(&first)], None).await });
    stage.blocked(1).await;
    let ending = start(async move { other.record(&[child_done(&second)]).await });
    stage.blocked(2).await;
    stage
        .run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'",
        )
        .await;

    ended(losing).await.expect_err("its connection was broken");
    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    let places = census([("completed", 1), ("lease", 1), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, family.parent.id).await.len(), 1);
}

#[tokio::test]
async fn i16a_a_park_that_waited_for_a_childs_end_does_not_rest() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 1).await;
    let gate = stage.bench.database.hold(BEFORE_CHILDS_OUTCOME).await;
    let (mut other, done) = family.others.remove(0);
    let ending = start(async move { other.record(&[child_done(&done)]).await });
    stage.blocked(1).await;
    let Family {
        mut worker, parent, ..
    } = family;
    let id = parent.id;
    let parking = start(async move { worker.record(&[resting(&parent, 2, vec![child()])]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(ending).await.refused.is_empty());
    assert!(ended(parking).await.refused.is_empty());
    let places = census([("completed", 1), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, id).await.len(), 1);
}

#[tokio::test]
async fn i16b_a_childs_end_that_waited_for_a_park_wakes_it() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 1).await;
    let (mut other, done) = family.others.remove(0);
    let gate = stage.bench.database.hold(BEFORE_WAIT).await;
    let Family {
        mut worker, parent, ..
    } = family;
    let id = parent.id;
    let parking = start(async move { worker.record(&[resting(&parent, 2, vec![child()])]).await });
    stage.blocked(1).await;
    let ending = start(async move { other.record(&[child_done(&done)]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(parking).await.refused.is_empty());
    assert!(ended(ending).await.refused.is_empty());
    let places = census([("completed", 1), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, id).await.len(), 1);
}

#[tokio::test]
async fn i16c_a_child_that_ends_while_its_parent_runs_is_in_the_inbox() {
    let stage = Stage::with_jobs(1).await;
    let mut family = Family::new(&stage, 1).await;
    let (mut other, done) = family.others.remove(0);

    other.record(&[child_done(&done)]).await;

    let found = stage.bench.store.letters(family.parent.id).await;
    let found = found.expect("read");
    assert_eq!(found.len(), 1);
    // What it has seen and does not want is no reason not to rest.
    let mut entry = resting(&family.parent, 2, vec![signal_to("k")]);
    let post = entry.post.as_mut().expect("a post");
    post.seen = vec![found[0].id];
    family.worker.record(&[entry]).await;
    let places = census([("completed", 1), ("wait", 1)]);
    assert_eq!(stage.census().await, places);
}

#[tokio::test]
async fn i29a_a_cancel_that_waited_for_a_spawn_ends_the_child_too() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let parent = worker.claim(1).await.remove(0);
    let id = parent.id;
    let turn = spawning(&stage.bench, &parent, 1, OnClose::Cancel).await;
    let gate = stage.bench.database.hold(BEFORE_CHILD).await;
    let starting = start(async move { worker.record(&[turn]).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let cancelling = start(async move { store.cancel(1, id, "mia", "").await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(starting).await.refused.is_empty());
    let cancelled = ended(cancelling).await.expect("cancelled");
    assert_eq!(cancelled, Cancelled::Asked);
    let places = census([("cancelled", 1), ("lease stopped", 1)]);
    assert_eq!(stage.census().await, places);
}

#[tokio::test]
async fn i29b_a_spawn_that_waited_for_a_cancel_starts_nothing() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let parent = worker.claim(1).await.remove(0);
    let id = parent.id;
    let turn = spawning(&stage.bench, &parent, 1, OnClose::Cancel).await;
    let gate = stage.bench.database.hold(BEFORE_INTENT).await;
    let store = stage.bench.store.clone();
    let cancelling = start(async move { store.cancel(1, id, "mia", "").await });
    stage.blocked(1).await;
    let starting = start(async move { worker.record(&[turn]).await });
    stage.blocked(2).await;

    gate.release().await;

    let cancelled = ended(cancelling).await.expect("cancelled");
    assert_eq!(cancelled, Cancelled::Asked);
    assert_eq!(ended(starting).await.refused, [id]);
    let children = "select count(*) from job where parent is not null";
    assert_eq!(stage.bench.count(children).await, 0);
    assert_eq!(stage.census().await, census([("lease stopped", 1)]));
}

/// A kill takes what is waited for with it, and leaves what goes on alone.
#[tokio::test]
async fn i29c_a_kill_leaves_the_child_that_goes_on_alone() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let parent = worker.claim(1).await.remove(0);
    for (seq, fate) in (1..).zip([OnClose::Wait, OnClose::Cancel, OnClose::Abandon]) {
        let turn = spawning(&stage.bench, &parent, seq, fate).await;
        worker.record(&[turn]).await;
    }

    let store = &stage.bench.store;
    store.kill(1, parent.id, "mia", "").await.expect("killed");

    let places = census([("cancelled", 3), ("ready 0 0", 1)]);
    assert_eq!(stage.census().await, places);
    // Their parent has ended: what it is told goes away.
    assert_eq!(store.tell_parents().await.expect("told"), 2);
    assert_eq!(store.return_letters().await.expect("looked"), 2);
    assert!(letters(&stage.bench, parent.id).await.is_empty());
}
