//! Jobs that leave a place: out of a fork, out of a scope, to another version, as a copy.

use windlass_engine::protocol::Flight;
use windlass_engine::store::ApprovalFilter;
use windlass_engine::vocabulary::JobState;

use crate::abilities::flight::{LISTENS, patch, rewind, value};
use crate::abilities::site::Site;

const FORKS: &str = "do:
- a: { call: 'does:1.0.0@default', with: { n: 1 } }
- f:
    fork:
      branches:
        - c: { run: { workflow: { namespace: test, name: rests, version: '1.0.0' } } }
        - w: { wait: PT1H }
";

/// Case 29, its first half: the child of the fork ends with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_back_out_of_a_fork_and_its_child_is_closed() {
    let site = Site::new().await;
    site.publish("rests", "", "do: [ { w: { wait: PT1H } } ]\n")
        .await;
    let job = site.began(FORKS, "waiting").await;
    let child = site.child_of(job).await;
    site.until(child, "waiting").await;
    assert_eq!(site.refused(job, &patch("{}")).await, "flight.fork_open");

    let preview = site.preview(job, &rewind("a")).await;
    assert_eq!(preview.stops, ["/do/1/f/fork/branches/0/c"]);
    site.fly_with(job, &rewind("a"), &preview.token)
        .await
        .expect("it goes back");

    site.until(child, "cancelled").await;
    site.called(2).await;
    let view = site.until(job, "waiting").await;
    assert_eq!(view.waits.len(), 1, "for its new child alone: {view:?}");
}

const ASKS: &str = "do:
- a: { call: 'does:1.0.0@default', with: { n: 1 } }
- ask: { call: 'approval:1.0.0@default', with: { subject: 'Go?', assignees: [ maria ] } }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_back_and_asks_people_anew_and_what_it_asked_is_over() {
    let site = Site::new().await;
    let job = site.began(ASKS, "waiting").await;

    site.fly(job, &rewind("a")).await;
    site.until(job, "waiting").await;
    let filter = ApprovalFilter::default();
    let open = site.store.approvals(1, &filter, None, 10).await;
    assert_eq!(open.expect("a page").items.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_back_into_a_loop() {
    let site = Site::new().await;
    let tasks = "do:
- l: { for: { in: '[1, 2]' }, do: [ { i: { call: 'does:1.0.0@default', with: { n: '${ $item }' } } } ] }
- rest: { wait: PT1H }\n";
    let job = site.began(tasks, "waiting").await;

    site.fly(job, &rewind("i#2")).await;

    let calls = site.called(3).await;
    let seen: Vec<_> = calls.iter().map(|call| call["n"].as_i64()).collect();
    assert_eq!(seen, [Some(1), Some(2), Some(2)]);
    site.until(job, "waiting").await;
}

const TRIP: &str = "do:
- first: { call: 'does:1.0.0@default', with: { n: 1 } }
- trip:
    metadata: { windlass: { compensate: onCancel } }
    do:
      - hotel: { call: 'does:1.0.0@default', with: { book: hotel }, metadata: { windlass: { undo: { call: 'does:1.0.0@default', with: { undo: hotel } } } } }
      - rest: { wait: PT1H }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_says_what_nobody_would_undo_any_more() {
    let site = Site::new().await;
    let job = site.began(TRIP, "waiting").await;

    let inside = site.preview(job, &rewind("hotel")).await;
    let outside = site.preview(job, &rewind("first")).await;

    assert_eq!(
        inside.lost_undos,
        Vec::<String>::new(),
        "its scope stays open"
    );
    assert!(inside.again[0].has_undo);
    assert_eq!(outside.lost_undos, ["/do/1/trip/do/0/hotel"]);
    // Gone back inside of the scope, it still undoes both bookings.
    site.fly(job, &rewind("hotel")).await;
    site.called(3).await;
    site.until(job, "waiting").await;
    site.store
        .cancel(1, job, "mia", "enough")
        .await
        .expect("asked");
    site.until(job, "cancelled").await;
    let calls = site.called(5).await;
    assert_eq!(
        calls.iter().filter(|call| call["undo"] == "hotel").count(),
        2
    );
}

/// Case 30.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_listens_goes_on_under_another_version() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;
    let newer = LISTENS.replace(
        "- b:",
        "- extra: { set: { from: new }, export: { as: '{ k: 5 }' } }\n- b:",
    );
    site.publish_as("flies", "1.1.0", "", &newer).await;
    let other = LISTENS.replace("go.v1", "stop.v1");
    site.publish_as("flies", "2.0.0", "", &other).await;
    site.publish_as("flies", "3.0.0", "", "do: [ { b: { set: {} } } ]\n")
        .await;
    let to = |version: &str| Flight::Migrate {
        to: version.into(),
        steps: [].into(),
    };

    assert_eq!(site.refused(job, &to("2.0.0")).await, "flight.other_kind");
    assert_eq!(site.refused(job, &to("3.0.0")).await, "flight.removed");
    assert_eq!(site.refused(job, &to("1.0.0")).await, "flight.here");
    assert_eq!(site.refused(job, &to("9.0.0")).await, "not_found");
    let preview = site.preview(job, &to("1.1.0")).await;
    assert_eq!(preview.what, "from test.flies@1.0.0 to test.flies@1.1.0");
    site.fly(job, &to("1.1.0")).await;
    let view = site.until(job, "waiting").await;
    assert_eq!(view.template, "test.flies@1.1.0");
    // What was before reads under the other version alone: it is not gone back to.
    assert_eq!(site.refused(job, &rewind("a")).await, "flight.not_reached");

    site.say_go(job).await;
    assert_eq!(site.result(job, "completed").await, r#"{"k":5}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_where_the_other_job_was_and_both_go_on() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;
    let fork = Flight::Fork {
        from: "hear".into(),
    };

    let copy = site.fly(job, &fork).await;
    assert_ne!(copy, job);
    site.until(copy, "waiting").await;
    site.fly(copy, &patch(r#"{"k":3}"#)).await;
    site.until(copy, "waiting").await;
    site.say_go(copy).await;
    site.say_go(job).await;

    assert_eq!(site.result(copy, "completed").await, r#"{"k":3}"#);
    assert_eq!(site.result(job, "completed").await, r#"{"k":1}"#);
    let calls = site.called(3).await;
    assert_eq!(
        calls.iter().filter(|call| call["n"] == 1).count(),
        1,
        "what was done is not done again"
    );
    let late = site.fly(job, &Flight::Fork { from: "b".into() }).await;
    assert_eq!(
        site.result(late, "completed").await,
        r#"{"k":1}"#,
        "of a job that has ended too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_keeps_no_journal_has_nothing_to_change() {
    let site = Site::new().await;
    site.publish("plain", "", "do: [ { s: { set: { x: 1 } } } ]\n")
        .await;
    let job = site.submit("plain", "{}").await;

    assert_eq!(site.refused(job, &patch("{}")).await, "illegal_state");
    assert_eq!(site.view(job).await.state, JobState::Ready);
    let skip = Flight::Skip {
        step: None,
        output: value("1"),
    };
    assert_eq!(site.refused(job, &skip).await, "illegal_state");
}
