//! A worker runs jobs that wait for the outside: signals, events, and the jobs that they start.

use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Site, request};
use apalis::prelude::{BoxDynError, task_fn};
use chrono::Utc;
use serde_json::value::RawValue;
use windlass_engine::protocol::{SIGNAL_TTL, Signal, To};
use windlass_engine::store::{JobFilter, NewEvent, Signalled, Unread};
use windlass_engine::testing::Crowd;
use windlass_workers::catalogue::Catalogue;

const LEASE_TIME: Duration = Duration::from_secs(5);

const LISTENS: &str = "
  - hear:
      listen: { to: { one: { with: { type: io.windlass.signal.approved.v1 } } } }
  - say:
      set: { by: '${ .[0].by }' }
";
const LISTENS_TO_BOTH: &str = "
  - hear:
      listen:
        to:
          all:
            - with: { type: io.windlass.signal.approved.v1 }
            - with: { type: io.windlass.signal.paid.v1 }
  - say:
      set: { by: '${ .[0].by }', payer: '${ .[1].by }' }
";
const LISTENS_TO_PAYMENT: &str = "
  - hear:
      listen: { to: { one: { with: { type: order.paid, subject: order-17 } } } }
  - say:
      set: { amount: '${ .[0].amount }' }
";
const PAYS: &str = "
  - pay:
      emit: { event: { with: { source: 'https://shop.example', type: order.paid, subject: order-17, data: { amount: 7 } } } }
";
const STARTS: &str = "
  - start:
      run: { workflow: { namespace: test, name: listens, version: '1.0.0' } }
  - say:
      set: { child: '${ .by }' }
";

impl Site {
    async fn start(&self, template: &str) -> i64 {
        self.send(vec![request(template, "{}")]).await.remove(0)
    }

    async fn approve(&self, job: i64) -> Signalled {
        self.signal(job, "approved").await
    }

