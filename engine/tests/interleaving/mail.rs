//! Signals and events meet jobs that are about to rest, that rest, and that are being woken.

use windlass_engine::store::{NewEntry, Signalled};

use super::common::TestWorker;
use super::common::mail::{
    a_signal, an_event, letters, paid, resting, resting_until_now, send, signal_to, tell,
};
use super::stage::{
    BEFORE_EVENT, BEFORE_HEARD, BEFORE_READY, BEFORE_SIGNAL, BEFORE_WAIT, Stage, census, ended,
    start,
};

const LAST_READ: &str = "select coalesce(max(pos), 0) from event";

/// A worker with jobs, each with the entry that lets it rest for the signal `go` to `k`.
async fn about_to_rest(stage: &Stage) -> (TestWorker, Vec<NewEntry>) {
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    let entries = jobs.iter().map(|job| resting(job, 1, vec![signal_to("k")]));
    (worker, entries.collect())
}

#[tokio::test]
async fn i13a_a_signal_that_waited_for_a_park_wakes_it() {
    let stage = Stage::with_jobs(1).await;
    let (mut worker, entries) = about_to_rest(&stage).await;
    let job = entries[0].job;
    let gate = stage.bench.database.hold(BEFORE_WAIT).await;
    let parking = start(async move { worker.record(&entries).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(parking).await.refused.is_empty());
    assert_eq!(ended(sending).await, Signalled::Taken { job });
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, job).await.len(), 1);
}

#[tokio::test]
async fn i13b_a_park_that_waited_for_a_signal_takes_it_and_does_not_rest() {
    let stage = Stage::with_jobs(1).await;
    let (mut worker, entries) = about_to_rest(&stage).await;
    let job = entries[0].job;
    let gate = stage.bench.database.hold(BEFORE_SIGNAL).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    stage.blocked(1).await;
    let parking = start(async move { worker.record(&entries).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(sending).await, Signalled::Kept);
    assert!(ended(parking).await.refused.is_empty());
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, job).await.len(), 1);
    let again = send(&stage.bench.store, "k", "s1").await;
    assert_eq!(again, Signalled::Duplicate { job: Some(job) });
}

#[tokio::test]
async fn i13c_who_rests_for_no_child_meets_nobody_at_a_spot_of_its_own() {
    let stage = Stage::with_jobs(1).await;
    let (mut worker, entries) = about_to_rest(&stage).await;
    let gate = stage.bench.database.hold(BEFORE_WAIT).await;
    let parking = start(async move { worker.record(&entries).await });
    stage.blocked(1).await;

    let spots = "select count(*) from pg_locks
                 where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
    assert_eq!(stage.bench.count(spots).await, 1);

    gate.release().await;
    assert!(ended(parking).await.refused.is_empty());
}

/// A job that ends while it looks for letters has them first, and gives them back.
#[tokio::test]
async fn i13d_an_end_that_waited_for_a_look_leaves_no_letter_behind() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    send(&stage.bench.store, "k", "s1").await;
    let gate = stage.bench.database.hold(BEFORE_HEARD).await;
    let (store, held) = (stage.bench.store.clone(), job.clone());
    let causes = [signal_to("k"), paid("a")];
    let looking = start(async move { store.collect(1, held.id, held.lease, 0, &causes).await });
    stage.blocked(1).await;
    let ending = start(async move { worker.complete(&[job]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(looking).await.expect("looked"), 1);
    assert!(ended(ending).await.refused.is_empty());
    let store = &stage.bench.store;
    assert_eq!(store.return_letters().await.expect("returned"), 1);
    let kept = "select count(*) from signal where job is null";
    assert_eq!(stage.bench.count(kept).await, 1);
}

/// A job that rests until now, or for the signal.
async fn at_rest(stage: &Stage) -> i64 {
    let mut worker = stage.bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    let entry = resting_until_now(&job, 1, vec![signal_to("k")]);
    assert!(worker.record(&[entry]).await.refused.is_empty());
    job.id
}

#[tokio::test]
async fn i14a_a_signal_that_waited_for_a_timer_is_kept() {
    let stage = Stage::with_jobs(1).await;
    let job = at_rest(&stage).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let waking = start(async move { store.wake(None).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(waking).await.expect("woken"), 1);
    assert_eq!(ended(sending).await, Signalled::Kept);
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    // Its next holder, which still wants it, finds it.
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(1).await;
    worker
        .record(&[resting(&jobs[0], 2, vec![signal_to("k")])])
        .await;
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, job).await.len(), 1);
}

#[tokio::test]
async fn i14b_a_timer_leaves_the_park_that_a_signal_has_locked() {
    let stage = Stage::with_jobs(1).await;
    let job = at_rest(&stage).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { send(&store, "k", "s1").await });
    stage.blocked(1).await;

    let woken = stage.bench.store.wake(None).await.expect("looked");

    assert_eq!(woken, 0);
    gate.release().await;
    assert_eq!(ended(sending).await, Signalled::Taken { job });
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, job).await.len(), 1);
}

