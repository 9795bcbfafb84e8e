//! Slices: long walks are cut, endless ones end, timers of no length hold nobody.

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::EventKind;

use crate::rig::{Rig, drive, facts, program};

const LONG: &str = "
do:
  - each: { for: { in: '[ range(2500) ]' }, do: [ { a: { set: { n: '${ $index }' } } } ] }
  - pause: { wait: PT1S }
";

/// Case 32: a long loop.
#[test]
fn a_long_loop_is_walked_in_slices() {
    let rig = drive(LONG, "{}", |rig| {
        rig.seals_slices = true;
        assert_eq!(
            rig.tell(EventKind::Started {
                attempt: 0,
                losses: 0
            }),
            Applied::More
        );
        assert!(rig.entries.len() > 4, "{} turns", rig.entries.len());
        rig.fire();
    });
    assert_eq!(rig.output(), r#"{"n":2499}"#);
    let kinds: Vec<&str> = rig
        .entries
        .iter()
        .take(2)
        .map(|entry| entry.kind.as_str())
        .collect();
    assert_eq!(kinds, ["started", "continued"]);
}

#[test]
fn a_walk_that_was_cut_goes_on_when_the_job_is_woken() {
    let mut rig = Rig::new(program(LONG), facts("{}"), true);
    let at = rig.now;
    let started = EventKind::Started {
        attempt: 0,
        losses: 0,
    };
    let event = windlass_workflows::machine::event::Event { at, kind: started };
    assert_eq!(rig.execution.apply(event), Ok(Applied::More));
    assert_eq!(rig.tell(EventKind::Due), Applied::More);
    rig.fire();
    assert_eq!(rig.output(), r#"{"n":2499}"#);
}

/// Case 32: an endless one.
#[test]
fn a_walk_without_end_is_ended() {
    let document = "do: [ { a: { set: { x: 1 }, then: b } }, { b: { set: { x: 2 }, then: a } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    assert_eq!(rig.ended().code.as_deref(), Some("runtime"));
}

#[test]
fn timers_of_no_length_do_not_hold_the_thread_and_end_too() {
    let document = "do: [ { a: { wait: PT0S } }, { b: { set: { x: 2 }, then: a } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.compares_every = 1_000;
    rig.start();
    let mut turns = 0;
    while rig.outcome.is_none() {
        turns += 1;
        assert!(turns < 2_000, "it turns for ever");
        rig.fire();
    }
    assert_eq!(rig.ended().code.as_deref(), Some("runtime"));
}

#[test]
fn a_poll_may_go_on_for_ever() {
    let document = "do: [ { a: { wait: PT1H } }, { b: { set: { x: 2 }, then: a } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    for _ in 0..300 {
        rig.fire();
    }
    assert!(rig.outcome.is_none());
    assert_eq!(rig.due_in(), 3600.0);
}

/// Case 34: tasks in each other.
#[test]
fn tasks_may_stand_deep_in_each_other_but_not_deeper_than_the_bound() {
    // The document itself may be 64 deep, and each task takes three levels of it.
    let nested = |depth: usize| {
        (0..depth).fold("{ set: { x: 1 } }".to_owned(), |inner, _| {
            format!("{{ do: [ {{ a: {inner} }} ] }}")
        })
    };
    let rig = drive(
        &format!("do: [ {{ a: {} }} ]", nested(18)),
        "{}",
        Rig::start,
    );
    assert_eq!(rig.output(), r#"{"x":1}"#);
}