    async fn signal(&self, job: i64, name: &str) -> Signalled {
        self.say(To::Job(job), name, r#"{"by":"mia"}"#).await
    }

    async fn say(&self, to: To, name: &str, data: &str) -> Signalled {
        let signal = Signal {
            id: format!("{name} {data} to {to:?}"),
            to,
            name: name.into(),
            data: Some(RawValue::from_string(data.into()).expect("JSON")),
            ttl: SIGNAL_TTL,
            at: Utc::now(),
        };
        self.store.signal(1, signal).await.expect("sent")
    }

    async fn child_of(&self, parent: i64) -> i64 {
        let since = Instant::now();
        loop {
            let jobs = self.store.jobs(1, &JobFilter::default(), None, 10).await;
            let mut jobs = jobs.expect("a page").items.into_iter();
            let found = jobs
                .find(|job| job.parent == Some(parent))
                .map(|job| job.id);
            if let Some(child) = found {
                return child;
            }
            assert!(since.elapsed() < PATIENCE, "no child of {parent}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_signal_wakes_the_job_that_waits_and_one_that_came_first_is_kept() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    let early = site.start("listens").await;
    assert_eq!(site.approve(early).await, Signalled::Kept);
    site.run(LEASE_TIME);
    let job = site.start("listens").await;
    site.until(job, "waiting").await;

    assert_eq!(site.approve(job).await, Signalled::Taken { job });

    assert_eq!(site.completed(job).await, r#"{"by":"mia"}"#);
    assert_eq!(site.completed(early).await, r#"{"by":"mia"}"#);
    let left = site.store.letters(job, Unread::default()).await;
    assert_eq!(left.expect("read").page, [], "what was taken is gone");
}

#[tokio::test]
async fn two_signals_that_came_first_are_both_heard() {
    let site = Site::new().await;
    site.publish("both", LISTENS_TO_BOTH).await;
    let job = site.start("both").await;
    assert_eq!(site.signal(job, "paid").await, Signalled::Kept);
    assert_eq!(site.signal(job, "approved").await, Signalled::Kept);

    site.run(LEASE_TIME);

    assert_eq!(site.completed(job).await, r#"{"by":"mia","payer":"mia"}"#);
}

#[tokio::test]
async fn an_event_whose_type_no_index_could_hold_fails_its_task_alone() {
    let site = Site::new().await;
    site.publish("listens", LISTENS_TO_PAYMENT).await;
    site.publish("pays", PAYS).await;
    let long = PAYS.replace("type: order.paid", "type: '${ \"order.paid\" * 400 }'");
    site.publish("shouts", &long).await;
    site.run(LEASE_TIME);
    let listener = site.start("listens").await;
    site.until(listener, "waiting").await;

    let shouter = site.start("shouts").await;
    site.until(shouter, "failed").await;

    site.start("pays").await;
    assert_eq!(site.completed(listener).await, r#"{"amount":7}"#);
}

#[tokio::test]
async fn an_event_of_one_job_goes_to_every_job_that_waits_for_it() {
    let site = Site::new().await;
    site.publish("listens", LISTENS_TO_PAYMENT).await;
    site.publish("pays", PAYS).await;
    site.run(LEASE_TIME);
    let (one, other) = (site.start("listens").await, site.start("listens").await);
    site.until(one, "waiting").await;
    site.until(other, "waiting").await;

    let payer = site.start("pays").await;

    site.until(payer, "completed").await;
    assert_eq!(site.completed(one).await, r#"{"amount":7}"#);
    assert_eq!(site.completed(other).await, r#"{"amount":7}"#);
}

#[tokio::test]
async fn a_parent_goes_on_with_what_its_child_gave() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish("starts", STARTS).await;
    site.run(LEASE_TIME);
    let parent = site.start("starts").await;
    let child = site.child_of(parent).await;
    site.until(child, "waiting").await;
    site.until(parent, "waiting").await;

    site.approve(child).await;

    assert_eq!(site.completed(parent).await, r#"{"child":"mia"}"#);
}

#[tokio::test]
async fn a_child_that_was_killed_fails_its_parent_and_one_that_is_missing_too() {
    let site = Site::new().await;
    site.publish("listens", LISTENS).await;
    site.publish("starts", STARTS).await;
    let missing = STARTS.replace("name: listens", "name: nobody");
    site.publish("misses", &missing).await;
    site.run(LEASE_TIME);
    let parent = site.start("starts").await;
    let child = site.child_of(parent).await;
    site.until(child, "waiting").await;

    site.store.kill(1, child, "mia", "").await.expect("killed");

    site.until(parent, "failed").await;
    let orphan = site.start("misses").await;
    site.until(orphan, "failed").await;
}

/// Listens to a signal of the key `order-17` under a predicate.
fn listens_to_number(number: u32) -> String {
    format!(
        "
  - hear:
      listen:
        to: {{ one: {{ with: {{ type: io.windlass.signal.approved.v1, subject: order-17, data: '${{ .n == {number} }}' }} }} }}
  - say:
      set: {{ n: '${{ .[0].n }}' }}
"
    )
}

#[tokio::test]
async fn a_signal_that_one_job_refuses_goes_to_another() {
    let site = Site::new().await;
    site.publish("one", &listens_to_number(1)).await;
    site.publish("two", &listens_to_number(2)).await;
    site.run(LEASE_TIME);
    let one = site.start("one").await;
    site.until(one, "waiting").await;
    let two = site.start("two").await;
    site.until(two, "waiting").await;

    let first = site.say(order(), "approved", r#"{"n":2}"#).await;

    let longest = Signalled::Taken { job: one };
    assert_eq!(first, longest);
    assert_eq!(site.completed(two).await, r#"{"n":2}"#);
    site.until(one, "waiting").await;
    assert_eq!(site.say(order(), "approved", r#"{"n":1}"#).await, longest);
    assert_eq!(site.completed(one).await, r#"{"n":1}"#);
}

/// The same beside a step that never ends.
fn listens_beside_a_step(number: u32) -> String {
    let listens = listens_to_number(number).replace("\n  ", "\n              ");
    format!(
        "
  - both:
      fork:
        branches:
        - work: {{ call: 'pause:1.0.0@default' }}
        - hear:
            do:{listens}"
    )
}

#[tokio::test]
async fn a_signal_that_a_job_refuses_beside_a_long_step_goes_to_another_at_once() {
    let site = Site::new().await;
    site.publish("busy", &listens_beside_a_step(1)).await;
    site.publish("two", &listens_to_number(2)).await;
    let pause = |_: serde_json::Value| std::future::pending::<Result<(), BoxDynError>>();
    let handlers = Catalogue::new().with::<serde_json::Value, _>("pause", "1.0.0", task_fn(pause));
    site.work(handlers, LEASE_TIME);
    site.keep(LEASE_TIME);
    let busy = site.start("busy").await;
    site.until(busy, "running").await;
    site.say(order(), "approved", r#"{"n":2}"#).await;
    let crowd = Crowd::of(&site.database).await;
    let since = Instant::now();
    let refused = "select count(*) from signal where cardinality(refused) > 0";
    while crowd.count(refused).await == 0 {
        assert!(since.elapsed() < PATIENCE, "nobody has refused it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let two = site.start("two").await;

    assert_eq!(site.completed(two).await, r#"{"n":2}"#);
    assert_eq!(site.job(busy).await.state.as_str(), "running");
}

const LISTENS_TO_ANY: &str = "
  - hear:
      listen:
        to:
          any:
            - with: { type: io.windlass.signal.approved.v1, subject: order-17 }
            - with: { type: io.windlass.signal.paid.v1, subject: order-17 }
  - close:
      listen: { to: { one: { with: { type: io.windlass.signal.closed.v1 } } } }
";

#[tokio::test]
async fn a_signal_that_a_listen_to_any_did_not_use_goes_to_another() {
    let site = Site::new().await;
    site.publish("any", LISTENS_TO_ANY).await;
    let pays = listens_to_number(3).replace("approved", "paid");
    site.publish("pays", &pays).await;
    site.say(order(), "approved", r#"{"n":3}"#).await;
    site.say(order(), "paid", r#"{"n":3}"#).await;
    site.run(LEASE_TIME);
    let any = site.start("any").await;
    site.until(any, "waiting").await;

    let pays = site.start("pays").await;

    assert_eq!(site.completed(pays).await, r#"{"n":3}"#);
    site.until(any, "waiting").await;
}

/// An event with a number.
fn said(kind: &str, n: u32) -> NewEvent {
    NewEvent {
        kind: kind.into(),
        data: format!(r#"{{"type":"{kind}","data":{{"n":{n}}}}}"#),
        ..NewEvent::default()
    }
}

/// To whoever has to do with this order.
fn order() -> To {
    To::Key("order-17".into())
}

#[tokio::test]
async fn the_newest_of_very_many_events_is_heard() {
    let site = Site::new().await;
    let last = LISTENS_TO_PAYMENT
        .replace("subject: order-17", "data: '${ .n == 1499 }'")
        .replace("amount", "n");
    site.publish("listens", &last).await;
    site.run(LEASE_TIME);
    let job = site.start("listens").await;
    site.until(job, "waiting").await;
    let events: Vec<NewEvent> = (0..1_500).map(|n| said("order.paid", n)).collect();

    site.store.append_events(1, &events).await.expect("written");

    assert_eq!(site.completed(job).await, r#"{"n":1499}"#);
}

const HEARS_NOTES: &str = "
  - hear:
      listen:
        to:
          any: [ { with: { type: order.note } } ]
          until: { one: { with: { type: order.stop } } }
      foreach:
        item: note
        do: [ { keep: { set: '${ $note.n }' } } ]
  - rest:
      try: [ { last: { listen: { to: { one: { with: { type: order.never } } } }, timeout: { after: PT1S } } } ]
      catch: { errors: { with: { status: 408 } }, do: [ { gone: { set: '${ . }' } } ] }
";
/// Short, so that a dead worker is soon found.
const SHORT_LEASE: Duration = Duration::from_secs(1);
/// The journal of the job has fewer entries.
const POSITIONS: i32 = 9;

/// Its worker dies while it writes the journal's entry `seq`; the server throws it away, or writes it after all.
async fn dies_at(seq: i32, is_written: bool) {
    let site = Site::new().await;
    site.publish("hears", HEARS_NOTES).await;
    site.keep(SHORT_LEASE);
    let job = site.start("hears").await;
    let sql = format!(
        "insert into journal (job, seq, kind, at, claim, data)
         values ({job}, {seq}, 'other', now(), gen_random_uuid(), '{{}}')"
    );
    // Nobody works yet: a fast worker would have written the first entry before.
    let mut gate = site.database.hold(sql.leak()).await;
    let (_, worker) = site.work(Catalogue::new(), SHORT_LEASE);
    let notes = (1..=3).map(|n| said("order.note", n));
    let events: Vec<NewEvent> = notes.chain([said("order.stop", 4)]).collect();
    site.store.append_events(1, &events).await.expect("written");

    let since = Instant::now();
    while gate.lock_waits().await == 0 && site.job(job).await.outcome.is_none() {
        assert!(since.elapsed() < PATIENCE, "entry {seq} is not written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.abort();
    if !is_written {
        let broken = site.database.hold(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        );
        broken.await.release().await;
    }
    gate.release().await;
    site.work(Catalogue::new(), SHORT_LEASE);

    let result = site.completed(job).await;
    assert_eq!(result, "[1,2,3]", "after a death at entry {seq}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_note_is_heard_once_wherever_its_worker_dies() {
    for is_written in [false, true] {
        let deaths = (1..=POSITIONS).map(|seq| dies_at(seq, is_written));
        futures::future::join_all(deaths).await;
    }
}