/// A signal whose sender dies after its timer had looked the other way is sent again.
#[tokio::test]
async fn i14c_a_signal_that_is_rolled_back_leaves_the_park_to_others() {
    let stage = Stage::with_jobs(1).await;
    let job = at_rest(&stage).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let sending = start(async move { store.send_signal(a_signal("k", "s1")).await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let second = start(async move { send(&store, "k", "s2").await });
    stage.blocked(2).await;
    stage
        .run(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'",
        )
        .await;

    ended(sending).await.expect_err("its connection was broken");
    gate.release().await;

    assert_eq!(ended(second).await, Signalled::Taken { job });
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
}

#[tokio::test]
async fn i17a_of_two_signals_to_one_wait_the_second_is_kept_for_the_next() {
    let stage = Stage::with_jobs(1).await;
    let (mut worker, entries) = about_to_rest(&stage).await;
    let job = entries[0].job;
    worker.record(&entries).await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let store = stage.bench.store.clone();
    let first = start(async move { send(&store, "k", "s1").await });
    stage.blocked(1).await;
    let store = stage.bench.store.clone();
    let second = start(async move { send(&store, "k", "s2").await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(first).await, Signalled::Taken { job });
    assert_eq!(ended(second).await, Signalled::Kept);
    assert_eq!(letters(&stage.bench, job).await.len(), 1);
}

#[tokio::test]
async fn i17b_one_signal_goes_to_one_of_two_that_come_to_rest_at_once() {
    let stage = Stage::with_jobs(2).await;
    assert_eq!(send(&stage.bench.store, "k", "s1").await, Signalled::Kept);
    let (mut one, mut other) = (stage.bench.worker().await, stage.bench.worker().await);
    let (first, second) = (one.claim(1).await.remove(0), other.claim(1).await.remove(0));
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let entries = [resting(&first, 1, vec![signal_to("k")])];
    let taking = start(async move { one.record(&entries).await });
    stage.blocked(1).await;
    let entries = [resting(&second, 1, vec![signal_to("k")])];
    let resting = start(async move { other.record(&entries).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(taking).await.refused.is_empty());
    assert!(ended(resting).await.refused.is_empty());
    let places = census([("ready 0 0", 1), ("wait", 1)]);
    assert_eq!(stage.census().await, places);
    assert_eq!(letters(&stage.bench, first.id).await.len(), 1);
    // The other one has the next signal.
    let next = send(&stage.bench.store, "k", "s2").await;
    assert_eq!(next, Signalled::Taken { job: second.id });
}

#[tokio::test]
async fn i17c_a_signal_goes_to_who_has_waited_longest() {
    let stage = Stage::with_jobs(2).await;
    let (mut worker, entries) = about_to_rest(&stage).await;
    worker.record(&entries[1..]).await;
    worker.record(&entries[..1]).await;

    let (first, second) = (entries[1].job, entries[0].job);
    let store = &stage.bench.store;
    assert_eq!(
        send(store, "k", "s1").await,
        Signalled::Taken { job: first }
    );
    assert_eq!(
        send(store, "k", "s2").await,
        Signalled::Taken { job: second }
    );
    assert_eq!(send(store, "k", "s3").await, Signalled::Kept);
}

#[tokio::test]
async fn i25a_an_event_of_a_long_writer_is_published_behind_those_that_overtook_it() {
    let stage = Stage::with_jobs(1).await;
    let store = &stage.bench.store;
    let mut long = stage.bench.pool.begin().await.expect("a transaction");
    sqlx::query("insert into event_new (tenant, kind, subject, uid, data) values (1, 'order.paid', 'a', 'slow', '{}')")
        .execute(&mut *long)
        .await
        .expect("written");

    assert_eq!(tell(store, "a", "quick").await, 1);
    let read = stage.bench.count(LAST_READ).await;
    long.commit().await.expect("committed");
    assert_eq!(store.publish_events().await.expect("published"), 1);

    let slow = "select pos from event where uid = 'slow'";
    assert!(
        stage.bench.count(slow).await > read,
        "nobody has read past it"
    );
}

#[tokio::test]
async fn i25b_a_park_that_waited_for_a_publisher_finds_its_event() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    let event = [an_event("a", "e1")];
    let store = stage.bench.store.clone();
    store.append_events(1, &event).await.expect("written");
    let gate = stage.bench.database.hold(BEFORE_EVENT).await;
    let publishing = start(async move { store.publish_events().await });
    stage.blocked(1).await;
    let id = job.id;
    let parking = start(async move { worker.record(&[resting(&job, 1, vec![paid("a")])]).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(publishing).await.expect("published"), 1);
    assert!(ended(parking).await.refused.is_empty());
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, id).await.len(), 1);
}

#[tokio::test]
async fn i25c_a_publisher_that_waited_for_a_park_wakes_it() {
    let stage = Stage::with_jobs(1).await;
    let mut worker = stage.bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    let event = [an_event("a", "e1")];
    let store = stage.bench.store.clone();
    store.append_events(1, &event).await.expect("written");
    let gate = stage.bench.database.hold(BEFORE_WAIT).await;
    let id = job.id;
    let parking = start(async move { worker.record(&[resting(&job, 1, vec![paid("")])]).await });
    stage.blocked(1).await;
    let publishing = start(async move { store.publish_events().await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(parking).await.refused.is_empty());
    assert_eq!(ended(publishing).await.expect("published"), 1);
    assert_eq!(stage.census().await, census([("ready 0 0", 1)]));
    assert_eq!(letters(&stage.bench, id).await.len(), 1);
}
